/* SPDX-License-Identifier: Apache-2.0 */
/* values.c - annotations of a message as the store has them and as FETCH shows them (RFC 5257
 * section 4.4). */
#include "annotation/annotation.h"

#include "common/mailbox_name.h"

#include <string.h>

const char *
annotation_entry (const char *name, bool *private_) {
  *private_ = g_str_has_prefix (name, "/private/");
  if (*private_)
    return name + strlen ("/private");
  return g_str_has_prefix (name, "/shared/") ? name + strlen ("/shared") : NULL;
}

bool
annotation_matches (const char *pattern, const char *entry) {
  return path_matches (pattern, entry);
}

static void
value_clear (void *memory) {
  struct annotation_value *value = memory;
  g_free (value->entry);
  g_clear_pointer (&value->private_, g_bytes_unref);
  g_clear_pointer (&value->shared, g_bytes_unref);
}

GArray *
annotation_values_new (void) {
  GArray *values = g_array_new (FALSE, FALSE, sizeof (struct annotation_value));
  g_array_set_clear_func (values, value_clear);
  return values;
}

static struct annotation_value *
find (const GArray *values, const char *entry) {
  for (guint i = 0; i < values->len; i++) {
    struct annotation_value *value = &g_array_index (values, struct annotation_value, i);
    if (strcmp (value->entry, entry) == 0)
      return value;
  }
  return NULL;
}

void
annotation_values_add (GArray *values, const char *name, struct ptn_bytes bytes) {
  bool private_;
  const char *entry = annotation_entry (name, &private_);
  if (!entry)
    return;
  struct annotation_value *value = find (values, entry);
  if (!value) {
    struct annotation_value fresh = { .entry = g_strdup (entry) };
    g_array_append_val (values, fresh);
    value = &g_array_index (values, struct annotation_value, values->len - 1);
  }
  GBytes **place = private_ ? &value->private_ : &value->shared;
  g_clear_pointer (place, g_bytes_unref);
  *place = g_bytes_new (bytes.data, bytes.size);
}

static void
put_value (struct writer *w, GBytes *bytes, bool utf8) {
  size_t size;
  if (!bytes) {
    PUT (w, "NIL");
    return;
  }
  const char *data = g_bytes_get_data (bytes, &size);
  if (size && memchr (data, 0, size)) { /* binary: literal8 */
    put_format (w, "~{%zu}\r\n", size);
    put (w, data, size);
  } else
    put_string (w, size ? data : "", size, utf8);
}

static void
put_attribute (struct writer *w, unsigned attribute, const struct annotation_value *value,
               bool utf8) {
  bool private_ = attribute & (ANNOTATION_VALUE_PRIVATE | ANNOTATION_SIZE_PRIVATE);
  GBytes *bytes = !value ? NULL : private_ ? value->private_ : value->shared;
  if (attribute & ANNOTATION_VALUES) {
    put_format (w, "value.%s ", private_ ? "priv" : "shared");
    put_value (w, bytes, utf8);
  } else
    put_format (w, "size.%s \"%zu\"", private_ ? "priv" : "shared",
                bytes ? g_bytes_get_size (bytes) : 0);
}

static void
put_entry (struct writer *w, const struct annotation_query *query, const char *entry,
           const struct annotation_value *value, bool *any, bool utf8) {
  PUT (w, "(");
  if (*any) /* the "(" before the first entry is that of the list */
    w->data[w->size - 1] = ' ';
  *any = true;
  put_astring (w, entry, strlen (entry), utf8);
  PUT (w, " (");
  for (unsigned i = 0; i < query->count; i++) {
    if (i)
      put_char (w, ' ');
    put_attribute (w, query->attributes[i], value, utf8);
  }
  put_char (w, ')');
}

/* Has it one of the attributes that were asked for? */
static bool
has_asked (const struct annotation_query *query, const struct annotation_value *value) {
  unsigned asked = 0;
  for (unsigned i = 0; i < query->count; i++)
    asked |= query->attributes[i];
  return (value->private_ && asked & (ANNOTATION_VALUE_PRIVATE | ANNOTATION_SIZE_PRIVATE))
         || (value->shared && asked & (ANNOTATION_VALUE_SHARED | ANNOTATION_SIZE_SHARED));
}

/* Was it shown for a pattern before this one? */
static bool
shown (const struct annotation_query *query, guint before, const char *entry) {
  for (guint i = 0; i < before; i++)
    if (annotation_matches (g_ptr_array_index (query->patterns, i), entry))
      return true;
  return false;
}

bool
annotation_put (struct writer *w, const struct annotation_query *query, const GArray *values,
                bool utf8) {
  bool any = false;
  for (guint i = 0; i < query->patterns->len; i++) {
    const char *pattern = g_ptr_array_index (query->patterns, i);
    if (!strpbrk (pattern, "*%")) {
      if (!shown (query, i, pattern))
        put_entry (w, query, pattern, find (values, pattern), &any, utf8);
      continue;
    }
    for (guint v = 0; v < values->len; v++) {
      const struct annotation_value *value = &g_array_index (values, struct annotation_value, v);
      if (annotation_matches (pattern, value->entry) && has_asked (query, value)
          && !shown (query, i, value->entry))
        put_entry (w, query, value->entry, value, &any, utf8);
    }
  }
  if (any)
    put_char (w, ')');
  return any;
}
