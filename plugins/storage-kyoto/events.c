/* SPDX-License-Identifier: GPL-3.0-or-later */
/* events.c - see events.h. */
#include "events.h"

#include <postern/store.h>

enum { NAMES_MAX = 4096 };

struct noted {
  uint32_t user, mailbox; /* mailbox 0: the account as a whole */
  uint32_t kinds;
  uint64_t modseq;
  const struct ptn_task *origin; /* NULL: none, or several */
  char *account;                 /* of one that was removed */
};

struct events {
  GArray *noted; /* in the order of the records */
  guint unit;    /* length when the unit began */
  const struct ptn_task *origin;
  GHashTable *names; /* user -> name: some of those that were needed */
};

static void
clear_noted (void *noted) {
  g_free (((struct noted *)noted)->account);
}

struct events *
events_new (const struct ptn_host *host) {
  struct events *events;

  if (!PTN_CAN (host, publish))
    return NULL;
  events = g_new0 (struct events, 1);
  events->noted = g_array_new (FALSE, FALSE, sizeof (struct noted));
  g_array_set_clear_func (events->noted, clear_noted);
  events->names = g_hash_table_new_full (NULL, NULL, NULL, g_free);
  return events;
}

void
events_free (struct events **pointer) {
  struct events *events = *pointer;

  if (!events)
    return;
  g_array_unref (events->noted);
  g_hash_table_unref (events->names);
  g_clear_pointer (pointer, g_free);
}

void
events_reset (struct events *events) {
  if (events)
    g_array_set_size (events->noted, 0);
}

void
events_begin_unit (struct events *events, const struct ptn_task *origin) {
  if (!events)
    return;
  events->unit = events->noted->len;
  events->origin = origin;
}

void
events_abort_unit (struct events *events) {
  if (events)
    g_array_set_size (events->noted, events->unit);
}

static uint32_t
kinds_of (const struct record *record) {
  switch (record->type) {
  case RECORD_USER_REMOVE:
    return PTN_ACCOUNT_CLOSE;
  case RECORD_MAILBOX:
    return PTN_MAILBOX_CREATE;
  case RECORD_MAILBOX_REMOVE:
    return PTN_MAILBOX_DELETE;
  case RECORD_MAILBOX_RENAME:
    return PTN_MAILBOX_RENAME;
  case RECORD_SUBSCRIBE:
    return PTN_MAILBOX_SUBSCRIBE;
  case RECORD_DELIVER:
  case RECORD_COPY:
    return record->delivered ? PTN_MESSAGE_NEW : PTN_MESSAGE_APPEND;
  case RECORD_FLAGS:
    return PTN_FLAGS_CHANGE;
  case RECORD_EXPUNGE:
    return PTN_MESSAGE_EXPUNGE;
  case RECORD_ANNOTATE: /* one that is ours is a subscription */
    return record->text[0] == '/' ? PTN_ANNOTATION_CHANGE : PTN_MAILBOX_SUBSCRIBE;
  case RECORD_SPECIAL_USE:
    return PTN_ANNOTATION_CHANGE;
  case RECORD_QUOTA:
    return PTN_QUOTA_CHANGE;
  case RECORD_RIGHTS:
    return PTN_ACL_CHANGE;
  default:
    return 0; /* nobody's business */
  }
}

void
events_note (struct events *events, const struct record *record) {
  struct noted noted = { .user = record->user, .mailbox = record->mailbox };
  struct noted *last = NULL;

  noted.kinds = events ? kinds_of (record) : 0;
  if (noted.kinds == 0)
    return;
  noted.modseq = record->modseq;
  noted.origin = events->origin;
  if (record->type == RECORD_USER_REMOVE)
    noted.account = g_strdup (record->text);
  if (events->noted->len > events->unit)
    last = &g_array_index (events->noted, struct noted, events->noted->len - 1);
  if (!last || noted.account || last->user != noted.user || last->mailbox != noted.mailbox) {
    g_array_append_val (events->noted, noted);
    return;
  }
  last->modseq = MAX (last->modseq, noted.modseq);
  /* What a mailbox is born with is no change of it. */
  if (last->kinds != PTN_MAILBOX_CREATE
      || !(noted.kinds & (PTN_ACL_CHANGE | PTN_ANNOTATION_CHANGE)))
    last->kinds |= noted.kinds;
}

static int
by_mailbox (const void *a, const void *b) {
  const struct noted *left = a, *right = b;

  if (left->user != right->user)
    return left->user < right->user ? -1 : 1;
  return (left->mailbox > right->mailbox) - (left->mailbox < right->mailbox);
}

/* NULL: the account is gone. */
static const char *
name_of (struct events *events, struct shard *shard, uint32_t user) {
  char *name = g_hash_table_lookup (events->names, GUINT_TO_POINTER (user));
  struct value value;
  struct key key;

  if (name)
    return name;
  if (g_hash_table_size (events->names) >= NAMES_MAX)
    g_hash_table_remove_all (events->names);
  key_account_name (&key, user);
  value_init (&value);
  if (index_get (&shard->index, NULL, &key, &value) == PTN_OK) {
    name = g_strndup ((const char *)value.data, value.size);
    g_hash_table_insert (events->names, GUINT_TO_POINTER (user), name);
  }
  value_clear (&value);
  return name;
}

void
events_publish (struct events *events, struct shard *shard) {
  const struct ptn_host *host = shard->store->host;
  guint i = 0;

  if (!events || events->noted->len == 0)
    return;
  g_array_sort (events->noted, by_mailbox);
  while (i < events->noted->len) {
    struct noted one = g_array_index (events->noted, struct noted, i);
    struct ptn_event event = { .size = sizeof event };

    for (i++; i < events->noted->len; i++) {
      const struct noted *next = &g_array_index (events->noted, struct noted, i);

      if (by_mailbox (&one, next) != 0)
        break;
      one.kinds |= next->kinds;
      one.modseq = MAX (one.modseq, next->modseq);
      if (one.origin != next->origin)
        one.origin = NULL;
      if (next->account)
        one.account = next->account;
    }
    event.kinds = one.kinds;
    event.account = one.account ? one.account : name_of (events, shard, one.user);
    if (one.mailbox != 0)
      event.mailbox = mailbox_id (shard, one.user, one.mailbox);
    event.modseq = one.modseq;
    event.origin = one.origin;
    if (event.account)
      host->publish (host, &event);
    if (one.account)
      g_hash_table_remove (events->names, GUINT_TO_POINTER (one.user));
  }
}
