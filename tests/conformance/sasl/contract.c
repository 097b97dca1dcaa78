/* SPDX-License-Identifier: Apache-2.0 */
/* contract.c - the contract of mechanisms: what they can have, the options, the groups of rules, and
 * how one is run. */
#include "kit.h"

static const struct capability capabilities[] = {
  { HAS_PROOF, "PROOF", "--proves says what satisfies one of its mechanisms" },
  { HAS_PLAINTEXT, "PLAINTEXT", "the secret itself is sent" },
  { HAS_SERVER_FIRST, "SERVER_FIRST", "the server begins" },
  { HAS_CHANNEL_BINDING, "CHANNEL_BINDING", "is bound to the TLS connection" },
  { HAS_LEGACY, "LEGACY", "offered only when configured" },
  { HAS_FAILED, "FAILED", "tells that it has failed while the client is told why" },
  { 0, NULL, NULL },
};

#define GROUPS(X)                                            \
  X (table, "what the tables say")                           \
  X (exchange, "start, step and finish")                     \
  X (identity, "who it was")                                 \
  X (response, "what hostile clients send")                  \
  X (pending, "PENDING, wakes, exchanges that are given up") \
  X (tasks, "several exchanges at once")                     \
  X (memory, "what stays behind")

#define DECLARE(group, about) extern const struct rule *const sasl_##group##_rules[];
GROUPS (DECLARE)
#define GROUP_ROW(group, about) { #group, about, sasl_##group##_rules },
static const struct rule_group groups[] = { GROUPS (GROUP_ROW){ NULL, NULL, NULL } };

static const GOptionEntry entries[] = {
  { "proves", 'p', 0, G_OPTION_ARG_STRING_ARRAY, &sasl_facts.proofs,
    "what satisfies a mechanism: the client's responses in base64, divided by spaces; - first: "
    "none "
    "with the command",
    "MECHANISM=RESPONSES" },
  { "user", 0, 0, G_OPTION_ARG_STRING_ARRAY, &sasl_facts.addresses, "whom these prove (authcid)",
    "NAME" },
  { "mechanism", 'm', 0, G_OPTION_ARG_STRING_ARRAY, &sasl_facts.only, "only these mechanisms",
    "NAME" },
  { "with", 'w', 0, G_OPTION_ARG_STRING_ARRAY, &sasl_facts.with,
    "a plugin that it needs, with settings; loaded before it", "MODULE [NAME=VALUE]..." },
  { "listener", 0, 0, G_OPTION_ARG_STRING_ARRAY, &sasl_facts.listener, "a setting of the listener",
    "NAME=VALUE" },
  { "settings", 0, 0, G_OPTION_ARG_FILENAME, &sasl_facts.settings,
    "a file with settings of the plugin, NAME=VALUE a line, beside --set", "FILE" },
  { NULL }
};

static const char *
read_settings (void) {
  g_autofree char *text = NULL;
  if (!sasl_facts.settings)
    return NULL;
  if (!g_file_get_contents (sasl_facts.settings, &text, NULL, NULL))
    return "the file of --settings cannot be read";
  GPtrArray *all = g_ptr_array_new ();
  g_auto (GStrv) lines = g_strsplit (text, "\n", 0);
  for (char **line = lines; *line; line++) {
    char *equals = strchr (g_strstrip (*line), '=');
    if (!**line || **line == '#' || **line == ';')
      continue;
    if (!equals)
      return "a line of the file of --settings is not NAME=VALUE";
    *equals = '\0';
    g_ptr_array_add (all, g_strconcat (g_strchomp (*line), "=", g_strchug (equals + 1), NULL));
  }
  g_ptr_array_add (all, NULL);
  sasl_facts.more = (char **)g_ptr_array_free (all, FALSE);
  return NULL;
}

static const char *
fault (void) {
  for (char **proof = sasl_facts.proofs; proof && *proof; proof++)
    if (!strchr (*proof, '='))
      return "--proves wants MECHANISM=RESPONSES";
  for (char **setting = sasl_facts.listener; setting && *setting; setting++)
    if (!strchr (*setting, '='))
      return "--listener wants NAME=VALUE";
  return read_settings ();
}

/* Those of the file before those of --set.  The process ends with them. */
static void
join_settings (void) {
  GPtrArray *all = g_ptr_array_new ();
  for (char **setting = sasl_facts.more; setting && *setting; setting++)
    g_ptr_array_add (all, *setting);
  for (char **setting = subject.settings; setting && *setting; setting++)
    g_ptr_array_add (all, *setting);
  g_ptr_array_add (all, NULL);
  subject.settings = (char **)g_ptr_array_free (all, FALSE);
}

static void
check_table (const struct ptn_sasl_mechanism *table) {
  must (table->name, "the table of a mechanism has no name");
  must (PTN_CAN (table, start) && PTN_CAN (table, step) && PTN_CAN (table, finish),
        "the table of %s misses start, step or finish", table->name);
}

static void
play (const struct rule *rule, const char *directory) {
  struct fixture f;
  join_settings ();
  sasl_open (&f, directory);
  for (size_t i = 0; i < f.count; i++)
    check_table (f.mechanisms[i].table);
  board->capabilities = f.has;
  board->table_size = f.mechanisms[0].table->size;
  if (rule)
    rule->run (&f);
  check_call ("stop and destroy after the rule", "contract.c", __LINE__);
  sasl_close (&f);
  check_passed ();
}

const struct contract sasl_contract = {
  .name = "sasl",
  .subject = "mechanism",
  .summary = "Holds a plugin with SASL mechanisms to the contract of postern/auth.h.",
  .capabilities = capabilities,
  .groups = groups,
  .options = entries,
  .fault = fault,
  .play = play,
  .failure_text = actor_failure_text,
  .tell_log = actor_tell_log,
};
