/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - a list of attributes; see record.h.  The struct owns names and values. */
#include "record.h"

#include <string.h>

struct attribute {
  char *name;
  GArray *values; /* struct value */
};

struct record {
  char *dn;
  GPtrArray *attributes;
};

static void
clear_value (void *data) {
  struct value *value = data;
  explicit_bzero (value->data, value->size);
  g_free (value->data);
}

static void
free_attribute (void *data) {
  struct attribute *attribute = data;
  g_free (attribute->name);
  g_array_unref (attribute->values);
  g_free (attribute);
}

struct record *
record_new (const char *dn) {
  struct record *record = g_new0 (struct record, 1);
  record->dn = g_strdup (dn);
  record->attributes = g_ptr_array_new_with_free_func (free_attribute);
  return record;
}

void
record_free (struct record *record) {
  if (!record)
    return;
  g_ptr_array_unref (record->attributes);
  g_free (record->dn);
  g_free (record);
}

static struct attribute *
find (const struct record *record, const char *name) {
  for (guint i = 0; i < record->attributes->len; i++) {
    struct attribute *attribute = record->attributes->pdata[i];
    if (g_ascii_strcasecmp (attribute->name, name) == 0)
      return attribute;
  }
  return NULL;
}

void
record_add (struct record *record, const char *name, const void *data, gsize size) {
  struct attribute *attribute = find (record, name);
  if (!attribute) {
    attribute = g_new0 (struct attribute, 1);
    attribute->name = g_strdup (name);
    attribute->values = g_array_new (FALSE, FALSE, sizeof (struct value));
    g_array_set_clear_func (attribute->values, clear_value);
    g_ptr_array_add (record->attributes, attribute);
  }
  struct value value = { g_malloc (size + 1), size };
  if (size)
    memcpy (value.data, data, size);
  value.data[size] = '\0';
  g_array_append_val (attribute->values, value);
}

const char *
record_dn (const struct record *record) {
  return record->dn;
}

const struct value *
record_values (const struct record *record, const char *name, gsize *count) {
  const struct attribute *attribute = find (record, name);
  *count = attribute ? attribute->values->len : 0;
  return attribute ? &g_array_index (attribute->values, struct value, 0) : NULL;
}

const char *
record_text (const struct record *record, const char *name) {
  gsize count;
  const struct value *value = name ? record_values (record, name, &count) : NULL;
  return value && strlen (value->data) == value->size ? value->data : NULL;
}
