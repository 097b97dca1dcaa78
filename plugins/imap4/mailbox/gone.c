/* SPDX-License-Identifier: Apache-2.0 */
/* gone.c - see gone.h. */
#include "mailbox/gone.h"

#include "mailbox/note.h"

#define ANNOTATION_GONE "/imap4/subscribed"
#define GONE_MAX (60 * 1024) /* octets; the oldest are forgotten */

struct gone {
  struct note note;
  char *name;
  bool on, read;
  GPtrArray *names;
  GString *text; /* what is written; NULL: nothing */
};

struct gone *
gone_new (const char *name, bool on) {
  struct gone *gone = g_new0 (struct gone, 1);
  gone->name = g_strdup (name);
  gone->on = on;
  gone->names = g_ptr_array_new_with_free_func (g_free);
  return gone;
}

void
gone_free (struct session *s, struct gone *gone) {
  if (!gone)
    return;
  note_clear (s, &gone->note);
  g_ptr_array_unref (gone->names);
  if (gone->text)
    g_string_free (gone->text, TRUE);
  g_free (gone->name);
  g_free (gone);
}

const GPtrArray *
gone_names (const struct gone *gone) {
  return gone->names;
}

bool
gone_changed (const struct gone *gone) {
  return gone->text != NULL;
}

static void
parse (struct gone *gone, GBytes *value) {
  gsize size;
  const char *data = g_bytes_get_data (value, &size);
  for (const char *p = data, *end = data + size; p < end;) {
    const char *line = memchr (p, '\n', (size_t)(end - p));
    const char *stop = line ? line : end;
    g_ptr_array_add (gone->names, g_strndup (p, (gsize)(stop - p)));
    p = stop + 1;
  }
}

static void
edit (struct gone *gone) {
  guint at;
  bool there = g_ptr_array_find_with_equal_func (gone->names, gone->name, g_str_equal, &at);
  if (there == gone->on)
    return;
  if (gone->on)
    g_ptr_array_add (gone->names, g_strdup (gone->name));
  else
    g_ptr_array_remove_index (gone->names, at);
  gone->text = g_string_new (NULL);
  for (guint i = gone->names->len; i-- > 0;) {
    const char *name = gone->names->pdata[i];
    if (gone->text->len + strlen (name) > GONE_MAX)
      break;
    g_string_prepend_c (gone->text, '\n');
    g_string_prepend (gone->text, name);
  }
}

ptn_status
gone_run (struct session *s, struct gone *gone) {
  if (!gone->read) {
    g_autoptr (GBytes) value = NULL;
    ptn_status status = note_read (s, &gone->note, NULL, ANNOTATION_GONE, &value);
    if (status != PTN_OK)
      return status;
    gone->read = true;
    if (value)
      parse (gone, value);
    if (gone->name)
      edit (gone);
  }
  if (!gone->text)
    return PTN_OK;
  struct ptn_bytes value = { gone->text->len ? gone->text->str : NULL, gone->text->len };
  return note_write (s, &gone->note, NULL, ANNOTATION_GONE, value);
}
