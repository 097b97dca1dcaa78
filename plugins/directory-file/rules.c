/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - settings made ready for use; see rules.h.  The struct owns all its strings. */
#include "rules.h"

#include "common/login/names.h"

#include <string.h>

static char **
fold_all (struct ptn_strings words) {
  GPtrArray *folded = g_ptr_array_new ();
  for (size_t i = 0; i < words.count; i++) {
    char buffer[NAME_LIMIT + 1];
    if (!name_fold (words.items[i], strlen (words.items[i]), buffer)) {
      g_ptr_array_add (folded, NULL);
      g_strfreev ((char **)g_ptr_array_free (folded, FALSE));
      return NULL;
    }
    g_ptr_array_add (folded, g_strdup (buffer));
  }
  g_ptr_array_add (folded, NULL);
  return (char **)g_ptr_array_free (folded, FALSE);
}

static char **
default_attributes (const struct rules_input *input) {
  GPtrArray *made = g_ptr_array_new ();
  if (input->quota_octets != INT64_MAX)
    g_ptr_array_add (made, g_strdup_printf ("quota.octets=%" G_GINT64_FORMAT, input->quota_octets));
  if (input->quota_messages > 0)
    g_ptr_array_add (made,
                     g_strdup_printf ("quota.messages=%" G_GINT64_FORMAT, input->quota_messages));
  if (input->retention && *input->retention)
    g_ptr_array_add (made, g_strconcat ("pop3.retention=", input->retention, NULL));
  g_ptr_array_add (made, NULL);
  return (char **)g_ptr_array_free (made, FALSE);
}

static const char *
fault_of (const struct rules *rules, const struct rules_input *input) {
  if (!rules->administrators)
    return "administrators has a name that is none";
  if (input->postmaster && *input->postmaster && !rules->postmaster)
    return "postmaster is no name";
  return NULL;
}

struct rules *
rules_new (const struct rules_input *input, const char **fault) {
  struct rules *rules = g_new0 (struct rules, 1);
  char buffer[NAME_LIMIT + 1];
  rules->references = 1;
  rules->file = g_strdup (input->file);
  rules->domains = domains_new (input->domains, input->nt_domains, fault);
  rules->administrators = fold_all (input->administrators);
  if (input->postmaster && name_fold (input->postmaster, strlen (input->postmaster), buffer))
    rules->postmaster = g_strdup (buffer);
  rules->node = input->node && *input->node ? g_strdup (input->node) : NULL;
  rules->attributes = default_attributes (input);
  rules->cache = input->cache ? verdicts_ref (input->cache) : NULL;
  rules->costs = input->costs;
  for (size_t i = 0; i < input->extra_keys.count; i++) {
    rules->make_nt |= strcmp (input->extra_keys.items[i], "nt") == 0;
    rules->make_scram_sha_1 |= strcmp (input->extra_keys.items[i], "scram-sha-1") == 0;
    rules->make_scram_sha_256 |= strcmp (input->extra_keys.items[i], "scram-sha-256") == 0;
  }
  if (rules->domains)
    *fault = fault_of (rules, input);
  if (rules->domains && !*fault)
    return rules;
  rules_unref (rules);
  return NULL;
}

struct rules *
rules_ref (struct rules *rules) {
  g_atomic_int_inc (&rules->references);
  return rules;
}

void
rules_unref (struct rules *rules) {
  if (!g_atomic_int_dec_and_test (&rules->references))
    return;
  g_free (rules->file);
  domains_free (&rules->domains);
  g_strfreev (rules->administrators);
  g_free (rules->postmaster);
  g_free (rules->node);
  g_strfreev (rules->attributes);
  g_clear_pointer (&rules->cache, verdicts_unref);
  g_free (rules);
}

bool
rules_is_administrator (const struct rules *rules, const char *account) {
  for (char **name = rules->administrators; *name; name++)
    if (strcmp (*name, account) == 0)
      return true;
  return false;
}
