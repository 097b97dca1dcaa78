/* SPDX-License-Identifier: Apache-2.0 */
/* keytab.c - the list of a keytab's principals, by libkrb5; see keytab.h. */
#include "keytab.h"

#include <glib.h>
#include <krb5.h>
#include <string.h>

#define ENTRY_LIMIT 10000 /* a file with more is none that somebody made for us */

struct keytab {
  gint references;
  char **principals; /* NULL-ended, each once */
  char *summary;
  bool weak;
};

struct reading {
  krb5_context context;
  krb5_keytab table;
  GPtrArray *principals;
  bool strong;
};

static char *
text_of (krb5_context context, krb5_error_code code) {
  const char *text = krb5_get_error_message (context, code);
  char *copy = g_strdup (text);
  krb5_free_error_message (context, text);
  return copy;
}

static bool
is_strong (krb5_enctype enctype) {
  return enctype >= ENCTYPE_AES128_CTS_HMAC_SHA1_96 && enctype != ENCTYPE_ARCFOUR_HMAC
         && enctype != ENCTYPE_ARCFOUR_HMAC_EXP;
}

static void
add_entry (struct reading *reading, const krb5_keytab_entry *entry) {
  char *name = NULL;
  if (krb5_unparse_name (reading->context, entry->principal, &name) != 0)
    return;
  if (!g_ptr_array_find_with_equal_func (reading->principals, name, g_str_equal, NULL))
    g_ptr_array_add (reading->principals, g_strdup (name));
  krb5_free_unparsed_name (reading->context, name);
  reading->strong |= is_strong (entry->key.enctype);
}

static krb5_error_code
read_entries (struct reading *reading) {
  krb5_kt_cursor cursor;
  krb5_keytab_entry entry;
  krb5_error_code code = krb5_kt_start_seq_get (reading->context, reading->table, &cursor);
  if (code)
    return code;
  for (unsigned i = 0; i < ENTRY_LIMIT; i++) {
    code = krb5_kt_next_entry (reading->context, reading->table, &entry, &cursor);
    if (code)
      break;
    add_entry (reading, &entry);
    krb5_free_keytab_entry_contents (reading->context, &entry);
  }
  krb5_kt_end_seq_get (reading->context, reading->table, &cursor);
  return code == KRB5_KT_END ? 0 : code;
}

static struct keytab *
make (struct reading *reading) {
  struct keytab *keytab = g_new0 (struct keytab, 1);
  keytab->references = 1;
  keytab->weak = !reading->strong;
  g_ptr_array_add (reading->principals, NULL);
  keytab->principals = g_strdupv ((char **)reading->principals->pdata);
  keytab->summary = g_strjoinv (" ", keytab->principals);
  return keytab;
}

struct keytab *
keytab_read (const char *path, char **fault) {
  struct reading reading = { .principals = g_ptr_array_new_with_free_func (g_free) };
  struct keytab *keytab = NULL;
  g_autofree char *name = g_strconcat ("FILE:", path, NULL);
  krb5_error_code code = krb5_init_context (&reading.context);
  if (code) {
    *fault = g_strdup_printf ("the configuration of Kerberos (krb5.conf) cannot be read: error %d",
                              (int)code);
  } else {
    code = krb5_kt_resolve (reading.context, name, &reading.table);
    if (!code)
      code = read_entries (&reading);
    if (code)
      *fault = text_of (reading.context, code);
    else if (reading.principals->len == 0)
      *fault = g_strdup ("there is no key in it");
    else
      keytab = make (&reading);
    if (reading.table)
      krb5_kt_close (reading.context, reading.table);
    krb5_free_context (reading.context);
  }
  g_ptr_array_unref (reading.principals);
  return keytab;
}

struct keytab *
keytab_ref (struct keytab *keytab) {
  g_atomic_int_inc (&keytab->references);
  return keytab;
}

void
keytab_unref (struct keytab *keytab) {
  if (!g_atomic_int_dec_and_test (&keytab->references))
    return;
  g_strfreev (keytab->principals);
  g_free (keytab->summary);
  g_free (keytab);
}

const char *
keytab_summary (const struct keytab *keytab) {
  return keytab->summary;
}

bool
keytab_is_weak (const struct keytab *keytab) {
  return keytab->weak;
}

bool
keytab_has_realm (const struct keytab *keytab, const char *realm) {
  for (char **principal = keytab->principals; *principal; principal++) {
    const char *at = strrchr (*principal, '@');
    if (at && strcmp (at + 1, realm) == 0)
      return true;
  }
  return false;
}

const char *
keytab_find (const struct keytab *keytab, const char *service, const char *host) {
  const size_t service_size = strlen (service);
  for (char **principal = keytab->principals; *principal; principal++) {
    const char *name = *principal + service_size;
    if (g_ascii_strncasecmp (*principal, service, service_size) != 0 || *name++ != '/')
      continue;
    const size_t size = strcspn (name, "@/");
    if (!host || (size == strlen (host) && g_ascii_strncasecmp (name, host, size) == 0))
      return *principal;
  }
  return NULL;
}
