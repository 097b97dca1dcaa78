/* SPDX-License-Identifier: Apache-2.0 */
/* words.c - what rules say about mailboxes and messages; see kit.h. */
#define CONFORMANCE_WORDS
#include "kit.h"

#include <unistd.h>

ptn_status
status_try (struct fixture *f, struct ptn_mailbox_name name, struct ptn_mailbox *copy) {
  const struct ptn_mailbox *row = NULL;
  struct ptn_call held = CALL (f);
  ptn_status status = HELD (f, f->store->status (f->account, &held, name, &row));
  if (status == PTN_OK) {
    must (row, "status of \"%s\" gave PTN_OK and no row", name.path);
    must (row->size >= offsetof (struct ptn_mailbox, octets) + sizeof row->octets,
          "the row of status says size %u: set it to sizeof (struct ptn_mailbox)", row->size);
    memset (copy, 0, sizeof *copy);
    memcpy (copy, row, MIN (row->size, sizeof *copy));
    copy->name = (struct ptn_mailbox_name){ NULL, NULL };
  }
  END (f, held);
  return status;
}

struct ptn_mailbox
status_of (struct fixture *f, const char *path) {
  struct ptn_mailbox copy;
  must_do (status_try (f, NAME (path), &copy), "status of \"%s\"", path);
  return copy;
}

struct ptn_id
id_of (struct fixture *f, const char *path) {
  return status_of (f, path).id;
}

bool
same_id (const struct ptn_id *a, const struct ptn_id *b) {
  return memcmp (a, b, sizeof *a) == 0;
}

bool
exists (struct fixture *f, const char *path) {
  struct ptn_mailbox copy;
  ptn_status status = status_try (f, NAME (path), &copy);
  if (status != PTN_OK)
    must_give (status, PTN_E_NOT_FOUND, "status of \"%s\", which is not there", path);
  return status == PTN_OK;
}

ptn_status
create (struct fixture *f, const char *path) {
  return DO (f, f->store->create (f->account, &call, NAME (path), 0));
}

void
make (struct fixture *f, const char *path) {
  must_do (create (f, path), "create \"%s\"", path);
}

ptn_status
drop (struct fixture *f, const char *path) {
  return DO (f, f->store->remove (f->account, &call, NAME (path)));
}

ptn_status
rename_to (struct fixture *f, const char *from, const char *to) {
  return DO (f, f->store->rename (f->account, &call, NAME (from), NAME (to)));
}

ptn_status
subscribe (struct fixture *f, const char *path, int on) {
  return DO (f, f->store->subscribe (f->account, &call, NAME (path), on));
}

ptn_status
rights_try (struct fixture *f, const char *path, const char *who, const char *rights) {
  struct ptn_id id = id_of (f, path);
  return DO (f, f->store->set_rights (f->account, &call, &id, who, rights));
}

void
allow (struct fixture *f, const char *path, const char *who, const char *rights) {
  must_do (rights_try (f, path, who, rights), "set_rights of \"%s\" for %s to \"%s\"", path, who,
           rights);
}

struct ptn_id
their_id (struct fixture *f, const char *owner, const char *path) {
  struct ptn_mailbox copy;
  must_do (status_try (f, THEIRS (owner, path), &copy), "status of \"%s\" of %s", path, owner);
  return copy.id;
}

char *
listed (struct fixture *f, const char *pattern) {
  GString *all = g_string_new (NULL);
  struct ptn_cursor *cursor = NULL;
  const struct ptn_mailbox *row;
  must_do (DO (f, f->store->list (f->account, &call, pattern, &cursor)), "list \"%s\"", pattern);
  for (;;) {
    struct ptn_call held = CALL (f);
    row = NULL;
    ptn_status status = HELD (f, f->store->next_mailbox (cursor, &held, &row));
    if (status == PTN_OK) {
      must (row && row->name.path, "next_mailbox of list \"%s\" gave PTN_OK and no row with a path",
            pattern);
      g_string_append_printf (all, "%s%s", all->len ? " " : "", row->name.path);
    }
    END (f, held);
    if (status == PTN_END)
      break;
    must_do (status, "next_mailbox of list \"%s\"", pattern);
    must (all->len < 10000000, "list \"%s\" never comes to its end", pattern);
  }
  f->store->close_cursor (cursor);
  return g_string_free (all, FALSE);
}

void
must_list (struct fixture *f, const char *pattern, const char *wanted) {
  g_autofree char *rows = listed (f, pattern);
  must_read (rows, wanted, "the paths that list \"%s\" gives", pattern);
}

struct ptn_quota
quota_of (struct fixture *f) {
  const struct ptn_quota *row = NULL;
  struct ptn_call held = CALL (f);
  must_do (HELD (f, f->store->quota (f->account, &held, &row)), "quota");
  must (row, "quota gave PTN_OK and no row");
  struct ptn_quota copy = *row;
  END (f, held);
  return copy;
}

ptn_status
set_quota (struct fixture *f, uint64_t storage, uint64_t messages) {
  const struct ptn_quota limits = { .size = sizeof limits,
                                    .storage_limit = storage,
                                    .messages_limit = messages };
  return DO (f, f->store->set_quota (f->account, &call, &limits));
}

const struct ptn_view *
view_of (struct fixture *f, const char *path) {
  struct ptn_id id = id_of (f, path);
  const struct ptn_view *view = NULL;
  must_do (DO (f, f->store->view (f->account, &call, &id, &view)), "view of \"%s\"", path);
  must (view, "view of \"%s\" gave PTN_OK and no view", path);
  return view;
}

char *
uids_of (struct fixture *f, const char *path) {
  GString *all = g_string_new (NULL);
  const struct ptn_view *view = view_of (f, path);
  for (uint32_t i = 0; i < view->count; i++)
    g_string_append_printf (all, "%s%u", i ? " " : "", view->uid[i]);
  f->store->release_view (view);
  return g_string_free (all, FALSE);
}

void
must_have_uids (struct fixture *f, const char *path, const char *wanted) {
  g_autofree char *uids = uids_of (f, path);
  must_read (uids, wanted, "the UIDs in the view of \"%s\"", path);
}

ptn_flag_bits
flags_of (struct fixture *f, const char *path, uint32_t uid) {
  const struct ptn_view *view = view_of (f, path);
  ptn_flag_bits flags = 0;
  uint32_t i = 0;
  while (i < view->count && view->uid[i] != uid)
    i++;
  must (i < view->count, "UID %u is missing in the view of \"%s\"", uid, path);
  flags = view->flags[i];
  f->store->release_view (view);
  return flags;
}

char *
set_text (struct ptn_uid_set set) {
  GString *all = g_string_new (NULL);
  uint32_t first = 0, last = 0;
  for (size_t i = 0; i <= set.count; i++) { /* ranges that touch are written as one */
    bool more = i < set.count;
    if (more && last && set.ranges[i].first == last + 1) {
      last = set.ranges[i].last;
      continue;
    }
    if (last)
      g_string_append_printf (all, first == last ? "%s%u" : "%s%u:%u", all->len ? "," : "", first,
                              last);
    if (more) {
      must (set.ranges[i].first && set.ranges[i].first <= set.ranges[i].last
                && set.ranges[i].first > last,
            "a set of UIDs holds the range %u:%u after UID %u: ranges are ascending, from 1 on",
            set.ranges[i].first, set.ranges[i].last, last);
      first = set.ranges[i].first;
      last = set.ranges[i].last;
    }
  }
  return g_string_free (all, FALSE);
}

void
must_be_set (struct ptn_uid_set set, const char *wanted, const char *what) {
  g_autofree char *text = set_text (set);
  must_read (text, wanted, "%s", what);
}

ptn_status
source_drain (struct fixture *f, struct ptn_source *source, size_t max, char **data, size_t *size) {
  GByteArray *all = g_byte_array_new ();
  ptn_status status;
  const int64_t length = source->length;
  for (;;) {
    struct ptn_chunk chunk = { .fd = -1 };
    status = HELD (f, source->ops->read (source, f->task, max, &chunk));
    if (status != PTN_OK)
      break;
    must (chunk.size >= 1 && chunk.size <= max,
          "a source asked for %zu octets at most gave a chunk of %zu", max, chunk.size);
    guint start = all->len;
    g_byte_array_set_size (all, start + (guint)chunk.size);
    if (chunk.data)
      memcpy (all->data + start, chunk.data, chunk.size);
    else
      must (pread (chunk.fd, all->data + start, chunk.size, chunk.file_offset)
                == (ssize_t)chunk.size,
            "a chunk says that %zu octets are in file descriptor %d at %lld; they are not",
            chunk.size, chunk.fd, (long long)chunk.file_offset);
    if (chunk.release)
      chunk.release (chunk.owner);
  }
  source->ops->close (source);
  if (status == PTN_END && length >= 0)
    must_be (all->len, length, "the octets of a source whose length says %lld", (long long)length);
  *size = all->len;
  g_byte_array_append (all, (const guint8 *)"", 1);
  *data = (char *)g_byte_array_free (all, FALSE);
  return status == PTN_END ? PTN_OK : status;
}

ptn_status
read_message (struct fixture *f, const char *path, uint32_t uid, uint64_t offset, uint64_t length,
              char **data, size_t *size) {
  struct ptn_id id = id_of (f, path);
  struct ptn_source *source = NULL;
  ptn_status status = DO (f, f->store->read (f->account, &call, &id, uid, offset, length, &source));
  return status == PTN_OK ? source_drain (f, source, 65536, data, size) : status;
}

char *
text_of (struct fixture *f, const char *path, uint32_t uid) {
  char *data = NULL;
  size_t size = 0;
  must_do (read_message (f, path, uid, 0, UINT64_MAX, &data, &size), "read of \"%s\" UID %u", path,
           uid);
  return data;
}

void
must_have_text (struct fixture *f, const char *path, uint32_t uid, const char *wanted) {
  char *data = NULL;
  size_t size = 0;
  must_do (read_message (f, path, uid, 0, UINT64_MAX, &data, &size), "read of \"%s\" UID %u", path,
           uid);
  must_hold (data, size, wanted, strlen (wanted), "the message with UID %u in \"%s\"", uid, path);
  g_free (data);
}

GArray *
fetch_rows (struct fixture *f, const char *path, struct ptn_uid_set uids, uint64_t changed_since) {
  GArray *all = g_array_new (FALSE, TRUE, sizeof (struct ptn_message));
  struct ptn_id id = id_of (f, path);
  struct ptn_fetch fetch = {
    .size = sizeof fetch,
    .uids = uids,
    .changed_since = changed_since,
    .items = PTN_FETCH_FLAGS | PTN_FETCH_MODSEQ | PTN_FETCH_DATES | PTN_FETCH_SIZE,
  };
  struct ptn_cursor *cursor = NULL;
  must_do (DO (f, f->store->fetch (f->account, &call, &id, &fetch, &cursor)), "fetch of \"%s\"",
           path);
  for (;;) {
    const struct ptn_message *rows[3] = { NULL };
    size_t count = 0;
    struct ptn_call held = CALL (f);
    ptn_status status =
        HELD (f, f->store->next_messages (cursor, &held, rows, G_N_ELEMENTS (rows), &count));
    must (status == PTN_OK || status == PTN_END, "next_messages of \"%s\" gives %s", path,
          status_name (status));
    must (count <= G_N_ELEMENTS (rows), "next_messages gave %zu rows where room was %zu", count,
          G_N_ELEMENTS (rows));
    for (size_t i = 0; i < count; i++) {
      struct ptn_message copy = { 0 };
      must (rows[i], "next_messages says count %zu, and row %zu is NULL", count, i);
      memcpy (&copy, rows[i], MIN (rows[i]->size, sizeof copy));
      must ((copy.items & fetch.items) == fetch.items,
            "the row of UID %u in \"%s\" has the items 0x%x, asked was for 0x%x", copy.uid, path,
            copy.items, fetch.items);
      must (!all->len || ROW (all, all->len - 1)->uid < copy.uid,
            "fetch of \"%s\" gave UID %u after UID %u: rows come in ascending UID", path, copy.uid,
            ROW (all, all->len - 1)->uid);
      g_array_append_val (all, copy);
    }
    END (f, held);
    if (status == PTN_END)
      break;
    must (count > 0, "next_messages gave PTN_OK and no row; without rows it is PTN_END");
  }
  f->store->close_cursor (cursor);
  return all;
}

struct ptn_message
row_of (struct fixture *f, const char *path, uint32_t uid) {
  g_autoptr (GArray) rows = fetch_rows (f, path, UID (uid), 0);
  must_be (rows->len, 1, "the number of rows that fetch of \"%s\" UID %u gives", path, uid);
  must_be (ROW (rows, 0)->uid, uid, "the UID of the row that fetch of UID %u gives", uid);
  return *ROW (rows, 0);
}

ptn_status
keyword (struct fixture *f, const char *path, const char *word, int make_it, uint32_t *bit) {
  struct ptn_id id = id_of (f, path);
  return DO (f, f->store->keyword (f->account, &call, &id, word, make_it, bit));
}
