/* SPDX-License-Identifier: Apache-2.0 */
/* words.c - words of fixture.h for what may be refused, and for what protocols tell. */
#include "fixture.h"

static struct ptn_change *
begin_for (struct fixture *f, struct ptn_account *account) {
  struct ptn_change *change = NULL;
  assert_ok (DO (f, f->store->begin (account, &call, NULL, &change)));
  return change;
}

ptn_status
try_flags (struct fixture *f, struct ptn_account *account, const struct ptn_id *id,
           struct ptn_uid_set uids, ptn_flag_mode mode, ptn_flag_bits bits) {
  struct ptn_change *change = begin_for (f, account);
  return finish (f, change,
                 DO (f, f->store->set_flags (change, &call, id, uids, mode, bits, UINT64_MAX)));
}

ptn_status
try_copy (struct fixture *f, struct ptn_account *account, const struct ptn_id *from,
          struct ptn_uid_set uids, const struct ptn_id *to, int move) {
  struct ptn_change *change = begin_for (f, account);
  return finish (f, change, DO (f, f->store->copy (change, &call, from, uids, to, move)));
}

ptn_status
try_expunge (struct fixture *f, struct ptn_account *account, const struct ptn_id *id,
             struct ptn_uid_set uids) {
  struct ptn_change *change = begin_for (f, account);
  return finish (f, change, DO (f, f->store->expunge (change, &call, id, uids, 0)));
}

ptn_status
try_append (struct fixture *f, struct ptn_account *account, const struct ptn_id *id,
            ptn_flag_bits flags) {
  struct ptn_change *change = begin_for (f, account);
  struct ptn_source *source = harness_source_new ("appended\r\n", 10, 0, false);
  struct ptn_append append = { .size = sizeof append, .flags = flags, .source = source };
  ptn_status status = DO (f, f->store->append (change, &call, id, &append));
  source->ops->close (source);
  return finish (f, change, status);
}

ptn_status
try_annotate (struct fixture *f, struct ptn_account *account, const struct ptn_id *id,
              struct ptn_uid_set uids, const char *name, const char *value) {
  struct ptn_change *change = begin_for (f, account);
  struct ptn_bytes octets = { value, value ? strlen (value) : 0 };
  return finish (f, change, DO (f, f->store->annotate (change, &call, id, uids, name, octets)));
}

ptn_status
try_rights (struct fixture *f, struct ptn_account *account, const struct ptn_id *id,
            const char *who, const char *rights) {
  return DO (f, f->store->set_rights (account, &call, id, who, rights));
}

ptn_status
tell (void *argument, struct ptn_description *told) {
  struct telling *telling = argument;
  size_t size = telling->digest_size;
  telling->calls++;
  if (telling->digest)
    told->digest = (struct ptn_bytes){ telling->digest, size ? size : strlen (telling->digest) };
  told->references =
      (struct ptn_strings){ telling->references, g_strv_length ((char **)telling->references) };
  return telling->status;
}

ptn_status
deliver_telling (struct fixture *f, const char *account, const char *path, const char *text,
                 struct telling *telling, uint32_t *uid) {
  struct ptn_source *source = harness_source_new (text, strlen (text), 5, true);
  struct ptn_append append = {
    .size = sizeof append, .source = source, .describe = tell, .argument = telling
  };
  struct ptn_target target = { account, path, 0, UINT64_MAX, UINT64_MAX };
  struct ptn_delivered result = { 0 };
  ptn_status status = DO (f, f->store->deliver (f->instance, &call, &append, &target, 1, &result));
  source->ops->close (source);
  if (uid)
    *uid = result.uid;
  return status == PTN_OK ? result.status : status;
}

struct ptn_message
message_of (struct fixture *f, struct ptn_account *account, const struct ptn_id *id, uint32_t uid,
            uint32_t items) {
  struct ptn_fetch fetch = { .size = sizeof fetch, .items = items, .uids = UIDS ({ uid, uid }) };
  struct ptn_cursor *cursor = NULL;
  const struct ptn_message *row = NULL;
  size_t count = 0;
  struct ptn_message copy = { 0 };
  assert_ok (DO (f, f->store->fetch (account, &call, id, &fetch, &cursor)));
  struct ptn_call held = { .task = f->task };
  assert_ok (HARNESS_AWAIT (f->task, f->store->next_messages (cursor, &held, &row, 1, &count)));
  assert_int_equal (count, 1);
  memcpy (&copy, row, MIN (row->size, sizeof copy));
  if (copy.items & PTN_FETCH_DIGEST)
    copy.digest.data = g_memdup2 (copy.digest.data, copy.digest.size);
  else
    copy.digest = (struct ptn_bytes){ NULL, 0 };
  f->host->call_end (&held);
  f->store->close_cursor (cursor);
  assert_int_equal (copy.uid, uid);
  return copy;
}
