/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - settings made ready for use; see rules.h.  The struct owns all its strings. */
#include "rules.h"

#include "common/login/names.h"

#include <string.h>

static char **
fold_all (struct ptn_strings words, bool domains) {
  GPtrArray *folded = g_ptr_array_new ();
  for (size_t i = 0; i < words.count; i++) {
    char buffer[NAME_LIMIT + 1];
    char *ascii = domains ? g_hostname_to_ascii (words.items[i]) : g_strdup (words.items[i]);
    const bool sound = ascii && name_fold (ascii, strlen (ascii), buffer);
    g_free (ascii);
    if (!sound) {
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

static char **
copy_all (struct ptn_strings words) {
  char **copy = g_new0 (char *, words.count + 1);
  for (size_t i = 0; i < words.count; i++)
    copy[i] = g_strdup (words.items[i]);
  return copy;
}

static const char *
fault_of (const struct rules *rules, const struct rules_input *input) {
  if (!rules->domains || !rules->domains[0])
    return "domains names no mail domain, or one that is none";
  if (!rules->nt_folded)
    return "nt_domains has a name that is none";
  if (!rules->administrators)
    return "administrators has a name that is none";
  if (input->postmaster && *input->postmaster && !rules->postmaster)
    return "postmaster is no name";
  for (char **domain = rules->domains; *domain; domain++)
    if (strpbrk (*domain, "@/\\ "))
      return "domains has a name that is no mail domain";
  for (char **domain = rules->nt_folded; *domain; domain++)
    if (strpbrk (*domain, "@/\\ "))
      return "nt_domains has a name that is no Windows domain";
  return NULL;
}

struct rules *
rules_new (const struct rules_input *input, const char **fault) {
  struct rules *rules = g_new0 (struct rules, 1);
  char buffer[NAME_LIMIT + 1];
  rules->references = 1;
  rules->file = g_strdup (input->file);
  rules->domains = fold_all (input->domains, true);
  rules->nt_domains = copy_all (input->nt_domains);
  rules->nt_folded = fold_all (input->nt_domains, false);
  rules->administrators = fold_all (input->administrators, false);
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
  *fault = fault_of (rules, input);
  if (!*fault)
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
  g_strfreev (rules->domains);
  g_strfreev (rules->nt_domains);
  g_strfreev (rules->nt_folded);
  g_strfreev (rules->administrators);
  g_free (rules->postmaster);
  g_free (rules->node);
  g_strfreev (rules->attributes);
  g_clear_pointer (&rules->cache, verdicts_unref);
  g_free (rules);
}

const char *
rules_domain (const struct rules *rules, const char *folded) {
  for (char **domain = rules->domains; *domain; domain++)
    if (strcmp (*domain, folded) == 0)
      return *domain;
  return NULL;
}

const char *
rules_nt_domain (const struct rules *rules, const char *folded, const char **nt) {
  const size_t domains = g_strv_length (rules->domains);
  for (size_t i = 0; rules->nt_folded[i]; i++)
    if (strcmp (rules->nt_folded[i], folded) == 0) {
      *nt = rules->nt_domains[i];
      return rules->domains[i < domains ? i : 0];
    }
  const char *domain = rules_domain (rules, folded);
  if (domain)
    *nt = rules_nt_of (rules, domain);
  return domain;
}

const char *
rules_nt_of (const struct rules *rules, const char *domain) {
  const size_t nt_domains = g_strv_length (rules->nt_domains);
  for (size_t i = 0; rules->domains[i]; i++)
    if (strcmp (rules->domains[i], domain) == 0)
      return i < nt_domains ? rules->nt_domains[i] : "";
  return "";
}

bool
rules_is_administrator (const struct rules *rules, const char *account) {
  for (char **name = rules->administrators; *name; name++)
    if (strcmp (*name, account) == 0)
      return true;
  return false;
}
