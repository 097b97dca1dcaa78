/* SPDX-License-Identifier: Apache-2.0 */
/* list.c - LIST with all its options (RFC 9051 section 6.3.9, RFC 5258, 5819, 6154, 8440, 9590), LSUB
 * (RFC 3501 section 6.3.9), XLIST. */
#include "mailbox/list.h"

#include "commands.h"
#include "mailbox/acl.h"
#include "mailbox/names.h"
#include "mailbox/uses.h"

static void
list_free (struct session *s, void *work) {
  struct list *list = work;
  status_clear (s, &list->status);
  metadata_clear (s, &list->metadata);
  gather_free (s, list->gather);
  if (list->patterns)
    g_ptr_array_unref (list->patterns);
  if (list->entries)
    g_ptr_array_unref (list->entries);
  g_free (list);
}

/* --- one row --- */

static void
put_attributes (struct session *s, const struct list *list, const struct mailbox_row *row) {
  struct writer *w = &s->out;
  /* \NonExistent implies \NoSelect, for those who know it. */
  bool modern = list->kind == LIST_LIST && (list->extended || s->enabled & ENABLED_REV2);
  if (row->kind & ROW_MISSING && modern)
    PUT (w, " \\NonExistent");
  /* LSUB says with \NoSelect that it is not subscribed itself. */
  else if (list->kind == LIST_LSUB ? !(row->kind & ROW_SUBSCRIBED) : row->kind & ROW_NOSELECT)
    PUT (w, " \\Noselect");
  put_text (w, row->kind & ROW_CHILDREN ? " \\HasChildren" : " \\HasNoChildren");
  if (list->kind == LIST_LIST && row->kind & ROW_SUBSCRIBED
      && (list->returns & RETURN_SUBSCRIBED || list->select & SELECT_SUBSCRIBED))
    PUT (w, " \\Subscribed");
  if (list->kind == LIST_XLIST && strcmp (row->name, "INBOX") == 0)
    PUT (w, " \\Inbox");
  if (list->kind != LIST_LSUB)
    uses_put (w, row->uses, list->kind == LIST_XLIST);
}

static void
put_row (struct session *s, const struct list *list, const struct mailbox_row *row) {
  static const char *const words[] = { "LIST", "LSUB", "XLIST" };
  struct writer *w = &s->out;
  put_format (w, "* %s ", words[list->kind]);
  size_t start = w->size;
  put_attributes (s, list, row);
  w->data[start] = '('; /* the space before the first one */
  PUT (w, ") \"/\" ");
  put_mailbox (w, row->name, session_utf8 (s));
  if (list->select & SELECT_RECURSIVEMATCH && row->kind & ROW_CHILDINFO) {
    PUT (w, " (\"CHILDINFO\" (");
    if (list->select & SELECT_SUBSCRIBED)
      PUT (w, "\"SUBSCRIBED\"");
    if ((list->select & SELECT_BASE) == SELECT_BASE)
      put_char (w, ' ');
    if (list->select & SELECT_SPECIAL_USE)
      PUT (w, "\"SPECIAL-USE\"");
    PUT (w, "))");
  }
  PUT (w, "\r\n");
}

/* STATUS of a row.  What cannot be found out is left out (RFC 5819 section 2). */
static ptn_status
put_status (struct session *s, struct list *list, const struct mailbox_row *row) {
  ptn_status status = status_find (s, &list->status, row, list->items);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  if (status == PTN_OK)
    status_put (s, &list->status, row, list->items);
  status_clear (s, &list->status);
  return PTN_OK;
}

static ptn_status
put_metadata (struct session *s, struct list *list, const struct mailbox_row *row) {
  ptn_status status = metadata_load (s, &list->metadata, &row->id);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK)
    metadata_put_listed (s, &list->metadata, row->name, list->entries);
  metadata_clear (s, &list->metadata);
  return PTN_OK;
}

/* May the user know more of it than its name? */
static bool
readable (const struct mailbox_row *row) {
  return !(row->kind & (ROW_MISSING | ROW_NOSELECT)) && row->rights & RIGHT_R;
}

/* What belongs to a row: LIST, then what RETURN asks for. */
static ptn_status
tell_row (struct session *s, struct list *list, const struct mailbox_row *row) {
  ptn_status status = PTN_OK;
  if (!(list->told & RETURN_CHILDREN))
    put_row (s, list, row);
  list->told |= RETURN_CHILDREN;
  if (list->returns & RETURN_MYRIGHTS && !(list->told & RETURN_MYRIGHTS)
      && !(row->kind & (ROW_MISSING | ROW_NOSELECT)))
    put_my_rights (s, row->name, row->rights);
  list->told |= RETURN_MYRIGHTS;
  if (list->returns & RETURN_STATUS && !(list->told & RETURN_STATUS) && readable (row))
    status = put_status (s, list, row);
  if (status != PTN_OK)
    return status;
  list->told |= RETURN_STATUS;
  if (list->returns & RETURN_METADATA && !(list->told & RETURN_METADATA) && readable (row))
    status = put_metadata (s, list, row);
  if (status == PTN_OK)
    list->told |= RETURN_METADATA;
  return status;
}

/* --- all of them --- */

static ptn_status
tell_rows (struct session *s) {
  struct list *list = s->work;
  const GArray *rows = gather_rows (list->gather);
  static const char *const texts[] = { "LIST completed", "LSUB completed", "XLIST completed" };
  for (; list->at < rows->len; list->at++) {
    const struct mailbox_row *row = &g_array_index (rows, struct mailbox_row, list->at);
    if (!(row->kind & ROW_LISTED))
      continue;
    ptn_status status = tell_row (s, list, row);
    if (status == PTN_OK)
      status = session_room (s);
    if (status != PTN_OK)
      return status;
    list->told = 0;
    if (list->at % 64 == 63 && s->imap4->host->budget_spent (s->task)) {
      list->at++;
      return PTN_OK;
    }
  }
  answer_ok (s, NULL, texts[list->kind]);
  return PTN_OK;
}

static ptn_status
find_rows (struct session *s) {
  struct list *list = s->work;
  ptn_status status = gather_run (s, list->gather);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    answer_failure (s, status, "the mailboxes cannot be listed now");
    return PTN_OK;
  }
  if (!list_match (s, list))
    return PTN_OK;
  if (list->returns & RETURN_STATUS)
    status_enables (s, list->items);
  s->resume = tell_rows;
  return PTN_OK;
}

/* "The hierarchy delimiter and the root name of the name given in the reference." */
static void
tell_root (struct session *s, const struct list *list) {
  const char *root = "", *prefixes[] = { namespace_others (s), namespace_public (s) };
  static const char *const words[] = { "LIST", "LSUB", "XLIST" };
  for (size_t i = 0; i < G_N_ELEMENTS (prefixes); i++)
    if (below_prefix (list->reference, prefixes[i]))
      root = prefixes[i];
  g_autofree char *name = *root ? g_strconcat (root, "/", NULL) : g_strdup ("");
  put_format (&s->out, "* %s (\\Noselect) \"/\" ", words[list->kind]);
  put_mailbox (&s->out, name, session_utf8 (s));
  PUT (&s->out, "\r\n");
  answer_format (s, "%s completed", words[list->kind]);
}

static void
begin (struct session *s, struct reader *r, enum list_kind kind) {
  struct list *list = g_new0 (struct list, 1);
  list->kind = kind;
  s->work = list;
  s->work_free = list_free;
  if (!list_read (s, r, list)) {
    answer_syntax (s, r);
    return;
  }
  if (!list->extended && !*(const char *)list->patterns->pdata[0]) {
    tell_root (s, list);
    return;
  }
  /* One pattern is for the store to look at, if only what matches counts. */
  bool one = list->patterns->len == 1 && kind != LIST_LSUB && !(list->select & SELECT_BASE);
  list->gather = gather_new (list_sources (s, list), one ? list->patterns->pdata[0] : "*");
  s->resume = find_rows;
}

void
command_list (struct session *s, struct reader *r) {
  begin (s, r, LIST_LIST);
}

void
command_lsub (struct session *s, struct reader *r) {
  begin (s, r, LIST_LSUB);
}

void
command_xlist (struct session *s, struct reader *r) {
  begin (s, r, LIST_XLIST);
}
