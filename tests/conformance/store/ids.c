/* SPDX-License-Identifier: Apache-2.0 */
/* ids.c - EMAILID, THREADID, and digests: what is kept of a message beside its octets. */
#include "kit.h"

struct described { /* what describe gives, and how often it was asked */
  const char *digest;
  size_t size; /* of it; 0: strlen */
  const char *references[40];
  size_t count;
  unsigned asked;
  ptn_status status;
};

static ptn_status
describe (void *argument, struct ptn_description *description) {
  struct described *described = argument;
  described->asked++;
  if (described->digest)
    description->digest =
        (struct ptn_bytes){ described->digest,
                            described->size ? described->size : strlen (described->digest) };
  description->references = (struct ptn_strings){ described->references, described->count };
  return described->status;
}

static uint32_t
deliver_described (struct fixture *f, const char *account, struct described *described) {
  struct ptn_source *source = source_of (f, "described\r\n", 11);
  struct ptn_append append = {
    .size = sizeof append, .source = source, .describe = describe, .argument = described
  };
  const struct ptn_target target = TARGET (account, "INBOX");
  struct ptn_delivered result = { 0 };
  must_do (DO (f, f->store->deliver (f->instance, &call, &append, &target, 1, &result)),
           "deliver of a message that is described");
  source_close (source);
  must_do (result.status, "the result of deliver");
  must_be (described->asked, 1, "how often describe was called");
  return result.uid;
}

struct ids {
  struct ptn_id email, thread;
};

static struct ids
ids_of (struct fixture *f, const char *path, uint32_t uid) {
  struct ids ids = { 0 };
  struct ptn_id id = id_of (f, path);
  struct ptn_fetch fetch = { .size = sizeof fetch, .items = PTN_FETCH_IDS, .uids = UID (uid) };
  struct ptn_cursor *cursor = NULL;
  const struct ptn_message *row = NULL;
  size_t count = 0;
  must_do (DO (f, f->store->fetch (f->account, &call, &id, &fetch, &cursor)), "fetch");
  struct ptn_call held = CALL (f);
  ptn_status status = HELD (f, f->store->next_messages (cursor, &held, &row, 1, &count));
  must (status >= 0 && count == 1, "fetch of UID %u of \"%s\" gives %s and %zu rows", uid, path,
        status_name (status), count);
  must (row->items & PTN_FETCH_IDS, "PTN_FETCH_IDS was asked for and is not in the row's items");
  ids = (struct ids){ row->email_id, row->thread_id };
  END (f, held);
  f->store->close_cursor (cursor);
  return ids;
}

/* The digest of a message; NULL: none.  g_bytes_unref it. */
static GBytes *
digest_of (struct fixture *f, const char *path, uint32_t uid) {
  GBytes *digest = NULL;
  struct ptn_id id = id_of (f, path);
  struct ptn_fetch fetch = { .size = sizeof fetch,
                             .items = PTN_FETCH_FLAGS | PTN_FETCH_DIGEST,
                             .uids = UID (uid) };
  struct ptn_cursor *cursor = NULL;
  const struct ptn_message *row = NULL;
  size_t count = 0;
  must_do (DO (f, f->store->fetch (f->account, &call, &id, &fetch, &cursor)), "fetch");
  struct ptn_call held = CALL (f);
  ptn_status status = HELD (f, f->store->next_messages (cursor, &held, &row, 1, &count));
  must (status >= 0 && count == 1, "fetch of UID %u of \"%s\" gives %s and %zu rows", uid, path,
        status_name (status), count);
  if (row->items & PTN_FETCH_DIGEST)
    digest = g_bytes_new (row->digest.data, row->digest.size);
  END (f, held);
  f->store->close_cursor (cursor);
  return digest;
}

static void
must_have_digest (struct fixture *f, const char *path, uint32_t uid, const char *wanted,
                  size_t size) {
  g_autoptr (GBytes) digest = digest_of (f, path, uid);
  must (digest, "\"%s\" UID %u has no digest", path, uid);
  gsize actual = 0;
  const void *data = g_bytes_get_data (digest, &actual);
  must_hold (data, actual, wanted, size, "the digest of \"%s\" UID %u", path, uid);
}

#define SAME(a, b) same_id (&(a), &(b))

RULE (email_ids, "emailid.unique", "Each message has an EMAILID of its own, that never changes",
      "store.h, struct ptn_message: email_id; RFC 8474 section 5.1", PTN_STORE_OBJECT_IDS, 0) {
  static const struct ptn_id zero;
  deliver (f, ANN, "INBOX", "x\r\n");
  deliver (f, ANN, "INBOX", "y\r\n");
  struct ids one = ids_of (f, "INBOX", 1), two = ids_of (f, "INBOX", 2);
  must (!SAME (one.email, zero), "the email_id of a message is all zero");
  must (!SAME (one.email, two.email), "two messages have one email_id");
  set_flags (f, "INBOX", UID (1), PTN_FLAGS_ADD, PTN_SEEN);
  struct ids again = ids_of (f, "INBOX", 1);
  must (SAME (one.email, again.email), "the email_id changed with the flags");
  must (SAME (one.thread, again.thread), "the thread_id changed with the flags");
}

RULE (copied_ids, "emailid.copy",
      "A copy, and what was moved, has the EMAILID and THREADID of its original",
      "store.h: \"A copy has those of its original\"", PTN_STORE_OBJECT_IDS, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  make (f, "a");
  make (f, "b");
  struct ids original = ids_of (f, "INBOX", 1);
  copy_to (f, "INBOX", UID (1), "a", 0);
  copy_to (f, "a", UID (1), "b", 0);
  copy_to (f, "INBOX", UID (1), "b", 1);
  struct ids copies[] = { ids_of (f, "a", 1), ids_of (f, "b", 1), ids_of (f, "b", 2) };
  for (int i = 0; i < 3; i++) {
    must (SAME (copies[i].email, original.email), "copy %d has another email_id", i);
    must (SAME (copies[i].thread, original.thread), "copy %d has another thread_id", i);
  }
}

RULE (ids_survive, "emailid.restart",
      "EMAILID and THREADID survive a restart, and are not given again",
      "store.h, struct ptn_id: stable object id", PTN_STORE_OBJECT_IDS | PTN_STORE_DURABLE, 0) {
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ids before = ids_of (f, "INBOX", 1);
  fixture_restart (f);
  struct ids after = ids_of (f, "INBOX", 1);
  must (SAME (before.email, after.email), "the email_id is another one after a restart");
  must (SAME (before.thread, after.thread), "the thread_id is another one after a restart");
  deliver (f, ANN, "INBOX", "y\r\n");
  struct ids two = ids_of (f, "INBOX", 2);
  must (!SAME (before.email, two.email), "an email_id is given again after a restart");
}

RULE (threads_join, "thread.references", "Messages that refer to a known one have its THREADID",
      "store.h: \"Messages of one account that came with references in common have one thread\"",
      PTN_STORE_THREADS, 0) {
  struct described first = { .references = { "1@x" }, .count = 1 };
  struct described answer = { .references = { "2@x", "1@x" }, .count = 2 };
  struct described other = { .references = { "3@x", "9@x" }, .count = 2 };
  struct described deep = { .references = { "4@x", "2@x", "1@x" }, .count = 3 };
  struct described none = { .references = { "" }, .count = 1 };
  struct described nothing = { .count = 0 };
  struct described *all[] = { &first, &answer, &other, &deep, &none, &nothing };
  struct ids ids[G_N_ELEMENTS (all)];
  for (size_t i = 0; i < G_N_ELEMENTS (all); i++)
    ids[i] = ids_of (f, "INBOX", deliver_described (f, ANN, all[i]));
  must (SAME (ids[0].thread, ids[1].thread), "an answer is not in the thread of what it answers");
  must (SAME (ids[0].thread, ids[3].thread), "an answer to an answer is not in the thread");
  must (!SAME (ids[0].thread, ids[2].thread), "what refers to others is in the same thread");
  must (!SAME (ids[4].thread, ids[5].thread), "two messages without Message-ID have one thread");
  must (!SAME (ids[0].thread, ids[4].thread), "a message without references is in the same thread");
}

RULE (threads_unseen, "thread.common-reference",
      "Two answers to a message that never came have one "
      "THREADID",
      "store.h: \"references in common\"", PTN_STORE_THREADS, 0) {
  struct described one = { .references = { "1@x", "gone@x" }, .count = 2 };
  struct described two = { .references = { "2@x", "gone@x" }, .count = 2 };
  struct described late = { .references = { "gone@x" }, .count = 1 };
  struct ids a = ids_of (f, "INBOX", deliver_described (f, ANN, &one));
  struct ids b = ids_of (f, "INBOX", deliver_described (f, ANN, &two));
  struct ids c = ids_of (f, "INBOX", deliver_described (f, ANN, &late));
  must (SAME (a.thread, b.thread), "two messages that refer to one have different threads");
  must (SAME (a.thread, c.thread), "the message they refer to, coming late, has another thread");
}

RULE (threads_apart, "thread.of-one-account", "Threads are of one account",
      "store.h: \"Messages of one "
      "account\"",
      PTN_STORE_THREADS, 0) {
  struct described mine = { .references = { "1@x" }, .count = 1 };
  struct described theirs = { .references = { "2@x", "1@x" }, .count = 2 };
  struct described none = { .references = { "3@x", "2@x" }, .count = 2 };
  struct ids a = ids_of (f, "INBOX", deliver_described (f, ANN, &mine));
  struct ptn_account *ann = account_switch (f, BOB);
  struct ids b = ids_of (f, "INBOX", deliver_described (f, BOB, &theirs));
  struct ids c = ids_of (f, "INBOX", deliver_described (f, BOB, &none));
  account_back (f, ann);
  must (!SAME (a.thread, b.thread), "messages of two accounts have one thread_id");
  must (SAME (b.thread, c.thread), "an answer in the other account is not in its thread");
}

RULE (threads_many, "thread.many-references",
      "Forty references are taken; of them 32 at most are looked at",
      "store.h: \"The store looks at 32 at most\"", PTN_STORE_THREADS, 0) {
  struct described first = { .references = { "ref30@x" }, .count = 1 };
  struct described many = { .count = 40 };
  many.references[0] = "own@x";
  for (int i = 1; i < 40; i++)
    many.references[i] = g_strdup_printf ("ref%d@x", i);
  struct ids a = ids_of (f, "INBOX", deliver_described (f, ANN, &first));
  struct ids b = ids_of (f, "INBOX", deliver_described (f, ANN, &many));
  must (SAME (a.thread, b.thread), "the 31st of forty references, which is known, gives no thread");
  for (int i = 1; i < 40; i++)
    g_free ((char *)many.references[i]);
}

RULE (threads_nearest, "thread.nearest",
      "Of several references that are known, the nearest gives the "
      "thread",
      "store.h: \"nearest first\"; \"The first one that is known gives the message its "
      "thread\"",
      PTN_STORE_THREADS, 0) {
  struct described near = { .references = { "near@x" }, .count = 1 };
  struct described far = { .references = { "far@x" }, .count = 1 };
  struct described both = { .references = { "c@x", "unknown@x", "near@x", "far@x" }, .count = 4 };
  struct described turned = { .references = { "", "far@x", "near@x" }, .count = 3 };
  struct ids a = ids_of (f, "INBOX", deliver_described (f, ANN, &near));
  struct ids b = ids_of (f, "INBOX", deliver_described (f, ANN, &far));
  struct ids c = ids_of (f, "INBOX", deliver_described (f, ANN, &both));
  struct ids d = ids_of (f, "INBOX", deliver_described (f, ANN, &turned));
  must (SAME (c.thread, a.thread), "a message is not in the thread of the nearest it refers to");
  must (SAME (d.thread, b.thread), "a message without Message-ID is not in the thread of the "
                                   "nearest it refers to");
}

RULE (threads_restart, "thread.restart",
      "What refers to a message from before a restart has its THREADID",
      "store.h, PTN_STORE_THREADS", PTN_STORE_THREADS | PTN_STORE_DURABLE, 0) {
  struct described first = { .references = { "1@x" }, .count = 1 };
  struct described answer = { .references = { "2@x", "1@x" }, .count = 2 };
  struct ids a = ids_of (f, "INBOX", deliver_described (f, ANN, &first));
  fixture_restart (f);
  struct ids b = ids_of (f, "INBOX", deliver_described (f, ANN, &answer));
  must (SAME (a.thread, b.thread), "the answer is in another thread");
}

RULE (described_once, "describe.once",
      "describe is called once, when the source has ended; an error of it "
      "is the result, and nothing is kept",
      "store.h, struct ptn_append: describe", 0, 0) {
  struct described well = { .digest = "d", .references = { "1@x" }, .count = 1 };
  struct described bad = { .status = PTN_E_TEMPORARY };
  deliver_described (f, ANN, &well);
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  struct ptn_source *source = harness_source_new ("x\r\n", 3, 1, true);
  struct ptn_append append = {
    .size = sizeof append, .source = source, .describe = describe, .argument = &bad
  };
  must_give (DO (f, f->store->append (change, &call, &id, &append)), PTN_E_TEMPORARY,
             "append whose describe gives an error");
  must_be (bad.asked, 1, "how often describe was called");
  source_close (source);
  f->store->end (change);
  const struct ptn_target target = TARGET (ANN, "INBOX");
  struct ptn_delivered result = { 0 };
  append.source = source_of (f, "x\r\n", 3);
  must_give (DO (f, f->store->deliver (f->instance, &call, &append, &target, 1, &result)),
             PTN_E_TEMPORARY, "deliver whose describe gives an error");
  source_close (append.source);
  must_be (status_of (f, "INBOX").messages, 1, "messages after that");
  bad.asked = 0;
  append.source = harness_source_failing ("x", 1, PTN_E_DISCONNECTED);
  must_give (DO (f, f->store->deliver (f->instance, &call, &append, &target, 1, &result)),
             PTN_E_DISCONNECTED, "deliver of a source that fails");
  source_close (append.source);
  must_be (bad.asked, 0, "how often describe was called of a source that failed");
}

RULE (short_table, "describe.short-table", "An append whose size ends before describe has none",
      "base.h, Growth rules: \"Test before use: PTN_HAS\"", 0, 0) {
  struct described described = { .digest = "not asked for" };
  const struct ptn_target target = TARGET (ANN, "INBOX");
  struct ptn_delivered result = { 0 };
  struct ptn_append append = { .size = offsetof (struct ptn_append, describe),
                               .source = source_of (f, "old\r\n", 5),
                               .describe = describe,
                               .argument = &described };
  must_do (DO (f, f->store->deliver (f->instance, &call, &append, &target, 1, &result)), "deliver");
  source_close (append.source);
  must_do (result.status, "the result of deliver");
  must_be (described.asked, 0, "how often describe was called, behind the end of its table");
}

RULE (digests_of_all, "digest.many",
      "All targets of a delivery, and each append of a change, have their "
      "digest",
      "store.h, struct ptn_append: describe", PTN_STORE_DIGESTS, 0) {
  struct described all = { .digest = "for all" }, one = { .digest = "one" },
                   two = { .digest = "2" };
  const struct ptn_target targets[] = { TARGET (BOB, "INBOX"), TARGET (ANN, "INBOX"),
                                        TARGET (ANN, "a") };
  struct ptn_delivered results[3] = { 0 };
  struct ptn_append append = { .size = sizeof append,
                               .source = source_of (f, "x\r\n", 3),
                               .describe = describe,
                               .argument = &all };
  must_do (DO (f, f->store->deliver (f->instance, &call, &append, targets, 3, results)), "deliver");
  source_close (append.source);
  must_be (all.asked, 1, "how often describe was called for three targets");
  must_have_digest (f, "INBOX", 1, "for all", 7);
  must_have_digest (f, "a", 1, "for all", 7);
  struct ptn_id id = id_of (f, "INBOX");
  struct ptn_change *change = begin (f, NULL);
  for (int i = 0; i < 2; i++) {
    append.source = source_of (f, "x\r\n", 3);
    append.argument = i ? &two : &one;
    must_do (DO (f, f->store->append (change, &call, &id, &append)), "append");
    source_close (append.source);
  }
  commit (f, change);
  f->store->end (change);
  must_have_digest (f, "INBOX", 2, "one", 3);
  must_have_digest (f, "INBOX", 3, "2", 1);
}

RULE (digests, "digest.kept", "A digest is kept as describe gave it, and shared by copies",
      "store.h, struct ptn_description: digest", PTN_STORE_DIGESTS, 0) {
  static const char digest[] = "v1\0\xff octets";
  struct described described = { .digest = digest, .size = sizeof digest };
  deliver_described (f, ANN, &described);
  deliver (f, ANN, "INBOX", "without\r\n");
  make (f, "a");
  copy_to (f, "INBOX", UID (1), "a", 0);
  must_have_digest (f, "INBOX", 1, digest, sizeof digest);
  must_have_digest (f, "a", 1, digest, sizeof digest);
  expunge (f, "INBOX", UID (1));
  must_have_digest (f, "a", 1, digest, sizeof digest);
  g_autoptr (GBytes) none = digest_of (f, "INBOX", 2);
  must (!none, "a message that was not described has a digest");
}

RULE (digest_size, "digest.size",
      "A digest of 64 KiB is kept; of a greater one the message is kept",
      "store.h: \"64 KiB at most; more is dropped\"", PTN_STORE_DIGESTS, 0) {
  enum { LIMIT = 64 * 1024 };
  g_autofree char *big = g_malloc (LIMIT + 1);
  for (int i = 0; i <= LIMIT; i++)
    big[i] = (char)(i * 31 % 256);
  struct described fits = { .digest = big, .size = LIMIT };
  struct described more = { .digest = big, .size = LIMIT + 1 };
  deliver_described (f, ANN, &fits);
  deliver_described (f, ANN, &more);
  must_have_digest (f, "INBOX", 1, big, LIMIT);
  g_autoptr (GBytes) none = digest_of (f, "INBOX", 2);
  must (!none, "a digest of more than 64 KiB was kept");
  must_have_text (f, "INBOX", 2, "described\r\n");
}

RULE (remembered, "digest.remember",
      "remember keeps a digest that came late; it is a hint, and never harms",
      "store.h, remember: \"A hint: nobody waits for it, it may be lost\"", PTN_STORE_DIGESTS, 0) {
  const struct ptn_id nowhere = { "nowhere" };
  deliver (f, ANN, "INBOX", "x\r\n");
  struct ptn_id id = id_of (f, "INBOX");
  uint64_t modseq = status_of (f, "INBOX").highest_modseq;
  f->store->remember (f->account, &nowhere, 1, (struct ptn_bytes){ "x", 1 });
  f->store->remember (f->account, &id, 77, (struct ptn_bytes){ "x", 1 });
  for (int i = 0; i < 500; i++) { /* it may be lost, but not always */
    f->store->remember (f->account, &id, 1, (struct ptn_bytes){ "late", 4 });
    g_usleep (i < 50 ? 2000 : 10000);
    g_autoptr (GBytes) digest = digest_of (f, "INBOX", 1);
    if (digest) {
      must_have_digest (f, "INBOX", 1, "late", 4);
      must_be (status_of (f, "INBOX").highest_modseq, modseq,
               "highest_modseq after a digest came "
               "late");
      return;
    }
  }
  check_failed (__FILE__, __LINE__, "of 500 digests given to remember none was kept");
}

RULE (digests_survive, "digest.restart", "Digests survive a restart", "store.h, PTN_STORE_DIGESTS",
      PTN_STORE_DIGESTS | PTN_STORE_DURABLE, 0) {
  struct described described = { .digest = "v1 digest" };
  deliver_described (f, ANN, &described);
  fixture_restart (f);
  must_have_digest (f, "INBOX", 1, "v1 digest", 9);
}

RULES (ids, &email_ids_rule, &copied_ids_rule, &ids_survive_rule);
RULES (thread, &threads_join_rule, &threads_unseen_rule, &threads_apart_rule, &threads_many_rule,
       &threads_nearest_rule, &threads_restart_rule);
RULES (digest, &described_once_rule, &short_table_rule, &digests_of_all_rule, &digests_rule,
       &digest_size_rule, &remembered_rule, &digests_survive_rule);
