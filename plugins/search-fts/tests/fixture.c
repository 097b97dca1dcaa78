/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.c - see fixture.h. */
#include "fixture.h"

#include "common/text/comparator.h"

#include <glib/gstdio.h>

const char *module_index, *module_store;
const char *store_settings[8];
static const char *const names[BOXES] = { "INBOX", "Archive", "Sent" };

bool
fixture_survives (void) {
  return strstr (module_store, "memory") == NULL;
}

static ptn_status
ended (struct fixture *fixture, ptn_status status) {
  fixture->host->call_end (&fixture->call);
  fixture->call.task = fixture->task;
  return status;
}

#define DO(what) assert_int_equal (ended (fixture, HARNESS_AWAIT (fixture->task, what)), PTN_OK)

static void
look_at (struct fixture *fixture, unsigned number, bool make) {
  struct ptn_mailbox_name name = { NULL, names[number] };
  const struct ptn_mailbox *mailbox;
  if (make)
    DO (fixture->store->create (fixture->account, &fixture->call, name, 0));
  assert_int_equal (HARNESS_AWAIT (fixture->task,
                                   fixture->store->status (fixture->account, &fixture->call, name,
                                                           &mailbox)),
                    PTN_OK);
  fixture->places[number].id = mailbox->id;
  fixture->places[number].uidvalidity = mailbox->uidvalidity;
  fixture->places[number].uidnext = mailbox->uidnext;
  ended (fixture, PTN_OK);
}

void
fixture_start (struct fixture *fixture) {
  fixture->harness = harness_new ();
  harness_set_state (fixture->harness, fixture->state);
  assert_int_equal (harness_load (fixture->harness, module_store, store_settings), PTN_OK);
  assert_int_equal (harness_load (fixture->harness, module_index, fixture->index_settings), PTN_OK);
  assert_int_equal (harness_start (fixture->harness), PTN_OK);
  fixture->host = harness_host (fixture->harness);
  struct ptn_binding found = harness_find (fixture->harness, PTN_STORE_ID, NULL);
  fixture->store = found.table;
  fixture->store_instance = found.instance;
  found = harness_find (fixture->harness, PTN_SEARCH_INDEX_ID, NULL);
  fixture->index = found.table;
  fixture->index_instance = found.instance;
  fixture->task = harness_task_new (fixture->harness);
  fixture->open = fixture->call = (struct ptn_call){ .task = fixture->task };
  fixture->identity = (struct ptn_identity){ .size = sizeof fixture->identity,
                                             .authcid = "ann",
                                             .authzid = "ann",
                                             .domain = "",
                                             .account = "ann" };
  assert_int_equal (HARNESS_AWAIT (fixture->task,
                                   fixture->store->open (fixture->store_instance, &fixture->open,
                                                         &fixture->identity, &fixture->account)),
                    PTN_OK);
}

void
fixture_stop (struct fixture *fixture) {
  if (!fixture->harness)
    return;
  fixture->store->close (fixture->account);
  fixture->host->call_end (&fixture->open);
  harness_task_free (&fixture->task);
  harness_stop (fixture->harness);
  harness_free (&fixture->harness);
}

void
fixture_restart (struct fixture *fixture) {
  fixture_stop (fixture);
  fixture_start (fixture);
}

static void
mail_free (void *data) {
  struct mail *mail = data;
  g_free (mail->subject);
  g_free (mail->body);
  g_free (mail);
}

struct fixture *
fixture_new (const char *const *index_settings, uint32_t seed) {
  struct fixture *fixture = g_new0 (struct fixture, 1);
  fixture->index_settings = index_settings;
  fixture->dice = g_rand_new_with_seed (seed);
  fixture->state = g_dir_make_tmp ("postern-search-XXXXXX", NULL);
  fixture_start (fixture);
  for (unsigned i = 0; i < BOXES; i++) {
    fixture->places[i].mails = g_ptr_array_new_with_free_func (mail_free);
    look_at (fixture, i, true);
  }
  return fixture;
}

static void
remove_all (const char *path) {
  if (g_file_test (path, G_FILE_TEST_IS_DIR) && !g_file_test (path, G_FILE_TEST_IS_SYMLINK)) {
    g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
    for (const char *name; (name = g_dir_read_name (folder));) {
      g_autofree char *below = g_build_filename (path, name, NULL);
      remove_all (below);
    }
  }
  g_remove (path);
}

void
fixture_free (struct fixture **pointer) {
  struct fixture *fixture = *pointer;
  fixture_stop (fixture);
  for (unsigned i = 0; i < BOXES; i++)
    g_ptr_array_free (fixture->places[i].mails, TRUE);
  g_rand_free (fixture->dice);
  remove_all (fixture->state);
  g_free (fixture->state);
  g_free (fixture);
  *pointer = NULL;
}

static char *
find_file (const char *folder) {
  g_autoptr (GDir) open = g_dir_open (folder, 0, NULL);
  char *found = NULL;
  for (const char *name; open && !found && (name = g_dir_read_name (open));) {
    g_autofree char *path = g_build_filename (folder, name, NULL);
    if (g_str_has_suffix (name, ".sqlite"))
      found = g_steal_pointer (&path);
    else if (g_file_test (path, G_FILE_TEST_IS_DIR))
      found = find_file (path);
  }
  return found;
}

char *
fixture_file (struct fixture *fixture) {
  return find_file (fixture->state);
}

/* --- changes --------------------------------------------------------------------------------- */

static void
add_to_model (struct place *place, uint32_t uid, const char *subject, const char *body) {
  struct mail *mail = g_new0 (struct mail, 1);
  mail->uid = uid;
  mail->subject = g_strdup (subject);
  mail->body = g_strdup (body);
  g_ptr_array_add (place->mails, mail);
  place->uidnext = uid + 1;
}

uint32_t
fixture_append (struct fixture *fixture, unsigned number, const char *octets, size_t size) {
  struct place *place = &fixture->places[number];
  struct ptn_source *source = harness_source_new (octets, size, 0, false);
  struct ptn_append append = { .size = sizeof append, .source = source };
  struct ptn_change *change;
  const struct ptn_outcome *outcome;
  DO (fixture->store->begin (fixture->account, &fixture->call, NULL, &change));
  DO (fixture->store->append (change, &fixture->call, &place->id, &append));
  DO (fixture->store->commit (change, &fixture->call));
  assert_int_equal (fixture->store->outcome (change, 0, &outcome), PTN_OK);
  uint32_t uid = outcome->uids.ranges[0].first;
  place->uidnext = uid + 1;
  fixture->store->end (change);
  source->ops->close (source);
  return uid;
}

void
fixture_add (struct fixture *fixture, unsigned number, const char *subject, const char *body) {
  g_autofree char *text = g_strdup_printf (
      "Subject: %s\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: 8bit\r\n\r\n%s\r\n",
      subject, body);
  uint32_t uid = fixture_append (fixture, number, text, strlen (text));
  add_to_model (&fixture->places[number], uid, subject, body);
}

void
fixture_copy (struct fixture *fixture, unsigned from, unsigned to, unsigned at, bool move) {
  struct place *source = &fixture->places[from], *target = &fixture->places[to];
  const struct mail *mail = source->mails->pdata[at];
  struct ptn_uid_range range = { mail->uid, mail->uid };
  struct ptn_change *change;
  const struct ptn_outcome *outcome;
  DO (fixture->store->begin (fixture->account, &fixture->call, NULL, &change));
  DO (fixture->store->copy (change, &fixture->call, &source->id, (struct ptn_uid_set){ &range, 1 },
                            &target->id, move));
  DO (fixture->store->commit (change, &fixture->call));
  assert_int_equal (fixture->store->outcome (change, 0, &outcome), PTN_OK);
  add_to_model (target, outcome->uids.ranges[0].first, mail->subject, mail->body);
  fixture->store->end (change);
  if (move)
    g_ptr_array_remove_index (source->mails, at);
}

void
fixture_expunge (struct fixture *fixture, unsigned number, unsigned at) {
  struct place *place = &fixture->places[number];
  const struct mail *mail = place->mails->pdata[at];
  struct ptn_uid_range range = { mail->uid, mail->uid };
  struct ptn_change *change;
  DO (fixture->store->begin (fixture->account, &fixture->call, NULL, &change));
  DO (fixture->store->expunge (change, &fixture->call, &place->id,
                               (struct ptn_uid_set){ &range, 1 }, 0));
  DO (fixture->store->commit (change, &fixture->call));
  fixture->store->end (change);
  g_ptr_array_remove_index (place->mails, at);
}

/* --- questions -------------------------------------------------------------------------------- */

ptn_status
fixture_query (struct fixture *fixture, unsigned number, const struct ptn_search_term *terms,
               size_t count, struct ptn_call *call, const struct ptn_search_result **result) {
  struct place *place = &fixture->places[number];
  struct ptn_search_query query = { .size = sizeof query,
                                    .owner = "ann",
                                    .mailbox = place->id,
                                    .uidvalidity = place->uidvalidity,
                                    .uidnext = place->uidnext,
                                    .terms = terms,
                                    .count = count };
  *call = (struct ptn_call){ .task = fixture->task };
  return HARNESS_AWAIT (fixture->task,
                        fixture->index->query (fixture->index_instance, call, &query, result));
}

static bool
contains (const char *text, const char *needle) {
  g_autofree char *folded =
      comparator_folded (COMPARATOR_UNICODE_CASEMAP, text, strlen (text), NULL);
  return strstr (folded, needle) != NULL;
}

static bool
model_has (const struct mail *mail, ptn_search_scope scope, const char *field, const char *needle) {
  g_autofree char *line = g_strconcat ("Subject: ", mail->subject, NULL);
  static const char rest[] = "MIME-Version: 1.0\n"
                             "Content-Type: text/plain; charset=utf-8\n"
                             "Content-Transfer-Encoding: 8bit\n";
  bool subject = contains (line, needle), body = contains (mail->body, needle);
  switch (scope) {
  case PTN_SEARCH_HEADER:
    if (field)
      return g_ascii_strcasecmp (field, "subject") == 0 && contains (mail->subject, needle);
    return subject || contains (rest, needle);
  case PTN_SEARCH_BODY:
    return body;
  default:
    return subject || body || contains (rest, needle);
  }
}

bool
fixture_has (struct ptn_uid_set set, uint32_t uid) {
  for (size_t i = 0; i < set.count; i++)
    if (set.ranges[i].first <= uid && uid <= set.ranges[i].last)
      return true;
  return false;
}

void
fixture_check (struct fixture *fixture, unsigned number, ptn_search_scope scope, const char *field,
               const char *text) {
  size_t size;
  g_autofree char *needle =
      comparator_folded (COMPARATOR_UNICODE_CASEMAP, text, strlen (text), &size);
  struct ptn_search_term term = { .scope = scope, .field = field, .needle = { needle, size } };
  const struct ptn_search_result *result;
  struct ptn_call call;
  ptn_status status = fixture_query (fixture, number, &term, 1, &call, &result);
  if (g_utf8_strlen (needle, -1) < 3) {
    assert_int_equal (status, PTN_E_UNSUPPORTED);
    fixture->host->call_end (&call);
    return;
  }
  if (status != PTN_OK) {
    g_autofree char *log = harness_log_take (fixture->harness);
    fail_msg ("the query failed with status %d: %s", status, log);
  }
  assert_int_equal (result->count, 1);
  assert_true (result->uidnext >= fixture->places[number].uidnext);
  if (!fixture->impatient)
    assert_int_equal (result->unknown.count, 0);
  fixture->unknown = result->unknown.count;
  const struct ptn_search_found *found = &result->found[0];
  assert_int_equal (found->verify, 0);
  GPtrArray *mails = fixture->places[number].mails;
  for (guint i = 0; i < mails->len; i++) {
    const struct mail *mail = mails->pdata[i];
    if (fixture_has (result->unknown, mail->uid))
      continue;
    if (fixture_has (found->uids, mail->uid) != model_has (mail, scope, field, needle))
      fail_msg ("uid %u scope %u needle \"%s\": index says %d; subject %s; body %s", mail->uid,
                scope, needle, fixture_has (found->uids, mail->uid), mail->subject, mail->body);
  }
  for (size_t i = 1; i < found->uids.count; i++)
    assert_true (found->uids.ranges[i - 1].last < found->uids.ranges[i].first);
  fixture->host->call_end (&call);
}

/* --- texts ------------------------------------------------------------------------------------ */

char *
fixture_text (GRand *dice, unsigned words) {
  static const struct {
    gunichar first, last;
  } scripts[] = { { 'a', 'h' },         { 'A', 'H' },         { 0xc0, 0xff },
                  { 0x100, 0x17f },     { 0x391, 0x3c9 },     { 0x410, 0x44f },
                  { 0x5d0, 0x5ea },     { 0x621, 0x63a },     { 0x905, 0x939 },
                  { 0xe01, 0xe2e },     { 0x3041, 0x3096 },   { 0x4e00, 0x4e40 },
                  { 0xac00, 0xac80 },   { 0xfb00, 0xfb06 },   { 0x1f600, 0x1f640 },
                  { 0x1d400, 0x1d433 }, { 0x10400, 0x1044f }, { 0x21, 0x2f } };
  GString *text = g_string_new (NULL);
  for (unsigned i = 0; i < words; i++) {
    int script = g_rand_int_range (dice, 0, G_N_ELEMENTS (scripts));
    for (int length = g_rand_int_range (dice, 1, 8); length > 0; length--) {
      gunichar character = (gunichar)g_rand_int_range (dice, (gint32)scripts[script].first,
                                                       (gint32)scripts[script].last + 1);
      g_string_append_unichar (text, g_unichar_isdefined (character) ? character : 'e');
    }
    if (i + 1 < words)
      g_string_append_c (text, ' ');
  }
  return g_string_free (text, FALSE);
}
