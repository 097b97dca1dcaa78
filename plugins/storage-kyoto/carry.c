/* SPDX-License-Identifier: GPL-3.0-or-later */
/* carry.c - see carry.h. */
#include "carry.h"

#include "annotations.h"

#include "common/kept_name.h"
#include "common/rights.h"

struct carried {
  char *name; /* as it is kept in the destination */
  GBytes *value;
};

static void
carried_free (void *argument) {
  struct carried *carried = argument;

  g_free (carried->name);
  g_bytes_unref (carried->value);
  g_free (carried);
}

void
carry_init (struct carry *carry, struct ptn_account *account, const struct place *from,
            const struct place *to) {
  carry->own_from = annotation_kept_name (account, from, "/private/");
  carry->own_to = annotation_kept_name (account, to, "/private/");
  carry->shared = to->rights & RIGHT_W;
}

void
carry_clear (struct carry *carry) {
  g_clear_pointer (&carry->own_from, g_free);
  g_clear_pointer (&carry->own_to, g_free);
}

/* The name in the destination of what has this one; NULL: it stays. */
static char *
name_there (const struct carry *carry, const char *name) {
  const char *mark = strchr (name, PRIVATE_MARK);
  size_t prefix = strlen ("/private/");

  if (!carry->own_to)
    return g_strdup (name);
  if (!annotation_name_private (name))
    return carry->shared ? g_strdup (name) : NULL;
  if (strcmp (mark ? mark : "", carry->own_from + prefix) != 0)
    return NULL;
  return g_strdup_printf ("%.*s%s", (int)(mark ? mark - name : (ptrdiff_t)strlen (name)), name,
                          carry->own_to + prefix);
}

static void
range_of (uint32_t user, uint32_t mailbox, uint32_t uid, struct key *from, struct key *end) {
  key_annotation (from, user, mailbox, uid, "");
  key_after (end, from);
}

struct loading {
  const struct carry *carry;
  GPtrArray *carried;
};

static bool
load_row (void *argument, const uint8_t *key, size_t key_size, const uint8_t *value, size_t size) {
  struct loading *loading = argument;
  g_autofree char *name = key_text (key, key_size, AT_ANNOTATION_NAME);
  char *there = name_there (loading->carry, name);
  struct carried *carried;

  if (!there)
    return true;
  carried = g_new (struct carried, 1);
  carried->name = there;
  carried->value = g_bytes_new (value, size);
  if (!loading->carried)
    loading->carried = g_ptr_array_new_with_free_func (carried_free);
  g_ptr_array_add (loading->carried, carried);
  return true;
}

ptn_status
carry_load (const struct carry *carry, const struct place *from, uint32_t uid,
            GPtrArray **carried) {
  struct loading loading = { carry, NULL };
  struct key first, end;
  ptn_status status;

  range_of (from->user, from->mailbox, uid, &first, &end);
  status = index_scan (&from->shard->index, NULL, &first, &end, SIZE_MAX, load_row, &loading);
  *carried = loading.carried;
  return status < 0 ? status : PTN_OK;
}

static ptn_status
put_one (struct txn *txn, const char *name, struct ptn_bytes value, const struct record *made) {
  const struct ptn_uid_range uid = { made->uid, made->uid };
  struct record record = { .type = RECORD_ANNOTATE,
                           .user = made->user,
                           .mailbox = made->mailbox,
                           .modseq = made->modseq,
                           .set = { &uid, 1 },
                           .text = name,
                           .value = value };

  return txn_emit (txn, &record);
}

ptn_status
carry_put (struct txn *txn, const GPtrArray *carried, const struct record *made) {
  ptn_status status = PTN_OK;

  for (guint i = 0; carried && status == PTN_OK && i < carried->len; i++) {
    const struct carried *one = carried->pdata[i];
    struct ptn_bytes value;

    value.data = g_bytes_get_data (one->value, &value.size);
    if (!value.data)
      value.data = ""; /* an empty one is still one */
    status = put_one (txn, one->name, value, made);
  }
  return status;
}

ptn_status
carry_here (struct txn *txn, const struct carry *carry, uint32_t user, uint32_t mailbox,
            uint32_t uid, const struct record *made) {
  g_autoptr (GPtrArray) rows = NULL;
  struct key from, end;
  ptn_status status;

  range_of (user, mailbox, uid, &from, &end);
  status = edit_collect (&txn->edit, &from, &end, &rows);
  for (guint i = 0; status == PTN_OK && i < rows->len; i++) {
    const struct edit_row *row = rows->pdata[i];
    g_autofree char *name = key_text (row->key, row->key_size, AT_ANNOTATION_NAME);
    g_autofree char *there = name_there (carry, name);

    if (there)
      status = put_one (txn, there, (struct ptn_bytes){ row->value, row->value_size }, made);
  }
  return status;
}
