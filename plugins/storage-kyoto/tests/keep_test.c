/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keep_test.c - what is kept beside messages: special uses, who vanished, recents, ids, digests;
 * each survives a kill and a rebuild of the index, and goes when it should. */
#include "support.h"

#include "../fetch.h"
#include "../forget.h"
#include "../mailbox.h"
#include "../remember.h"
#include "../request.h"
#include "../vanished.h"

#include <glib/gstdio.h>

static const char ann[] = "ann@example.test", bob[] = "bob@example.test";
static const struct ptn_mailbox_name inbox_name = { NULL, "INBOX" };

static uint32_t
attributes_of (struct fixture *f, const char *path, struct ptn_id *id) {
  struct ptn_account *account = open_account (f, ann);
  struct ptn_call call = { .task = f->task };
  const struct ptn_mailbox *mailbox;
  uint32_t attributes;

  assert_ok (mailbox_status (account, &call, (struct ptn_mailbox_name){ NULL, path }, &mailbox));
  attributes = mailbox->attributes;
  *id = mailbox->id;
  f->host->call_end (&call);
  account_close (account);
  return attributes;
}

static void
special_uses (void **state) {
  struct fixture *f = *state;
  struct ptn_account *account;
  struct ptn_id id;

  fixture_open (f);
  account = open_account (f, ann);
  assert_ok (DO (f, request_create (account, &call, (struct ptn_mailbox_name){ NULL, "Out" },
                                    PTN_MAILBOX_SENT | PTN_MAILBOX_IMPORTANT)));
  assert_int_equal (DO (f, request_create (account, &call, (struct ptn_mailbox_name){ NULL, "Bad" },
                                           PTN_MAILBOX_SENT | PTN_MAILBOX_NOSELECT)),
                    PTN_E_INVALID);
  assert_int_equal (attributes_of (f, "Out", &id), PTN_MAILBOX_SENT | PTN_MAILBOX_IMPORTANT);
  assert_ok (
      DO (f, request_subscribe (account, &call, (struct ptn_mailbox_name){ NULL, "Out" }, 1)));
  assert_ok (DO (f, request_set_attributes (account, &call, &id, PTN_MAILBOX_JOURNAL)));
  assert_ok (DO (f, request_rename (account, &call, (struct ptn_mailbox_name){ NULL, "Out" },
                                    (struct ptn_mailbox_name){ NULL, "Diary" })));
  assert_int_equal (attributes_of (f, "Diary", &id), PTN_MAILBOX_JOURNAL | PTN_MAILBOX_SUBSCRIBED);
  account_close (account);
  assert_rebuilds (f);
  assert_int_equal (attributes_of (f, "Diary", &id), PTN_MAILBOX_JOURNAL | PTN_MAILBOX_SUBSCRIBED);
}

static uint64_t
modseq_of (struct fixture *f) {
  struct ptn_account *account = open_account (f, ann);
  struct ptn_call call = { .task = f->task };
  const struct ptn_mailbox *mailbox;
  uint64_t modseq;

  assert_ok (mailbox_status (account, &call, inbox_name, &mailbox));
  modseq = mailbox->highest_modseq;
  f->host->call_end (&call);
  account_close (account);
  return modseq;
}

/* "1-2,5" */
static char *
vanished_since (struct fixture *f, uint64_t since, const struct ptn_uid_set *uids,
                ptn_status *status) {
  struct ptn_account *account = open_account (f, ann);
  GString *text = g_string_new (NULL);
  struct ptn_call call = { .task = f->task };
  struct ptn_uid_set gone = { NULL, 0 };
  struct ptn_id id;

  assert_true (find_mailbox (f, ann, "INBOX", &id));
  *status = mailbox_vanished (account, &call, &id, since, uids, &gone);
  for (size_t i = 0; i < gone.count; i++)
    g_string_append_printf (text, "%s%u-%u", i ? "," : "", gone.ranges[i].first,
                            gone.ranges[i].last);
  f->host->call_end (&call);
  account_close (account);
  return g_string_free (text, FALSE);
}

static void
assert_vanished (struct fixture *f, uint64_t since, const char *expected) {
  ptn_status status;
  g_autofree char *gone = vanished_since (f, since, NULL, &status);

  assert_ok (status);
  assert_string_equal (gone, expected);
}

static void
assert_vanished_expired (struct fixture *f, uint64_t since) {
  ptn_status status;
  g_autofree char *gone = vanished_since (f, since, NULL, &status);

  assert_int_equal (status, PTN_E_EXPIRED);
}

static void
tombstones (void **state) {
  static const struct ptn_uid_range some[] = { { 2, 4 }, { 8, 100 } };
  struct fixture *f = *state;
  g_autofree char *gone = NULL;
  uint64_t start, first, second;
  ptn_status status;

  f->settings.expunged_kept = 8;
  fixture_open (f);
  for (int i = 0; i < 20; i++)
    deliver (f, ann, "Subject: x\r\n\r\n");
  start = modseq_of (f);
  assert_vanished (f, 0, "");
  assert_ok (expunge (f, ann, 5, 6));
  first = modseq_of (f);
  assert_ok (expunge (f, ann, 3, 4));
  assert_ok (expunge (f, ann, 9, 9));
  second = modseq_of (f);
  assert_vanished (f, start, "3-6,9-9");
  assert_vanished (f, first, "3-4,9-9");
  assert_vanished (f, second, "");
  gone = vanished_since (f, start, &(struct ptn_uid_set){ some, 2 }, &status);
  assert_ok (status);
  assert_string_equal (gone, "3-4,9-9");
  assert_rebuilds (f);
  assert_vanished (f, start, "3-6,9-9");
  /* Nine are more than eight: the oldest go, and who knew less than that is told so. */
  assert_ok (expunge (f, ann, 11, 14));
  assert_vanished_expired (f, 0);
  assert_vanished_expired (f, start);
  assert_vanished (f, first, "3-4,9-9,11-14");
  assert_vanished (f, second, "11-14");
  assert_rebuilds (f);
  assert_vanished_expired (f, start);
  assert_vanished (f, first, "3-4,9-9,11-14");
}

/* An expunge of version 1 says nothing of when: what it took away is not known any more. */
static void
old_expunges (void **state) {
  static const struct ptn_uid_range range = { 1, 2 };
  struct fixture *f = *state;
  struct record record = { .type = RECORD_EXPUNGE,
                           .version = 1,
                           .user = 1,
                           .mailbox = 1,
                           .modseq = 40,
                           .set = { &range, 1 } };
  struct mailbox_row mailbox;
  struct edit edit;

  fixture_open (f);
  deliver (f, ann, "Subject: x\r\n\r\n");
  deliver (f, ann, "Subject: y\r\n\r\n");
  edit_init (&edit, &f->store->shards[0].index);
  assert_ok (apply (&edit, &record));
  assert_ok (edit_mailbox (&edit, 1, 1, &mailbox));
  assert_int_equal (mailbox.messages, 0);
  assert_int_equal (mailbox.floor, 40);
  assert_int_equal (mailbox.tombstones, 0);
  edit_destroy (&edit);
}

static void
forget_all (struct fixture *f) {
  while (!forget_some (&f->store->shards[0], 3))
    ;
  deliver (f, bob, "Subject: a commit behind that of the walk\r\n\r\n");
}

static size_t
count_rows (struct fixture *f, enum key_kind kind) {
  g_autofree char *text = dump (f->store);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autofree char *prefix = g_strdup_printf ("%02x", kind);
  size_t count = 0;

  for (char **line = lines; *line; line++)
    count += g_str_has_prefix (*line, prefix);
  return count;
}

static void
ages (void **state) {
  struct fixture *f = *state;
  uint64_t last;

  fixture_open (f);
  populate (f); /* commits with tokens, and expunges */
  populate (f);
  last = modseq_of (f);
  assert_true (count_rows (f, KEY_TOKEN) > 0);
  assert_true (count_rows (f, KEY_TOMBSTONE) > 0);
  forget_all (f);
  assert_true (count_rows (f, KEY_TOKEN) > 0);
  assert_true (count_rows (f, KEY_TOMBSTONE) > 0);
  fixture_close (f);
  f->settings.token_age = f->settings.expunged_age = -10000; /* what was made now is old */
  fixture_open (f);
  forget_all (f);
  assert_int_equal (count_rows (f, KEY_TOKEN), 0);
  assert_int_equal (count_rows (f, KEY_TOMBSTONE), 0);
  assert_vanished_expired (f, 0);
  assert_vanished (f, last, "");
  assert_rebuilds (f);
}

static uint32_t
claim (struct fixture *f) {
  struct ptn_account *account = open_account (f, ann);
  struct ptn_id id;
  uint32_t first;

  assert_true (find_mailbox (f, ann, "INBOX", &id));
  assert_ok (DO (f, request_claim_recent (account, &call, &id, &first)));
  account_close (account);
  return first;
}

static void
recents (void **state) {
  struct fixture *f = *state;
  uint64_t end;

  fixture_open (f);
  for (int i = 0; i < 3; i++)
    deliver (f, ann, "Subject: x\r\n\r\n");
  assert_int_equal (claim (f), 1);
  end = f->store->shards[0].log.end;
  assert_int_equal (claim (f), 4);
  assert_int_equal (claim (f), 4);
  assert_int_equal (f->store->shards[0].log.end, end); /* nothing to claim costs nothing */
  deliver (f, ann, "Subject: x\r\n\r\n");
  assert_rebuilds (f);
  assert_int_equal (claim (f), 4);
  assert_int_equal (claim (f), 5);
}

struct describing {
  const char *references[40];
  size_t count;
  const char *digest;
  ptn_status status;
  unsigned calls;
};

static ptn_status
describe (void *argument, struct ptn_description *description) {
  struct describing *describing = argument;

  describing->calls++;
  description->references.items = describing->references;
  description->references.count = describing->count;
  if (describing->digest)
    description->digest = (struct ptn_bytes){ describing->digest, strlen (describing->digest) };
  return describing->status;
}

static ptn_status
deliver_described (struct fixture *f, const char *const *accounts, size_t count,
                   struct describing *describing) {
  struct ptn_source *source = harness_source_new ("Subject: y\r\n\r\n", 14, 3, true);
  struct ptn_append append = {
    .size = sizeof append, .source = source, .describe = describe, .argument = describing
  };
  struct ptn_target targets[4] = { 0 };
  struct ptn_delivered results[4] = { 0 };
  ptn_status status;

  for (size_t i = 0; i < count; i++)
    targets[i] = (struct ptn_target){ accounts[i], "INBOX", 0, UINT64_MAX, UINT64_MAX };
  status = DO (f, store_deliver (f->store, &call, &append, targets, count, results));
  source->ops->close (source);
  for (size_t i = 0; status == PTN_OK && i < count; i++)
    assert_ok (results[i].status);
  return status;
}

static struct ptn_message
message_of (struct fixture *f, const char *name, const char *path, uint32_t uid) {
  struct ptn_account *account = open_account (f, name);
  struct ptn_uid_range range = { uid, uid };
  struct ptn_fetch fetch = { .size = sizeof fetch,
                             .items = PTN_FETCH_IDS | PTN_FETCH_DIGEST,
                             .uids = { &range, 1 } };
  const struct ptn_message *row;
  struct ptn_message message;
  struct ptn_cursor *cursor;
  struct ptn_id id;
  size_t count;

  assert_true (find_mailbox (f, name, path, &id));
  assert_ok (DO (f, fetch_open (account, &call, &id, &fetch, &cursor)));
  assert_ok (DO (f, fetch_next (cursor, &call, &row, 1, &count)));
  message = *row;
  if (message.items & PTN_FETCH_DIGEST) {
    g_autofree char *text = g_strndup (message.digest.data, message.digest.size);

    message.digest.data = g_intern_string (text); /* it outlives the cursor */
  }
  cursor_close (cursor);
  account_close (account);
  return message;
}

static bool
same (struct ptn_id a, struct ptn_id b) {
  return memcmp (a.octets, b.octets, sizeof a.octets) == 0;
}

static uint32_t
last_uid (struct fixture *f, const char *name, const char *path) {
  struct ptn_account *account = open_account (f, name);
  struct ptn_call call = { .task = f->task };
  const struct ptn_mailbox *mailbox;
  uint32_t uid;

  assert_ok (mailbox_status (account, &call, (struct ptn_mailbox_name){ NULL, path }, &mailbox));
  uid = mailbox->uidnext - 1;
  f->host->call_end (&call);
  account_close (account);
  return uid;
}

static struct ptn_id
last_thread (struct fixture *f, const char *account) {
  return message_of (f, account, "INBOX", last_uid (f, account, "INBOX")).thread_id;
}

static void
deliver_refs_to (struct fixture *f, const char *const *accounts, size_t count, const char *own,
                 const char *reference) {
  struct describing describing = { { own, reference }, reference ? 2 : 1, NULL, PTN_OK, 0 };

  assert_ok (deliver_described (f, accounts, count, &describing));
  assert_int_equal (describing.calls, 1);
}

static struct ptn_id
deliver_refs (struct fixture *f, const char *account, const char *own, const char *reference) {
  deliver_refs_to (f, &account, 1, own, reference);
  return last_thread (f, account);
}

static void
threads (void **state) {
  struct fixture *f = *state;
  struct ptn_id first, second, third;

  fixture_open (f);
  first = deliver_refs (f, ann, "a@x", NULL);
  assert_true (same (first, message_of (f, ann, "INBOX", 1).email_id));
  assert_true (same (deliver_refs (f, ann, "b@x", "a@x"), first));
  assert_true (same (deliver_refs (f, ann, "c@x", "b@x"), first));
  second = deliver_refs (f, ann, "", NULL);
  assert_false (same (second, first));
  assert_false (same (deliver_refs (f, ann, "", NULL), second));
  /* Two answers to a mail that is not here meet, and the mail joins them. */
  third = deliver_refs (f, ann, "answer1@x", "unseen@x");
  assert_false (same (third, first));
  assert_true (same (deliver_refs (f, ann, "answer2@x", "unseen@x"), third));
  assert_true (same (deliver_refs (f, ann, "unseen@x", NULL), third));
  /* As long as one message knows the others, later ones find the thread. */
  assert_ok (expunge (f, ann, 1, 2));
  assert_rebuilds (f);
  assert_true (same (deliver_refs (f, ann, "d@x", "b@x"), first));
  assert_ok (expunge (f, ann, 1, 100));
  assert_int_equal (count_rows (f, KEY_THREAD), 0);
  assert_false (same (deliver_refs (f, ann, "e@x", "b@x"), first));
  assert_rebuilds (f);
}

/* Two accounts of one shard: each has threads of its own mail only. */
static void
threads_apart (void **state) {
  static const char *const both[] = { ann, bob }, *const twice[] = { bob, ann, bob };
  struct fixture *f = *state;
  struct ptn_id ann_first, bob_first, begun;

  f->settings.shards = 1;
  fixture_open (f);
  ann_first = deliver_refs (f, ann, "a@x", NULL);
  bob_first = deliver_refs (f, bob, "b@x", "a@x");
  assert_false (same (ann_first, bob_first));
  assert_true (same (deliver_refs (f, bob, "c@x", "a@x"), bob_first));
  assert_false (same (deliver_refs (f, ann, "d@x", "b@x"), bob_first));
  /* One mail to both, one body. */
  deliver_refs_to (f, both, 2, "e@x", "a@x");
  assert_true (same (last_thread (f, ann), ann_first));
  assert_true (same (last_thread (f, bob), bob_first));
  assert_true (same (message_of (f, ann, "INBOX", last_uid (f, ann, "INBOX")).email_id,
                     message_of (f, bob, "INBOX", last_uid (f, bob, "INBOX")).email_id));
  deliver_refs_to (f, twice, 3, "f@x", "e@x");
  assert_true (same (last_thread (f, ann), ann_first));
  assert_true (same (last_thread (f, bob), bob_first));
  /* With one that neither knows a thread begins in both. */
  deliver_refs_to (f, both, 2, "g@x", "h@x");
  begun = last_thread (f, ann);
  assert_true (same (last_thread (f, bob), begun));
  assert_true (same (deliver_refs (f, bob, "i@x", "h@x"), begun));
  assert_true (same (deliver_refs (f, ann, "h@x", NULL), begun));
  assert_false (same (deliver_refs (f, ann, "m@x", "i@x"), begun));
  assert_sound (f->store);
  assert_rebuilds (f);
  assert_sound (f->store);
  /* What one expunges the other still has. */
  assert_ok (expunge (f, ann, 1, 100));
  assert_sound (f->store);
  assert_true (same (deliver_refs (f, bob, "j@x", "e@x"), bob_first));
  assert_true (same (deliver_refs (f, bob, "k@x", "f@x"), bob_first));
  assert_rebuilds (f);
  assert_ok (expunge (f, bob, 1, 100));
  assert_int_equal (count_rows (f, KEY_THREAD), 0);
  assert_false (same (deliver_refs (f, ann, "l@x", "e@x"), ann_first));
  assert_sound (f->store);
}

/* All messages of a mailbox, by `name`, who gets rights at the target if that is another's. */
static void
copy_between (struct fixture *f, const char *name, const char *path, const char *owner,
              const char *target) {
  static const struct ptn_uid_range all = { 1, 1000 };
  struct ptn_account *account = open_account (f, name), *other = open_account (f, owner);
  struct ptn_change *change;
  struct ptn_id from, to;

  assert_true (find_mailbox (f, name, path, &from));
  assert_true (find_mailbox (f, owner, target, &to));
  if (!g_str_equal (name, owner))
    assert_ok (DO (f, request_set_rights (other, &call, &to, name, "lrsi")));
  assert_ok (DO (f, change_begin (account, &call, NULL, &change)));
  assert_ok (DO (f, change_copy (change, &call, &from, (struct ptn_uid_set){ &all, 1 }, &to, 0)));
  assert_ok (DO (f, change_commit (change, &call)));
  change_end (change);
  account_close (other);
  account_close (account);
}

/* A copy has the thread of its source, in another account of the shard, too, where later mail finds
 * it, as long as the copy is there. */
static void
threads_copied (void **state) {
  static const char own[] = "Own", theirs[] = "Theirs";
  struct fixture *f = *state;
  struct ptn_account *account;
  struct ptn_id thread;

  f->settings.shards = 1;
  fixture_open (f);
  deliver_refs (f, ann, "a@x", NULL);
  thread = deliver_refs (f, ann, "b@x", "a@x");
  account = open_account (f, ann);
  assert_ok (DO (f, request_create (account, &call, (struct ptn_mailbox_name){ NULL, own }, 0)));
  account_close (account);
  account = open_account (f, bob);
  assert_ok (DO (f, request_create (account, &call, (struct ptn_mailbox_name){ NULL, theirs }, 0)));
  account_close (account);
  copy_between (f, ann, "INBOX", ann, own);
  assert_true (same (message_of (f, ann, own, 2).thread_id, thread));
  assert_int_equal (count_rows (f, KEY_THREAD), 4); /* two hashes, two bodies: none of the copies */
  copy_between (f, ann, "INBOX", bob, theirs);
  copy_between (f, ann, own, bob, theirs);
  for (uint32_t uid = 1; uid <= 4; uid++)
    assert_true (same (message_of (f, bob, theirs, uid).thread_id, thread));
  assert_int_equal (count_rows (f, KEY_THREAD), 8);
  assert_sound (f->store);
  assert_rebuilds (f);
  assert_true (same (deliver_refs (f, bob, "c@x", "b@x"), thread));
  assert_true (same (deliver_refs (f, ann, "d@x", "b@x"), thread));
  assert_ok (expunge (f, ann, 1, 100));
  assert_true (same (deliver_refs (f, bob, "e@x", "b@x"), thread));
  assert_sound (f->store);
  assert_rebuilds (f);
}

/* Bodies, digests and hashes of many that go together: with gaps, twice in the mailbox, of others too. */
static void
many_expunged (void **state) {
  static const char *const accounts[] = { ann, bob };
  struct fixture *f = *state;

  f->settings.shards = 1;
  fixture_open (f);
  for (int i = 0; i < 60; i++) {
    g_autofree char *own = g_strdup_printf ("%d@x", i), *other = g_strdup_printf ("%d@x", i / 4);
    struct describing describing = { { own, other }, 2, i % 2 ? "a digest" : NULL, PTN_OK, 0 };

    assert_ok (deliver_described (f, accounts, i % 5 ? 1 : 2, &describing));
  }
  copy_between (f, ann, "INBOX", ann, "INBOX");
  assert_ok (expunge (f, ann, 11, 70)); /* some lose one of two, some both */
  assert_sound (f->store);
  assert_rebuilds (f);
  assert_ok (expunge (f, ann, 1, 200));
  assert_sound (f->store);
  assert_int_equal (count_rows (f, KEY_BODY), 12);
  assert_ok (expunge (f, bob, 1, 200));
  for (enum key_kind kind = KEY_BODY; kind <= KEY_THREAD; kind++)
    if (kind == KEY_BODY || kind == KEY_DIGEST || kind == KEY_SEGMENT || kind == KEY_THREAD)
      assert_int_equal (count_rows (f, kind), 0);
  assert_rebuilds (f);
}

static void
digests (void **state) {
  static const char *const both[] = { ann, bob };
  static const struct ptn_uid_range one = { 1, 1 };
  struct fixture *f = *state;
  struct describing describing = { { "m@x" }, 1, "a digest", PTN_OK, 0 };
  struct ptn_message message, copy;
  struct ptn_account *account;
  struct ptn_change *change;
  struct ptn_id inbox;

  f->settings.shards = 7; /* the two are not together */
  fixture_open (f);
  assert_ptr_not_equal (store_shard_of (f->store, ann), store_shard_of (f->store, bob));
  assert_ok (deliver_described (f, both, 2, &describing));
  assert_int_equal (describing.calls, 1);
  message = message_of (f, ann, "INBOX", 1);
  copy = message_of (f, bob, "INBOX", 1);
  assert_true (same (message.email_id, copy.email_id));
  assert_true (same (message.thread_id, copy.thread_id));
  assert_true (message.items & PTN_FETCH_DIGEST && copy.items & PTN_FETCH_DIGEST);
  assert_string_equal (message.digest.data, "a digest");
  /* One that comes late. */
  deliver (f, ann, "Subject: late\r\n\r\n");
  assert_false (message_of (f, ann, "INBOX", 2).items & PTN_FETCH_DIGEST);
  account = open_account (f, ann);
  assert_true (find_mailbox (f, ann, "INBOX", &inbox));
  message_remember (account, &inbox, 2, (struct ptn_bytes){ "late digest", 11 });
  message_remember (account, &inbox, 9, (struct ptn_bytes){ "nobody's", 8 });
  assert_ok (DO (f, request_create (account, &call, (struct ptn_mailbox_name){ NULL, "Two" }, 0)));
  assert_ok (DO (f, change_begin (account, &call, NULL, &change)));
  assert_true (find_mailbox (f, ann, "Two", &inbox));
  {
    struct ptn_id from;

    assert_true (find_mailbox (f, ann, "INBOX", &from));
    assert_ok (
        DO (f, change_copy (change, &call, &from, (struct ptn_uid_set){ &one, 1 }, &inbox, 1)));
  }
  assert_ok (DO (f, change_commit (change, &call)));
  change_end (change);
  account_close (account);
  message = message_of (f, ann, "INBOX", 2);
  assert_true (message.items & PTN_FETCH_DIGEST);
  assert_memory_equal (message.digest.data, "late digest", 12);
  copy = message_of (f, ann, "Two", 1);
  assert_true (same (copy.email_id, message_of (f, bob, "INBOX", 1).email_id));
  assert_string_equal (copy.digest.data, "a digest");
  assert_rebuilds (f);
  /* The describer's word counts. */
  describing.status = PTN_E_LIMIT;
  assert_int_equal (deliver_described (f, both, 2, &describing), PTN_E_LIMIT);
  assert_ok (expunge (f, ann, 2, 2));
  assert_int_equal (count_rows (f, KEY_DIGEST), 2);
}

static void
siphash_vectors (void **state) {
  static const uint8_t expected[] = { 0xe5, 0x45, 0xbe, 0x49, 0x61, 0xca, 0x29, 0xa1 };
  unsigned char key[16], data[15];

  for (unsigned i = 0; i < 16; i++)
    key[i] = (unsigned char)i;
  for (unsigned i = 0; i < 15; i++)
    data[i] = (unsigned char)i;
  assert_int_equal (siphash (key, data, 15), get_u64 (expected));
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (siphash_vectors),
    STORE_TEST (special_uses),
    STORE_TEST (tombstones),
    STORE_TEST (old_expunges),
    STORE_TEST (ages),
    STORE_TEST (recents),
    STORE_TEST (threads),
    STORE_TEST (threads_apart),
    STORE_TEST (threads_copied),
    STORE_TEST (many_expunged),
    STORE_TEST (digests),
  };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
