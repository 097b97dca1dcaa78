/* SPDX-License-Identifier: Apache-2.0 */
/* ledger.c - the operations of the rules that kill, and their model; see ledger.h. */
#include "ledger.h"

enum kind { DELIVER, APPEND, FLAGS, EXPUNGE, COPY, MOVE, NOTE, PAIR, MAILBOX, SUBSCRIBE };
static const enum kind kinds[] = { DELIVER, DELIVER, DELIVER, DELIVER, APPEND,  APPEND,   FLAGS,
                                   FLAGS,   FLAGS,   EXPUNGE, EXPUNGE, COPY,    MOVE,     NOTE,
                                   NOTE,    PAIR,    PAIR,    MAILBOX, MAILBOX, SUBSCRIBE };

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
  if (kind == NOTE && !model->notes)
    return FLAGS;
  bool needs_message = kind == FLAGS || kind == EXPUNGE || kind == COPY || kind == MOVE
                       || kind == NOTE || kind == PAIR;
  return needs_message && !model->boxes[0]->len ? APPEND : kind;
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
model_init (struct model *model, unsigned worker, bool notes) {
  *model = (struct model){ .worker = worker, .notes = notes };
  for (int i = 0; i < 2; i++)
    model->boxes[i] = g_array_new (FALSE, FALSE, sizeof (struct kept));
}

void
model_free (struct model *model) {
  for (int i = 0; i < 2; i++)
    g_array_unref (model->boxes[i]);
}

void
model_copy (struct model *to, const struct model *from) {
  *to = *from;
  for (int i = 0; i < 2; i++)
    to->boxes[i] = g_array_copy (from->boxes[i]);
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
child_of (const struct model *model) {
  return (unsigned)(number_of (model->worker, model->done) >> 50 & 3);
}

void
model_apply (struct model *model, uint32_t uid) {
  struct kept made = { .serial = model->done, .uid = uid };
  switch (kind_of (model)) {
  case DELIVER:
  case APPEND:
    g_array_append_val (model->boxes[0], made);
    break;
  case FLAGS:
    KEPT (model->boxes[0], chosen (model))->flags = new_flags (model);
    break;
  case EXPUNGE:
    g_array_remove_index (model->boxes[0], chosen (model));
    break;
  case COPY:
  case MOVE: {
    struct kept copy = *KEPT (model->boxes[0], chosen (model));
    copy.uid = uid;
    copy.note = UINT32_MAX; /* a copy may take annotations along, or not */
    if (kind_of (model) == MOVE)
      g_array_remove_index (model->boxes[0], chosen (model));
    g_array_append_val (model->boxes[1], copy);
    break;
  }
  case NOTE:
    KEPT (model->boxes[0], chosen (model))->note = model->done;
    break;
  case PAIR:
    g_array_remove_index (model->boxes[0], chosen (model));
    g_array_append_val (model->boxes[0], made);
    break;
  case MAILBOX:
    model->children[child_of (model)] = !model->children[child_of (model)];
    break;
  case SUBSCRIBE:
    model->subscribed = !model->subscribed;
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
  struct ptn_change *change = begin (f, NULL);
  struct ptn_id id = id_of (f, box);
  const uint32_t old = kind == APPEND ? 0 : KEPT (model->boxes[0], chosen (model))->uid;
  g_autofree char *note = g_strdup_printf ("%u", model->done);
  ptn_status status = PTN_OK;
  if (kind == APPEND || kind == PAIR)
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
  if (kind == APPEND || kind == PAIR || kind == COPY || kind == MOVE)
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
    if (model->notes && message->note != UINT32_MAX) {
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
  return text;
}
