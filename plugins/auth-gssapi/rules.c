/* SPDX-License-Identifier: Apache-2.0 */
/* rules.c - the settings in force, shared by who was begun under them; see negotiation.h. */
#include "rules.h"

struct rules *
rules_new (const struct rules_input *input) {
  struct rules *rules = g_new0 (struct rules, 1);
  rules->references = 1;
  rules->path = g_strdup (input->keytab_path);
  rules->keytab = g_strconcat ("FILE:", input->keytab_path, NULL);
  rules->replay = input->replay_path ? g_strconcat ("file2:", input->replay_path, NULL) : NULL;
  rules->names = input->names;
  GPtrArray *realms = g_ptr_array_new ();
  for (size_t i = 0; i < input->realms.count; i++)
    g_ptr_array_add (realms, g_strdup (input->realms.items[i]));
  g_ptr_array_add (realms, NULL);
  rules->realms = (char **)g_ptr_array_free (realms, FALSE);
  return rules;
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
  g_free (rules->path);
  g_free (rules->keytab);
  g_free (rules->replay);
  g_strfreev (rules->realms);
  g_free (rules);
}

const char *
rules_keytab_path (const struct rules *rules) {
  return rules->path;
}

acceptor_names
rules_names (const struct rules *rules) {
  return rules->names;
}
