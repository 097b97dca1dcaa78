/* SPDX-License-Identifier: Apache-2.0 */
/* shell_dump.c - what a listing leaves out: ids, quotas, attributes, rights, annotations, keywords,
 * who has left.  Two dumps of one store are equal, octet for octet, if nothing was changed between
 * them: whatever its index was made from. */
#include "shell.h"

#include <string.h>

static void
put_octets (FILE *out, const void *data, size_t size) {
  const unsigned char *octets = data;

  for (size_t i = 0; i < size; i++)
    fprintf (out, "%02x", octets[i]);
}

static void
put_quota (struct client *client, struct ptn_account *account, const char *name) {
  struct ptn_call call = { .task = client->task };
  const struct ptn_quota *quota;
  ptn_status status = HARNESS_AWAIT (client->task, client->store->quota (account, &call, &quota));

  fprintf (client->out, "quota %s %d", name, status);
  if (status == PTN_OK)
    fprintf (client->out,
             " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT
             " %" G_GUINT64_FORMAT,
             quota->storage_used, quota->storage_limit, quota->messages_used,
             quota->messages_limit);
  putc ('\n', client->out);
  client->host->call_end (&call);
}

/* Of the account (mailbox NULL), the mailbox, or all its messages. */
static ptn_status
put_annotations (struct client *client, struct ptn_account *account, const struct ptn_id *mailbox,
                 int all_uids) {
  const struct ptn_store *store = client->store;
  struct ptn_cursor *cursor;
  ptn_status status =
      DO (client, store->annotations (account, &call, mailbox, (struct ptn_uid_set){ NULL, 0 },
                                      all_uids, NULL, &cursor));

  if (status != PTN_OK)
    return status;
  do {
    struct ptn_call call = { .task = client->task };
    const struct ptn_annotation *row;

    status = HARNESS_AWAIT (client->task, store->next_annotation (cursor, &call, &row));
    if (status == PTN_OK) {
      fprintf (client->out, "annotation %u %s ", row->uid, row->name);
      put_octets (client->out, row->value.data, row->value.size);
      putc ('\n', client->out);
    }
    client->host->call_end (&call);
  } while (status == PTN_OK);
  store->close_cursor (cursor);
  return status == PTN_END ? PTN_OK : status;
}

static void
put_rights (struct client *client, struct ptn_account *account, const struct ptn_id *mailbox) {
  struct ptn_call call = { .task = client->task };
  const struct ptn_rights *entries;
  size_t count = 0;

  if (PTN_CAN (client->store, rights)
      && HARNESS_AWAIT (client->task,
                        client->store->rights (account, &call, mailbox, &entries, &count))
             == PTN_OK)
    for (size_t i = 0; i < count; i++)
      fprintf (client->out, "rights %s %s\n", entries[i].who, entries[i].rights);
  client->host->call_end (&call);
}

static void
put_vanished (struct client *client, struct ptn_account *account, const struct ptn_id *mailbox,
              uint64_t since) {
  struct ptn_call call = { .task = client->task };
  struct ptn_uid_set gone = { NULL, 0 };
  ptn_status status;

  if (!PTN_CAN (client->store, vanished))
    return;
  status = HARNESS_AWAIT (client->task,
                          client->store->vanished (account, &call, mailbox, since, NULL, &gone));
  fprintf (client->out, "vanished since %" G_GUINT64_FORMAT " %d", since, status);
  for (size_t i = 0; status == PTN_OK && i < gone.count; i++)
    fprintf (client->out, " %u:%u", gone.ranges[i].first, gone.ranges[i].last);
  putc ('\n', client->out);
  client->host->call_end (&call);
}

static ptn_status
put_ids (struct client *client, struct ptn_account *account, const struct ptn_id *mailbox) {
  const struct ptn_store *store = client->store;
  struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_IDS | PTN_FETCH_DIGEST };
  struct ptn_cursor *cursor;
  ptn_status status = DO (client, store->fetch (account, &call, mailbox, &fetch, &cursor));

  if (status != PTN_OK)
    return status;
  do {
    struct ptn_call call = { .task = client->task };
    const struct ptn_message *rows[64];
    size_t count = 0;

    status = HARNESS_AWAIT (client->task, store->next_messages (cursor, &call, rows, 64, &count));
    for (size_t i = 0; status == PTN_OK && i < count; i++) {
      fprintf (client->out, "ids %u ", rows[i]->uid);
      put_octets (client->out, rows[i]->email_id.octets, sizeof rows[i]->email_id.octets);
      putc (' ', client->out);
      put_octets (client->out, rows[i]->thread_id.octets, sizeof rows[i]->thread_id.octets);
      if (rows[i]->items & PTN_FETCH_DIGEST) {
        putc (' ', client->out);
        put_octets (client->out, rows[i]->digest.data, rows[i]->digest.size);
      }
      putc ('\n', client->out);
    }
    client->host->call_end (&call);
  } while (status == PTN_OK);
  store->close_cursor (cursor);
  return status == PTN_END ? PTN_OK : status;
}

static ptn_status
put_mailbox (struct client *client, struct ptn_account *account, const struct ptn_mailbox *row) {
  const struct ptn_store *store = client->store;
  const struct ptn_view *view;
  ptn_status status;

  fprintf (client->out,
           "mailbox %s attributes %x unseen %u deleted %u octets %" G_GUINT64_FORMAT " id ",
           row->name.path, row->attributes, row->unseen, row->deleted, row->octets);
  put_octets (client->out, row->id.octets, sizeof row->id.octets);
  putc ('\n', client->out);
  if (row->attributes & PTN_MAILBOX_NOSELECT)
    return PTN_OK;
  status = DO (client, store->view (account, &call, &row->id, &view));
  if (status != PTN_OK)
    return status;
  for (size_t i = 0; i < view->keywords.count; i++)
    fprintf (client->out, "keyword %zu %s\n", 16 + i, view->keywords.items[i]);
  store->release_view (view);
  put_rights (client, account, &row->id);
  for (uint64_t since = 1; since <= row->highest_modseq; since += 1 + row->highest_modseq / 4)
    put_vanished (client, account, &row->id, since);
  status = put_ids (client, account, &row->id);
  if (status == PTN_OK)
    status = put_annotations (client, account, &row->id, 0);
  return status == PTN_OK ? put_annotations (client, account, &row->id, 1) : status;
}

ptn_status
shell_dump_account (struct client *client, struct ptn_account *account, const char *name) {
  const struct ptn_store *store = client->store;
  struct ptn_cursor *cursor;
  ptn_status status;

  put_quota (client, account, name);
  status = put_annotations (client, account, NULL, 0);
  if (status == PTN_OK)
    status = DO (client, store->list (account, &call, "*", &cursor));
  if (status != PTN_OK)
    return status;
  do {
    struct ptn_call call = { .task = client->task };
    const struct ptn_mailbox *row;

    status = HARNESS_AWAIT (client->task, store->next_mailbox (cursor, &call, &row));
    if (status == PTN_OK)
      status = put_mailbox (client, account, row);
    client->host->call_end (&call);
  } while (status == PTN_OK);
  store->close_cursor (cursor);
  return status == PTN_END ? PTN_OK : status;
}
