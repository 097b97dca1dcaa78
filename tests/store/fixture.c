/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.c - see fixture.h. */
#include "fixture.h"

const char *store_module;
const char *const *store_settings;

static const struct ptn_identity ann = {
  .size = sizeof ann, .authcid = ANN, .authzid = ANN, .domain = "", .account = ANN
};

struct ptn_account *
account_open (struct fixture *f, const char *name) {
  return account_open_as (f, name, name, NULL, false);
}

struct ptn_account *
account_open_as (struct fixture *f, const char *name, const char *authzid, const char *groups,
                 bool administrator) {
  struct ptn_identity identity = ann;
  struct ptn_account *account = NULL;
  g_auto (GStrv) list = g_strsplit (groups ? groups : "", " ", -1);
  identity.authcid = identity.authzid = authzid;
  identity.account = name;
  identity.groups = (struct ptn_strings){ (const char *const *)list, g_strv_length (list) };
  identity.administrator = administrator;
  assert_ok (DO (f, f->store->open (f->instance, &call, &identity, &account)));
  assert_non_null (account);
  return account;
}

void
store_load (struct fixture *f) {
  assert_ok (harness_load (f->harness, store_module, store_settings));
  assert_ok (harness_start (f->harness));
  struct ptn_binding binding = harness_find (f->harness, PTN_STORE_ID, NULL);
  f->store = binding.table;
  f->instance = binding.instance;
  f->account = account_open (f, ANN);
}

void
store_unload (struct fixture *f) {
  f->store->close (f->account);
  harness_stop (f->harness);
}

bool
store_restarts (struct fixture *f) {
  if (!DECLARES (f, PTN_STORE_DURABLE))
    return false;
  store_unload (f);
  store_load (f);
  return true;
}

int
store_setup (void **state) {
  struct fixture *f = g_new0 (struct fixture, 1);
  f->harness = harness_new ();
  f->host = harness_host (f->harness);
  f->task = harness_task_new (f->harness);
  store_load (f);
  *state = f;
  return 0;
}

int
store_teardown (void **state) {
  struct fixture *f = *state;
  f->store->close (f->account);
  harness_task_free (&f->task);
  harness_free (&f->harness);
  g_free (f);
  return 0;
}

uint32_t
deliver (struct fixture *f, const char *account, const char *path, const char *text) {
  struct ptn_source *source = harness_source_new (text, strlen (text), 0, false);
  struct ptn_append append = { .size = sizeof append,
                               .internal_date = 1000000000,
                               .source = source };
  struct ptn_target target = { account, path, 0, UINT64_MAX, UINT64_MAX };
  struct ptn_delivered result = { 0 };
  assert_ok (DO (f, f->store->deliver (f->instance, &call, &append, &target, 1, &result)));
  source->ops->close (source);
  assert_ok (result.status);
  assert_int_not_equal (result.uid, 0);
  return result.uid;
}

ptn_status
look_at (struct fixture *f, struct ptn_account *account, struct ptn_mailbox_name name,
         struct ptn_mailbox *copy) {
  const struct ptn_mailbox *row = NULL;
  struct ptn_call held = { .task = f->task };
  ptn_status status = HARNESS_AWAIT (f->task, f->store->status (account, &held, name, &row));
  if (status == PTN_OK && copy) {
    memset (copy, 0, sizeof *copy);
    memcpy (copy, row, MIN (row->size, sizeof *copy));
    copy->name = (struct ptn_mailbox_name){ NULL, NULL };
    copy->rights = NULL;
  }
  f->host->call_end (&held);
  return status;
}

struct ptn_mailbox
status_of (struct fixture *f, const char *path) {
  struct ptn_mailbox row = { 0 };
  assert_ok (look_at (f, f->account, NAME (path), &row));
  return row;
}

struct ptn_id
id_of (struct fixture *f, const char *path) {
  return status_of (f, path).id;
}

bool
exists (struct fixture *f, const char *path) {
  ptn_status status = look_at (f, f->account, NAME (path), NULL);
  if (status != PTN_OK)
    assert_int_equal (status, PTN_E_NOT_FOUND);
  return status == PTN_OK;
}

void
make (struct fixture *f, const char *path) {
  assert_ok (DO (f, f->store->create (f->account, &call, NAME (path), 0)));
}

char *
listed (struct fixture *f, const char *pattern) {
  g_autoptr (GString) all = g_string_new (NULL);
  struct ptn_cursor *cursor = NULL;
  const struct ptn_mailbox *row;
  assert_ok (DO (f, f->store->list (f->account, &call, pattern, &cursor)));
  for (;;) {
    struct ptn_call held = { .task = f->task };
    ptn_status status = HARNESS_AWAIT (f->task, f->store->next_mailbox (cursor, &held, &row));
    if (status == PTN_OK)
      g_string_append_printf (all, "%s%s", all->len ? " " : "", row->name.path);
    f->host->call_end (&held);
    if (status == PTN_END)
      break;
    assert_ok (status);
  }
  f->store->close_cursor (cursor);
  return g_string_free (g_steal_pointer (&all), FALSE);
}

const struct ptn_view *
view_of (struct fixture *f, const char *path) {
  struct ptn_id id = id_of (f, path);
  const struct ptn_view *view = NULL;
  assert_ok (DO (f, f->store->view (f->account, &call, &id, &view)));
  return view;
}

char *
uids_of (struct fixture *f, const char *path) {
  g_autoptr (GString) all = g_string_new (NULL);
  const struct ptn_view *view = view_of (f, path);
  for (uint32_t i = 0; i < view->count; i++)
    g_string_append_printf (all, "%s%u", i ? " " : "", view->uid[i]);
  f->store->release_view (view);
  return g_string_free (g_steal_pointer (&all), FALSE);
}

char *
set_text (struct ptn_uid_set set) {
  g_autoptr (GString) all = g_string_new (NULL);
  uint32_t first = 0, last = 0;
  for (size_t i = 0; i <= set.count; i++) { /* ranges that touch are written as one */
    bool more = i < set.count;
    if (more && last && set.ranges[i].first == last + 1) {
      last = set.ranges[i].last;
      continue;
    }
    if (last)
      g_string_append_printf (all, first == last ? "%s%u" : "%s%u:%u", all->len ? "," : "", first,
                              last);
    if (more) {
      first = set.ranges[i].first;
      last = set.ranges[i].last;
    }
  }
  return g_string_free (g_steal_pointer (&all), FALSE);
}

ptn_status
read_message (struct fixture *f, const char *path, uint32_t uid, uint64_t offset, uint64_t length,
              char **data, size_t *size) {
  struct ptn_id id = id_of (f, path);
  struct ptn_source *source = NULL;
  ptn_status status = DO (f, f->store->read (f->account, &call, &id, uid, offset, length, &source));
  return status == PTN_OK ? harness_source_slurp (source, f->task, data, size) : status;
}

char *
text_of (struct fixture *f, const char *path, uint32_t uid) {
  char *data = NULL;
  size_t size = 0;
  assert_ok (read_message (f, path, uid, 0, UINT64_MAX, &data, &size));
  assert_int_equal (strlen (data), size);
  return data;
}

GArray *
fetch_rows (struct fixture *f, const char *path, struct ptn_uid_set uids, uint64_t changed_since) {
  GArray *all = g_array_new (FALSE, FALSE, sizeof (struct ptn_message));
  struct ptn_id id = id_of (f, path);
  struct ptn_fetch fetch = {
    .size = sizeof fetch,
    .uids = uids,
    .changed_since = changed_since,
    .items = PTN_FETCH_FLAGS | PTN_FETCH_MODSEQ | PTN_FETCH_DATES | PTN_FETCH_SIZE,
  };
  struct ptn_cursor *cursor = NULL;
  assert_ok (DO (f, f->store->fetch (f->account, &call, &id, &fetch, &cursor)));
  for (;;) {
    const struct ptn_message *rows[3];
    size_t count = 0;
    struct ptn_call held = { .task = f->task };
    ptn_status status =
        HARNESS_AWAIT (f->task,
                       f->store->next_messages (cursor, &held, rows, G_N_ELEMENTS (rows), &count));
    assert_true (status == PTN_OK || status == PTN_END);
    assert_true (count <= G_N_ELEMENTS (rows));
    for (size_t i = 0; i < count; i++)
      g_array_append_vals (all, rows[i], 1);
    f->host->call_end (&held);
    if (status == PTN_END)
      break;
    assert_true (count > 0);
  }
  f->store->close_cursor (cursor);
  return all;
}

struct ptn_quota
quota_of (struct fixture *f, struct ptn_account *account) {
  const struct ptn_quota *row = NULL;
  struct ptn_call held = { .task = f->task };
  assert_ok (HARNESS_AWAIT (f->task, f->store->quota (account, &held, &row)));
  struct ptn_quota copy = *row;
  f->host->call_end (&held);
  return copy;
}

struct ptn_change *
begin (struct fixture *f, const struct ptn_id *token) {
  struct ptn_change *change = NULL;
  assert_ok (DO (f, f->store->begin (f->account, &call, token, &change)));
  return change;
}

void
commit (struct fixture *f, struct ptn_change *change) {
  assert_ok (DO (f, f->store->commit (change, &call)));
}

const struct ptn_outcome *
outcome (struct fixture *f, struct ptn_change *change, uint32_t step) {
  const struct ptn_outcome *result = NULL;
  assert_ok (f->store->outcome (change, step, &result));
  return result;
}

void
append_text (struct fixture *f, struct ptn_change *change, const char *path, const char *text) {
  struct ptn_id id = id_of (f, path);
  struct ptn_source *source = harness_source_new (text, strlen (text), 0, false);
  struct ptn_append append = { .size = sizeof append, .internal_date = 5, .source = source };
  assert_ok (DO (f, f->store->append (change, &call, &id, &append)));
  source->ops->close (source);
}

void
set_flags (struct fixture *f, const char *path, struct ptn_uid_set uids, ptn_flag_mode mode,
           ptn_flag_bits bits) {
  struct ptn_id id = id_of (f, path);
  struct ptn_change *change = begin (f, NULL);
  assert_ok (DO (f, f->store->set_flags (change, &call, &id, uids, mode, bits, UINT64_MAX)));
  commit (f, change);
  f->store->end (change);
}

void
expunge (struct fixture *f, const char *path, struct ptn_uid_set uids) {
  struct ptn_id id = id_of (f, path);
  struct ptn_change *change = begin (f, NULL);
  assert_ok (DO (f, f->store->expunge (change, &call, &id, uids, 0)));
  commit (f, change);
  f->store->end (change);
}

ptn_status
finish (struct fixture *f, struct ptn_change *change, ptn_status status) {
  if (status == PTN_OK)
    status = DO (f, f->store->commit (change, &call));
  f->store->end (change);
  return status;
}
