/* SPDX-License-Identifier: Apache-2.0 */
/* messages.c - views, keywords, rows of messages and annotations, what vanished, \Recent. */
#include "cursor.h"

#include "filename.h"

#include "common/kept_name.h"

#include <fcntl.h>
#include <unistd.h>

#define PAGE 256
#define NOTES_PAGE 64 /* messages */

/* Enters the owner and looks at the mailbox; not entered if it fails. */
static ptn_status
enter_box (struct owner *owner, struct ptn_task *task, const struct ptn_id *id,
           struct mailbox **mailbox) {
  ptn_status status = owner_enter (owner, task);
  if (status != PTN_OK)
    return status;
  *mailbox = box_by_id (owner, id);
  if (!*mailbox) {
    status = boxes_look (owner, task);
    *mailbox = status == PTN_OK ? box_by_id (owner, id) : NULL;
  }
  if (status == PTN_OK)
    status = *mailbox ? mailbox_look (*mailbox, task) : PTN_E_NOT_FOUND;
  if (status == PTN_OK && !id_same (&(*mailbox)->id, id)) /* it began anew */
    status = PTN_E_NOT_FOUND;
  if (status != PTN_OK)
    owner_leave (owner, task);
  return status;
}

ptn_status
maildir_view (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
              const struct ptn_view **view) {
  struct mailbox *mailbox;
  ptn_status status = enter_box (account->owner, call->task, id, &mailbox);
  if (status != PTN_OK)
    return status;
  *view = &mailbox_view (mailbox)->table;
  owner_leave (account->owner, call->task);
  return PTN_OK;
}

void
maildir_release_view (const struct ptn_view *view) {
  view_unref ((struct view *)view); /* the table is its first member */
}

static ptn_status
make_keyword (struct mailbox *mailbox, struct ptn_task *task, const char *keyword, int *index) {
  struct ptn_id id = mailbox->id;
  ptn_status status = mailbox_lock (mailbox, task);
  if (status != PTN_OK)
    return status;
  if (!id_same (&mailbox->id, &id)) { /* another program made it anew */
    mailbox_unlock (mailbox);
    return PTN_E_NOT_FOUND;
  }
  *index = mailbox_keyword (mailbox, keyword); /* perhaps another program was faster */
  if (*index < 0 && mailbox->keywords->len == KEYWORDS_MAX)
    status = PTN_E_LIMIT;
  else if (*index < 0) {
    g_autoptr (GByteArray) record = g_byte_array_new ();
    *index = (int)mailbox->keywords->len;
    entry_box (record, mailbox, mailbox->modseq, mailbox->uidnext);
    entry_keyword (record, (uint32_t)*index, keyword);
    status = log_commit (mailbox->owner, task, record);
    if (status == PTN_OK)
      mailbox_settle (mailbox, true);
  }
  mailbox_unlock (mailbox);
  return status;
}

ptn_status
maildir_keyword (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                 const char *keyword, int make, uint32_t *bit) {
  struct mailbox *mailbox;
  if (!keyword_valid (keyword))
    return PTN_E_INVALID;
  ptn_status status = enter_box (account->owner, call->task, id, &mailbox);
  if (status != PTN_OK)
    return status;
  int index = mailbox_keyword (mailbox, keyword);
  if (index < 0)
    status = !make            ? PTN_E_NOT_FOUND
             : account->reads ? PTN_E_DENIED
                              : make_keyword (mailbox, call->task, keyword, &index);
  if (status == PTN_OK)
    *bit = 16 + (uint32_t)index;
  owner_leave (account->owner, call->task);
  return status;
}

/* --- cursors ------------------------------------------------------------------------- */

struct ptn_cursor *
cursor_new (struct ptn_account *account) {
  struct ptn_cursor *cursor = g_new0 (struct ptn_cursor, 1);
  cursor->store = account->store;
  cursor->owner = owner_get (account->store, account->owner->name);
  cursor->authzid = g_strdup (account->authzid);
  return cursor;
}

static void
clear_notes (struct ptn_cursor *cursor) {
  for (guint i = 0; cursor->notes && i < cursor->notes->len; i++) {
    struct note_row *row = &g_array_index (cursor->notes, struct note_row, i);
    g_free (row->name);
    g_bytes_unref (row->value);
  }
  if (cursor->notes)
    g_array_set_size (cursor->notes, 0);
}

void
maildir_close_cursor (struct ptn_cursor *cursor) {
  for (guint i = 0; cursor->mailboxes && i < cursor->mailboxes->len; i++)
    g_free ((char *)g_array_index (cursor->mailboxes, struct ptn_mailbox, i).name.path);
  clear_notes (cursor);
  g_clear_pointer (&cursor->mailboxes, g_array_unref);
  g_clear_pointer (&cursor->messages, g_array_unref);
  g_clear_pointer (&cursor->notes, g_array_unref);
  g_clear_pointer (&cursor->uids, g_array_unref);
  owner_put (cursor->owner);
  g_free (cursor->authzid);
  g_free (cursor->name);
  g_free (cursor);
}

/* Does it end with CRLF, as it goes out?  Its last octets tell; a file that cannot be read is
 * taken for one that does, and says so when it is read. */
static void
look_at_ending (const struct mailbox *mailbox, struct message *message) {
  g_autofree char *path = message_file (mailbox, message);
  char last[2] = { 0, 0 };
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0)
    return;
  ssize_t n = message->file_size >= 2 ? pread (fd, last, 2, (off_t)message->file_size - 2) : -1;
  if (n < 0 && message->file_size == 1)
    n = pread (fd, last + 1, 1, 0);
  close (fd);
  bool crlf = last[1] == '\n' && (!message->exact || last[0] == '\r');
  message->ending = crlf ? ENDING_CRLF : ENDING_OTHER;
}

static struct ptn_message
message_row (const struct ptn_cursor *cursor, const struct mailbox *mailbox,
             struct message *message) {
  if (cursor->items & PTN_FETCH_SIZE && message->ending == ENDING_UNKNOWN)
    look_at_ending (mailbox, message);
  return (struct ptn_message){
    .size = sizeof (struct ptn_message),
    .items = cursor->items & ~(uint32_t)PTN_FETCH_DIGEST,
    .uid = message->uid,
    .unterminated = message->ending == ENDING_OTHER,
    .modseq = message->modseq,
    .octets = message->size,
    .internal_date = message->internal_date,
    .save_date = message->save_date,
    .flags = message->flags,
    .email_id = message->email_id,
    .thread_id = message->email_id, /* without threads each mail is one */
  };
}

ptn_status
maildir_fetch (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
               const struct ptn_fetch *fetch, struct ptn_cursor **result) {
  struct mailbox *mailbox;
  ptn_status status = enter_box (account->owner, call->task, id, &mailbox);
  if (status != PTN_OK)
    return status;
  owner_leave (account->owner, call->task);
  struct ptn_cursor *cursor = cursor_new (account);
  cursor->mailbox = *id;
  cursor->messages = g_array_new (FALSE, FALSE, sizeof (struct ptn_message));
  cursor->uids = RANGES_NEW ();
  cursor->all = fetch->uids.count == 0;
  if (!cursor->all)
    g_array_append_vals (cursor->uids, fetch->uids.ranges, (guint)fetch->uids.count);
  cursor->items = fetch->items;
  cursor->changed_since = fetch->changed_since;
  cursor->next_uid = 1;
  *result = cursor;
  return PTN_OK;
}

/* The next message that the set names, from `uid` on; NULL: none. */
static struct message *
next_named (const struct ptn_cursor *cursor, const struct mailbox *mailbox, uint64_t *uid) {
  while (*uid <= UINT32_MAX) {
    guint at = mailbox_lower_bound (mailbox, (uint32_t)*uid);
    if (at == mailbox->messages->len)
      break;
    struct message *message = mailbox->messages->pdata[at];
    *uid = message->uid;
    if (cursor->all)
      return message;
    struct ptn_uid_set set = SET_OF (cursor->uids);
    size_t r = 0;
    for (size_t high = set.count; r < high;) {
      size_t middle = r + (high - r) / 2;
      if (set.ranges[middle].last < message->uid)
        r = middle + 1;
      else
        high = middle;
    }
    if (r == set.count)
      break;
    if (set.ranges[r].first <= message->uid)
      return message;
    *uid = set.ranges[r].first;
  }
  *uid = UINT64_MAX;
  return NULL;
}

static ptn_status
fill_page (struct ptn_cursor *cursor, struct ptn_task *task) {
  cursor->at = 0;
  g_array_set_size (cursor->messages, 0);
  if (cursor->next_uid > UINT32_MAX)
    return PTN_END;
  ptn_status status = owner_enter (cursor->owner, task);
  if (status != PTN_OK)
    return status;
  const struct mailbox *mailbox = box_by_id (cursor->owner, &cursor->mailbox);
  struct message *message;
  while (mailbox && cursor->messages->len < PAGE
         && (message = next_named (cursor, mailbox, &cursor->next_uid))) {
    cursor->next_uid++;
    if (message->modseq <= cursor->changed_since)
      continue;
    struct ptn_message row = message_row (cursor, mailbox, message);
    g_array_append_val (cursor->messages, row);
  }
  owner_leave (cursor->owner, task);
  return cursor->messages->len ? PTN_OK : PTN_END;
}

ptn_status
maildir_next_messages (struct ptn_cursor *cursor, struct ptn_call *call,
                       const struct ptn_message **rows, size_t room, size_t *count) {
  *count = 0;
  if (!cursor->messages)
    return PTN_END;
  if (room && cursor->at == cursor->messages->len) {
    ptn_status status = fill_page (cursor, call->task);
    if (status != PTN_OK)
      return status;
  }
  while (*count < room && cursor->at < cursor->messages->len)
    rows[(*count)++] = &g_array_index (cursor->messages, struct ptn_message, cursor->at++);
  return PTN_OK;
}

/* --- annotations --------------------------------------------------------------------- */

struct collect {
  struct ptn_cursor *cursor;
  uint32_t uid;
};

static gboolean
collect_note (gpointer key, gpointer value, gpointer data) {
  const struct collect *collect = data;
  const char *mark = strchr (key, '\001'); /* behind it: whose private one this is */
  g_autofree char *name = mark ? g_strndup (key, (gsize)(mark - (char *)key)) : g_strdup (key);
  if ((mark && strcmp (mark + 1, collect->cursor->authzid) != 0)
      || (collect->cursor->name && strcmp (name, collect->cursor->name) != 0))
    return FALSE;
  struct note_row row = { .name = g_steal_pointer (&name), .value = g_bytes_ref (value) };
  gsize size;
  const void *octets = g_bytes_get_data (row.value, &size);
  row.table = (struct ptn_annotation){
    .size = sizeof row.table,
    .uid = collect->uid,
    .name = row.name,
    .value = { octets ? octets : "", size }, /* an empty value is still one */
  };
  g_array_append_val (collect->cursor->notes, row);
  return FALSE;
}

static void
collect_notes (struct ptn_cursor *cursor, GTree *notes, uint32_t uid) {
  struct collect collect = { cursor, uid };
  if (notes)
    g_tree_foreach (notes, collect_note, &collect);
}

ptn_status
maildir_annotations (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                     struct ptn_uid_set uids, int all_uids, const char *name,
                     struct ptn_cursor **result) {
  struct owner *owner = account->owner;
  struct mailbox *mailbox = NULL;
  ptn_status status =
      id ? enter_box (owner, call->task, id, &mailbox) : owner_enter (owner, call->task);
  if (status != PTN_OK)
    return status;
  struct ptn_cursor *cursor = cursor_new (account);
  cursor->notes = g_array_new (FALSE, FALSE, sizeof (struct note_row));
  cursor->name = g_strdup (name);
  cursor->next_uid = UINT64_MAX;
  if (!id || (!all_uids && uids.count == 0))
    collect_notes (cursor, id ? mailbox->notes : owner->notes, 0);
  else {
    cursor->mailbox = *id;
    cursor->all = all_uids != 0;
    cursor->uids = RANGES_NEW ();
    if (!cursor->all)
      g_array_append_vals (cursor->uids, uids.ranges, (guint)uids.count);
    cursor->next_uid = 1;
  }
  owner_leave (owner, call->task);
  *result = cursor;
  return PTN_OK;
}

static ptn_status
fill_notes (struct ptn_cursor *cursor, struct ptn_task *task) {
  cursor->at = 0;
  clear_notes (cursor);
  if (cursor->next_uid > UINT32_MAX)
    return PTN_END;
  ptn_status status = owner_enter (cursor->owner, task);
  if (status != PTN_OK)
    return status;
  const struct mailbox *mailbox = box_by_id (cursor->owner, &cursor->mailbox);
  struct message *message;
  if (!mailbox)
    cursor->next_uid = UINT64_MAX;
  while (mailbox && cursor->notes->len < NOTES_PAGE
         && (message = next_named (cursor, mailbox, &cursor->next_uid))) {
    cursor->next_uid++;
    collect_notes (cursor, message->notes, message->uid);
  }
  owner_leave (cursor->owner, task);
  return cursor->notes->len ? PTN_OK : PTN_END;
}

ptn_status
maildir_next_annotation (struct ptn_cursor *cursor, struct ptn_call *call,
                         const struct ptn_annotation **row) {
  if (!cursor->notes)
    return PTN_END;
  if (cursor->at == cursor->notes->len) {
    ptn_status status = fill_notes (cursor, call->task);
    if (status != PTN_OK)
      return status;
  }
  *row = &g_array_index (cursor->notes, struct note_row, cursor->at++).table;
  return PTN_OK;
}

/* --- what vanished, and \Recent ------------------------------------------------------- */

static gint
compare_uids (gconstpointer a, gconstpointer b) {
  uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
  return x < y ? -1 : x > y;
}

ptn_status
maildir_vanished (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                  uint64_t since, const struct ptn_uid_set *uids, struct ptn_uid_set *gone) {
  struct mailbox *mailbox;
  ptn_status status = enter_box (account->owner, call->task, id, &mailbox);
  if (status != PTN_OK)
    return status;
  if (since < mailbox->floor) {
    owner_leave (account->owner, call->task);
    return PTN_E_EXPIRED;
  }
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (uint32_t));
  for (guint i = mailbox->vanished->len; i-- > 0;) {
    const struct vanished *row = &g_array_index (mailbox->vanished, struct vanished, i);
    if (row->modseq <= since)
      break;
    if (!uids || set_contains (*uids, row->uid))
      g_array_append_val (found, row->uid);
  }
  owner_leave (account->owner, call->task);
  struct operation *operation = call_operation (call);
  operation->ranges = RANGES_NEW ();
  g_array_sort (found, compare_uids);
  for (guint i = 0; i < found->len; i++)
    set_append (operation->ranges, g_array_index (found, uint32_t, i));
  *gone = SET_OF (operation->ranges);
  return call_results (call);
}

ptn_status
maildir_claim_recent (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                      uint32_t *first_uid) {
  struct mailbox *mailbox;
  struct owner *owner = account->owner;
  ptn_status status = enter_box (owner, call->task, id, &mailbox);
  if (status != PTN_OK)
    return status;
  guint at = mailbox_lower_bound (mailbox, MAX (mailbox->recent, 1));
  *first_uid = at < mailbox->messages->len ? ((struct message *)mailbox->messages->pdata[at])->uid
                                           : mailbox->uidnext;
  if (!account->reads && mailbox->recent < mailbox->uidnext) {
    g_autoptr (GByteArray) record = g_byte_array_new ();
    entry_box (record, mailbox, mailbox->modseq, mailbox->uidnext);
    entry_number (record, ENTRY_RECENT, mailbox->uidnext);
    status = log_commit (owner, call->task, record);
  }
  owner_leave (owner, call->task);
  return status;
}
