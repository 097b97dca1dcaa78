/* SPDX-License-Identifier: Apache-2.0 */
/* compare.c - what a look at the files says about messages that are known: which were renamed,
 * flagged, removed, or lost their UID to another mail. */
#include "filename.h"
#include "look.h"

ptn_flag_bits
flags_of_file (const struct mailbox *mailbox, const struct file *file, ptn_flag_bits before) {
  unsigned letters = mailbox_letters (mailbox);
  ptn_flag_bits lettered = (UINT64_C (1) << (16 + letters)) - 1;
  return file_name_flags (file->name, file->base, letters) | (before & ~lettered);
}

static bool
has_todo (const struct mailbox *mailbox, uint32_t uid) {
  for (guint i = 0; i < mailbox->todo->len; i++)
    if (g_array_index (mailbox->todo, uint32_t, i) == uid)
      return true;
  return false;
}

/* A message whose file is there: its name is noted, its flags compared. */
static void
compare_message (struct look *look, struct message *message, struct file *file) {
  file->known = true;
  bool moved = message->in_new != file->in_new || strcmp (message->name, file->name) != 0;
  if (!moved && !message->unplaced)
    return;
  bool pending = look->mailbox->todo->len && has_todo (look->mailbox, message->uid);
  message->unplaced = 0;
  message->in_new = file->in_new;
  g_free (message->name);
  message->name = g_strdup (file->name);
  message->base = file->base;
  look->mailbox->dirty = true;
  ptn_flag_bits flags = flags_of_file (look->mailbox, file, message->flags);
  if (pending || flags == message->flags)
    return;
  struct flagging row = { message->uid, flags };
  g_array_append_val (look->flagged, row);
}

void
compare_letters (struct look *look) {
  struct mailbox *mailbox = look->mailbox;
  for (guint i = 0; i < mailbox->messages->len; i++) {
    struct message *message = mailbox->messages->pdata[i];
    struct file *file = g_hash_table_lookup (look->files, message->name);
    if (!file || !file->known || (mailbox->todo->len && has_todo (mailbox, message->uid)))
      continue;
    ptn_flag_bits flags = flags_of_file (mailbox, file, message->flags);
    if (flags == message->flags)
      continue;
    struct flagging row = { message->uid, flags };
    g_array_append_val (look->flagged, row);
  }
}

static bool
still_in_tmp (const struct mailbox *mailbox, const struct message *message) {
  g_autofree char *path = message_file (mailbox, message);
  struct stamp stamp;
  return message->unplaced && stamp_get (path, &stamp);
}

/* Does the list give its UID to another file than we do, though both files are there? */
static bool
uid_is_taken (struct look *look, const struct message *message) {
  const struct uidlist_line *line = line_of (look->list, message->uid);
  return line && !same_base (line->name, message->name)
         && g_hash_table_contains (look->files, line->name);
}

bool
compare_messages (struct look *look) {
  struct mailbox *mailbox = look->mailbox;
  bool missing = false;
  g_array_set_size (look->gone, 0);
  for (guint i = 0; i < mailbox->messages->len; i++) {
    struct message *message = mailbox->messages->pdata[i];
    struct file *file = g_hash_table_lookup (look->files, message->name);
    if (file && look->list && uid_is_taken (look, message)) {
      complain (mailbox->owner->store, PTN_LOG_WARNING, "maildir.uid-taken", mailbox->owner->name,
                message->name, "another program gave its UID to another mail; it gets a new one");
      g_array_append_val (look->gone, message->uid);
    } else if (file)
      compare_message (look, message, file);
    else if (!still_in_tmp (mailbox, message)) {
      g_array_append_val (look->gone, message->uid);
      missing = true;
    }
  }
  return missing;
}
