/* SPDX-License-Identifier: Apache-2.0 */
/* entry-fuzz.c - any values in an entry: what becomes an account is sound; any name in a filter stays
 * one value; answers of a server to a bind are understood somehow.
 *
 * Input: values, each as one octet for its attribute, one for its length, and so many octets. */
#include "directory-ldap/entry.h"
#include "directory-ldap/escape.h"
#include "directory-ldap/verdict.h"
#include "fake.h"

#include "common/login/names.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
check (bool holds) {
  if (!holds)
    abort ();
}

static struct record *
read_record (const struct rules *rules, const uint8_t *data, size_t size) {
  struct record *record = record_new ("CN=X,DC=example,DC=test");
  const guint count = g_strv_length (rules->wanted);
  while (size > 2) {
    const size_t length = MIN (data[1], size - 2);
    record_add (record, rules->wanted[data[0] % count], data + 2, length);
    data += 2 + length;
    size -= 2 + length;
  }
  return record;
}

static void
check_entry (const struct rules *rules, const uint8_t *data, size_t size) {
  struct record *record = read_record (rules, data, size);
  const char *fault;
  struct entry *entry = entry_new (rules, record, &fault);
  check (!entry == !!fault);
  record_free (record);
  if (!entry)
    return;
  check (!name_fault (entry->account) && strchr (entry->address, '@'));
  check (entry_rank (rules, entry, entry->account, "example.test") >= 0);
  check (entry_has_address (entry, entry->address));
  check (entry_access (entry, entry) == PTN_ACCESS_FULL);
  for (gsize i = 0; i < entry->attribute_count; i++)
    check (strchr (entry->attributes[i], '=') != NULL);
  entry_is_elsewhere (rules, entry, "mail.example.test");
  entry_unref (entry);
}

static void
check_filter (const uint8_t *data, size_t size) {
  GString *filter = g_string_new (NULL);
  filter_append_equals (filter, "uid", (const char *)data, size);
  check (strlen (filter->str) == filter->len && strrchr (filter->str, '(') == filter->str
         && strchr (filter->str, ')') == filter->str + filter->len - 1
         && !strpbrk (filter->str + 5, "*&|!<>~= "));
  g_string_free (filter, TRUE);
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  static struct rules *rules[2];
  if (!rules[0]) {
    static const char *const settings[2][5 + 4] = {
      { FAKE_COMMON, "preset=active-directory" },
      { FAKE_COMMON, "preset=inetorgperson", "quota_attribute=quota", "server_attribute=host",
        "protocols_attribute=protocols" },
    };
    for (unsigned i = 0; i < 2; i++)
      rules[i] = fake_rules (settings[i]);
  }
  check_entry (rules[0], data, size);
  check_entry (rules[1], data, size);
  check_filter (data, size);
  g_autofree char *text = g_strndup ((const char *)data, size);
  verdict_of (49, text, POLICY_SILENT);
  struct condition condition;
  if (condition_read (text, &condition)) {
    condition_holds (&condition, text);
    condition_clear (&condition);
  }
  expiry_read (text);
  sid_rid (data, size);
  return 0;
}
