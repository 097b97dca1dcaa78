/* SPDX-License-Identifier: Apache-2.0 */
/* metadata_commands.c - GETMETADATA, SETMETADATA (RFC 5464), and a mailbox's uses as an entry (RFC 6154
 * section 4). */
#include "commands.h"
#include "common/rights.h"
#include "mailbox/metadata.h"
#include "mailbox/names.h"
#include "mailbox/uses.h"

#define ENTRY_USES "/private/specialuse"

enum { DEPTH_ENTRY, DEPTH_CHILDREN, DEPTH_ALL };

struct setting {
  const char *entry; /* in lower case; the reader's */
  struct ptn_bytes value;
};

struct work {
  const char *name; /* NULL: the server */
  bool found;
  struct ptn_id id;
  uint32_t uses, rights;
  struct metadata metadata;
  /* GETMETADATA */
  bool limited;
  uint64_t max_size, longest;
  unsigned depth;
  GPtrArray *entries;
  /* SETMETADATA */
  GArray *settings; /* struct setting */
  struct ptn_change *change;
  guint at;
  bool set_uses; /* new_uses are still to be set */
  uint32_t new_uses;
  bool committing;
};

static void
work_free (struct session *s, void *memory) {
  struct work *work = memory;
  metadata_clear (s, &work->metadata);
  if (work->change)
    s->imap4->store->end (work->change);
  if (work->entries)
    g_ptr_array_unref (work->entries);
  if (work->settings)
    g_array_unref (work->settings);
  g_free (work);
}

static struct work *
work_new (struct session *s) {
  struct work *work = g_new0 (struct work, 1);
  s->work = work;
  s->work_free = work_free;
  return work;
}

/* A mailbox, or "" for the server: then *name is NULL. */
static bool
read_name (struct reader *r, const char **name) {
  size_t at = r->at;
  const char *text = reader_astring (r, NULL);
  *name = NULL;
  if (!text || !*text)
    return text != NULL;
  r->at = at;
  return (*name = reader_mailbox (r)) != NULL;
}

/* PTN_END: it was answered with NO. */
static ptn_status
find_mailbox (struct session *s, struct work *work) {
  const struct ptn_mailbox *row;
  if (!work->name || work->found)
    return PTN_OK;
  ptn_status status = mailbox_status (s, work->name, &row);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK) {
    work->id = row->id;
    work->uses = row->attributes & PTN_MAILBOX_SPECIAL_USES;
    rights_parse (row->rights ? row->rights : RIGHTS_LETTERS, &work->rights);
    work->found = true;
    if (!(work->rights & RIGHT_L)) /* section 3.3 */
      status = PTN_E_DENIED;
  }
  s->imap4->host->call_end (&s->call);
  if (status == PTN_OK)
    return status;
  answer_failure (s, status, "no such mailbox");
  return PTN_END;
}

/* All that it has.  PTN_END: it was answered with NO. */
static ptn_status
find_values (struct session *s, struct work *work) {
  ptn_status status = find_mailbox (s, work);
  if (status != PTN_OK)
    return status;
  bool loaded = work->metadata.loaded;
  status = metadata_load (s, &work->metadata, work->name ? &work->id : NULL);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK && !loaded && work->uses & USES_NAMED) {
    struct writer w = { 0 };
    uses_put (&w, work->uses, false);
    put_char (&w, 0);
    metadata_add (&work->metadata, ENTRY_USES, w.data + 1);
    writer_clear (&w);
  }
  if (status == PTN_OK)
    return status;
  answer_failure (s, status, "the annotations cannot be read now");
  return PTN_END;
}

/* --- GETMETADATA --- */

static bool
read_option (struct reader *r, struct work *work) {
  const char *word = reader_keyword (r);
  if (!word || !reader_space (r))
    return false;
  if (strcmp (word, "MAXSIZE") == 0) {
    work->limited = true;
    return reader_number64 (r, &work->max_size);
  }
  if (strcmp (word, "DEPTH") != 0)
    return reader_fail (r, "unknown option of GETMETADATA");
  const char *depth = reader_keyword (r);
  if (!depth)
    return false;
  if (strcmp (depth, "0") == 0)
    work->depth = DEPTH_ENTRY;
  else if (strcmp (depth, "1") == 0)
    work->depth = DEPTH_CHILDREN;
  else if (strcmp (depth, "INFINITY") == 0)
    work->depth = DEPTH_ALL;
  else
    return reader_fail (r, "DEPTH is 0, 1 or infinity");
  return true;
}

static bool
read_options (struct reader *r, struct work *work) {
  if (!reader_expect (r, '('))
    return false;
  do
    if (!read_option (r, work))
      return false;
  while (reader_accept (r, ' '));
  return reader_expect (r, ')') && reader_space (r);
}

/* The syntax has the options before the mailbox, the examples (section 4.2.1) behind it. */
static bool
read_get (struct reader *r, struct work *work) {
  if (!reader_space (r))
    return false;
  if (reader_peek (r) == '(' && !read_options (r, work))
    return false;
  if (!read_name (r, &work->name) || !reader_space (r))
    return false;
  bool options =
      reader_peek (r) == '(' && r->at + 1 < r->size && g_ascii_isalpha (r->data[r->at + 1]);
  if (options && !read_options (r, work))
    return false;
  return (work->entries = metadata_read_entries (r)) && reader_end (r);
}

/* Is it the entry, or so far below it as is wanted? */
static bool
in_depth (const char *entry, const char *asked, unsigned depth) {
  const char *rest = below_prefix (entry, asked);
  return rest && (!*rest || depth == DEPTH_ALL || (depth == DEPTH_CHILDREN && !strchr (rest, '/')));
}

/* One entry, if it is not too long; the first one opens the response. */
static void
put_entry (struct session *s, struct work *work, const char *entry, GBytes *value, bool *any) {
  size_t size = value ? g_bytes_get_size (value) : 0;
  if (work->limited && size > work->max_size) {
    work->longest = MAX (work->longest, size);
    return;
  }
  if (!*any) {
    PUT (&s->out, "* METADATA ");
    put_mailbox (&s->out, work->name ? work->name : "", session_utf8 (s));
  }
  put_text (&s->out, *any ? " " : " (");
  *any = true;
  put_astring (&s->out, entry, strlen (entry), session_utf8 (s));
  put_char (&s->out, ' ');
  put_metadata_value (s, value);
}

/* Was it told for an entry before this one? */
static bool
told_before (const struct work *work, guint before, const char *entry) {
  for (guint i = 0; i < before; i++) {
    g_autofree char *asked = g_ascii_strdown (work->entries->pdata[i], -1);
    if (in_depth (entry, asked, work->depth))
      return true;
  }
  return false;
}

static void
put_asked (struct session *s, struct work *work, guint at, bool *any) {
  const char *entry = work->entries->pdata[at];
  const GArray *values = work->metadata.values;
  g_autofree char *asked = g_ascii_strdown (entry, -1);
  if (work->depth == DEPTH_ENTRY) {
    if (metadata_is_entry (entry, true) && !told_before (work, at, asked))
      put_entry (s, work, entry, metadata_find (&work->metadata, asked), any);
    return;
  }
  for (guint i = 0; values && i < values->len; i++) {
    const struct metadata_value *value = &g_array_index (values, struct metadata_value, i);
    if (in_depth (value->entry, asked, work->depth) && !told_before (work, at, value->entry))
      put_entry (s, work, value->entry, value->value, any);
  }
}

static ptn_status
get_metadata (struct session *s) {
  struct work *work = s->work;
  bool any = false;
  ptn_status status = find_values (s, work);
  if (status != PTN_OK)
    return status == PTN_END ? PTN_OK : status;
  for (guint i = 0; i < work->entries->len; i++)
    put_asked (s, work, i, &any);
  if (any)
    PUT (&s->out, ")\r\n");
  if (work->longest)
    answer_format (s, "[METADATA LONGENTRIES %" G_GUINT64_FORMAT "] GETMETADATA completed",
                   work->longest);
  else
    answer_ok (s, NULL, "GETMETADATA completed");
  return PTN_OK;
}

void
command_getmetadata (struct session *s, struct reader *r) {
  if (read_get (r, work_new (s)))
    s->resume = get_metadata;
  else
    answer_syntax (s, r);
}

/* --- SETMETADATA --- */

static bool
read_setting (struct reader *r, GArray *settings) {
  struct setting setting;
  const char *entry = reader_astring (r, NULL);
  if (!entry)
    return false;
  if (!metadata_is_entry (entry, true))
    return reader_fail (r, "an entry begins with /private/ or /shared/ and has no empty levels, "
                           "wildcards or control characters");
  if (!reader_space (r) || !reader_value (r, &setting.value))
    return false;
  g_autofree char *lower = g_ascii_strdown (entry, -1);
  setting.entry = reader_keep (r, lower, strlen (lower));
  g_array_append_val (settings, setting);
  return true;
}

static bool
read_set (struct reader *r, struct work *work) {
  work->settings = g_array_new (FALSE, FALSE, sizeof (struct setting));
  if (!reader_space (r) || !read_name (r, &work->name) || !reader_space (r)
      || !reader_expect (r, '('))
    return false;
  do
    if (!read_setting (r, work->settings))
      return false;
  while (reader_accept (r, ' '));
  return reader_expect (r, ')') && reader_end (r);
}

/* The words of a mailbox's uses; false: there is one that it cannot have. */
static bool
parse_uses (struct ptn_bytes value, uint32_t *uses) {
  struct reader r;
  bool known;
  g_autofree char *text = g_strdup_printf ("(%.*s)", (int)MIN (value.size, 1000),
                                           value.data ? (const char *)value.data : "");
  reader_init (&r, text, strlen (text), true);
  bool good = uses_read (&r, uses, &known) && reader_end (&r) && known;
  reader_clear (&r);
  return good;
}

/* NULL: it may be set; else the code of the answer, which was given. */
static bool
refuse_setting (struct session *s, struct work *work, const struct setting *setting) {
  if (setting->value.size > METADATA_VALUE_MAX) {
    g_autofree char *code = g_strdup_printf ("METADATA MAXSIZE %d", METADATA_VALUE_MAX);
    answer_no (s, code, "a value that is too long");
    return true;
  }
  if (!work->name && g_str_has_prefix (setting->entry, "/shared/")) {
    answer_no (s, "NOPERM", "what the server shares comes from its settings");
    return true;
  }
  if (!work->name || strcmp (setting->entry, ENTRY_USES) != 0)
    return false;
  work->set_uses = true;
  if (parse_uses (setting->value, &work->new_uses))
    return false;
  answer_no (s, "USEATTR", "no mailbox has such a special use");
  return true;
}

/* How many entries there would be. */
static bool
too_many (const struct work *work) {
  guint count = work->metadata.values ? work->metadata.values->len : 0;
  bool more = false;
  for (guint i = 0; i < work->settings->len; i++) {
    const struct setting *setting = &g_array_index (work->settings, struct setting, i);
    if (setting->value.data && !metadata_find (&work->metadata, setting->entry)) {
      count++;
      more = true;
    }
  }
  return more && count > METADATA_COUNT_MAX;
}

static bool
refused (struct session *s, struct work *work) {
  for (guint i = 0; i < work->settings->len; i++)
    if (refuse_setting (s, work, &g_array_index (work->settings, struct setting, i)))
      return true;
  if (!too_many (work))
    return false;
  answer_no (s, "METADATA TOOMANY", "too many annotations");
  return true;
}

/* Its uses are the store's, so that CREATE, LIST and this say the same. */
static ptn_status
set_uses (struct session *s, struct work *work) {
  uint32_t uses = (work->uses & ~(uint32_t)USES_NAMED) | work->new_uses;
  ptn_status status = s->imap4->store->set_attributes (s->user->account, &s->call, &work->id, uses);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  work->set_uses = status != PTN_OK;
  return status;
}

/* All others, as one change. */
static ptn_status
change_values (struct session *s, struct work *work) {
  const struct ptn_store *store = s->imap4->store;
  ptn_status status;
  if (!work->change) {
    status = store->begin (s->user->account, &s->call, NULL, &work->change);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&s->call);
    if (status != PTN_OK)
      return status;
  }
  for (; work->at < work->settings->len; work->at++) {
    const struct setting *setting = &g_array_index (work->settings, struct setting, work->at);
    if (work->name && strcmp (setting->entry, ENTRY_USES) == 0)
      continue;
    status = store->annotate (work->change, &s->call, work->name ? &work->id : NULL,
                              (struct ptn_uid_set){ 0 }, setting->entry, setting->value);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&s->call);
    if (status != PTN_OK)
      return status;
  }
  return store->commit (work->change, &s->call);
}

static ptn_status
set_metadata (struct session *s) {
  struct work *work = s->work;
  ptn_status status = PTN_OK;
  if (!work->committing) {
    status = find_values (s, work);
    if (status != PTN_OK)
      return status == PTN_END ? PTN_OK : status;
    if (refused (s, work))
      return PTN_OK;
    work->committing = true;
  }
  if (work->set_uses)
    status = set_uses (s, work);
  if (status == PTN_OK)
    status = change_values (s, work);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK)
    answer_ok (s, NULL, "SETMETADATA completed");
  else
    answer_failure (s, status, "the annotations cannot be set");
  return PTN_OK;
}

void
command_setmetadata (struct session *s, struct reader *r) {
  if (read_set (r, work_new (s)))
    s->resume = set_metadata;
  else
    answer_syntax (s, r);
}
