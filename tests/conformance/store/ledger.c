/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c - the operations of the rules that kill, and their model; see ledger.h. */
#include "ledger.h"

enum kind {
  DELIVER,
  APPEND,
  FLAGS,
  EXPUNGE,
  COPY,
  MOVE,
  NOTE,
  PAIR,
  MAILBOX,
  SUBSCRIBE,
  TOKEN,
  RIGHTS,
  USE,
  LIMIT
};
static const enum kind kinds[] = { DELIVER, DELIVER, DELIVER, DELIVER, APPEND,  APPEND,    FLAGS,
                                   FLAGS,   FLAGS,   EXPUNGE, EXPUNGE, COPY,    MOVE,      NOTE,
                                   NOTE,    PAIR,    PAIR,    MAILBOX, MAILBOX, SUBSCRIBE, TOKEN,
                                   TOKEN,   TOKEN,   RIGHTS,  USE,     LIMIT };
static const char *const rights_words[] = { "", "lr", "lrs", "lrswi" };
#define OTHER "carl@example.test"

static uint64_t
number_of (unsigned worker, unsigned serial) {
  uint64_t z = (subject.seed + 1) * UINT64_C (0x9e3779b97f4a7c15)
               + ((uint64_t)worker << 32 | serial) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ z >> 30) * UINT64_C (0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C (0x94d049bb133111eb);
  return z ^ z >> 31;
}

const char *
model_account (unsigned worker) {
  return worker == 0 ? BOB : ANN; /* two share one */
}

static enum kind
kind_of (const struct model *model) {
  enum kind kind = kinds[number_of (model->worker, model->done) % G_N_ELEMENTS (kinds)];
  if ((kind == NOTE && !(model->has & PTN_STORE_ANNOTATIONS))
      || (kind == RIGHTS && !(model->has & PTN_STORE_ACL))
      || (kind == USE && !(model->has & PTN_STORE_SPECIAL_USE))
      || (kind == LIMIT && !(model->has & PTN_STORE_QUOTA && model->worker == 0)))
    kind = FLAGS; /* two workers share an account: only the other one sets its limit */
  bool needs_message = kind == FLAGS || kind == EXPUNGE || kind == COPY || kind == MOVE
                       || kind == NOTE || kind == PAIR;
  return needs_message && !model->boxes[0]->len ? APPEND : kind;
}

bool
model_repeats (const struct model *model) {
  return model->has & PTN_STORE_TOKENS && kind_of (model) == TOKEN;
}

bool
model_delivers (unsigned worker, unsigned serial) {
  return kinds[number_of (worker, serial) % G_N_ELEMENTS (kinds)] == DELIVER;
}

char *
model_text (unsigned worker, unsigned serial, size_t *size) {
  uint64_t number = number_of (worker, serial);
  size_t length = number >> 20 & 15 ? 30 + (number >> 32) % 3000 : 30 + (number >> 32) % 200000;
  char *text = g_malloc (length + 1);
  int head = g_snprintf (text, 30, "%u.%u\r\n", worker, serial);
  for (size_t i = (size_t)head; i < length; i++)
    text[i] = (char)('a' + (i * 7 + serial) % 26);
  text[length] = '\0';
  *size = length;
  return text;
}

void
model_init (struct model *model, unsigned worker) {
  *model = (struct model){ .worker = worker };
  model->gone = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  for (int i = 0; i < 2; i++)
    model->boxes[i] = g_array_new (FALSE, FALSE, sizeof (struct kept));
}

void
model_free (struct model *model) {
  for (int i = 0; i < 2; i++)
    g_array_unref (model->boxes[i]);
  g_array_unref (model->gone);
}

void
model_copy (struct model *to, const struct model *from) {
  *to = *from;
  for (int i = 0; i < 2; i++)
    to->boxes[i] = g_array_copy (from->boxes[i]);
  to->gone = g_array_copy (from->gone);
}

#define KEPT(array, at) (&g_array_index ((array), struct kept, (at)))

static guint
chosen (const struct model *model) {
  return (guint)((number_of (model->worker, model->done) >> 40) % model->boxes[0]->len);
}

static ptn_flag_bits
new_flags (const struct model *model) {
  return (ptn_flag_bits)(number_of (model->worker, model->done) >> 35 & 31);
}

static unsigned
new_rights (const struct model *model) {
  return (unsigned)(number_of (model->worker, model->done) >> 50 & 3);
}

static uint32_t
new_use (const struct model *model) {
  return UINT32_C (1) << (8 + (number_of (model->worker, model->done) >> 50) % 13);
}

static uint64_t
new_limit (const struct model *model) {
  return UINT64_C (1000000000000) + model->done;
}

static unsigned
child_of (const struct model *model) {
  return (unsigned)(number_of (model->worker, model->done) >> 50 & 3);
}

/* The chosen message leaves the first mailbox. */
static void
leaves (struct model *model) {
  uint32_t uid = KEPT (model->boxes[0], chosen (model))->uid;
  if (uid)
    g_array_append_val (model->gone, uid);
  g_array_remove_index (model->boxes[0], chosen (model));
}

void
model_apply (struct model *model, uint32_t uid) {
  struct kept made = { .serial = model->done, .uid = uid };
  switch (kind_of (model)) {
  case DELIVER:
  case APPEND:
  case TOKEN:
    g_array_append_val (model->boxes[0], made);
    break;
  case FLAGS:
    KEPT (model->boxes[0], chosen (model))->flags = new_flags (model);
    break;
  case EXPUNGE:
    leaves (model);
    break;
  case COPY:
  case MOVE: {
    struct kept copy = *KEPT (model->boxes[0], chosen (model));
    copy.uid = uid;
    copy.note = UINT32_MAX; /* a copy may take annotations along, or not */
    if (kind_of (model) == MOVE)
      leaves (model);
    g_array_append_val (model->boxes[1], copy);
    break;
  }
  case NOTE:
    KEPT (model->boxes[0], chosen (model))->note = model->done;
    break;
  case PAIR:
    leaves (model);
    g_array_append_val (model->boxes[0], made);
    break;
  case MAILBOX:
    model->children[child_of (model)] = !model->children[child_of (model)];
    break;
  case SUBSCRIBE:
    model->subscribed = !model->subscribed;
    break;
  case RIGHTS:
    model->rights = new_rights (model);
    break;
  case USE:
    model->use = new_use (model);
    break;
  case LIMIT:
    model->limit = new_limit (model);
    break;
  }
  model->done++;
}

static uint32_t
only_uid (struct ptn_uid_set set) {
  must (set.count == 1 && set.ranges[0].first == set.ranges[0].last,
        "the outcome of a step with one message has not one UID");
  return set.ranges[0].first;
}

static uint32_t
deliver_two (const struct model *model, struct fixture *f, const char *box, const char *text,
             size_t size) {
  const struct ptn_target targets[] = { TARGET (model_account (model->worker), box),
                                        TARGET ("all@example.test", "INBOX") };
  struct ptn_delivered results[2] = { 0 };
  must_do (deliver_many (f, source_of (f, text, size), 0, targets, 2, results), "deliver");
  must_do (results[0].status, "the result of deliver");
  must_do (results[1].status, "the result of deliver to the second target");
  return results[0].uid;
}

static void
child_toggle (const struct model *model, struct fixture *f, const char *box) {
  g_autofree char *path = g_strdup_printf ("%s/%u", box, child_of (model));
  if (model->children[child_of (model)])
    must_do (drop (f, path), "remove \"%s\"", path);
  else
    make (f, path);
}

void
model_do (const struct model *model, struct fixture *f, uint32_t *uid) {
  const enum kind kind = kind_of (model);
  g_autofree char *box = g_strdup_printf ("w%u", model->worker);
  g_autofree char *other = g_strdup_printf ("w%u-copies", model->worker);
  size_t size = 0;
  g_autofree char *text = model_text (model->worker, model->done, &size);
  *uid = 0;
  if (kind == DELIVER) {
    *uid = deliver_two (model, f, box, text, size);
    return;
  }
  if (kind == MAILBOX) {
    child_toggle (model, f, box);
    return;
  }
  if (kind == SUBSCRIBE) {
    must_do (subscribe (f, box, !model->subscribed), "subscribe");
    return;
  }
  struct ptn_id id = id_of (f, box);
  if (kind == RIGHTS || kind == USE || kind == LIMIT) {
    must_do (kind == RIGHTS ? DO (f, f->store->set_rights (f->account, &call, &id, OTHER,
                                                           rights_words[new_rights (model)]))
             : kind == USE
                 ? DO (f, f->store->set_attributes (f->account, &call, &id, new_use (model)))
                 : set_quota (f, new_limit (model), UINT64_MAX),
             "an operation on a mailbox or the account");
    return;
  }
  const struct ptn_id token = { { 't', (unsigned char)model->worker, (unsigned char)model->done,
                                  (unsigned char)(model->done >> 8) } };
  struct ptn_change *change = begin (f, model_repeats (model) ? &token : NULL);
  const uint32_t old =
      kind == APPEND || kind == TOKEN ? 0 : KEPT (model->boxes[0], chosen (model))->uid;
  g_autofree char *note = g_strdup_printf ("%u", model->done);
  ptn_status status = PTN_OK;
  if (kind == APPEND || kind == PAIR || kind == TOKEN)
    append_text (f, change, box, text);
  if (kind == PAIR || kind == EXPUNGE)
    status = expunge_step (f, change, box, UID (old), 0);
  if (kind == FLAGS)
    status =
        flags_step (f, change, box, UID (old), PTN_FLAGS_REPLACE, new_flags (model), UINT64_MAX);
  if (kind == COPY || kind == MOVE)
    status = copy_step (f, change, box, UID (old), other, kind == MOVE);
  if (kind == NOTE)
    status = DO (f, f->store->annotate (change, &call, &id, UID (old), "/note",
                                        (struct ptn_bytes){ note, strlen (note) }));
  must_do (status, "a step of a change");
  commit (f, change);
  if (kind == APPEND || kind == PAIR || kind == TOKEN || kind == COPY || kind == MOVE)
    *uid = only_uid (outcome (f, change, 0)->uids);
  f->store->end (change);
}

static char *
box_differs (struct model *model, struct fixture *f, int which) {
  g_autofree char *box = g_strdup_printf (which ? "w%u-copies" : "w%u", model->worker);
  GArray *kept = model->boxes[which];
  if (!exists (f, box))
    return g_strdup_printf ("the mailbox \"%s\" is gone", box);
  g_autoptr (GArray) rows = fetch_rows (f, box, NO_UIDS, 0);
  if (rows->len != kept->len)
    return g_strdup_printf ("\"%s\" has %u messages, must have %u", box, rows->len, kept->len);
  for (guint i = 0; i < rows->len; i++) {
    struct kept *message = KEPT (kept, i);
    const struct ptn_message *row = ROW (rows, i);
    size_t size = 0, read_size = 0;
    g_autofree char *text = model_text (model->worker, message->serial, &size), *read = NULL;
    if (message->uid && message->uid != row->uid)
      return g_strdup_printf ("\"%s\": message %u has UID %u, was acknowledged with UID %u", box, i,
                              row->uid, message->uid);
    if (message->flags != row->flags)
      return g_strdup_printf ("\"%s\": UID %u has the flags 0x%x, must have 0x%x", box, row->uid,
                              (unsigned)row->flags, (unsigned)message->flags);
    must_do (read_message (f, box, row->uid, 0, UINT64_MAX, &read, &read_size),
             "read of \"%s\" UID %u after a kill", box, row->uid);
    if (read_size != size || memcmp (read, text, size) != 0)
      return g_strdup_printf ("\"%s\": UID %u has another text, %zu octets beginning \"%.20s\", "
                              "must be %zu beginning \"%.20s\"",
                              box, row->uid, read_size, read, size, text);
    if (model->has & PTN_STORE_ANNOTATIONS && message->note != UINT32_MAX) {
      g_autofree char *note = annotations (f, box, UID (row->uid), 0, "/note");
      g_autofree char *wanted =
          message->note ? g_strdup_printf ("%u /note=%u", row->uid, message->note) : g_strdup ("");
      if (strcmp (note, wanted) != 0)
        return g_strdup_printf ("\"%s\": UID %u has the annotation \"%s\", must have \"%s\"", box,
                                row->uid, note, wanted);
    }
    message->uid = row->uid;
  }
  return NULL;
}

static char *
rights_differ (const struct model *model, struct fixture *f, const char *box) {
  const struct ptn_rights *entries = NULL;
  size_t count = 0;
  char *text = NULL;
  if (!(model->has & PTN_STORE_ACL))
    return NULL;
  struct ptn_id id = id_of (f, box);
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->rights (f->account, &held, &id, &entries, &count)), "rights");
  const char *rights = count ? entries[0].rights : "";
  if (count > 1 || strcmp (rights, rights_words[model->rights]) != 0)
    text = g_strdup_printf ("\"%s\" has %zu entries of rights, the first \"%s\"; it must be \"%s\"",
                            box, count, rights, rights_words[model->rights]);
  END (f, held);
  return text;
}

static bool
set_has (struct ptn_uid_set set, uint32_t uid) {
  for (size_t i = 0; i < set.count; i++)
    if (uid >= set.ranges[i].first && uid <= set.ranges[i].last)
      return true;
  return false;
}

char *
model_differs (struct model *model, struct fixture *f) {
  g_autofree char *box = g_strdup_printf ("w%u", model->worker);
  char *text = box_differs (model, f, 0);
  if (!text)
    text = box_differs (model, f, 1);
  for (unsigned i = 0; !text && i < 4; i++) {
    g_autofree char *path = g_strdup_printf ("%s/%u", box, i);
    if (exists (f, path) != model->children[i])
      text = g_strdup_printf ("the mailbox \"%s\" is %s", path,
                              model->children[i] ? "gone" : "there, and should not be");
  }
  if (!text && !(status_of (f, box).attributes & PTN_MAILBOX_SUBSCRIBED) != !model->subscribed)
    text = g_strdup_printf ("\"%s\" is %s", box,
                            model->subscribed ? "not subscribed any more" : "subscribed again");
  if (!text && model->has & PTN_STORE_SPECIAL_USE
      && (status_of (f, box).attributes & PTN_MAILBOX_SPECIAL_USES) != model->use)
    text = g_strdup_printf ("\"%s\" has the special uses 0x%x, must have 0x%x", box,
                            status_of (f, box).attributes & PTN_MAILBOX_SPECIAL_USES, model->use);
  if (!text && model->limit && quota_of (f).storage_limit != model->limit)
    text = g_strdup_printf ("the limit of the account is %" G_GUINT64_FORMAT
                            ", must be %" G_GUINT64_FORMAT,
                            quota_of (f).storage_limit, model->limit);
  return text ? text : rights_differ (model, f, box);
}

char *
model_vanished_differs (const struct model *model, struct fixture *f, uint64_t since) {
  g_autofree char *box = g_strdup_printf ("w%u", model->worker);
  struct ptn_id id = id_of (f, box);
  struct ptn_uid_set gone = { 0 };
  char *text = NULL;
  struct ptn_call held = CALL (f);
  ptn_status status = HELD (f, f->store->vanished (f->account, &held, &id, since, NULL, &gone));
  if (status != PTN_OK)
    must_give (status, PTN_E_EXPIRED, "vanished of \"%s\" after a kill", box);
  for (guint i = 0; status == PTN_OK && !text && i < model->gone->len; i++)
    if (!set_has (gone, g_array_index (model->gone, uint32_t, i)))
      text = g_strdup_printf ("UID %u left \"%s\", and vanished does not tell it",
                              g_array_index (model->gone, uint32_t, i), box);
  for (guint i = 0; status == PTN_OK && !text && i < model->boxes[0]->len; i++)
    if (set_has (gone, KEPT (model->boxes[0], i)->uid))
      text = g_strdup_printf ("UID %u is in \"%s\", and vanished tells it",
                              KEPT (model->boxes[0], i)->uid, box);
  END (f, held);
  return text;
}
