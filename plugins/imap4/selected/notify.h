/* SPDX-License-Identifier: Apache-2.0 */
/* notify.h - NOTIFY (RFC 5465): what the client wants to be told of, at any time, and of any mailbox.
 *
 *   notify_read.c   the command
 *   notify.c        its life, and what wakes the session
 *   notify_boxes.c  what the client knows of the mailboxes, and what is told when they changed
 *   notify_notes.c  which metadata of them changed
 *
 * A struct notify belongs to the session from NOTIFY SET to NOTIFY NONE.  The host says which mailbox
 * something happened to; the store is asked how it stands now, and the difference is told. */
#ifndef IMAP4_SELECTED_NOTIFY_H
#define IMAP4_SELECTED_NOTIFY_H

#include "mailbox/filter.h"
#include "selected/selected.h"

enum { /* events */
       NOTIFY_MESSAGE_NEW = 1 << 0,
       NOTIFY_MESSAGE_EXPUNGE = 1 << 1,
       NOTIFY_FLAG_CHANGE = 1 << 2,
       NOTIFY_ANNOTATION_CHANGE = 1 << 3,
       NOTIFY_MAILBOX_NAME = 1 << 4,
       NOTIFY_SUBSCRIPTION_CHANGE = 1 << 5,
       NOTIFY_MAILBOX_METADATA = 1 << 6,
       NOTIFY_SERVER_METADATA = 1 << 7
};
#define NOTIFY_OF_MESSAGES \
  (NOTIFY_MESSAGE_NEW | NOTIFY_MESSAGE_EXPUNGE | NOTIFY_FLAG_CHANGE | NOTIFY_ANNOTATION_CHANGE)

struct notify_group {
  struct mailbox_filter filter;
  uint32_t events; /* 0: NONE */
  char *fetch;     /* "(...)" of MessageNew; NULL: none */
};

struct notify_owner { /* whose mailboxes are watched */
  char *owner;
  struct ptn_subscription *waits;
};

struct notify_box {
  struct mailbox_row row; /* as the client was told */
  uint32_t events;
  GHashTable *notes; /* metadata: name to a checksum; NULL: not wanted, or not read yet */
  bool seen;         /* in the list that is being compared */
};

struct notify {
  GArray *groups; /* struct notify_group */
  bool status;    /* of the command: NOTIFY SET STATUS */
  bool listed;    /* boxes are known */
  uint32_t events;
  unsigned sources;
  GArray *owners;    /* struct notify_owner */
  GHashTable *boxes; /* struct ptn_id to struct notify_box */
  /* What is to be looked at. */
  bool busy; /* something of what follows is in progress */
  bool relist, selected_moved, selected_rights, server_notes;
  GHashTable *moved; /* struct ptn_id: the status of these */
  GHashTable *noted; /* struct ptn_id: the metadata of these */
  /* What is being looked at. */
  struct gather *gather;
  struct ptn_cursor *cursor;
  GHashTable *reading;       /* the metadata that is being read */
  GHashTable *account_notes; /* those of the account */
};

void notify_free (struct session *);
/* Tells what happened; PTN_OK: all of it is told, and what comes wakes the session (or a FETCH has
 * begun: s->resume is set). */
ptn_status notify_tell (struct session *);
/* The group of the selected mailbox; NULL: there is none. */
const struct notify_group *notify_selected (const struct session *);
/* Begins the FETCH of new messages in the selected mailbox, or of annotations that changed, if that is
 * wanted (also by SELECT (ANNOTATE), without NOTIFY). */
bool notify_fetch (struct session *);

/* notify_read.c: false: the reader says why, or *bad_event. */
bool notify_read (struct reader *, struct notify *, bool *bad_event);
extern const char notify_event_names[];

/* notify_boxes.c */
/* Compares the boxes with the rows of the gather. */
void notify_compare_all (struct session *, struct notify *);
void notify_compare (struct session *, struct notify *, struct notify_box *,
                     const struct ptn_mailbox *);
void notify_put_status (struct session *, const struct mailbox_row *, bool all);
void notify_box_free (void *);

/* notify_notes.c: reads the metadata of a mailbox (box NULL: of the account), and tells which changed
 * since it was read before. */
ptn_status notify_read_notes (struct session *, struct notify *, struct notify_box *);

#endif
