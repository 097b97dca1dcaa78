/* SPDX-License-Identifier: GPL-3.0-or-later */
/* steps.c - the committer's side of change sets: each step checked against the index as the steps
 * before it leave it, and made into records.  See change.h. */
#include "change.h"

#include "forget.h"
#include "place.h"
#include "request.h"

static GArray *
ranges_new (void) {
  return g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
}

static void
fresh (GArray **array) {
  if (*array)
    g_array_set_size (*array, 0);
  else
    *array = ranges_new ();
}

static ptn_status
mailbox_of (struct txn *txn, const struct place *place, struct mailbox_row *row) {
  return edit_mailbox (&txn->edit, place->user, place->mailbox, row);
}

static ptn_status
within_quota (struct txn *txn, uint32_t user_id, uint64_t octets) {
  struct user_row user;
  ptn_status status = edit_user (&txn->edit, user_id, &user);

  if (status != PTN_OK)
    return status;
  if (user.messages >= user.messages_limit || octets > user.storage_limit
      || user.octets > user.storage_limit - octets)
    return PTN_E_OVERQUOTA;
  return PTN_OK;
}

/* Adds one message to step->place; the record says everything but place, uid and modseq. */
static ptn_status
add_message (struct txn *txn, struct step *step, struct record *record) {
  struct mailbox_row mailbox;
  ptn_status status = mailbox_of (txn, &step->place, &mailbox);

  if (status == PTN_OK && mailbox.uidnext == UINT32_MAX - 1)
    status = PTN_E_LIMIT;
  /* What moves within an account does not make it fuller. */
  if (status == PTN_OK && !(step->move && !step->loaded && step->from.user == step->place.user))
    status = within_quota (txn, step->place.user, record->message.octets);
  if (status != PTN_OK)
    return status;
  record->user = step->place.user;
  record->mailbox = step->place.mailbox;
  record->uid = mailbox.uidnext;
  record->modseq = mailbox.modseq + 1;
  status = txn_emit (txn, record);
  set_append (step->uids, record->uid);
  step->outcome.uidvalidity = mailbox.uidvalidity;
  step->outcome.modseq = record->modseq;
  return status;
}

static ptn_status
do_append (struct ptn_change *change, struct step *step, struct txn *txn) {
  struct record record = { 0 };
  ptn_status status;

  fresh (&step->uids);
  body_describe (&step->body, &record);
  record.user = step->place.user;
  record.message.flags = step->flags;
  record.message.internal_date = step->internal_date;
  record.message.save_date = change->save_date;
  status = flags_known (txn, record.user, step->place.mailbox, &record.message.flags);
  if (status == PTN_OK)
    status = described_put (&step->described, &txn->edit, &record);
  return status == PTN_OK ? add_message (txn, step, &record) : status;
}

/* Keyword bits mean something in their mailbox only. */
struct keyword_map {
  bool ready;
  bool same; /* nothing to translate */
  struct value table;
  int bits[48]; /* in the destination; -1: not asked for yet, -2: no room there */
};

static ptn_status
keyword_make (struct txn *txn, const struct place *place, const char *keyword, int *bit) {
  struct record record = {
    .type = RECORD_KEYWORD, .user = place->user, .mailbox = place->mailbox, .text = keyword
  };
  struct key key;
  uint32_t count = 0;
  ptn_status status;

  key_keywords (&key, place->user, place->mailbox);
  status = edit_get (&txn->edit, &key, &txn->edit.value);
  *bit = status == PTN_OK ? keyword_find (VALUE_READER (&txn->edit.value), keyword, &count) : -1;
  if (*bit >= 0)
    return PTN_OK;
  *bit = -2;
  if (status == PTN_E_CORRUPT || count >= KEYWORDS_MAX)
    return status == PTN_E_CORRUPT ? status : PTN_OK;
  record.number = count;
  *bit = (int)count;
  return txn_emit (txn, &record);
}

static ptn_status
map_bit (struct txn *txn, const struct step *step, struct keyword_map *map, unsigned number) {
  struct reader reader = VALUE_READER (&map->table);
  g_autofree char *keyword = NULL;

  for (unsigned i = 0; i < number && !reader.bad; i++)
    reader_block (&reader);
  keyword = reader_text (&reader);
  map->bits[number] = -2;
  return keyword ? keyword_make (txn, &step->place, keyword, &map->bits[number]) : PTN_OK;
}

static ptn_status
map_flags (struct txn *txn, const struct step *step, struct keyword_map *map, uint64_t *flags) {
  uint64_t mapped = *flags & 0xffff;

  if (*flags >> 16 == 0 || map->same)
    return PTN_OK;
  if (!map->ready) {
    ptn_status status;
    struct key key;

    map->ready = true;
    map->same = step->from.shard == step->place.shard && step->from.user == step->place.user
                && step->from.mailbox == step->place.mailbox;
    if (map->same)
      return PTN_OK;
    key_keywords (&key, step->from.user, step->from.mailbox);
    /* Another shard's index can be read like any other; its changes in flight are not ours. */
    status =
        index_get (&step->from.shard->index,
                   step->from.shard == txn->shard ? txn->edit.changes : NULL, &key, &map->table);
    if (status != PTN_OK && status != PTN_E_NOT_FOUND)
      return status; /* PTN_E_TEMPORARY: that index is being made anew */
  }
  for (unsigned i = 0; i < KEYWORDS_MAX; i++) {
    if (!(*flags & (uint64_t)1 << (16 + i)))
      continue;
    if (map->bits[i] == -1) {
      ptn_status status = map_bit (txn, step, map, i);

      if (status != PTN_OK)
        return status;
    }
    if (map->bits[i] >= 0)
      mapped |= (uint64_t)1 << (16 + map->bits[i]);
  }
  *flags = mapped;
  return PTN_OK;
}

static void
keyword_map_init (struct keyword_map *map) {
  map->ready = map->same = false;
  value_init (&map->table);
  for (unsigned i = 0; i < KEYWORDS_MAX; i++)
    map->bits[i] = -1;
}

static ptn_status
leave (struct txn *txn, const struct place *place, GArray *uids, uint64_t *modseq) {
  struct mailbox_row mailbox;
  ptn_status status = mailbox_of (txn, place, &mailbox);

  if (status != PTN_OK)
    return status;
  *modseq = mailbox.modseq;
  if (uids->len == 0)
    return PTN_OK;
  *modseq = mailbox.modseq + 1;
  return emit_expunge (txn, place->user, place->mailbox, *modseq, SET_OF (uids));
}

static ptn_status
copy_here (struct ptn_change *change, struct step *step, struct txn *txn, struct keyword_map *map) {
  g_autoptr (GArray) messages = NULL;
  struct mailbox_row mailbox;
  uint64_t modseq;
  ptn_status status = mailbox_of (txn, &step->from, &mailbox);

  if (status == PTN_OK)
    status = edit_messages (&txn->edit, step->from.user, step->from.mailbox, SET_OF (step->set),
                            &messages);
  for (guint i = 0; status == PTN_OK && i < messages->len; i++) {
    const struct edit_message *message = &g_array_index (messages, struct edit_message, i);
    struct record record = { .type = RECORD_COPY, .message = message->row };
    struct hashes_row hashes;

    record.message.save_date = change->save_date;
    record.message.flags &= step->allowed;
    status = map_flags (txn, step, map, &record.message.flags);
    if (status == PTN_OK && step->from.user != step->place.user)
      status = described_carry (&txn->edit, step->from.user, &hashes, &record);
    if (status == PTN_OK)
      status = add_message (txn, step, &record);
    if (status == PTN_OK && mailbox.annotations > 0)
      status = carry_here (txn, &step->carry, step->from.user, step->from.mailbox, message->uid,
                           &record);
    set_append (step->source_uids, message->uid);
  }
  if (status == PTN_OK && step->move)
    status = leave (txn, &step->from, step->source_uids, &modseq);
  return status;
}

static ptn_status
copy_loaded (struct ptn_change *change, struct step *step, struct txn *txn,
             struct keyword_map *map) {
  ptn_status status = PTN_OK;

  for (guint i = 0; status == PTN_OK && i < step->loaded->len; i++) {
    const struct loaded *loaded = &g_array_index (step->loaded, struct loaded, i);
    struct record record = { 0 };

    body_describe (&loaded->body, &record);
    record.user = step->place.user;
    record.message.flags = loaded->row.flags & step->allowed;
    record.message.internal_date = loaded->row.internal_date;
    record.message.save_date = change->save_date;
    status = map_flags (txn, step, map, &record.message.flags);
    if (status == PTN_OK)
      status = described_put (&loaded->described, &txn->edit, &record);
    if (status == PTN_OK)
      status = add_message (txn, step, &record);
    if (status == PTN_OK)
      status = carry_put (txn, loaded->carried, &record);
    set_append (step->source_uids, loaded->uid);
  }
  return status;
}

static ptn_status
do_copy (struct ptn_change *change, struct step *step, struct txn *txn) {
  struct keyword_map map;
  struct mailbox_row mailbox;
  ptn_status status = mailbox_of (txn, &step->place, &mailbox);

  fresh (&step->uids);
  fresh (&step->source_uids);
  if (status != PTN_OK)
    return status;
  step->outcome.uidvalidity = mailbox.uidvalidity;
  step->outcome.modseq = mailbox.modseq;
  keyword_map_init (&map);
  status =
      step->loaded ? copy_loaded (change, step, txn, &map) : copy_here (change, step, txn, &map);
  value_clear (&map.table);
  return status;
}

static uint64_t
new_flags (const struct step *step, uint64_t flags, uint64_t old) {
  switch (step->mode) {
  case PTN_FLAGS_ADD:
    return old | flags;
  case PTN_FLAGS_REMOVE:
    return old & ~flags;
  default:
    return (old & ~step->allowed) | flags;
  }
}

static void
free_groups (GArray *groups) {
  for (guint i = 0; i < groups->len; i++)
    g_array_unref (g_array_index (groups, struct flag_group, i).set);
  g_array_unref (groups);
}

/* The set of those that get these flags. */
static GArray *
group_of (GArray *groups, GHashTable *known, uint64_t flags) {
  GArray *set = g_hash_table_lookup (known, &flags);
  struct flag_group group;

  if (set)
    return set;
  group.flags = flags;
  group.set = ranges_new ();
  g_array_append_val (groups, group);
  g_hash_table_insert (known, g_memdup2 (&flags, sizeof flags), group.set);
  return group.set;
}

static ptn_status
do_flags (struct step *step, struct txn *txn) {
  struct record record = { .type = RECORD_FLAGS,
                           .user = step->place.user,
                           .mailbox = step->place.mailbox };
  g_autoptr (GHashTable) known = g_hash_table_new_full (g_int64_hash, g_int64_equal, g_free, NULL);
  g_autoptr (GArray) messages = NULL;
  GArray *groups = g_array_new (FALSE, FALSE, sizeof (struct flag_group));
  GArray *set = NULL; /* of those that get last_flags */
  struct mailbox_row mailbox;
  uint64_t named = step->flags & step->allowed, last_flags = 0;
  ptn_status status = mailbox_of (txn, &step->place, &mailbox);

  fresh (&step->uids);
  fresh (&step->conflicts);
  if (status == PTN_OK)
    status = flags_known (txn, step->place.user, step->place.mailbox, &named);
  if (status == PTN_OK)
    status = edit_messages (&txn->edit, step->place.user, step->place.mailbox, SET_OF (step->set),
                            &messages);
  for (guint i = 0; status == PTN_OK && i < messages->len; i++) {
    const struct edit_message *message = &g_array_index (messages, struct edit_message, i);
    uint64_t flags = new_flags (step, named, message->row.flags);

    if (message->row.modseq > step->unchanged_since)
      set_append (step->conflicts, message->uid);
    else if (flags != message->row.flags) {
      if (!set || flags != last_flags)
        set = group_of (groups, known, flags);
      last_flags = flags;
      set_append (set, message->uid);
      set_append (step->uids, message->uid);
    }
  }
  step->outcome.uidvalidity = mailbox.uidvalidity;
  step->outcome.modseq = mailbox.modseq;
  if (status == PTN_OK && groups->len > 0) {
    record.groups = (struct flag_group *)(void *)groups->data;
    record.group_count = groups->len;
    record.modseq = step->outcome.modseq = mailbox.modseq + 1;
    status = txn_emit (txn, &record);
  }
  free_groups (groups);
  return status;
}

static ptn_status
do_expunge (struct step *step, struct txn *txn) {
  g_autoptr (GArray) messages = NULL;
  struct mailbox_row mailbox;
  ptn_status status = mailbox_of (txn, &step->place, &mailbox);

  fresh (&step->uids);
  if (status != PTN_OK)
    return status;
  step->outcome.uidvalidity = mailbox.uidvalidity;
  status = edit_messages (&txn->edit, step->place.user, step->place.mailbox, SET_OF (step->set),
                          &messages);
  for (guint i = 0; status == PTN_OK && i < messages->len; i++) {
    const struct edit_message *message = &g_array_index (messages, struct edit_message, i);

    if (!step->only_deleted || message->row.flags & PTN_DELETED)
      set_append (step->uids, message->uid);
  }
  return status == PTN_OK ? leave (txn, &step->place, step->uids, &step->outcome.modseq) : status;
}

static ptn_status
do_annotate (struct ptn_change *change, struct step *step, struct txn *txn) {
  struct record record = { .type = RECORD_ANNOTATE,
                           .user = step->place.user,
                           .mailbox = step->place.mailbox,
                           .text = step->name };
  struct mailbox_row mailbox = { 0 };
  g_autoptr (GArray) messages = NULL;
  ptn_status status = PTN_OK;

  fresh (&step->uids);
  if (step->place.mailbox == 0)
    status = place_user (txn, change->account_name, &record.user);
  else {
    status = mailbox_of (txn, &step->place, &mailbox);
    record.modseq = mailbox.modseq + 1;
  }
  if (status == PTN_OK && step->set->len > 0) {
    status = edit_messages (&txn->edit, record.user, record.mailbox, SET_OF (step->set), &messages);
    for (guint i = 0; status == PTN_OK && i < messages->len; i++)
      set_append (step->uids, g_array_index (messages, struct edit_message, i).uid);
    if (status == PTN_OK && step->uids->len == 0)
      return PTN_OK;
  }
  if (status != PTN_OK)
    return status;
  record.set = SET_OF (step->uids);
  if (step->value)
    record.value.data = g_bytes_get_data (step->value, &record.value.size);
  else
    record.attributes = RECORD_NO_VALUE;
  step->outcome.uidvalidity = mailbox.uidvalidity;
  step->outcome.modseq = record.modseq;
  return txn_emit (txn, &record);
}

static ptn_status
do_step (struct ptn_change *change, struct step *step, struct txn *txn) {
  switch (step->kind) {
  case STEP_APPEND:
    return do_append (change, step, txn);
  case STEP_COPY:
    return do_copy (change, step, txn);
  case STEP_FLAGS:
    return do_flags (step, txn);
  case STEP_EXPUNGE:
    return do_expunge (step, txn);
  default:
    return do_annotate (change, step, txn);
  }
}

/* What a token remembers: for each step of this shard its number and outcome. */
static void
encode_outcomes (const struct ptn_change *change, const struct shard *shard, struct octets *out) {
  static const struct ptn_uid_set none = { NULL, 0 };

  for (guint i = 0; i < change->steps->len; i++) {
    const struct step *step = change->steps->pdata[i];

    if (step->place.shard != shard)
      continue;
    octets_varint (out, i);
    octets_varint (out, step->outcome.uidvalidity);
    octets_varint (out, step->outcome.modseq);
    octets_set (out, step->source_uids ? SET_OF (step->source_uids) : none);
    octets_set (out, step->uids ? SET_OF (step->uids) : none);
    octets_set (out, step->conflicts ? SET_OF (step->conflicts) : none);
  }
}

static ptn_status
decode_outcomes (struct ptn_change *change, struct reader reader) {
  while (reader.at < reader.end && !reader.bad) {
    uint64_t number = reader_varint (&reader);
    struct step *step;

    if (number >= change->steps->len)
      return PTN_E_INVALID; /* not the steps that were committed with this token */
    step = change->steps->pdata[number];
    fresh (&step->source_uids);
    fresh (&step->uids);
    fresh (&step->conflicts);
    step->outcome.uidvalidity = reader_varint32 (&reader);
    step->outcome.modseq = reader_varint (&reader);
    reader_set (&reader, step->source_uids);
    reader_set (&reader, step->uids);
    reader_set (&reader, step->conflicts);
  }
  return reader.bad ? PTN_E_CORRUPT : PTN_OK;
}

/* The account whose rows remember the token in this shard. */
static ptn_status
token_user (struct ptn_change *change, struct txn *txn, uint32_t *user) {
  for (guint i = 0; i < change->steps->len; i++) {
    const struct step *step = change->steps->pdata[i];

    if (step->place.shard == txn->shard && step->place.user != 0) {
      *user = step->place.user;
      return PTN_OK;
    }
  }
  return place_user (txn, change->account_name, user);
}

/* PTN_END: these steps were done before; their outcomes are there again. */
static ptn_status
look_for_token (struct ptn_change *change, struct txn *txn, uint32_t user) {
  struct key key;
  ptn_status status;

  key_token (&key, user, &change->token);
  status = edit_get (&txn->edit, &key, &txn->edit.value);
  if (status == PTN_E_NOT_FOUND)
    return PTN_OK;
  if (status == PTN_OK) {
    struct reader reader = VALUE_READER (&txn->edit.value);
    int64_t time;

    status = token_row_get (&reader, &time) ? decode_outcomes (change, reader) : PTN_E_CORRUPT;
  }
  return status == PTN_OK ? PTN_END : status;
}

static ptn_status
emit_token (struct ptn_change *change, struct txn *txn, uint32_t user) {
  struct record record = { .type = RECORD_TOKEN, .user = user, .token = change->token };
  struct octets coded = { 0 };
  ptn_status status;

  encode_outcomes (change, txn->shard, &coded);
  record.value = (struct ptn_bytes){ coded.data, coded.size };
  status = txn_emit (txn, &record);
  octets_clear (&coded);
  return status;
}

/* The messages that have arrived in other shards leave this one. */
static ptn_status
second_round (struct ptn_change *change, struct txn *txn) {
  for (guint i = 0; i < change->steps->len; i++) {
    struct step *step = change->steps->pdata[i];
    uint64_t modseq;
    ptn_status status;

    if (!step->loaded || !step->move || step->from.shard != txn->shard)
      continue;
    status = leave (txn, &step->from, step->source_uids, &modseq);
    if (status != PTN_OK && status != PTN_E_NOT_FOUND)
      return status;
  }
  return PTN_OK;
}

ptn_status
steps_prepare (struct op *base, struct txn *txn) {
  struct change_op *op = (struct change_op *)base;
  struct ptn_change *change = op->change;
  uint32_t user = 0;
  ptn_status status = PTN_OK;

  if (op->second)
    return second_round (change, txn);
  if (change->has_token) {
    status = token_user (change, txn, &user);
    if (status == PTN_OK)
      status = look_for_token (change, txn, user);
    if (status == PTN_END)
      return PTN_OK;
  }
  for (guint i = 0; status == PTN_OK && i < change->steps->len; i++) {
    struct step *step = change->steps->pdata[i];

    if (step->place.shard == txn->shard)
      status = do_step (change, step, txn);
  }
  if (status == PTN_OK && change->has_token)
    status = emit_token (change, txn, user);
  return status;
}
