/* SPDX-License-Identifier: Apache-2.0 */
/* context.c - see context.h, and CANCELUPDATE. */
#include "search/context.h"

#include "commands.h"
#include "common/uid_set.h"
#include "search/sort.h"
#include "selected/selected.h"

struct context {
  char *tag;
  bool uid;
  enum comparator comparator;
  struct program *program;
  struct sort *sort;
  GArray *uids; /* uint32_t: the result, in its order */
};

struct contexts {
  GPtrArray *list;
  GArray *due; /* struct ptn_uid_range: to be looked at; NULL: none */
  guint at;    /* the context that is looked at */
  bool order;  /* the run puts all of a SORT in order: who belongs to it has changed */
  struct search_run *run;
};

static void
context_free (void *data) {
  struct context *c = data;
  g_free (c->tag);
  program_free (&c->program);
  sort_free (&c->sort);
  g_array_unref (c->uids);
  g_free (c);
}

void
contexts_free (struct contexts **contexts) {
  struct contexts *all = *contexts;
  if (!all)
    return;
  search_run_free (&all->run);
  if (all->due)
    g_array_unref (all->due);
  g_ptr_array_unref (all->list);
  g_free (all);
  *contexts = NULL;
}

static struct context *
find (const struct session *s, const char *tag, guint *place) {
  const struct contexts *all = s->selected ? s->selected->contexts : NULL;
  for (guint i = 0; all && i < all->list->len; i++) {
    struct context *c = all->list->pdata[i];
    if (strcmp (c->tag, tag) == 0) {
      *place = i;
      return c;
    }
  }
  return NULL;
}

bool
context_add (struct session *s, struct search_work *work) {
  struct contexts *all = s->selected->contexts;
  guint place;
  if (find (s, s->tag, &place) || (all && all->list->len == CONTEXTS_MOST)
      || (work->sort && sort_has_annotations (work->sort)))
    return false;
  if (!all) {
    all = s->selected->contexts = g_new0 (struct contexts, 1);
    all->list = g_ptr_array_new_with_free_func (context_free);
  }
  struct context *c = g_new0 (struct context, 1);
  c->tag = g_strdup (s->tag);
  c->uid = s->uid;
  c->comparator = session_comparator (s);
  c->uids = g_array_ref (work->uids);
  /* Numbers and "$" mean what they meant (RFC 5267 section 4.3). */
  search_run_settle (work->run, work->program);
  search_run_free (&work->run);
  c->program = g_steal_pointer (&work->program);
  c->sort = g_steal_pointer (&work->sort);
  g_ptr_array_add (all->list, c);
  return true;
}

static void
begin (struct session *s, const struct context *c, const char *item) {
  struct writer *w = &s->out;
  PUT (w, "* ESEARCH (TAG ");
  put_string (w, c->tag, strlen (c->tag), false);
  put_char (w, ')');
  if (c->uid)
    PUT (w, " UID");
  put_format (w, " %s (", item);
}

/* UIDs as the context's client wants them. */
static void
put_ids (struct session *s, const struct context *c, const uint32_t *uids, guint count) {
  g_autoptr (GArray) ids = g_array_sized_new (FALSE, FALSE, sizeof (uint32_t), count);
  for (guint i = 0; i < count; i++) {
    uint32_t id = c->uid ? uids[i] : selected_number (s, uids[i]);
    g_array_append_val (ids, id);
  }
  put_numbers (&s->out, (const uint32_t *)(void *)ids->data, ids->len);
}

/* Takes away from a result what is in `gone` (ascending UIDs), and tells it. */
static void
remove_from (struct session *s, struct context *c, const GArray *gone) {
  if (gone->len == 0)
    return;
  g_autoptr (GArray) set = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  guint kept = 0;
  for (guint i = 0; i < gone->len; i++)
    set_append (set, g_array_index (gone, uint32_t, i));
  for (guint i = 0; i < c->uids->len; i++) {
    uint32_t uid = g_array_index (c->uids, uint32_t, i);
    if (!set_contains (SET_OF (set), uid))
      g_array_index (c->uids, uint32_t, kept++) = uid;
  }
  g_array_set_size (c->uids, kept);
  begin (s, c, "REMOVEFROM");
  PUT (&s->out, "0 ");
  put_ids (s, c, (const uint32_t *)(void *)gone->data, gone->len);
  PUT (&s->out, ")\r\n");
}

static gint
ascending (gconstpointer a, gconstpointer b) {
  uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
  return left < right ? -1 : left > right;
}

static GArray *
numbers_new (void) {
  return g_array_new (FALSE, FALSE, sizeof (uint32_t));
}

/* The result as a set of UIDs. */
static GArray *
set_of (const GArray *uids) {
  g_autoptr (GArray) sorted = numbers_new ();
  GArray *set = g_array_new (FALSE, FALSE, sizeof (struct ptn_uid_range));
  g_array_append_vals (sorted, uids->data, uids->len);
  g_array_sort (sorted, ascending);
  for (guint i = 0; i < sorted->len; i++)
    set_append (set, g_array_index (sorted, uint32_t, i));
  return set;
}

void
contexts_gone (struct session *s, const GArray *places) {
  const struct ptn_view *told = s->selected->told;
  struct contexts *all = s->selected->contexts;
  for (guint i = 0; all && i < all->list->len; i++) {
    struct context *c = all->list->pdata[i];
    g_autoptr (GArray) set = set_of (c->uids);
    g_autoptr (GArray) gone = numbers_new ();
    for (guint k = 0; k < places->len; k++) {
      uint32_t uid = told->uid[g_array_index (places, uint32_t, k)];
      if (set_contains (SET_OF (set), uid))
        g_array_append_val (gone, uid);
    }
    remove_from (s, c, gone);
  }
}

void
contexts_changed (struct session *s, GArray *uids) {
  struct contexts *all = s->selected->contexts;
  if (!all || all->list->len == 0 || uids->len == 0)
    return;
  search_run_free (&all->run);
  if (all->due)
    g_array_unref (all->due);
  all->due = g_array_ref (uids);
  all->at = 0;
  all->order = false;
}

/* SEARCH: of those that were looked at, who came and who went.  Positions are 0: in mailbox order. */
static void
compare_found (struct session *s, struct context *c, const GArray *due, const GArray *found) {
  g_autoptr (GArray) before = set_of (c->uids);
  g_autoptr (GArray) now = set_of (found);
  g_autoptr (GArray) gone = numbers_new ();
  g_autoptr (GArray) come = numbers_new ();
  for (guint i = 0; i < c->uids->len; i++) {
    uint32_t uid = g_array_index (c->uids, uint32_t, i);
    if (set_contains (SET_OF (due), uid) && !set_contains (SET_OF (now), uid))
      g_array_append_val (gone, uid);
  }
  for (guint i = 0; i < found->len; i++) {
    uint32_t uid = g_array_index (found, uint32_t, i);
    if (!set_contains (SET_OF (before), uid))
      g_array_append_val (come, uid);
  }
  remove_from (s, c, gone);
  if (come->len == 0)
    return;
  g_array_append_vals (c->uids, come->data, come->len);
  g_array_sort (c->uids, ascending);
  begin (s, c, "ADDTO");
  PUT (&s->out, "0 ");
  put_ids (s, c, (const uint32_t *)(void *)come->data, come->len);
  PUT (&s->out, ")\r\n");
}

/* SORT: does one of those that were looked at belong to the result now, or not any more? */
static bool
has_changed (const struct context *c, const GArray *due, const GArray *found) {
  g_autoptr (GArray) before = set_of (c->uids);
  guint belonged = 0;
  for (guint i = 0; i < c->uids->len; i++)
    belonged += set_contains (SET_OF (due), g_array_index (c->uids, uint32_t, i));
  for (guint i = 0; i < found->len; i++)
    if (!set_contains (SET_OF (before), g_array_index (found, uint32_t, i)))
      return true;
  return belonged != found->len;
}

/* SORT: all of the new order is there; each that came has its position. */
static void
compare_order (struct session *s, struct context *c, GArray *order) {
  g_autoptr (GArray) before = set_of (c->uids);
  g_autoptr (GArray) now = set_of (order);
  g_autoptr (GArray) gone = numbers_new ();
  const uint32_t *uids = (const uint32_t *)(void *)order->data;
  bool any = false;
  for (guint i = 0; i < c->uids->len; i++) {
    uint32_t uid = g_array_index (c->uids, uint32_t, i);
    if (!set_contains (SET_OF (now), uid))
      g_array_append_val (gone, uid);
  }
  g_array_sort (gone, ascending);
  remove_from (s, c, gone);
  for (guint i = 0; i < order->len;) {
    guint end = i;
    while (end < order->len && !set_contains (SET_OF (before), uids[end]))
      end++;
    if (end > i) {
      if (!any)
        begin (s, c, "ADDTO");
      put_format (&s->out, "%s%u ", any ? " " : "", i + 1);
      put_ids (s, c, uids + i, end - i);
      any = true;
    }
    i = end + 1;
  }
  if (any)
    PUT (&s->out, ")\r\n");
  g_array_set_size (c->uids, 0);
  g_array_append_vals (c->uids, uids, order->len);
}

bool
contexts_due (const struct session *s) {
  return s->selected->contexts && s->selected->contexts->due;
}

static struct search_run *
run_new (struct session *s, const struct contexts *all, struct context *c) {
  struct search_run *run = search_run_new (s, c->program, c->comparator);
  search_run_selected (run);
  if (all->order) {
    sort_reset (c->sort);
    sort_collect (c->sort, run);
  } else
    search_run_among (run, all->due);
  return run;
}

/* Others first: the step that told of the change goes on later. */
static ptn_status
later (struct session *s) {
  const struct ptn_host *host = s->imap4->host;
  host->wake (host->waker (s->task));
  return PTN_PENDING;
}

ptn_status
contexts_update (struct session *s) {
  struct contexts *all = s->selected->contexts;
  if (!all || !all->due)
    return PTN_OK;
  while (all->at < all->list->len) {
    struct context *c = all->list->pdata[all->at];
    if (!all->run)
      all->run = run_new (s, all, c);
    ptn_status status = search_run_step (all->run);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_OK)
      return later (s);
    if (status == PTN_END) {
      g_autoptr (GArray) found = search_run_uids (all->run, NULL);
      if (all->order) {
        sort_order (c->sort, found);
        compare_order (s, c, found);
        all->order = false;
      } else if (c->sort)
        all->order = has_changed (c, all->due, found);
      else
        compare_found (s, c, all->due, found);
      all->at += !all->order;
    } else {
      all->order = false;
      context_lost (s, c->tag);
      g_ptr_array_remove_index (all->list, all->at);
    }
    search_run_free (&all->run);
  }
  g_clear_pointer (&all->due, g_array_unref);
  return PTN_OK;
}

void
context_lost (struct session *s, const char *tag) {
  PUT (&s->out, "* NO [NOUPDATE ");
  put_string (&s->out, tag, strlen (tag), false);
  PUT (&s->out, "] the result is not kept up to date\r\n");
}

void
command_cancelupdate (struct session *s, struct reader *r) {
  g_autoptr (GPtrArray) tags = g_ptr_array_new ();
  const char *tag;
  guint place;
  do {
    if (!reader_space (r) || !(tag = reader_string (r, NULL))) {
      answer_syntax (s, r);
      return;
    }
    g_ptr_array_add (tags, (gpointer)tag);
  } while (reader_peek (r) == ' ');
  if (!reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  for (guint i = 0; i < tags->len; i++)
    if (!find (s, tags->pdata[i], &place)) {
      answer_bad (s, "no search with this tag is kept up to date");
      return;
    }
  for (guint i = 0; i < tags->len; i++)
    if (find (s, tags->pdata[i], &place))
      g_ptr_array_remove_index (s->selected->contexts->list, place);
  answer_ok (s, NULL, "CANCELUPDATE completed");
}
