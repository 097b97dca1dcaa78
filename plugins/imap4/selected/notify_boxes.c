/* SPDX-License-Identifier: Apache-2.0 */
/* notify_boxes.c - what the client knows of mailboxes that are not selected, and what it is told when
 * they changed: STATUS of messages, LIST of names and subscriptions (RFC 5465 section 5). */
#include "common/rights.h"
#include "selected/notify.h"

void
notify_box_free (void *memory) {
  struct notify_box *box = memory;
  mailbox_row_clear (&box->row);
  if (box->notes)
    g_hash_table_unref (box->notes);
  g_free (box);
}

static bool
is_selected (const struct session *s, const struct ptn_id *id) {
  return s->selected && memcmp (&s->selected->mailbox, id, sizeof *id) == 0;
}

/* Of the first group that it belongs to. */
static uint32_t
events_of (const struct session *s, const struct notify *notify, const struct mailbox_row *row) {
  for (guint i = 0; i < notify->groups->len; i++) {
    const struct notify_group *group = &g_array_index (notify->groups, struct notify_group, i);
    if (group->filter.kind != FILTER_SELECTED && group->filter.kind != FILTER_SELECTED_DELAYED
        && filter_matches (s, &group->filter, row))
      return group->events;
  }
  return 0;
}

void
notify_put_status (struct session *s, const struct mailbox_row *row, bool all) {
  struct writer *w = &s->out;
  if (!(row->rights & RIGHT_R))
    return;
  PUT (w, "* STATUS ");
  put_mailbox (w, row->name, session_utf8 (s));
  if (all)
    put_format (w, " (MESSAGES %u UIDNEXT %u UIDVALIDITY %u UNSEEN %u", row->messages, row->uidnext,
                row->uidvalidity, row->unseen);
  else /* only flags changed */
    put_format (w, " (UIDVALIDITY %u UNSEEN %u", row->uidvalidity, row->unseen);
  if (s->enabled & ENABLED_CONDSTORE)
    put_format (w, " HIGHESTMODSEQ %" G_GUINT64_FORMAT, MAX (row->highest_modseq, 1));
  PUT (w, ")\r\n");
}

static void
put_list (struct session *s, const struct mailbox_row *row, const char *missing,
          const char *old_name) {
  struct writer *w = &s->out;
  PUT (w, "* LIST (");
  if (missing)
    put_text (w, missing);
  else
    put_text (w, row->kind & ROW_CHILDREN ? "\\HasChildren" : "\\HasNoChildren");
  if (!missing && row->kind & ROW_NOSELECT)
    PUT (w, " \\NoSelect");
  if (row->kind & ROW_SUBSCRIBED)
    PUT (w, " \\Subscribed");
  PUT (w, ") \"/\" ");
  put_mailbox (w, row->name, session_utf8 (s));
  if (old_name) {
    PUT (w, " (\"OLDNAME\" (");
    put_mailbox (w, old_name, session_utf8 (s));
    PUT (w, "))");
  }
  PUT (w, "\r\n");
}

static void
tell_messages (struct session *s, const struct notify_box *box, const struct mailbox_row *row) {
  const struct mailbox_row *was = &box->row;
  if (is_selected (s, &row->id))
    return;
  bool count = row->uidnext != was->uidnext || row->messages != was->messages
               || row->uidvalidity != was->uidvalidity;
  if (count && box->events & NOTIFY_MESSAGE_NEW)
    notify_put_status (s, row, true);
  else if (box->events & (NOTIFY_FLAG_CHANGE | NOTIFY_ANNOTATION_CHANGE)
           && (row->unseen != was->unseen
               || (s->enabled & ENABLED_CONDSTORE && row->highest_modseq != was->highest_modseq)))
    notify_put_status (s, row, false);
}

/* Takes the row over. */
static void
change (struct session *s, struct notify *notify, struct notify_box *box, struct mailbox_row *row) {
  bool renamed = strcmp (box->row.name, row->name) != 0;
  bool subscribed = (box->row.kind ^ row->kind) & ROW_SUBSCRIBED;
  uint32_t events = box->events | events_of (s, notify, row);
  if (renamed && events & NOTIFY_MAILBOX_NAME)
    put_list (s, row, NULL, box->row.name);
  else if (subscribed && events & NOTIFY_SUBSCRIPTION_CHANGE)
    put_list (s, row, NULL, NULL);
  tell_messages (s, box, row);
  mailbox_row_clear (&box->row);
  box->row = *row;
  box->events = events_of (s, notify, row);
}

static void
add (struct session *s, struct notify *notify, struct mailbox_row *row) {
  struct notify_box *box = g_new0 (struct notify_box, 1);
  box->row = *row;
  box->events = events_of (s, notify, row);
  box->seen = true;
  g_hash_table_insert (notify->boxes, &box->row.id, box);
  if (notify->listed) {
    if (box->events & NOTIFY_MAILBOX_NAME)
      put_list (s, row, NULL, NULL);
    if (box->events & NOTIFY_MESSAGE_NEW && row->messages && !is_selected (s, &row->id))
      notify_put_status (s, row, true);
  } else if (notify->status && box->events & NOTIFY_OF_MESSAGES && !is_selected (s, &row->id))
    notify_put_status (s, row, true);
  if (box->events & NOTIFY_MAILBOX_METADATA)
    g_hash_table_add (notify->noted, g_memdup2 (&row->id, sizeof row->id));
}

static void
drop_unseen (struct session *s, struct notify *notify) {
  GHashTableIter iterator;
  void *value;
  g_hash_table_iter_init (&iterator, notify->boxes);
  while (g_hash_table_iter_next (&iterator, NULL, &value)) {
    struct notify_box *box = value;
    if (!box->seen) {
      if (box->events & NOTIFY_MAILBOX_NAME)
        put_list (s, &box->row, "\\NonExistent", NULL);
      g_hash_table_remove (notify->moved, &box->row.id);
      g_hash_table_remove (notify->noted, &box->row.id);
      g_hash_table_iter_remove (&iterator);
    } else
      box->seen = false;
  }
}

void
notify_compare_all (struct session *s, struct notify *notify) {
  GArray *rows = gather_rows (notify->gather);
  for (guint i = 0; i < rows->len; i++) {
    struct mailbox_row *from = &g_array_index (rows, struct mailbox_row, i), row = *from;
    if (row.kind & ROW_MISSING)
      continue;
    from->name = from->path = from->owner = NULL;
    struct notify_box *box = g_hash_table_lookup (notify->boxes, &row.id);
    if (box) {
      box->seen = true;
      change (s, notify, box, &row);
    } else
      add (s, notify, &row);
  }
  drop_unseen (s, notify);
  notify->listed = true;
}

void
notify_compare (struct session *s, struct notify *notify, struct notify_box *box,
                const struct ptn_mailbox *from) {
  struct mailbox_row row;
  mailbox_row_fill (s, &row, from);
  change (s, notify, box, &row);
}
