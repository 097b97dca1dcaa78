/* SPDX-License-Identifier: Apache-2.0 */
/* plan.c - see plan.h. */
#include "plan.h"

#include "filename.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void
edit_free (gpointer data) {
  struct edit *edit = data;
  if (edit->added)
    message_free (edit->message);
  if (edit->notes)
    g_tree_unref (edit->notes);
  g_free (edit->file);
  g_free (edit);
}

static void
note_clear (gpointer data) {
  struct box_note *note = data;
  g_free (note->key);
  g_clear_pointer (&note->value, g_bytes_unref);
}

static GArray *
notes_array (void) {
  GArray *notes = g_array_new (FALSE, FALSE, sizeof (struct box_note));
  g_array_set_clear_func (notes, note_clear);
  return notes;
}

static void
box_free (gpointer data) {
  struct box *box = data;
  if (box->locked)
    mailbox_unlock (box->mailbox);
  g_hash_table_unref (box->edits);
  g_ptr_array_unref (box->added);
  g_ptr_array_unref (box->words);
  g_array_unref (box->notes);
  g_free (box);
}

struct plan *
plan_new (struct ptn_change *change, struct ptn_task *task) {
  struct plan *plan = g_new0 (struct plan, 1);
  plan->owner = change->owner;
  plan->change = change;
  plan->task = task;
  plan->boxes = g_ptr_array_new_with_free_func (box_free);
  plan->notes = notes_array ();
  plan->outcomes = outcomes_new ();
  return plan;
}

void
plan_free (struct plan *plan) {
  for (guint b = 0; b < plan->boxes->len && !plan->keep_files; b++) {
    struct box *box = plan->boxes->pdata[b];
    for (guint i = 0; i < box->added->len; i++) {
      struct edit *edit = box->added->pdata[i];
      if (edit->file)
        unlink (edit->file);
    }
  }
  g_ptr_array_unref (plan->boxes);
  g_array_unref (plan->notes);
  g_array_unref (plan->outcomes);
  g_free (plan);
}

/* --- entering ------------------------------------------------------------------------ */

static struct box *
box_of (struct plan *plan, const struct ptn_id *id) {
  for (guint i = 0; i < plan->boxes->len; i++) {
    struct box *box = plan->boxes->pdata[i];
    if (id_same (&box->id, id))
      return box;
  }
  return NULL;
}

static struct box *
box_want (struct plan *plan, const struct ptn_id *id, bool lock) {
  struct box *box = box_of (plan, id);
  struct mailbox *mailbox = box ? box->mailbox : box_by_id (plan->owner, id);
  if (!mailbox)
    return NULL;
  if (!box) {
    box = g_new0 (struct box, 1);
    box->mailbox = mailbox;
    box->id = *id;
    box->edits = g_hash_table_new_full (NULL, NULL, NULL, edit_free);
    box->added = g_ptr_array_new_with_free_func (edit_free);
    box->words = g_ptr_array_new_with_free_func (g_free);
    box->notes = notes_array ();
    g_ptr_array_add (plan->boxes, box);
  }
  box->wants_lock |= lock;
  return box;
}

static void
box_begin (struct box *box) {
  const struct mailbox *mailbox = box->mailbox;
  box->modseq = mailbox->modseq + 1;
  box->uidnext = mailbox->uidnext;
  box->words_before = mailbox->keywords->len;
  for (guint i = 0; i < mailbox->keywords->len; i++)
    g_ptr_array_add (box->words, g_strdup (mailbox->keywords->pdata[i]));
}

ptn_status
plan_enter (struct plan *plan) {
  for (guint i = 0; i < plan->change->steps->len; i++) {
    const struct step *step = &g_array_index (plan->change->steps, struct step, i);
    if (step->of_account)
      continue;
    if (!box_want (plan, &step->mailbox, step->kind == STEP_APPEND)
        || (step->kind == STEP_COPY && !box_want (plan, &step->to, true)))
      return trouble (plan->owner->store, plan->task, PTN_E_NOT_FOUND, "step %u names no mailbox",
                      i);
  }
  for (guint i = 0; i < plan->boxes->len; i++) {
    struct box *box = plan->boxes->pdata[i];
    ptn_status status = box->wants_lock ? mailbox_lock (box->mailbox, plan->task)
                                        : mailbox_look (box->mailbox, plan->task);
    if (status != PTN_OK)
      return status;
    box->locked = box->wants_lock;
    if (!id_same (&box->mailbox->id, &box->id))
      return trouble (plan->owner->store, plan->task, PTN_E_NOT_FOUND,
                      "another program made %s anew", box->mailbox->path);
    box_begin (box);
  }
  return PTN_OK;
}

/* --- steps --------------------------------------------------------------------------- */

static struct edit *
edit_of (struct box *box, struct message *message) {
  struct edit *edit = g_hash_table_lookup (box->edits, GUINT_TO_POINTER (message->uid));
  if (!edit) {
    edit = g_new0 (struct edit, 1);
    edit->message = message;
    edit->flags = message->flags;
    g_hash_table_insert (box->edits, GUINT_TO_POINTER (message->uid), edit);
  }
  return edit;
}

/* The messages that a step names, as they are after the steps before it. */
static GPtrArray *
matched (struct box *box, const GArray *uids) {
  GPtrArray *found = g_ptr_array_new ();
  const GPtrArray *messages = box->mailbox->messages;
  struct ptn_uid_set set = SET_OF (uids);
  for (size_t r = 0; r < set.count; r++) {
    guint at = mailbox_lower_bound (box->mailbox, set.ranges[r].first);
    for (; at < messages->len; at++) {
      struct message *message = messages->pdata[at];
      if (message->uid > set.ranges[r].last)
        break;
      struct edit *edit = edit_of (box, message);
      if (!edit->expunged)
        g_ptr_array_add (found, edit);
    }
  }
  for (guint i = 0; i < box->added->len; i++) {
    struct edit *edit = box->added->pdata[i];
    if (!edit->expunged && set_contains (set, edit->message->uid))
      g_ptr_array_add (found, edit);
  }
  return found;
}

static ptn_flag_bits
known_bits (const struct box *box, ptn_flag_bits bits) {
  guint known = 16 + box->words->len;
  ptn_flag_bits all = known >= 64 ? ~UINT64_C (0) : (UINT64_C (1) << known) - 1;
  return bits & all & ~UINT64_C (0xffe0);
}

static struct edit *
add (struct plan *plan, struct box *box, struct message *message, ptn_flag_bits flags) {
  struct edit *edit = g_new0 (struct edit, 1);
  message->uid = box->uidnext++;
  message->modseq = box->modseq;
  edit->message = message;
  edit->added = true;
  edit->flags = known_bits (box, flags);
  g_ptr_array_add (box->added, edit);
  box->touched = true;
  plan->messages++;
  plan->octets += message->size;
  return edit;
}

static struct message *
message_copy (const struct message *from) {
  struct message *copy = g_memdup2 (from, sizeof *from);
  copy->name = g_strdup (from->name);
  copy->notes = NULL;
  return copy;
}

static ptn_status
step_append (struct plan *plan, struct step *step, struct outcome *outcome) {
  struct box *box = box_of (plan, &step->mailbox);
  if (box->uidnext == UINT32_MAX)
    return PTN_E_LIMIT;
  struct edit *edit = add (plan, box, message_copy (step->appended), step->flags);
  set_append (outcome->uids, edit->message->uid);
  return PTN_OK;
}

/* Keywords go by name; one that no longer fits is left behind. */
static ptn_flag_bits
translate (const struct box *from, struct box *to, ptn_flag_bits flags) {
  ptn_flag_bits result = flags & 0xffff;
  for (guint i = 0; i < from->words->len; i++) {
    const char *word = from->words->pdata[i];
    guint index = 0;
    if (!(flags >> (16 + i) & 1))
      continue;
    while (index < to->words->len && g_ascii_strcasecmp (to->words->pdata[index], word) != 0)
      index++;
    if (index == KEYWORDS_MAX)
      continue;
    if (index == to->words->len)
      g_ptr_array_add (to->words, g_strdup (word));
    result |= UINT64_C (1) << (16 + index);
  }
  return result;
}

static bool
copy_octets (const char *from, const char *to) {
  int in = open (from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  int out = in < 0 ? -1 : open (to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  bool done = out >= 0;
  g_autofree char *buffer = g_malloc (64 * 1024);
  ssize_t n = 0;
  while (done && (n = read (in, buffer, 64 * 1024)) > 0)
    done = write_all (out, buffer, (size_t)n);
  done = done && n == 0 && fsync (out) == 0;
  int error = errno;
  if (in >= 0)
    close (in);
  if (out >= 0)
    close (out);
  if (!done && out >= 0)
    unlink (to);
  errno = error;
  return done;
}

/* The same octets under a name of their own, in tmp/. */
static ptn_status
copy_file (struct plan *plan, const struct box *from, const struct edit *edit, struct box *to,
           struct message *copy, char **file) {
  struct file_name name;
  const struct message *message = edit->message;
  bool parsed = file_name_parse (message->name, &name);
  uint64_t crlf_size = parsed && name.crlf_size != UINT64_MAX ? name.crlf_size : message->size;
  copy->name = file_name_new (plan->owner->store->host_name, message->file_size, crlf_size,
                              parsed && name.exact);
  copy->base = (uint16_t)strlen (copy->name);
  copy->in_new = copy->unplaced = 1;
  g_autofree char *source = message_file (from->mailbox, message);
  *file = mailbox_file (to->mailbox, "tmp", copy->name);
  if (link (source, *file) == 0)
    return PTN_OK;
  if (errno != ENOENT && copy_octets (source, *file))
    return PTN_OK;
  plan->again = errno == ENOENT; /* another program renamed or removed it */
  ptn_status status = trouble_errno (plan->owner->store, plan->task, "cannot copy", source);
  g_clear_pointer (file, g_free);
  return status;
}

static GTree *
notes_now (const struct edit *edit) {
  return edit->noted ? edit->notes : edit->message->notes;
}

static ptn_status
step_copy (struct plan *plan, const struct step *step, struct outcome *outcome) {
  struct box *from = box_of (plan, &step->mailbox), *to = box_of (plan, &step->to);
  g_autoptr (GPtrArray) found = matched (from, step->uids);
  uint64_t octets = plan->octets, messages = plan->messages;
  for (guint i = 0; i < found->len; i++) {
    struct edit *edit = found->pdata[i];
    struct message *copy = g_memdup2 (edit->message, sizeof *copy);
    char *file = NULL;
    copy->name = NULL;
    copy->notes = NULL;
    if (!step->keep_dates)
      copy->save_date = plan->owner->store->host->realtime_ms () / 1000;
    ptn_status status =
        to->uidnext == UINT32_MAX ? PTN_E_LIMIT : copy_file (plan, from, edit, to, copy, &file);
    if (status != PTN_OK) {
      message_free (copy);
      return status;
    }
    struct edit *added = add (plan, to, copy, translate (from, to, edit->flags));
    added->file = file;
    /* RFC 5257 section 4.6; a rename of INBOX keeps all. */
    added->notes = notes_copy (notes_now (edit), step->keep_dates ? NULL : plan->change->authzid);
    added->noted = true;
    set_append (outcome->source_uids, edit->message->uid);
    set_append (outcome->uids, copy->uid);
    if (step->move)
      edit->expunged = from->touched = true;
  }
  if (step->move) { /* takes no more room than before */
    plan->octets = octets;
    plan->messages = messages;
  }
  return PTN_OK;
}

static ptn_flag_bits
combine (ptn_flag_bits old, ptn_flag_mode mode, ptn_flag_bits bits) {
  return mode == PTN_FLAGS_ADD ? old | bits : mode == PTN_FLAGS_REMOVE ? old & ~bits : bits;
}

static void
step_flags (struct plan *plan, const struct step *step, struct outcome *outcome) {
  struct box *box = box_of (plan, &step->mailbox);
  g_autoptr (GPtrArray) found = matched (box, step->uids);
  ptn_flag_bits bits = known_bits (box, step->flags);
  for (guint i = 0; i < found->len; i++) {
    struct edit *edit = found->pdata[i];
    uint64_t modseq = edit->flagged || edit->noted ? box->modseq : edit->message->modseq;
    ptn_flag_bits flags = combine (edit->flags, step->mode, bits);
    if (modseq > step->unchanged_since)
      set_append (outcome->conflicts, edit->message->uid);
    else if (flags != edit->flags) {
      edit->flags = flags;
      edit->flagged = box->touched = true;
      set_append (outcome->uids, edit->message->uid);
    }
  }
}

static void
step_expunge (struct plan *plan, const struct step *step, struct outcome *outcome) {
  struct box *box = box_of (plan, &step->mailbox);
  g_autoptr (GPtrArray) found = matched (box, step->uids);
  for (guint i = 0; i < found->len; i++) {
    struct edit *edit = found->pdata[i];
    if (step->only_deleted && !(edit->flags & PTN_DELETED))
      continue;
    edit->expunged = box->touched = true;
    set_append (outcome->uids, edit->message->uid);
  }
}

static void
step_annotate (struct plan *plan, const struct step *step, struct outcome *outcome) {
  struct box *box = step->of_account ? NULL : box_of (plan, &step->mailbox);
  if (!box || step->uids->len == 0) {
    struct box_note note = { g_strdup (step->key), step->value ? g_bytes_ref (step->value) : NULL };
    g_array_append_val (box ? box->notes : plan->notes, note);
    return;
  }
  g_autoptr (GPtrArray) found = matched (box, step->uids);
  for (guint i = 0; i < found->len; i++) {
    struct edit *edit = found->pdata[i];
    if (!edit->noted)
      edit->notes = notes_copy (edit->message->notes, NULL);
    edit->noted = box->touched = true;
    notes_set (&edit->notes, step->key, step->value);
    set_append (outcome->uids, edit->message->uid);
  }
}

ptn_status
plan_steps (struct plan *plan) {
  for (guint i = 0; i < plan->change->steps->len; i++) {
    struct step *step = &g_array_index (plan->change->steps, struct step, i);
    struct outcome outcome = {
      .table.size = sizeof (struct ptn_outcome),
      .source_uids = RANGES_NEW (),
      .uids = RANGES_NEW (),
      .conflicts = RANGES_NEW (),
    };
    ptn_status status = PTN_OK;
    if (step->kind == STEP_APPEND)
      status = step_append (plan, step, &outcome);
    else if (step->kind == STEP_COPY)
      status = step_copy (plan, step, &outcome);
    else if (step->kind == STEP_FLAGS)
      step_flags (plan, step, &outcome);
    else if (step->kind == STEP_EXPUNGE)
      step_expunge (plan, step, &outcome);
    else
      step_annotate (plan, step, &outcome);
    g_array_append_val (plan->outcomes, outcome);
    if (status != PTN_OK)
      return status;
  }
  return PTN_OK;
}
