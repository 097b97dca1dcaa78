/* SPDX-License-Identifier: Apache-2.0 */
/* annotations.c - values by name; those of an identity's own by name and identity. */
#include "memory.h"

#include "common/kept_name.h"

#include <string.h>

#define MARK '\1' /* behind the name of a private one; no name has it */

char *
annotation_key (const struct asker *asker, const char *name) {
  if (annotation_name_private (name))
    return g_strdup_printf ("%s%c%s", name, MARK, asker->authzid);
  return g_strdup (name);
}

int
annotation_visible (const struct asker *asker, const char *key) {
  const char *mark = strchr (key, MARK);
  if (!mark)
    return (int)strlen (key);
  return !asker || strcmp (mark + 1, asker->authzid) == 0 ? (int)(mark - key) : -1;
}

static gint
compare_keys (gconstpointer a, gconstpointer b, gpointer data) {
  return strcmp (a, b);
}

void
annotations_set (GTree **annotations, const char *key, GBytes *value) {
  if (value && !*annotations)
    *annotations = g_tree_new_full (compare_keys, NULL, g_free, (GDestroyNotify)g_bytes_unref);
  if (value)
    g_tree_insert (*annotations, g_strdup (key), g_bytes_ref (value));
  else if (*annotations)
    g_tree_remove (*annotations, key);
}

struct copying {
  GTree *copy;
  const struct asker *asker;
  bool shared;
};

static gboolean
copy_annotation (gpointer key, gpointer value, gpointer data) {
  struct copying *copying = data;
  bool stays = annotation_name_private (key) ? annotation_visible (copying->asker, key) < 0
                                             : !copying->shared;
  if (!stays)
    annotations_set (&copying->copy, key, value);
  return FALSE;
}

GTree *
annotations_copy (GTree *annotations, const struct asker *asker, bool shared) {
  struct copying copying = { NULL, asker, shared };
  if (annotations)
    g_tree_foreach (annotations, copy_annotation, &copying);
  return copying.copy;
}

/* --- rows of them -------------------------------------------------------------------------- */

struct collect { /* what one walk over a tree of annotations needs */
  struct ptn_cursor *cursor;
  const struct asker *asker;
  const char *name;
  uint32_t uid;
};

static gboolean
collect_annotation (gpointer key, gpointer value, gpointer data) {
  const struct collect *collect = data;
  int length = annotation_visible (collect->asker, key);
  if (length < 0
      || (collect->name
          && (strlen (collect->name) != (size_t)length
              || memcmp (key, collect->name, (size_t)length) != 0)))
    return FALSE;
  struct annotation_row row = { .name = g_strndup (key, (gsize)length),
                                .value = g_bytes_ref (value) };
  gsize size;
  const void *octets = g_bytes_get_data (row.value, &size);
  row.table = (struct ptn_annotation){
    .size = sizeof row.table,
    .uid = collect->uid,
    .name = row.name,
    .value = { octets ? octets : "", size }, /* an empty value is still one */
  };
  g_array_append_val (collect->cursor->annotations, row);
  return FALSE;
}

static void
collect_all (struct collect *collect, GTree *annotations, uint32_t uid) {
  collect->uid = uid;
  if (annotations)
    g_tree_foreach (annotations, collect_annotation, collect);
}

static void
collect_mailbox (struct collect *collect, const struct mailbox *mailbox, struct ptn_uid_set uids,
                 bool all_uids) {
  if (!all_uids && uids.count == 0) {
    collect_all (collect, mailbox->annotations, 0);
    return;
  }
  size_t range = 0;
  for (guint i = 0; i < mailbox->messages->len; i++) {
    const struct message *message = mailbox->messages->pdata[i];
    if (all_uids || uid_set_has (uids, &range, message->uid))
      collect_all (collect, message->annotations, message->uid);
  }
}

ptn_status
memory_annotations (struct ptn_account *account, struct ptn_call *call, const struct ptn_id *id,
                    struct ptn_uid_set uids, int all_uids, const char *name,
                    struct ptn_cursor **result) {
  struct memory *store = account->store;
  if (wait_enter (store, call) == PTN_PENDING)
    return PTN_PENDING;
  struct ptn_cursor *cursor = cursor_new (store);
  cursor->annotations = g_array_new (FALSE, FALSE, sizeof (struct annotation_row));
  struct collect collect = { cursor, account->asker, name, 0 };
  struct mailbox *mailbox;
  ptn_status status = PTN_OK;
  model_lock (store);
  if (!id) {
    struct owner *owner = model_owner (store, account->asker->account, false);
    collect_all (&collect, owner ? owner->annotations : NULL, 0);
  } else {
    status = model_mailbox (store, account->asker, id, RIGHT_R, &mailbox);
    if (mailbox)
      collect_mailbox (&collect, mailbox, uids, all_uids != 0);
  }
  model_unlock (store, NULL);
  if (status != PTN_OK) {
    memory_close_cursor (cursor);
    return wait_leave (call, status);
  }
  *result = cursor;
  return wait_leave (call, PTN_OK);
}

ptn_status
memory_next_annotation (struct ptn_cursor *cursor, struct ptn_call *call,
                        const struct ptn_annotation **row) {
  if (wait_enter (cursor->store, call) == PTN_PENDING)
    return PTN_PENDING;
  if (!cursor->annotations || cursor->at >= cursor->annotations->len)
    return wait_leave (call, PTN_END);
  *row = &g_array_index (cursor->annotations, struct annotation_row, cursor->at++).table;
  return wait_leave (call, PTN_OK);
}
