/* SPDX-License-Identifier: Apache-2.0 */
/* selected.h - the selected mailbox, and what its client has been told of it.
 *
 * Message sequence numbers are places in `told`, the view as the client knows it: an immutable view
 * that all sessions with the same knowledge share.  Nothing is kept a message.  A view of now is
 * compared with it when the client may be told; it then takes its place.  Owned by the session. */
#ifndef IMAP4_SELECTED_SELECTED_H
#define IMAP4_SELECTED_SELECTED_H

#include "session.h"

struct selected {
  struct ptn_id mailbox;
  char *owner;                   /* whose it is, as events say it; "" is public */
  char *name;                    /* as the client wrote it, UTF-8 */
  uint32_t uidvalidity, uidnext; /* as SELECT found them */
  bool read_only;
  bool examined;                  /* read-only because the client wants it so */
  bool mixed;                     /* told is ours: it has messages that are gone (merge.c) */
  bool claiming;                  /* a report that asks which new messages are \Recent */
  bool annotate;                  /* SELECT (ANNOTATE): RFC 5257 */
  uint32_t rights;                /* RIGHT_* of common/rights.h */
  const struct ptn_view *told;    /* never NULL while a mailbox is selected */
  uint32_t told_keywords;         /* keywords that FLAGS has named */
  GArray *annotated;              /* UIDs whose annotations are yet to be fetched; NULL: none */
  uint32_t fresh_from;            /* NOTIFY: UIDs from here on are yet to be fetched; 0: none */
  uint32_t recent_from;           /* UIDs from here on are \Recent; UINT32_MAX: none */
  GArray *saved;                  /* SEARCHRES: UIDs, struct ptn_uid_range; NULL: empty */
  struct ptn_subscription *waits; /* events of this mailbox, while IDLE or NOTIFY wants them */
  struct telling *telling;        /* report.c: a report that is half told */
  /* What STORE and FETCH have answered since `told`: flags of these UIDs as they were at this modseq need
   * not be told; whatever became of them later must be, even what they were in `told`. */
  GArray *answered;
  uint64_t answered_modseq;
  struct contexts *contexts; /* search/context.h; NULL: none */
};

/* Forgets it, if there is one; the state is for the caller to set. */
void selected_free (struct session *);

/* No message with a greater UID was ever in it, as far as the client can know; 0: none was. */
uint32_t selected_last_uid (const struct selected *);

/* The place of a UID in a view, from 0; view->count if it is not there: then *next (may be NULL) is
 * the place of the first greater one. */
uint32_t view_find (const struct ptn_view *, uint32_t uid, uint32_t *next);

/* The messages that a command's set names, as UIDs of messages that were in `told`: ascending and apart,
 * g_array_unref; NULL: a number without message (then a syntax error was answered with BAD).  With uid,
 * UIDs that are not there are left out.  "$" gives what was saved. */
GArray *selected_uids (struct session *, const struct sequence_set *, bool uid);
/* The sequence number (from 1) of a UID; 0: the client does not know of it. */
uint32_t selected_number (const struct session *, uint32_t uid);

/* Tells the client what changed: EXPUNGE (or VANISHED) if `expunges`, EXISTS, RECENT, FETCH of flags.
 * PTN_OK when it is told; PTN_PENDING as ever.  A mailbox that is gone ends the session's selection as
 * RFC 9051 allows. */
ptn_status selected_report (struct session *, bool expunges);
/* The command shows the flags of these UIDs as they are in a view of this modseq.  Borrows them. */
void selected_answers (struct session *, const GArray *uids, uint64_t modseq);
struct telling;
void report_free (struct session *, struct telling *);

/* --- watch.c --- */

#define RIGHTS_CHANGING (RIGHT_I | RIGHT_E | RIGHT_S | RIGHT_T | RIGHT_W)
/* From now on what happens in the mailbox wakes the session.  False: there are too many that wait. */
bool selected_watch (struct session *);
/* What happened since the call before, as PTN_MESSAGE_NEW ...; 0: nothing yet, and it will wake. */
uint32_t selected_happened (struct session *);
/* Looks at the rights again, and tells the client what follows from them. */
ptn_status selected_check_rights (struct session *);

/* --- flags.c --- */

/* Flags of a message as FETCH shows them, with their parentheses: system flags, keywords of the view,
 * \Recent. */
void put_flags (const struct session *, struct writer *, const struct ptn_view *, uint32_t uid,
                ptn_flag_bits);
/* "* FLAGS" and PERMANENTFLAGS, as the view's keywords and the rights are. */
void tell_flag_names (struct session *, const struct ptn_view *);
/* Is this one that an atom can be? */
bool keyword_shown (const char *keyword);

struct flag_names { /* as a command names them */
  ptn_flag_bits system;
  GPtrArray *keywords; /* strings of the reader; NULL: none */
};
/* "(\Seen word)", or without parentheses, to the end.  Free it in any case. */
bool read_flag_names (struct reader *, struct flag_names *);
void flag_names_clear (struct flag_names *);

/* --- answers of several commands --- */

/* "* 5 FETCH (", or "* 77 UIDFETCH (" after ENABLE UIDONLY (RFC 9586); with "UID 77" and a space if
 * `uid`.  number is from 1. */
void put_fetch (struct session *, uint32_t number, uint32_t uid_of_it, bool uid);
/* CONDSTORE is enabled by a command (RFC 7162 section 3.1): the selected mailbox's HIGHESTMODSEQ is
 * told, once. */
void condstore_enable (struct session *);
/* OK with HIGHESTMODSEQ, if that is to be told, and another code or none. */
void answer_modseq (struct session *, const char *code, const char *text);

#endif
