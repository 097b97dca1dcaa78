/* SPDX-License-Identifier: Apache-2.0 */
/* digests.c - `describe`, and what it leaves with the octets. */
#include "fixture.h"

/* The digest as a text, g_free it; NULL: there is none. */
static char *
digest_of (struct fixture *f, const char *path, uint32_t uid) {
  struct ptn_id id = id_of (f, path);
  struct ptn_message row = message_of (f, f->account, &id, uid, PTN_FETCH_DIGEST);
  if (!(row.items & PTN_FETCH_DIGEST))
    return NULL;
  char *text = g_strndup (row.digest.data, row.digest.size);
  g_free ((void *)row.digest.data);
  return text;
}

#define assert_digest(f, path, uid, expected)            \
  do {                                                   \
    g_autofree char *digest_ = digest_of (f, path, uid); \
    assert_non_null (digest_);                           \
    assert_string_equal (digest_, expected);             \
  } while (0)
#define assert_digest_either(f, path, uid, one, other)                             \
  do {                                                                             \
    g_autofree char *digest_ = digest_of (f, path, uid);                           \
    assert_true (digest_ && (!strcmp (digest_, one) || !strcmp (digest_, other))); \
  } while (0)
#define assert_no_digest(f, path, uid)                   \
  do {                                                   \
    g_autofree char *digest_ = digest_of (f, path, uid); \
    assert_null (digest_);                               \
  } while (0)

static void
told_at_delivery (void **state) {
  struct fixture *f = *state;
  struct telling telling = { .digest = "envelope" };
  assert_ok (deliver_telling (f, ANN, "INBOX", "with a digest\r\n", &telling, NULL));
  UNLESS_OFFERED (f, PTN_STORE_DIGESTS, remember, return );
  assert_int_equal (telling.calls, 1);
  deliver (f, ANN, "INBOX", "without\r\n");
  assert_digest (f, "INBOX", 1, "envelope");
  assert_no_digest (f, "INBOX", 2);
  struct ptn_id id = id_of (f, "INBOX"); /* who does not ask does not get it */
  assert_int_equal (message_of (f, f->account, &id, 1, PTN_FETCH_SIZE).items & PTN_FETCH_DIGEST, 0);
  if (store_restarts (f)) {
    assert_digest (f, "INBOX", 1, "envelope");
    assert_no_digest (f, "INBOX", 2);
  }
}

static ptn_status
append_telling (struct fixture *f, struct ptn_change *change, const struct ptn_id *id,
                struct telling *telling) {
  struct ptn_source *source = harness_source_new ("0123456789\r\n", 12, 3, true);
  struct ptn_append append = {
    .size = sizeof append, .source = source, .describe = tell, .argument = telling
  };
  ptn_status status = DO (f, f->store->append (change, &call, id, &append));
  source->ops->close (source);
  return status;
}

static void
told_at_append (void **state) {
  struct fixture *f = *state;
  make (f, "INBOX");
  struct ptn_id id = id_of (f, "INBOX");
  struct telling first = { .digest = "one" }, second = { .digest = "two" };
  struct ptn_change *change = begin (f, NULL);
  assert_ok (append_telling (f, change, &id, &first));
  assert_ok (append_telling (f, change, &id, &second));
  commit (f, change);
  f->store->end (change);
  UNLESS_OFFERED (f, PTN_STORE_DIGESTS, remember, return );
  assert_int_equal (first.calls, 1);
  assert_int_equal (second.calls, 1);
  assert_digest (f, "INBOX", 1, "one");
  assert_digest (f, "INBOX", 2, "two");
}

/* A size that ends before `describe` is an older author's. */
static void
shorter_tables (void **state) {
  struct fixture *f = *state;
  struct telling telling = { .digest = "not asked for" };
  struct ptn_source *source = harness_source_new ("old\r\n", 5, 0, false);
  struct ptn_append append = { .size = offsetof (struct ptn_append, describe),
                               .source = source,
                               .describe = tell,
                               .argument = &telling };
  struct ptn_target target = { ANN, "INBOX", 0, UINT64_MAX, UINT64_MAX };
  struct ptn_delivered result = { 0 };
  assert_ok (DO (f, f->store->deliver (f->instance, &call, &append, &target, 1, &result)));
  source->ops->close (source);
  assert_ok (result.status);
  assert_int_equal (telling.calls, 0);
}

static void
an_error_of_describe_ends_it (void **state) {
  struct fixture *f = *state;
  make (f, "INBOX");
  struct ptn_id id = id_of (f, "INBOX");
  struct telling telling = { .status = PTN_E_LIMIT };
  UNLESS_OFFERED (f, PTN_STORE_DIGESTS, remember, return );
  assert_int_equal (deliver_telling (f, ANN, "INBOX", "x\r\n", &telling, NULL), PTN_E_LIMIT);
  struct ptn_change *change = begin (f, NULL);
  assert_int_equal (append_telling (f, change, &id, &telling), PTN_E_LIMIT);
  f->store->end (change);
  assert_int_equal (telling.calls, 2);
  assert_int_equal (status_of (f, "INBOX").messages, 0);
  struct telling unheard = { .digest = "x" }; /* no end, no question */
  struct ptn_source *source = harness_source_failing ("abc", 3, PTN_E_DISCONNECTED);
  struct ptn_append append = {
    .size = sizeof append, .source = source, .describe = tell, .argument = &unheard
  };
  struct ptn_target target = { ANN, "INBOX", 0, UINT64_MAX, UINT64_MAX };
  struct ptn_delivered result = { 0 };
  assert_int_equal (DO (f, f->store->deliver (f->instance, &call, &append, &target, 1, &result)),
                    PTN_E_DISCONNECTED);
  source->ops->close (source);
  assert_int_equal (unheard.calls, 0);
}

static void
copies_share_it (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_DIGESTS, remember, return );
  struct telling telling = { .digest = "shared" };
  assert_ok (deliver_telling (f, ANN, "INBOX", "x\r\n", &telling, NULL));
  make (f, "a");
  struct ptn_id inbox = id_of (f, "INBOX"), a = id_of (f, "a");
  assert_ok (try_copy (f, f->account, &inbox, ALL_UIDS, &a, 0));
  assert_digest (f, "a", 1, "shared");
  f->store->remember (f->account, &a, 1, (struct ptn_bytes){ "newer", 5 });
  assert_digest_either (f, "a", 1, "newer", "shared"); /* a hint: it may be lost, or late */
  assert_digest_either (f, "INBOX", 1, "newer", "shared");
  expunge (f, "INBOX", ALL_UIDS);
  store_restarts (f);
  assert_digest_either (f, "a", 1, "newer", "shared");
}

static void
deliveries_to_many_share_it (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_DIGESTS, remember, return );
  struct telling telling = { .digest = "for all" };
  struct ptn_source *source = harness_source_new ("to many\r\n", 9, 2, true);
  struct ptn_append append = {
    .size = sizeof append, .source = source, .describe = tell, .argument = &telling
  };
  struct ptn_target targets[] = { { BOB, "INBOX", 0, UINT64_MAX, UINT64_MAX },
                                  { ANN, "INBOX", 0, UINT64_MAX, UINT64_MAX },
                                  { ANN, "copy", 0, UINT64_MAX, UINT64_MAX } };
  struct ptn_delivered results[3] = { 0 };
  assert_ok (DO (f, f->store->deliver (f->instance, &call, &append, targets, 3, results)));
  source->ops->close (source);
  assert_int_equal (telling.calls, 1);
  assert_digest (f, "INBOX", 1, "for all");
  assert_digest (f, "copy", 1, "for all");
}

static void
remembered_late (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_DIGESTS, remember, return );
  deliver (f, ANN, "INBOX", "x\r\n");
  deliver (f, ANN, "INBOX", "y\r\n");
  struct ptn_id id = id_of (f, "INBOX"), nobody = { { 9, 9 } };
  uint64_t modseq = status_of (f, "INBOX").highest_modseq;
  f->store->remember (f->account, &id, 2, (struct ptn_bytes){ "late", 4 });
  f->store->remember (f->account, &id, 77, (struct ptn_bytes){ "of nothing", 10 });
  f->store->remember (f->account, &nobody, 1, (struct ptn_bytes){ "nowhere", 7 });
  assert_no_digest (f, "INBOX", 1);
  g_autofree char *late = digest_of (f, "INBOX", 2); /* may be lost, but never another's */
  if (late)
    assert_string_equal (late, "late");
  assert_int_equal (status_of (f, "INBOX").highest_modseq, modseq); /* no change of the message */
}

static void
sizes (void **state) {
  struct fixture *f = *state;
  UNLESS_OFFERED (f, PTN_STORE_DIGESTS, remember, return );
  g_autofree char *big = g_strnfill (64 * 1024 + 1, 'd');
  struct telling most = { .digest = big, .digest_size = 64 * 1024 };
  struct telling more = { .digest = big, .digest_size = 64 * 1024 + 1 };
  assert_ok (deliver_telling (f, ANN, "INBOX", "x\r\n", &most, NULL));
  assert_ok (deliver_telling (f, ANN, "INBOX", "y\r\n", &more, NULL)); /* the mail is kept */
  g_autofree char *kept = digest_of (f, "INBOX", 1);
  assert_non_null (kept);
  assert_int_equal (strlen (kept), 64 * 1024);
  assert_no_digest (f, "INBOX", 2);
}

STORE_GROUP (digests, STORE_TEST (told_at_delivery), STORE_TEST (told_at_append),
             STORE_TEST (shorter_tables), STORE_TEST (an_error_of_describe_ends_it),
             STORE_TEST (copies_share_it), STORE_TEST (deliveries_to_many_share_it),
             STORE_TEST (remembered_late), STORE_TEST (sizes));
