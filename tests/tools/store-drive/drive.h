/* SPDX-License-Identifier: Apache-2.0 */
/* drive.h - a protocol for tests that drives the server's store: what its files share.
 *
 * README.md tells the language.  A session belongs to the host's session and is touched only in
 * its task.  It has one command at a time; a command that has to wait is run again with `stage`
 * where it was. */
#ifndef STORE_DRIVE_H
#define STORE_DRIVE_H

#include <postern/postern.h>

#include <glib.h>
#include <stdbool.h>
#include <string.h>

#define WORDS_MAX 1100
#define SEPARATOR '\x1f' /* stands for a ':' that was not written as %3A */

struct drive {
  const struct ptn_host *host;
  const struct ptn_stream_service *stream;
  const struct ptn_store *store;
  void *store_instance;
  uint32_t crc[4][256]; /* crc.c */
};

struct session {
  struct drive *drive;
  struct ptn_stream *stream;
  const struct ptn_session_info *info;
  struct ptn_task *task;
  struct ptn_call call;
  ptn_status broken; /* a write failed: the connection is gone */
  bool ending;

  GString *line; /* the command, its words NUL-terminated and decoded */
  char *words[WORDS_MAX];
  size_t sizes[WORDS_MAX]; /* decoded: a NUL may stand in one */
  unsigned count;
  size_t scanned;            /* octets of input known to have no LF */
  struct ptn_source *source; /* the octets behind the command */
  GString *out;              /* answers not written yet */

  ptn_status (*run) (struct session *); /* the command; NULL: none */
  bool failing;                         /* it has failed, its octets are being passed over */
  ptn_status failure;
  unsigned stage;
  int64_t began;

  char *account_name, *authzid;
  struct ptn_identity identity;
  GPtrArray *groups; /* of the identity */
  struct ptn_account *account;
  struct ptn_change *change;
  bool many; /* the change was begun by `begin` */
  struct ptn_id token;
  uint32_t steps;

  /* What the command has found so far. */
  struct ptn_mailbox_name name[2];
  struct ptn_id id[2];
  GArray *set; /* struct ptn_uid_range */
  struct ptn_uid_set uids;
  struct ptn_append append;
  struct ptn_bytes digest; /* what `describe` of the append gives */
  GPtrArray *references;   /* of the append; in the line */
  struct ptn_fetch fetch;
  struct ptn_quota quota;
  struct ptn_cursor *cursor;
  struct ptn_source *reading;
  const struct ptn_view *view;
  GChecksum *checksum;
  uint32_t crc;
  uint64_t messages, octets, limit, sum;
  GArray *targets;   /* struct ptn_target */
  GArray *delivered; /* struct ptn_delivered */
  uint32_t uid;
  const struct ptn_message *rows[256];
  struct ptn_subscription *subscription;
  int64_t *deadline; /* of the step that runs */
  int64_t wait_until;
};

/* Runs an expression in a command; what is not PTN_OK is its status. */
#define PASS(expression)             \
  do {                               \
    ptn_status pass_ = (expression); \
    if (pass_ != PTN_OK)             \
      return pass_;                  \
  } while (0)
/* The store may be older than this function. */
#define STORE_CAN(s, function)                  \
  do {                                          \
    if (!PTN_CAN ((s)->drive->store, function)) \
      return PTN_E_UNSUPPORTED;                 \
  } while (0)

typedef ptn_status command_function (struct session *);

/* words.c: what stands in a line, what goes out.  Words that make no sense: PTN_E_INVALID. */
void line_split (struct session *); /* s->line into s->words */
bool word_is (const struct session *, unsigned number, const char *text);
bool number_of (const struct session *, unsigned number, uint64_t *value); /* * is the greatest */
bool hex_id (const char *text, struct ptn_id *);
bool set_of (struct session *, unsigned number); /* into s->set; "-" and "all" are empty */
/* [OWNER:]PATH or #ID (then path is NULL and the id is set). */
bool name_of (struct session *, unsigned number, unsigned which);
/* "=OCTETS" */
bool value_of (struct session *, unsigned number, struct ptn_bytes *);
/* s->id[which] from s->name[which]; PTN_PENDING and errors as status. */
ptn_status resolve (struct session *, unsigned which);
/* A mailbox in the first word behind the command: stages 0 and 1; PTN_OK from stage 2 on. */
ptn_status take_mailbox (struct session *);
ptn_status put_ok (struct session *);
void put (struct session *, const char *text);
void put_number (struct session *, uint64_t value); /* with a space before it */
void put_signed (struct session *, int64_t value);
void put_word (struct session *, const char *text, size_t size); /* with a space, encoded */
void put_encoded (struct session *, const char *text, size_t size);
void put_value (struct session *, struct ptn_bytes); /* with " =" */
void put_id (struct session *, const struct ptn_id *);
void put_mailbox (struct session *, const struct ptn_mailbox *); /* without its name */
ptn_status put_mailboxes (struct session *); /* all rows of s->cursor, and the OK */
void put_set (struct session *, struct ptn_uid_set);
void put_time (struct session *); /* microseconds since the command came */
const char *status_word (ptn_status);
/* Answers so far to the stream. */
void flush (struct session *);
/* A loop may go on writing: PTN_OK, PTN_PENDING or PTN_E_DISCONNECTED. */
ptn_status room_for_more (struct session *);
/* What a command leaves behind, whatever became of it. */
void forget_command (struct session *);
void change_forget (struct session *);
void forget_subscription (struct session *);

/* crc.c: as zlib's crc32. */
void crc_prepare (struct drive *);
uint32_t crc_add (const struct drive *, uint32_t crc, const void *data, size_t size);
/* Octets that are made, not sent: text lines, a function of size and seed. */
struct ptn_source *made_source (uint64_t size, uint64_t seed);

/* The commands. */
command_function run_open, run_close, run_list, run_status, run_create, run_remove, run_rename,
    run_subscribe, run_view, run_keyword, run_fetch, run_read, run_crc, run_sha, run_scan,
    run_vanished, run_recent, run_remember, run_annotations, run_quota, run_set_quota, run_accounts,
    run_remove_account, run_deliver;
command_function run_capabilities, run_attributes, run_rights, run_set_rights, run_others,
    run_watch, run_unwatch, run_events;
command_function run_begin, run_append, run_copy, run_move, run_flags, run_expunge, run_annotate,
    run_commit, run_end, run_fill;

#endif
