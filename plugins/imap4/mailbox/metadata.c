/* SPDX-License-Identifier: Apache-2.0 */
/* metadata.c - see metadata.h. */
#include "mailbox/metadata.h"

static void
value_clear (void *memory) {
  struct metadata_value *value = memory;
  g_free (value->entry);
  g_bytes_unref (value->value);
}

void
metadata_clear (struct session *s, struct metadata *metadata) {
  if (metadata->cursor)
    s->imap4->store->close_cursor (metadata->cursor);
  if (metadata->values)
    g_array_unref (metadata->values);
  *metadata = (struct metadata){ 0 };
}

static void
add_bytes (struct metadata *metadata, const char *entry, GBytes *bytes) {
  struct metadata_value value = { g_strdup (entry), bytes };
  if (!metadata->values) {
    metadata->values = g_array_new (FALSE, FALSE, sizeof value);
    g_array_set_clear_func (metadata->values, value_clear);
  }
  g_array_append_val (metadata->values, value);
}

void
metadata_add (struct metadata *metadata, const char *entry, const char *value) {
  add_bytes (metadata, entry, g_bytes_new (value, strlen (value)));
}

/* What is the server's is the same for all users and comes from its settings; what other plugins keep
 * in the account is none of the client's business. */
static bool
shown (const char *name, const struct ptn_id *mailbox) {
  return g_str_has_prefix (name, "/private/") || (mailbox && g_str_has_prefix (name, "/shared/"));
}

static void
add_settings (struct session *s, struct metadata *metadata) {
  static const char *const settings[][2] = { { "admin_contact", "/shared/admin" },
                                             { "server_comment", "/shared/comment" } };
  for (size_t i = 0; i < G_N_ELEMENTS (settings); i++) {
    const char *text = s->imap4->host->text (s->info->config, settings[i][0]);
    if (text && *text)
      metadata_add (metadata, settings[i][1], text);
  }
}

ptn_status
metadata_load (struct session *s, struct metadata *metadata, const struct ptn_id *mailbox) {
  const struct ptn_store *store = s->imap4->store;
  const struct ptn_annotation *row;
  ptn_status status;
  if (metadata->loaded)
    return PTN_OK;
  if (!metadata->cursor) {
    status = store->annotations (s->user->account, &s->call, mailbox, (struct ptn_uid_set){ 0 }, 0,
                                 NULL, &metadata->cursor);
    if (status == PTN_PENDING)
      return status;
    s->imap4->host->call_end (&s->call);
    if (status != PTN_OK)
      return status;
  }
  while ((status = store->next_annotation (metadata->cursor, &s->call, &row)) == PTN_OK) {
    if (shown (row->name, mailbox))
      add_bytes (metadata, row->name, g_bytes_new (row->value.data, row->value.size));
    s->imap4->host->call_end (&s->call);
  }
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  if (status != PTN_END)
    return status;
  if (!mailbox)
    add_settings (s, metadata);
  metadata->loaded = true;
  return PTN_OK;
}

GBytes *
metadata_find (const struct metadata *metadata, const char *entry) {
  for (guint i = 0; metadata->values && i < metadata->values->len; i++) {
    const struct metadata_value *value =
        &g_array_index (metadata->values, struct metadata_value, i);
    if (strcmp (value->entry, entry) == 0)
      return value->value;
  }
  return NULL;
}

/* --- entries --- */

bool
metadata_is_entry (const char *entry, bool whole) {
  size_t size = strlen (entry), prefix;
  if (g_ascii_strncasecmp (entry, "/private", 8) == 0)
    prefix = 8;
  else if (g_ascii_strncasecmp (entry, "/shared", 7) == 0)
    prefix = 7;
  else
    return false;
  if (!entry[prefix])
    return !whole;
  if (entry[prefix] != '/' || size > 256 || entry[size - 1] == '/' || strstr (entry, "//"))
    return false;
  for (const char *p = entry; *p; p++)
    if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f || *p == '*' || *p == '%')
      return false;
  return true;
}

static bool
read_entry (struct reader *r, GPtrArray *entries) {
  const char *entry = reader_astring (r, NULL);
  if (!entry)
    return false;
  if (!metadata_is_entry (entry, false))
    return reader_fail (r, "an entry begins with /private/ or /shared/ and has no empty levels, "
                           "wildcards or control characters");
  if (entries->len == METADATA_ASKED_MAX)
    return reader_fail (r, "too many entries at once");
  g_ptr_array_add (entries, (void *)entry);
  return true;
}

GPtrArray *
metadata_read_entries (struct reader *r) {
  g_autoptr (GPtrArray) entries = g_ptr_array_new ();
  bool list = reader_accept (r, '(');
  do
    if (!read_entry (r, entries))
      return NULL;
  while (list && reader_accept (r, ' '));
  return !list || reader_expect (r, ')') ? g_steal_pointer (&entries) : NULL;
}

/* --- responses --- */

void
put_metadata_value (struct session *s, GBytes *bytes) {
  struct writer *w = &s->out;
  size_t size;
  if (!bytes) {
    PUT (w, "NIL");
    return;
  }
  const char *data = g_bytes_get_data (bytes, &size);
  if (size && memchr (data, 0, size)) {
    put_format (w, "~{%zu}\r\n", size);
    put (w, data, size);
  } else
    put_string (w, size ? data : "", size, session_utf8 (s));
}

void
metadata_put_listed (struct session *s, const struct metadata *metadata, const char *name,
                     const GPtrArray *entries) {
  struct writer *w = &s->out;
  PUT (w, "* METADATA ");
  put_mailbox (w, name, session_utf8 (s));
  for (guint i = 0; i < entries->len; i++) {
    const char *entry = entries->pdata[i];
    g_autofree char *lower = g_ascii_strdown (entry, -1);
    put_text (w, i ? " " : " (");
    put_astring (w, entry, strlen (entry), session_utf8 (s));
    put_char (w, ' ');
    put_metadata_value (s, metadata_find (metadata, lower));
  }
  PUT (w, ")\r\n");
}
