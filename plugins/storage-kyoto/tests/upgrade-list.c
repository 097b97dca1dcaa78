/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upgrade-list.c - prints what a store holds, for upgrade.py.
 *
 *     upgrade-list MODULE PATH [SETTING=VALUE]...
 *
 * A line for each account, mailbox, keyword, message (with its octets) and annotation.  It uses the
 * plugin through its table, so that the same listing could be made with the version that wrote
 * the store. */
#include "harness/harness.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

static struct harness *harness;
static const struct ptn_host *host;
static struct ptn_binding binding;
static const struct ptn_store *store;
static struct ptn_task *task;

/* Runs an expression that names `&call` to its end; results stay until call_end. */
#define CALL(expression) HARNESS_AWAIT (task, (expression))

static void
print_text (const char *data, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (g_ascii_isprint (data[i]))
      putchar (data[i]);
    else
      printf ("\\%02x", (unsigned char)data[i]);
  putchar ('\n');
}

static void
print_body (struct ptn_account *account, const struct ptn_id *id, uint32_t uid) {
  struct ptn_call call = { .task = task };
  struct ptn_source *source;
  char *data = NULL;
  size_t size = 0;
  ptn_status status = CALL (store->read (account, &call, id, uid, 0, UINT64_MAX, &source));

  if (status == PTN_OK)
    status = harness_source_slurp (source, task, &data, &size);
  if (status == PTN_OK)
    print_text (data, size);
  else
    printf ("status %d\n", status);
  g_free (data);
  host->call_end (&call);
}

static void
print_annotations (struct ptn_account *account, const struct ptn_id *id, bool messages) {
  struct ptn_call call = { .task = task };
  const struct ptn_annotation *row;
  struct ptn_cursor *cursor;

  if (CALL (store->annotations (account, &call, id, (struct ptn_uid_set){ NULL, 0 }, messages, NULL,
                                &cursor))
      != PTN_OK)
    return;
  host->call_end (&call);
  while (CALL (store->next_annotation (cursor, &call, &row)) == PTN_OK) {
    printf ("    annotation uid %u %s ", row->uid, row->name);
    print_text (row->value.data, row->value.size);
    host->call_end (&call);
  }
  host->call_end (&call);
  store->close_cursor (cursor);
}

static void
print_messages (struct ptn_account *account, const struct ptn_id *id) {
  struct ptn_fetch fetch = { .size = sizeof fetch,
                             .items = PTN_FETCH_FLAGS | PTN_FETCH_MODSEQ | PTN_FETCH_DATES
                                      | PTN_FETCH_SIZE };
  struct ptn_call call = { .task = task };
  const struct ptn_message *row;
  struct ptn_cursor *cursor;
  size_t count;

  if (CALL (store->fetch (account, &call, id, &fetch, &cursor)) != PTN_OK)
    return;
  host->call_end (&call);
  while (CALL (store->next_messages (cursor, &call, &row, 1, &count)) == PTN_OK && count == 1) {
    printf ("    uid %u flags %llx modseq %llu octets %llu date %lld ", row->uid,
            (unsigned long long)row->flags, (unsigned long long)row->modseq,
            (unsigned long long)row->octets, (long long)row->internal_date);
    print_body (account, id, row->uid);
    host->call_end (&call);
  }
  host->call_end (&call);
  store->close_cursor (cursor);
}

static void
print_keywords (struct ptn_account *account, const struct ptn_id *id) {
  struct ptn_call call = { .task = task };
  const struct ptn_view *view;

  if (CALL (store->view (account, &call, id, &view)) != PTN_OK)
    return;
  for (size_t i = 0; i < view->keywords.count; i++)
    printf ("    keyword %s\n", view->keywords.items[i]);
  store->release_view (view);
  host->call_end (&call);
}

static void
print_account (const char *name) {
  struct ptn_identity identity = {
    .size = sizeof identity, .authcid = name, .authzid = name, .domain = "", .account = name
  };
  struct ptn_call call = { .task = task };
  const struct ptn_mailbox *mailbox;
  const struct ptn_quota *quota;
  struct ptn_account *account;
  struct ptn_cursor *cursor;

  printf ("account %s\n", name);
  if (CALL (store->open (binding.instance, &call, &identity, &account)) != PTN_OK)
    return;
  host->call_end (&call);
  if (CALL (store->quota (account, &call, &quota)) == PTN_OK)
    printf ("  quota %llu of %llu\n", (unsigned long long)quota->storage_used,
            (unsigned long long)quota->storage_limit);
  host->call_end (&call);
  print_annotations (account, NULL, false);
  if (CALL (store->list (account, &call, "*", &cursor)) == PTN_OK) {
    host->call_end (&call);
    while (CALL (store->next_mailbox (cursor, &call, &mailbox)) == PTN_OK) {
      struct ptn_id id = mailbox->id;

      printf ("  mailbox %s attributes %u uidvalidity %u uidnext %u messages %u unseen %u "
              "modseq %llu\n",
              mailbox->name.path, mailbox->attributes, mailbox->uidvalidity, mailbox->uidnext,
              mailbox->messages, mailbox->unseen, (unsigned long long)mailbox->highest_modseq);
      host->call_end (&call);
      print_keywords (account, &id);
      print_annotations (account, &id, false);
      print_annotations (account, &id, true);
      print_messages (account, &id);
    }
    host->call_end (&call);
    store->close_cursor (cursor);
  }
  store->close (account);
}

int
main (int argc, char **argv) {
  g_autoptr (GPtrArray) settings = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *after = g_strdup ("");
  struct ptn_strings names;

  if (argc < 3)
    return 2;
  g_ptr_array_add (settings, g_strdup_printf ("path=%s", argv[2]));
  g_ptr_array_add (settings, g_strdup ("take_over=yes"));
  for (int i = 3; i < argc; i++)
    g_ptr_array_add (settings, g_strdup (argv[i]));
  g_ptr_array_add (settings, NULL);
  harness = harness_new ();
  if (harness_load (harness, argv[1], (const char *const *)settings->pdata) != PTN_OK
      || harness_start (harness) != PTN_OK) {
    g_autofree char *log = harness_log_take (harness);

    printf ("does not open\n%s", log);
    harness_free (&harness);
    return 1;
  }
  host = harness_host (harness);
  binding = harness_find (harness, PTN_STORE_ID, NULL);
  store = binding.table;
  task = harness_task_new (harness);
  for (;;) {
    struct ptn_call call = { .task = task };

    if (CALL (store->list_accounts (binding.instance, &call, after, &names)) != PTN_OK)
      break;
    for (size_t i = 0; i < names.count; i++) {
      print_account (names.items[i]);
      g_free (after);
      after = g_strdup (names.items[i]);
    }
    host->call_end (&call);
  }
  harness_task_free (&task);
  harness_free (&harness);
  return 0;
}
