/* SPDX-License-Identifier: Apache-2.0 */
/* words_change.c - what rules say to change something: deliveries, changes, annotations; see
 * kit.h. */
#define CONFORMANCE_WORDS
#include "kit.h"

ptn_status
deliver_many (struct fixture *f, struct ptn_source *source, ptn_flag_bits flags,
              const struct ptn_target *targets, size_t count, struct ptn_delivered *results) {
  struct ptn_append append = {
    .size = sizeof append, .flags = flags, .internal_date = 1234567890, .source = source
  };
  ptn_status status =
      DO (f, f->store->deliver (f->instance, &call, &append, targets, count, results));
  source_close (source);
  return status;
}

uint32_t
deliver_octets (struct fixture *f, const char *account, const char *path, const void *data,
                size_t size) {
  struct ptn_source *source = source_of (f, data, size);
  struct ptn_append append = { .size = sizeof append,
                               .internal_date = 1000000000,
                               .source = source };
  const struct ptn_target target = TARGET (account, path);
  struct ptn_delivered result = { 0 };
  must_do (DO (f, f->store->deliver (f->instance, &call, &append, &target, 1, &result)),
           "deliver %zu octets to \"%s\" of %s", size, path, account);
  source_close (source);
  must_do (result.status, "the result of deliver of %zu octets to \"%s\" of %s", size, path,
           account);
  must (result.uid != 0, "deliver to \"%s\" of %s gave PTN_OK and UID 0", path, account);
  return result.uid;
}

uint32_t
deliver (struct fixture *f, const char *account, const char *path, const char *text) {
  return deliver_octets (f, account, path, text, strlen (text));
}

struct ptn_change *
begin (struct fixture *f, const struct ptn_id *token) {
  struct ptn_change *change = NULL;
  must_do (DO (f, f->store->begin (f->account, &call, token, &change)), "begin of a change%s",
           token ? " with a token" : "");
  must (change, "begin gave PTN_OK and no change");
  return change;
}

ptn_status
commit_try (struct fixture *f, struct ptn_change *change) {
  return DO (f, f->store->commit (change, &call));
}

void
commit (struct fixture *f, struct ptn_change *change) {
  must_do (commit_try (f, change), "commit");
}

const struct ptn_outcome *
outcome (struct fixture *f, struct ptn_change *change, uint32_t step) {
  const struct ptn_outcome *result = NULL;
  must_do (f->store->outcome (change, step, &result), "outcome of step %u after commit", step);
  must (result, "outcome of step %u gave PTN_OK and no row", step);
  return result;
}

void
append_text (struct fixture *f, struct ptn_change *change, const char *path, const char *text) {
  struct ptn_id id = id_of (f, path);
  struct ptn_source *source = source_of (f, text, strlen (text));
  struct ptn_append append = { .size = sizeof append, .internal_date = 5, .source = source };
  must_do (DO (f, f->store->append (change, &call, &id, &append)), "append to \"%s\"", path);
  source_close (source);
}

ptn_status
copy_step (struct fixture *f, struct ptn_change *change, const char *from, struct ptn_uid_set uids,
           const char *to, int move) {
  struct ptn_id from_id = id_of (f, from), to_id = id_of (f, to);
  return DO (f, f->store->copy (change, &call, &from_id, uids, &to_id, move));
}

ptn_status
flags_step (struct fixture *f, struct ptn_change *change, const char *path, struct ptn_uid_set uids,
            ptn_flag_mode mode, ptn_flag_bits bits, uint64_t unchanged_since) {
  struct ptn_id id = id_of (f, path);
  return DO (f, f->store->set_flags (change, &call, &id, uids, mode, bits, unchanged_since));
}

ptn_status
expunge_step (struct fixture *f, struct ptn_change *change, const char *path,
              struct ptn_uid_set uids, int only_deleted) {
  struct ptn_id id = id_of (f, path);
  return DO (f, f->store->expunge (change, &call, &id, uids, only_deleted));
}

void
set_flags (struct fixture *f, const char *path, struct ptn_uid_set uids, ptn_flag_mode mode,
           ptn_flag_bits bits) {
  struct ptn_change *change = begin (f, NULL);
  must_do (flags_step (f, change, path, uids, mode, bits, UINT64_MAX), "set_flags in \"%s\"", path);
  commit (f, change);
  f->store->end (change);
}

void
expunge (struct fixture *f, const char *path, struct ptn_uid_set uids) {
  struct ptn_change *change = begin (f, NULL);
  must_do (expunge_step (f, change, path, uids, 0), "expunge in \"%s\"", path);
  commit (f, change);
  f->store->end (change);
}

void
copy_to (struct fixture *f, const char *from, struct ptn_uid_set uids, const char *to, int move) {
  struct ptn_change *change = begin (f, NULL);
  must_do (copy_step (f, change, from, uids, to, move), "%s from \"%s\" to \"%s\"",
           move ? "move" : "copy", from, to);
  commit (f, change);
  f->store->end (change);
}

ptn_status
annotate_try (struct fixture *f, const char *path, struct ptn_uid_set uids, const char *name,
              const void *value, size_t size) {
  struct ptn_id id = { { 0 } };
  if (path)
    id = id_of (f, path);
  struct ptn_change *change = begin (f, NULL);
  ptn_status status = DO (f, f->store->annotate (change, &call, path ? &id : NULL, uids, name,
                                                 (struct ptn_bytes){ value, size }));
  if (status == PTN_OK)
    status = commit_try (f, change);
  f->store->end (change);
  return status;
}

void
annotate (struct fixture *f, const char *path, struct ptn_uid_set uids, const char *name,
          const char *value) {
  must_do (annotate_try (f, path, uids, name, value, value ? strlen (value) : 0),
           "annotate \"%s\" of %s", name, path ? path : "the account");
}

char *
annotations (struct fixture *f, const char *path, struct ptn_uid_set uids, int all,
             const char *name) {
  GString *text = g_string_new (NULL);
  struct ptn_id id = { { 0 } };
  struct ptn_cursor *cursor = NULL;
  const struct ptn_annotation *row;
  if (path)
    id = id_of (f, path);
  must_do (DO (f, f->store->annotations (f->account, &call, path ? &id : NULL, uids, all, name,
                                         &cursor)),
           "annotations of %s", path ? path : "the account");
  for (;;) {
    struct ptn_call held = CALL (f);
    ptn_status status = HELD (f, f->store->next_annotation (cursor, &held, &row));
    if (status == PTN_OK)
      g_string_append_printf (text, "%s%u %s=%.*s", text->len ? ", " : "", row->uid, row->name,
                              (int)row->value.size, (const char *)row->value.data);
    END (f, held);
    if (status == PTN_END)
      break;
    must_do (status, "next_annotation");
  }
  f->store->close_cursor (cursor);
  return g_string_free (text, FALSE);
}

void
must_annotate (struct fixture *f, const char *path, struct ptn_uid_set uids, int all,
               const char *name, const char *wanted) {
  g_autofree char *rows = annotations (f, path, uids, all, name);
  must_read (rows, wanted, "the annotations (\"UID name=value\") of %s%s%s%s",
             path ? path : "the account", name ? " with the name " : "", name ? name : "",
             all ? ", all messages" : "");
}
