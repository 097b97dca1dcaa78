/* SPDX-License-Identifier: Apache-2.0 */
/* gather.c - see gather.h. */
#include "mailbox/gather.h"

#include "common/rights.h"
#include "mailbox/gone.h"
#include "mailbox/names.h"

struct gather {
  unsigned sources; /* still to be listed */
  char *pattern;
  struct ptn_cursor *cursor;
  struct gone *gone;
  GArray *rows;
};

void
mailbox_row_clear (void *memory) {
  struct mailbox_row *row = memory;
  g_free (row->name);
  g_free (row->path);
  g_free (row->owner);
}

void
mailbox_row_fill (const struct session *s, struct mailbox_row *row,
                  const struct ptn_mailbox *from) {
  const char *owner = from->name.owner;
  if (owner && *owner && strcmp (owner, s->user->name) == 0)
    owner = NULL;
  *row = (struct mailbox_row){
    .name = mailbox_shown (s, from->name),
    .path = g_strdup (from->name.path),
    .owner = g_strdup (owner),
    .id = from->id,
    .uses = from->attributes & PTN_MAILBOX_SPECIAL_USES,
    .uidvalidity = from->uidvalidity,
    .uidnext = from->uidnext,
    .recent_uid = from->recent_uid,
    .messages = from->messages,
    .unseen = from->unseen,
    .deleted = from->deleted,
    .highest_modseq = from->highest_modseq,
    .octets = from->octets,
  };
  row->kind = (from->attributes & PTN_MAILBOX_NOSELECT ? ROW_NOSELECT : 0u)
              | (from->attributes & PTN_MAILBOX_SUBSCRIBED ? ROW_SUBSCRIBED : 0u)
              | (from->attributes & PTN_MAILBOX_HAS_CHILDREN ? ROW_CHILDREN : 0u)
              | (!owner    ? ROW_OWN
                 : !*owner ? ROW_PUBLIC
                           : 0u);
  rights_parse (from->rights ? from->rights : RIGHTS_LETTERS, &row->rights);
}

struct gather *
gather_new (unsigned sources, const char *pattern) {
  struct gather *gather = g_new0 (struct gather, 1);
  gather->sources = sources;
  gather->pattern = g_strdup (pattern);
  gather->rows = g_array_new (FALSE, FALSE, sizeof (struct mailbox_row));
  g_array_set_clear_func (gather->rows, mailbox_row_clear);
  return gather;
}

void
gather_free (struct session *s, struct gather *gather) {
  if (!gather)
    return;
  if (gather->cursor)
    s->imap4->store->close_cursor (gather->cursor);
  gone_free (s, gather->gone);
  g_array_unref (gather->rows);
  g_free (gather->pattern);
  g_free (gather);
}

GArray *
gather_rows (struct gather *gather) {
  return gather->rows;
}

/* Can it be asked for, with this store and these settings? */
static unsigned
possible (const struct session *s, unsigned sources) {
  const struct ptn_store *store = s->imap4->store;
  if (!PTN_CAN (store, list_others))
    return sources & (GATHER_OWN | GATHER_GONE);
  if (!(store->capabilities & PTN_STORE_ACL) || !*namespace_others (s))
    sources &= ~(unsigned)GATHER_OTHERS;
  if (!(store->capabilities & PTN_STORE_PUBLIC) || !*namespace_public (s))
    sources &= ~(unsigned)GATHER_PUBLIC;
  return sources;
}

static ptn_status
open_cursor (struct session *s, struct gather *gather, unsigned source) {
  const struct ptn_store *store = s->imap4->store;
  struct ptn_account *account = s->user->account;
  if (source == GATHER_OWN)
    return store->list (account, &s->call, gather->pattern, &gather->cursor);
  return store->list_others (account, &s->call, source == GATHER_PUBLIC ? "" : NULL, "*",
                             &gather->cursor);
}

/* Others first, in the middle of many rows: the task runs again soon. */
static bool
yields (struct session *s, const struct gather *gather) {
  const struct ptn_host *host = s->imap4->host;
  if (gather->rows->len % 128 != 0 || !host->budget_spent (s->task))
    return false;
  host->wake (host->waker (s->task));
  return true;
}

static ptn_status
list_source (struct session *s, struct gather *gather, unsigned source) {
  const struct ptn_store *store = s->imap4->store;
  const struct ptn_mailbox *from;
  ptn_status status = PTN_OK;
  if (!gather->cursor) {
    status = open_cursor (s, gather, source);
    if (status != PTN_PENDING)
      s->imap4->host->call_end (&s->call);
    if (status != PTN_OK)
      return status;
  }
  while ((status = store->next_mailbox (gather->cursor, &s->call, &from)) == PTN_OK) {
    struct mailbox_row row;
    mailbox_row_fill (s, &row, from);
    g_array_append_val (gather->rows, row);
    s->imap4->host->call_end (&s->call);
    if (yields (s, gather))
      return PTN_PENDING;
  }
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  store->close_cursor (g_steal_pointer (&gather->cursor));
  return status == PTN_END ? PTN_OK : status;
}

/* Names that are subscribed: of mailboxes that are there again, or of none. */
static void
add_gone (struct gather *gather) {
  const GPtrArray *names = gone_names (gather->gone);
  if (!names->len)
    return;
  g_autoptr (GHashTable) there = g_hash_table_new (g_str_hash, g_str_equal);
  for (guint i = 0; i < gather->rows->len; i++)
    g_hash_table_insert (there, g_array_index (gather->rows, struct mailbox_row, i).name,
                         GUINT_TO_POINTER (i + 1));
  for (guint i = 0; i < names->len; i++) {
    guint at = GPOINTER_TO_UINT (g_hash_table_lookup (there, names->pdata[i]));
    if (at) {
      g_array_index (gather->rows, struct mailbox_row, at - 1).kind |= ROW_SUBSCRIBED;
      continue;
    }
    struct mailbox_row row = { .name = g_strdup (names->pdata[i]),
                               .kind = ROW_MISSING | ROW_NOSELECT | ROW_SUBSCRIBED };
    g_array_append_val (gather->rows, row);
  }
}

ptn_status
gather_run (struct session *s, struct gather *gather) {
  gather->sources = possible (s, gather->sources);
  for (unsigned source = GATHER_OWN; source <= GATHER_PUBLIC; source <<= 1) {
    if (!(gather->sources & source))
      continue;
    ptn_status status = list_source (s, gather, source);
    if (status != PTN_OK)
      return status;
    gather->sources &= ~source;
  }
  if (!(gather->sources & GATHER_GONE))
    return PTN_OK;
  if (!gather->gone)
    gather->gone = gone_new (NULL, false);
  ptn_status status = gone_run (s, gather->gone);
  if (status != PTN_OK)
    return status;
  gather->sources = 0;
  add_gone (gather);
  return PTN_OK;
}
