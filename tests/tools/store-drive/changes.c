/* SPDX-License-Identifier: Apache-2.0 */
/* changes.c - change sets: a step alone is a change of its own; between `begin` and `commit` steps
 * are collected.  Deliveries. */
#include "drive.h"

void
change_forget (struct session *s) {
  if (s->change)
    s->drive->store->end (s->change);
  s->change = NULL;
  s->many = false;
  s->steps = 0;
}

ptn_status
run_begin (struct session *s) {
  bool token = s->count > 1;

  if (s->stage == 0) {
    if (s->change || (token && !hex_id (s->words[1], &s->token)))
      return PTN_E_INVALID;
    s->stage = 1;
  }
  PASS (s->drive->store->begin (s->account, &s->call, token ? &s->token : NULL, &s->change));
  s->many = true;
  s->steps = 0;
  return put_ok (s);
}

ptn_status
run_end (struct session *s) {
  change_forget (s);
  return put_ok (s);
}

static void
put_outcome (struct session *s, uint32_t step) {
  const struct ptn_outcome *outcome;

  if (s->drive->store->outcome (s->change, step, &outcome) != PTN_OK) {
    put (s, " 0 0 - - -");
    return;
  }
  put_number (s, outcome->uidvalidity);
  put_number (s, outcome->modseq);
  put_set (s, outcome->source_uids);
  put_set (s, outcome->uids);
  put_set (s, outcome->conflicts);
}

ptn_status
run_commit (struct session *s) {
  ptn_status status;

  if (!s->change)
    return PTN_E_INVALID;
  status = s->drive->store->commit (s->change, &s->call);
  if (status == PTN_PENDING)
    return status;
  for (uint32_t i = 0; status == PTN_OK && i < s->steps; i++) {
    put (s, "*");
    put_outcome (s, i);
    put (s, "\n");
  }
  s->drive->host->call_end (&s->call);
  if (status == PTN_OK) {
    put (s, "OK");
    put_number (s, s->steps);
    put (s, "\n");
  }
  change_forget (s);
  return status;
}

/* Stages 10 and 11: there is a change to add a step to. */
static ptn_status
begun (struct session *s) {
  if (s->stage == 10) {
    if (!s->change)
      PASS (s->drive->store->begin (s->account, &s->call, NULL, &s->change));
    s->stage = 11;
  }
  return PTN_OK;
}

/* Stage 12: the step is added. */
static ptn_status
added (struct session *s) {
  ptn_status status;

  if (s->many) {
    put (s, "OK");
    put_number (s, s->steps++);
    put (s, "\n");
    return PTN_OK;
  }
  status = s->drive->store->commit (s->change, &s->call);
  if (status != PTN_OK)
    return status;
  put (s, "OK");
  put_outcome (s, 0);
  put (s, "\n");
  return PTN_OK;
}

/* Stages 1 and 2: `count` mailboxes that were named become ids. */
static ptn_status
resolved (struct session *s, unsigned count) {
  if (s->stage == 1) {
    PASS (resolve (s, 0));
    s->stage = 2;
  }
  if (s->stage == 2) {
    if (count > 1)
      PASS (resolve (s, 1));
    s->stage = 10;
  }
  return PTN_OK;
}

#define UIDS(s) ((struct ptn_uid_set){ (void *)(s)->set->data, (s)->set->len })

static ptn_status
describe (void *argument, struct ptn_description *description) {
  struct session *s = argument;

  description->digest = s->digest;
  description->references =
      (struct ptn_strings){ (const char *const *)s->references->pdata, s->references->len };
  return PTN_OK;
}

/* "digest=..." and "reference=...", any number of them from a word on: taken out of the line. */
static void
take_description (struct session *s, unsigned number) {
  unsigned keep = number;

  s->digest = (struct ptn_bytes){ NULL, 0 };
  g_ptr_array_set_size (s->references, 0);
  for (unsigned i = number; i < s->count; i++)
    if (g_str_has_prefix (s->words[i], "digest="))
      s->digest = (struct ptn_bytes){ s->words[i] + 7, s->sizes[i] - 7 };
    else if (g_str_has_prefix (s->words[i], "reference="))
      g_ptr_array_add (s->references, s->words[i] + 10);
    else
      s->words[keep++] = s->words[i];
  if (keep < s->count) {
    s->append.describe = describe;
    s->append.argument = s;
  }
  s->count = keep;
}

/* FLAGS DATE, and octets that were sent ("{N}") or are made ("@N[:SEED]"). */
static bool
append_of (struct session *s, unsigned number) {
  uint64_t flags, date, size, seed = 1;
  bool made = s->count == number + 3 && s->words[number + 2][0] == '@';

  if (!number_of (s, number, &flags) || !number_of (s, number + 1, &date))
    return false;
  s->append.flags = flags;
  s->append.internal_date = (int64_t)date;
  if (made) {
    char *end;

    size = g_ascii_strtoull (s->words[number + 2] + 1, &end, 10);
    if (*end == SEPARATOR)
      seed = g_ascii_strtoull (end + 1, &end, 10);
    if (*end)
      return false;
    s->append.source = made_source (size, seed);
  } else
    s->append.source = s->source;
  return s->append.source != NULL;
}

static void
append_done (struct session *s) {
  s->append.source->ops->close (s->append.source);
  if (s->source == s->append.source)
    s->source = NULL;
  s->append.source = NULL;
}

ptn_status
run_append (struct session *s) {
  if (s->stage == 0) {
    s->append = (struct ptn_append){ .size = sizeof s->append };
    take_description (s, 4);
    if (!name_of (s, 1, 0) || !append_of (s, 2))
      return PTN_E_INVALID;
    s->stage = 1;
  }
  PASS (resolved (s, 1));
  PASS (begun (s));
  if (s->stage == 11) {
    PASS (s->drive->store->append (s->change, &s->call, &s->id[0], &s->append));
    s->drive->host->call_end (&s->call);
    append_done (s);
    s->stage = 12;
  }
  return added (s);
}

static ptn_status
copy_or_move (struct session *s, int move) {
  if (s->stage == 0) {
    if (!name_of (s, 1, 0) || !set_of (s, 2) || !name_of (s, 3, 1))
      return PTN_E_INVALID;
    s->stage = 1;
  }
  PASS (resolved (s, 2));
  PASS (begun (s));
  if (s->stage == 11) {
    PASS (s->drive->store->copy (s->change, &s->call, &s->id[0], UIDS (s), &s->id[1], move));
    s->drive->host->call_end (&s->call);
    s->stage = 12;
  }
  return added (s);
}

ptn_status
run_copy (struct session *s) {
  return copy_or_move (s, 0);
}

ptn_status
run_move (struct session *s) {
  return copy_or_move (s, 1);
}

static ptn_flag_mode
mode_of (const struct session *s, unsigned number) {
  return word_is (s, number, "add")      ? PTN_FLAGS_ADD
         : word_is (s, number, "remove") ? PTN_FLAGS_REMOVE
         : word_is (s, number, "set")    ? PTN_FLAGS_REPLACE
                                         : 0;
}

ptn_status
run_flags (struct session *s) {
  uint64_t flags, since = UINT64_MAX;

  if (s->stage == 0) {
    if (!name_of (s, 1, 0) || !set_of (s, 2) || !mode_of (s, 3) || !number_of (s, 4, &flags)
        || (s->count > 5 && !number_of (s, 5, &since)))
      return PTN_E_INVALID;
    s->append.flags = flags;
    s->limit = since;
    s->stage = 1;
  }
  PASS (resolved (s, 1));
  PASS (begun (s));
  if (s->stage == 11) {
    PASS (s->drive->store->set_flags (s->change, &s->call, &s->id[0], UIDS (s), mode_of (s, 3),
                                      s->append.flags, s->limit));
    s->drive->host->call_end (&s->call);
    s->stage = 12;
  }
  return added (s);
}

ptn_status
run_expunge (struct session *s) {
  if (s->stage == 0) {
    if (!name_of (s, 1, 0) || !set_of (s, 2))
      return PTN_E_INVALID;
    s->stage = 1;
  }
  PASS (resolved (s, 1));
  PASS (begun (s));
  if (s->stage == 11) {
    PASS (s->drive->store->expunge (s->change, &s->call, &s->id[0], UIDS (s),
                                    word_is (s, 3, "deleted")));
    s->drive->host->call_end (&s->call);
    s->stage = 12;
  }
  return added (s);
}

/* MAILBOX|- SET|- NAME =VALUE|- */
ptn_status
run_annotate (struct session *s) {
  bool of_account = word_is (s, 1, "-");
  struct ptn_bytes value = { NULL, 0 };

  if (s->stage == 0) {
    if (s->count != 5 || (!of_account && !name_of (s, 1, 0)) || !set_of (s, 2)
        || (s->words[4][0] != '=' && !word_is (s, 4, "-")))
      return PTN_E_INVALID;
    s->stage = of_account ? 10 : 1;
  }
  if (!of_account)
    PASS (resolved (s, 1));
  PASS (begun (s));
  if (s->stage == 11) {
    value_of (s, 4, &value);
    PASS (s->drive->store->annotate (s->change, &s->call, of_account ? NULL : &s->id[0], UIDS (s),
                                     s->words[3], value));
    s->drive->host->call_end (&s->call);
    s->stage = 12;
  }
  return added (s);
}

/* --- fill: many messages that are made ---------------------------------------------------- */

/* MAILBOX COUNT SIZE PER-CHANGE [SEED] */
ptn_status
run_fill (struct session *s) {
  uint64_t count, size, each, seed = 1;

  if (!number_of (s, 2, &count) || !number_of (s, 3, &size) || !number_of (s, 4, &each) || each == 0
      || (s->count > 5 && !number_of (s, 5, &seed)))
    return PTN_E_INVALID;
  if (s->stage == 0) {
    if (s->change || !name_of (s, 1, 0))
      return PTN_E_INVALID;
    s->stage = 1;
  }
  PASS (resolved (s, 1));
  while (s->stage == 12 || s->messages < count) { /* the last change, too, until it is durable */
    PASS (begun (s));
    while (s->stage == 11) {
      if (!s->append.source)
        s->append = (struct ptn_append){ .size = sizeof s->append,
                                         .internal_date = 1700000000 + (int64_t)s->messages,
                                         .source = made_source (size, seed + s->messages) };
      PASS (s->drive->store->append (s->change, &s->call, &s->id[0], &s->append));
      s->drive->host->call_end (&s->call);
      append_done (s);
      if (++s->messages % each == 0 || s->messages == count)
        s->stage = 12;
    }
    PASS (s->drive->store->commit (s->change, &s->call));
    s->drive->host->call_end (&s->call);
    change_forget (s);
    s->stage = 10;
  }
  put (s, "OK");
  put_number (s, s->messages);
  put_time (s);
  put (s, "\n");
  return PTN_OK;
}

/* --- deliveries ---------------------------------------------------------------------------- */

/* ACCOUNT:PATH[:FLAGS[:STORAGE_LIMIT:MESSAGES_LIMIT]] */
static bool
target_of (char *word, struct ptn_target *target) {
  const char separator[] = { SEPARATOR, '\0' };
  char **parts = g_strsplit (word, separator, 5);
  guint count = g_strv_length (parts);
  bool good = count >= 2;
  char *path = good ? strchr (word, SEPARATOR) + 1 : NULL, *rest = path;

  *target = (struct ptn_target){ word, path, 0, UINT64_MAX, UINT64_MAX };
  if (count > 2)
    target->flags = g_ascii_strtoull (parts[2], NULL, 10);
  if (count > 3)
    target->storage_limit = g_ascii_strtoull (parts[3], NULL, 10);
  if (count > 4)
    target->messages_limit = g_ascii_strtoull (parts[4], NULL, 10);
  g_strfreev (parts);
  if (good) {
    path[-1] = '\0';
    rest = strchr (path, SEPARATOR);
    if (rest)
      *rest = '\0';
  }
  return good;
}

/* FLAGS DATE TARGET... {N}, or @N as the last word. */
ptn_status
run_deliver (struct session *s) {
  const struct ptn_target *targets;
  struct ptn_delivered *delivered;

  if (s->stage == 0) {
    s->append = (struct ptn_append){ .size = sizeof s->append };
    take_description (s, 3);
    bool made = s->count > 3 && s->words[s->count - 1][0] == '@';
    unsigned end = s->count - (made ? 1 : 0);
    char *octets = s->words[s->count - 1];

    if (s->count < 4 || end == 3)
      return PTN_E_INVALID;
    g_array_set_size (s->targets, 0);
    for (unsigned i = 3; i < end; i++) {
      struct ptn_target target;

      if (!target_of (s->words[i], &target))
        return PTN_E_INVALID;
      g_array_append_val (s->targets, target);
    }
    if (made)
      s->words[3] = octets;
    s->count = made ? 4 : 3;
    if (!append_of (s, 1))
      return PTN_E_INVALID;
    g_array_set_size (s->delivered, 0);
    g_array_set_size (s->delivered, s->targets->len);
    s->stage = 1;
  }
  targets = (const struct ptn_target *)(void *)s->targets->data;
  delivered = (struct ptn_delivered *)(void *)s->delivered->data;
  PASS (s->drive->store->deliver (s->drive->store_instance, &s->call, &s->append, targets,
                                  s->targets->len, delivered));
  s->drive->host->call_end (&s->call);
  append_done (s);
  put (s, "OK");
  for (guint i = 0; i < s->delivered->len; i++) {
    put (s, " ");
    put (s, status_word (delivered[i].status));
    put (s, ":");
    size_t at = s->out->len;
    put_number (s, delivered[i].uid);
    g_string_erase (s->out, (gssize)at, 1);
  }
  put (s, "\n");
  return PTN_OK;
}
