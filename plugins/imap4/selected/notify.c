/* SPDX-License-Identifier: Apache-2.0 */
/* notify.c - see notify.h. */
#include "selected/notify.h"

#include "commands.h"
#include "common/uid_set.h"
#include "mailbox/names.h"

#define BOXES_MAX 20000 /* more are not watched: NOTIFICATIONOVERFLOW */
#define MESSAGE_KINDS \
  (PTN_MESSAGE_NEW | PTN_MESSAGE_APPEND | PTN_MESSAGE_EXPUNGE | PTN_FLAGS_CHANGE)
#define NAME_KINDS                                                                      \
  (PTN_MAILBOX_CREATE | PTN_MAILBOX_DELETE | PTN_MAILBOX_RENAME | PTN_MAILBOX_SUBSCRIBE \
   | PTN_ACL_CHANGE)

static const struct ptn_id whole; /* all zero: the account */

static guint
id_hash (const void *key) {
  const struct ptn_id *id = key;
  guint hash = 2166136261u;
  for (size_t i = 0; i < sizeof id->octets; i++)
    hash = (hash ^ id->octets[i]) * 16777619u;
  return hash;
}

static gboolean
id_equal (const void *a, const void *b) {
  return memcmp (a, b, sizeof (struct ptn_id)) == 0;
}

static void
group_clear (void *memory) {
  struct notify_group *group = memory;
  filter_clear (&group->filter);
  g_free (group->fetch);
}

static struct notify *
notify_new (void) {
  struct notify *notify = g_new0 (struct notify, 1);
  notify->groups = g_array_new (FALSE, FALSE, sizeof (struct notify_group));
  g_array_set_clear_func (notify->groups, group_clear);
  notify->owners = g_array_new (FALSE, FALSE, sizeof (struct notify_owner));
  notify->boxes = g_hash_table_new_full (id_hash, id_equal, NULL, notify_box_free);
  notify->moved = g_hash_table_new_full (id_hash, id_equal, g_free, NULL);
  notify->noted = g_hash_table_new_full (id_hash, id_equal, g_free, NULL);
  return notify;
}

static void
free_notify (struct session *s, struct notify *notify) {
  for (guint i = 0; i < notify->owners->len; i++) {
    struct notify_owner *owner = &g_array_index (notify->owners, struct notify_owner, i);
    s->imap4->host->unsubscribe (owner->waits);
    g_free (owner->owner);
  }
  if (notify->cursor)
    s->imap4->store->close_cursor (notify->cursor);
  gather_free (s, notify->gather);
  if (notify->reading)
    g_hash_table_unref (notify->reading);
  if (notify->account_notes)
    g_hash_table_unref (notify->account_notes);
  g_array_unref (notify->groups);
  g_array_unref (notify->owners);
  g_hash_table_unref (notify->boxes);
  g_hash_table_unref (notify->moved);
  g_hash_table_unref (notify->noted);
  g_free (notify);
}

void
notify_free (struct session *s) {
  if (s->notify)
    free_notify (s, s->notify);
  s->notify = NULL;
}

const struct notify_group *
notify_selected (const struct session *s) {
  for (guint i = 0; s->notify && i < s->notify->groups->len; i++) {
    const struct notify_group *group = &g_array_index (s->notify->groups, struct notify_group, i);
    if (group->filter.kind == FILTER_SELECTED || group->filter.kind == FILTER_SELECTED_DELAYED)
      return group;
  }
  return NULL;
}

/* --- what wakes the session ------------------------------------------------------------------- */

static bool
watch (struct session *s, struct notify *notify, const char *owner) {
  struct notify_owner row = { 0 };
  for (guint i = 0; i < notify->owners->len; i++)
    if (strcmp (g_array_index (notify->owners, struct notify_owner, i).owner, owner) == 0)
      return true;
  uint32_t kinds = MESSAGE_KINDS | NAME_KINDS | PTN_ANNOTATION_CHANGE;
  if (s->imap4->host->subscribe (s->task, owner, NULL, kinds, &row.waits) != PTN_OK)
    return false;
  row.owner = g_strdup (owner);
  g_array_append_val (notify->owners, row);
  return true;
}

/* Everybody whose mailboxes are among those that were listed; what has come into being between is
 * listed again. */
static bool
watch_owners (struct session *s, struct notify *notify) {
  GHashTableIter iterator;
  void *value;
  if ((notify->sources || notify->events & NOTIFY_SERVER_METADATA)
      && !watch (s, notify, s->user->name))
    return false;
  if (notify->sources & GATHER_PUBLIC && !watch (s, notify, ""))
    return false;
  guint before = notify->owners->len;
  g_hash_table_iter_init (&iterator, notify->boxes);
  while (g_hash_table_iter_next (&iterator, NULL, &value)) {
    const struct notify_box *box = value;
    if (box->events && box->row.owner && !watch (s, notify, box->row.owner))
      return false;
  }
  notify->relist |= notify->owners->len != before;
  return true;
}

static void
note_happening (struct session *s, struct notify *notify, const char *owner,
                const struct ptn_happening *row) {
  bool all = row->kinds == UINT32_MAX;
  bool own = strcmp (owner, s->user->name) == 0;
  if (id_equal (&row->mailbox, &whole)) {
    notify->server_notes |= own && row->kinds & PTN_ANNOTATION_CHANGE;
    notify->relist |= all || row->kinds & NAME_KINDS;
    notify->relist |= (row->kinds & PTN_ANNOTATION_CHANGE) != 0; /* subscriptions of names */
    if (all) {
      GHashTableIter iterator;
      void *value;
      g_hash_table_iter_init (&iterator, notify->boxes);
      while (g_hash_table_iter_next (&iterator, NULL, &value)) {
        const struct notify_box *box = value;
        if (box->events & NOTIFY_MAILBOX_METADATA)
          g_hash_table_add (notify->noted, g_memdup2 (&box->row.id, sizeof box->row.id));
      }
    }
    return;
  }
  const struct notify_box *box = g_hash_table_lookup (notify->boxes, &row->mailbox);
  if (row->kinds & NAME_KINDS || (!box && own))
    notify->relist = true;
  if (!box)
    return;
  if (row->kinds & MESSAGE_KINDS)
    g_hash_table_add (notify->moved, g_memdup2 (&row->mailbox, sizeof row->mailbox));
  if (row->kinds & PTN_ANNOTATION_CHANGE && box->events & NOTIFY_MAILBOX_METADATA)
    g_hash_table_add (notify->noted, g_memdup2 (&row->mailbox, sizeof row->mailbox));
}

static void
look (struct session *s, struct notify *notify) {
  struct ptn_happening rows[16];
  size_t count;
  for (guint i = 0; i < notify->owners->len; i++) {
    struct notify_owner *owner = &g_array_index (notify->owners, struct notify_owner, i);
    while (s->imap4->host->occurred (owner->waits, rows, G_N_ELEMENTS (rows), &count) == PTN_OK)
      for (size_t j = 0; j < count; j++)
        note_happening (s, notify, owner->owner, &rows[j]);
  }
  if (s->selected && notify_selected (s) && notify_selected (s)->events && selected_watch (s)) {
    uint32_t kinds = selected_happened (s);
    notify->selected_moved |= kinds != 0;
    notify->selected_rights |= (kinds & PTN_ACL_CHANGE) != 0;
  }
}

/* --- what is told ------------------------------------------------------------------------------ */

static void
overflow (struct session *s) {
  PUT (&s->out, "* OK [NOTIFICATIONOVERFLOW] too much to be watched: as after NOTIFY NONE\r\n");
  notify_free (s);
}

static ptn_status
list_again (struct session *s, struct notify *notify) {
  if (!notify->gather) {
    notify->relist = false;
    if (!watch_owners (s, notify)) { /* before the look, so that nothing slips through */
      overflow (s);
      return PTN_OK;
    }
    notify->gather = gather_new (notify->sources, "*");
  }
  ptn_status status = gather_run (s, notify->gather);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  if (status == PTN_OK) {
    notify_compare_all (s, notify);
    g_hash_table_remove_all (notify->moved);
  }
  gather_free (s, g_steal_pointer (&notify->gather));
  if (status == PTN_OK
      && (g_hash_table_size (notify->boxes) > BOXES_MAX || !watch_owners (s, notify)))
    overflow (s);
  return PTN_OK;
}

/* Any one of the set; NULL: none. */
static struct notify_box *
first_of (struct notify *notify, GHashTable *set) {
  GHashTableIter iterator;
  void *id;
  g_hash_table_iter_init (&iterator, set);
  while (g_hash_table_iter_next (&iterator, &id, NULL)) {
    struct notify_box *box = g_hash_table_lookup (notify->boxes, id);
    if (box)
      return box;
    g_hash_table_iter_remove (&iterator);
  }
  return NULL;
}

static ptn_status
look_at_moved (struct session *s, struct notify *notify) {
  struct notify_box *box;
  while ((box = first_of (notify, notify->moved))) {
    const struct ptn_mailbox *row;
    struct ptn_mailbox_name name = { box->row.owner, box->row.path };
    ptn_status status = s->imap4->store->status (s->user->account, &s->call, name, &row);
    if (status == PTN_PENDING)
      return status;
    bool there = status == PTN_OK && id_equal (&row->id, &box->row.id);
    if (there)
      notify_compare (s, notify, box, row);
    g_hash_table_remove (notify->moved, &box->row.id);
    s->imap4->host->call_end (&s->call);
    if (!there) {
      notify->relist = true;
      return PTN_OK;
    }
  }
  return PTN_OK;
}

static ptn_status
look_at_notes (struct session *s, struct notify *notify) {
  struct notify_box *box;
  while ((box = first_of (notify, notify->noted))) {
    ptn_status status = notify_read_notes (s, notify, box);
    if (status != PTN_OK)
      return status;
    g_hash_table_remove (notify->noted, &box->row.id);
  }
  if (notify->server_notes && notify->events & NOTIFY_SERVER_METADATA) {
    ptn_status status = notify_read_notes (s, notify, NULL);
    if (status != PTN_OK)
      return status;
  }
  notify->server_notes = false;
  return PTN_OK;
}

/* While no command runs, or in IDLE. */
static ptn_status
tell_selected (struct session *s, struct notify *notify) {
  ptn_status status = PTN_OK;
  if (!s->selected)
    notify->selected_rights = notify->selected_moved = false;
  if (notify->selected_rights)
    status = selected_check_rights (s);
  if (status != PTN_OK)
    return status;
  notify->selected_rights = false;
  if (!notify->selected_moved)
    return PTN_OK;
  const struct notify_group *group = notify_selected (s);
  status = selected_report (s, group && group->filter.kind == FILTER_SELECTED);
  if (status == PTN_OK)
    notify->selected_moved = false;
  return status;
}

static bool
has_more (const struct notify *notify) {
  return notify->relist || notify->gather || g_hash_table_size (notify->moved)
         || g_hash_table_size (notify->noted) || notify->server_notes || notify->selected_moved
         || notify->selected_rights;
}

/* One after the other, since all of them use the session's call. */
static ptn_status
tell_some (struct session *s, struct notify *notify) {
  ptn_status status = PTN_OK;
  if (notify->relist || notify->gather)
    return list_again (s, notify);
  if (g_hash_table_size (notify->moved))
    status = look_at_moved (s, notify);
  else if (g_hash_table_size (notify->noted) || notify->server_notes)
    status = look_at_notes (s, notify);
  else
    status = tell_selected (s, notify);
  return status;
}

ptn_status
notify_tell (struct session *s) {
  /* What is in progress goes on before anything else is begun with the call. */
  while (s->notify) {
    struct notify *notify = s->notify;
    if (!notify->busy)
      look (s, notify);
    notify->busy = has_more (notify);
    if (!notify->busy)
      return PTN_OK;
    ptn_status status = tell_some (s, notify);
    if (status == PTN_PENDING)
      return status;
    if (s->notify)
      s->notify->busy = status == PTN_OK && has_more (s->notify);
    if (status == PTN_OK)
      status = session_room (s);
    if (status != PTN_OK || s->state == STATE_LOGOUT)
      return status;
  }
  return PTN_OK;
}

static bool
fetch_annotated (struct session *s) {
  struct writer w = { 0 };
  PUT (&w, "x UID FETCH ");
  put_uid_set (&w, SET_OF (s->selected->annotated));
  PUT (&w, " (ANNOTATION (* (value.priv value.shared)))");
  g_clear_pointer (&s->selected->annotated, g_array_unref);
  g_free (s->inner_text);
  s->inner_text = g_strndup (w.data, w.size);
  writer_clear (&w);
  command_begin_inner (s, s->inner_text);
  return true;
}

bool
notify_fetch (struct session *s) {
  struct selected *selected = s->selected;
  const struct notify_group *group = notify_selected (s);
  if (selected && selected->annotated && !s->inner)
    return fetch_annotated (s);
  if (!selected || !selected->fresh_from)
    return false;
  uint32_t first = selected->fresh_from;
  selected->fresh_from = 0;
  if (!group || !group->fetch || s->inner)
    return false;
  uint32_t last = selected->told->count ? selected->told->uid[selected->told->count - 1] : 0;
  if (last < first)
    return false;
  g_free (s->inner_text);
  s->inner_text = g_strdup_printf ("x UID FETCH %u:%u %s", first, last, group->fetch);
  command_begin_inner (s, s->inner_text);
  return true;
}

/* --- the command ------------------------------------------------------------------------------- */

static void
notify_work_free (struct session *s, void *work) {
  free_notify (s, work);
}

/* The mailboxes are listed, and their metadata read; then it holds. */
static ptn_status
begin (struct session *s) {
  ptn_status status = notify_tell (s);
  if (status != PTN_OK)
    return status;
  if (!s->notify)
    answer_no (s, "NOTIFICATIONOVERFLOW", "too much to be watched");
  else
    answer_ok (s, NULL, "NOTIFY completed");
  return PTN_OK;
}

static void
set (struct session *s, struct notify *notify) {
  notify_free (s);
  s->notify = notify;
  for (guint i = 0; i < notify->groups->len; i++) {
    const struct notify_group *group = &g_array_index (notify->groups, struct notify_group, i);
    if (group->filter.kind != FILTER_SELECTED && group->filter.kind != FILTER_SELECTED_DELAYED)
      notify->sources |= filter_sources (s, &group->filter);
  }
  notify->relist = notify->sources != 0;
  notify->server_notes = notify->events & NOTIFY_SERVER_METADATA;
  if (!notify->relist && !watch_owners (s, notify))
    notify_free (s);
  if (s->selected)
    s->selected->fresh_from = 0;
  s->resume = begin;
}

void
command_notify (struct session *s, struct reader *r) {
  bool bad = false;
  if (reader_space (r) && reader_accept_word (r, "NONE")) {
    if (!reader_end (r)) {
      answer_syntax (s, r);
      return;
    }
    notify_free (s);
    answer_ok (s, NULL, "NOTIFY completed");
    return;
  }
  if (r->error || !reader_accept_word (r, "SET") || !reader_space (r)) {
    reader_fail (r, "expected SET or NONE");
    answer_syntax (s, r);
    return;
  }
  struct notify *notify = notify_new ();
  s->work = notify;
  s->work_free = notify_work_free;
  if (!notify_read (r, notify, &bad))
    answer_syntax (s, r);
  else if (bad) {
    g_autofree char *code = g_strdup_printf ("BADEVENT (%s)", notify_event_names);
    answer_no (s, code, "an event that is not known");
  } else {
    s->work = NULL;
    s->work_free = NULL;
    set (s, notify);
  }
}
