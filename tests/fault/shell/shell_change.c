/* SPDX-License-Identifier: Apache-2.0 */
/* shell_change.c - commands of store-shell that change the store. */
#include "shell.h"

#include <string.h>

/* "1:4,7" as a set; the array keeps its ranges. */
static struct ptn_uid_set
parse_uids (const char *text, GArray *ranges) {
  g_auto (GStrv) parts = g_strsplit (text, ",", -1);

  for (char **part = parts; *part; part++) {
    struct ptn_uid_range range = { 0, 0 };
    char *end;

    if (strcmp (*part, "-") == 0)
      continue;
    range.first = range.last = (uint32_t)g_ascii_strtoull (*part, &end, 10);
    if (*end == ':')
      range.last = (uint32_t)g_ascii_strtoull (end + 1, NULL, 10);
    g_array_append_val (ranges, range);
  }
  return (struct ptn_uid_set){ (struct ptn_uid_range *)ranges->data, ranges->len };
}

static uint64_t
number (const char *text) {
  return strcmp (text, "none") == 0 ? UINT64_MAX : g_ascii_strtoull (text, NULL, 10);
}

/* A mail; the client keeps its octets until the next. */
static struct ptn_source *
source_of (struct client *client, const char *size, const char *seed) {
  g_free (client->body);
  client->body = shell_body (number (size), number (seed));
  return harness_source_new (client->body, number (size), 0, false);
}

static ptn_status
run_deliver (struct client *client, char **words, size_t count) {
  struct ptn_source *source = source_of (client, words[0], words[1]);
  struct ptn_append append = { .size = sizeof append,
                               .flags = number (words[2]),
                               .internal_date = (int64_t)number (words[1]),
                               .source = source };
  size_t targets_count = (count - 3) / 2;
  g_autofree struct ptn_target *targets = g_new0 (struct ptn_target, targets_count);
  g_autofree struct ptn_delivered *results = g_new0 (struct ptn_delivered, targets_count);
  ptn_status status;

  for (size_t i = 0; i < targets_count; i++)
    targets[i] =
        (struct ptn_target){ words[3 + 2 * i], words[4 + 2 * i], 0, UINT64_MAX, UINT64_MAX };
  status = DO (client, client->store->deliver (client->instance, &call, &append, targets,
                                               targets_count, results));
  source->ops->close (source);
  for (size_t i = 0; status == PTN_OK && i < targets_count; i++) {
    g_string_append_printf (client->answer, " %u", results[i].uid);
    status = results[i].status;
  }
  return status;
}

/* What a step of a change is given. */
struct step {
  struct client *client;
  struct ptn_account *account;
  struct ptn_change *change;
  const struct ptn_id *mailbox; /* NULL: the account itself */
  char **words;                 /* behind ACCOUNT PATH */
};
typedef ptn_status step_run (struct step *);

static void
tell_outcome (struct client *client, struct ptn_change *change) {
  const struct ptn_outcome *outcome;

  if (client->store->outcome (change, 0, &outcome) != PTN_OK)
    return;
  g_string_append_printf (client->answer, " modseq %" G_GUINT64_FORMAT " uids ", outcome->modseq);
  for (size_t i = 0; i < outcome->uids.count; i++)
    g_string_append_printf (client->answer, "%s%u:%u", i ? "," : "", outcome->uids.ranges[i].first,
                            outcome->uids.ranges[i].last);
}

/* Begins, makes the step, commits. */
static ptn_status
run_change (struct client *client, char **words, step_run *step) {
  const struct ptn_store *store = client->store;
  struct ptn_id id;
  struct step given = { .client = client, .words = words + 2 };
  ptn_status status;

  given.account = shell_account (client, words[0], &status);
  if (!given.account)
    return status;
  if (strcmp (words[1], "-") != 0) {
    status = shell_mailbox (client, given.account, words[1], &id);
    given.mailbox = &id;
  }
  if (status == PTN_OK)
    status = DO (client, store->begin (given.account, &call, NULL, &given.change));
  if (status == PTN_OK)
    status = step (&given);
  if (status == PTN_OK)
    status = DO (client, store->commit (given.change, &call));
  if (status == PTN_OK)
    tell_outcome (client, given.change);
  if (given.change)
    store->end (given.change);
  store->close (given.account);
  return status;
}

static ptn_status
step_append (struct step *s) {
  struct ptn_source *source = source_of (s->client, s->words[0], s->words[1]);
  struct ptn_append append = { .size = sizeof append,
                               .flags = number (s->words[2]),
                               .internal_date = (int64_t)number (s->words[1]),
                               .source = source };
  ptn_status status =
      DO (s->client, s->client->store->append (s->change, &call, s->mailbox, &append));

  source->ops->close (source);
  return status;
}

static ptn_status
step_flags (struct step *s) {
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  struct ptn_uid_set uids = parse_uids (s->words[0], ranges);
  ptn_flag_mode mode = s->words[1][0] == 'a'                 ? PTN_FLAGS_ADD
                       : strcmp (s->words[1], "remove") == 0 ? PTN_FLAGS_REMOVE
                                                             : PTN_FLAGS_REPLACE;

  return DO (s->client, s->client->store->set_flags (s->change, &call, s->mailbox, uids, mode,
                                                     number (s->words[2]), UINT64_MAX));
}

static ptn_status
copy_or_move (struct step *s, int move) {
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  struct ptn_uid_set uids = parse_uids (s->words[0], ranges);
  struct ptn_id to;
  ptn_status status = shell_mailbox (s->client, s->account, s->words[1], &to);

  if (status != PTN_OK)
    return status;
  return DO (s->client, s->client->store->copy (s->change, &call, s->mailbox, uids, &to, move));
}

static ptn_status
step_copy (struct step *s) {
  return copy_or_move (s, 0);
}

static ptn_status
step_move (struct step *s) {
  return copy_or_move (s, 1);
}

static ptn_status
step_expunge (struct step *s) {
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  struct ptn_uid_set uids = parse_uids (s->words[0], ranges);

  return DO (s->client, s->client->store->expunge (s->change, &call, s->mailbox, uids, 0));
}

static ptn_status
step_annotate (struct step *s) {
  g_autoptr (GArray) ranges = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  struct ptn_uid_set uids = parse_uids (s->words[0], ranges);
  struct ptn_bytes value = { s->words[2], strlen (s->words[2]) };

  if (strcmp (s->words[2], "-") == 0)
    value = (struct ptn_bytes){ NULL, 0 };
  return DO (s->client,
             s->client->store->annotate (s->change, &call, s->mailbox, uids, s->words[1], value));
}

#define CHANGE(name)                                                        \
  static ptn_status run_##name (struct client *c, char **words, size_t n) { \
    return run_change (c, words, step_##name);                              \
  }
CHANGE (append)
CHANGE (flags)
CHANGE (copy)
CHANGE (move)
CHANGE (expunge)
CHANGE (annotate)

/* Opens the account, runs an expression that may name account, store, words and id, closes. */
#define REQUEST(command, expression)                                                \
  static ptn_status run_##command (struct client *client, char **words, size_t n) { \
    const struct ptn_store *store = client->store;                                  \
    ptn_status status;                                                              \
    struct ptn_account *account = shell_account (client, words[0], &status);        \
    if (!account)                                                                   \
      return status;                                                                \
    status = DO (client, expression);                                               \
    store->close (account);                                                         \
    return status;                                                                  \
  }
#define NAME(text) ((struct ptn_mailbox_name){ NULL, text })
REQUEST (create, store->create (account, &call, NAME (words[1]), 0))
REQUEST (remove, store->remove (account, &call, NAME (words[1])))
REQUEST (rename, store->rename (account, &call, NAME (words[1]), NAME (words[2])))
REQUEST (subscribe, store->subscribe (account, &call, NAME (words[1]), words[2][0] == '1'))
REQUEST (quota, store->set_quota (account, &call,
                                  &(struct ptn_quota){ .size = sizeof (struct ptn_quota),
                                                       .storage_limit = number (words[1]),
                                                       .messages_limit = number (words[2]) }))

static ptn_status
run_keyword (struct client *client, char **words, size_t count) {
  ptn_status status;
  struct ptn_account *account = shell_account (client, words[0], &status);
  struct ptn_id id;
  uint32_t bit = 0;

  if (!account)
    return status;
  status = shell_mailbox (client, account, words[1], &id);
  if (status == PTN_OK)
    status = DO (client, client->store->keyword (account, &call, &id, words[2], 1, &bit));
  g_string_append_printf (client->answer, " %u", bit);
  client->store->close (account);
  return status;
}

static ptn_status
run_remove_account (struct client *client, char **words, size_t count) {
  return DO (client, client->store->remove_account (client->instance, &call, words[0]));
}

const struct command change_commands[] = {
  { "deliver", 5, run_deliver },
  { "append", 5, run_append },
  { "flags", 5, run_flags },
  { "copy", 4, run_copy },
  { "move", 4, run_move },
  { "expunge", 3, run_expunge },
  { "annotate", 5, run_annotate },
  { "create", 2, run_create },
  { "remove", 2, run_remove },
  { "rename", 3, run_rename },
  { "subscribe", 3, run_subscribe },
  { "quota", 3, run_quota },
  { "keyword", 3, run_keyword },
  { "remove-account", 1, run_remove_account },
  { NULL, 0, NULL },
};
