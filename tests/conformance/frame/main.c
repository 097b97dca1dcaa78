/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - postern-conformance: holds a plugin to its interface's contract.
 *
 *   postern-conformance KIND MODULE [--set NAME=VALUE]... [OPTION]...
 *
 * The manual page says the options.  This process never loads the module: each rule has a
 * process, see runner.h. */
#include "contract.h"
#include "report.h"

#include <stdio.h>
#include <unistd.h>

#define SECONDS_OF_A_RULE 60
#define KILLS 8

struct subject subject;
const struct contract *contract;
static const struct contract *const contracts[] = { &store_contract, &directory_contract,
                                                    &sasl_contract, NULL };

struct options {
  char **settings, **only;
  gboolean list, json, keep, undeclared, here;
  gint64 seed;
  int seconds, kills;
  char *work;
};

/* "%d" in a setting is the directory of the rule. */
char **
subject_settings (const char *directory) {
  GPtrArray *settings = g_ptr_array_new ();
  for (char **setting = subject.settings; setting && *setting; setting++) {
    g_auto (GStrv) pieces = g_strsplit (*setting, "%d", -1);
    g_ptr_array_add (settings, g_strjoinv (directory, pieces));
  }
  g_ptr_array_add (settings, NULL);
  return (char **)g_ptr_array_free (settings, FALSE);
}

static const struct contract *
find_contract (const char *name) {
  for (const struct contract *const *one = contracts; *one; one++)
    if (strcmp ((*one)->name, name) == 0)
      return *one;
  return NULL;
}

static bool
read_options (int *argc, char ***argv, struct options *options) {
  const GOptionEntry entries[] = {
    { "set", 's', 0, G_OPTION_ARG_STRING_ARRAY, &options->settings,
      "a setting of the plugin; %d in it becomes the directory of the rule", "NAME=VALUE" },
    { "only", 'o', 0, G_OPTION_ARG_STRING_ARRAY, &options->only,
      "only rules whose id fits: * and ?, or the beginning of an id", "PATTERN" },
    { "list", 'l', 0, G_OPTION_ARG_NONE, &options->list, "print the rules and end", NULL },
    { "json", 'j', 0, G_OPTION_ARG_NONE, &options->json, "one JSON object a line", NULL },
    { "seed", 0, 0, G_OPTION_ARG_INT64, &options->seed,
      "start of the dice: extra calls, extra wakes, sources in pieces; 0: none", "NUMBER" },
    { "keep", 'k', 0, G_OPTION_ARG_NONE, &options->keep, "keep the files of failed rules", NULL },
    { "undeclared", 'u', 0, G_OPTION_ARG_NONE, &options->undeclared,
      "test rules of capabilities that are not declared too", NULL },
    { "here", 0, 0, G_OPTION_ARG_NONE, &options->here,
      "run one rule in this process, for a debugger; its files are kept", NULL },
    { "work", 0, 0, G_OPTION_ARG_FILENAME, &options->work, "where files of rules are made",
      "DIRECTORY" },
    { "seconds", 0, 0, G_OPTION_ARG_INT, &options->seconds, "the limit of one rule", "NUMBER" },
    { "kills", 0, 0, G_OPTION_ARG_INT, &options->kills, "how often a durable store is killed",
      "NUMBER" },
    { NULL }
  };
  g_autofree char *usage = g_strconcat (contract->name, " MODULE", NULL);
  g_autoptr (GOptionContext) context = g_option_context_new (usage);
  g_autoptr (GError) error = NULL;
  g_option_context_set_summary (context, contract->summary);
  g_option_context_add_main_entries (context, entries, NULL);
  if (contract->options)
    g_option_context_add_main_entries (context, contract->options, NULL);
  if (!g_option_context_parse (context, argc, argv, &error)) {
    fprintf (stderr, "postern-conformance: %s\n", error->message);
    return false;
  }
  return true;
}

static bool
chosen (const struct options *options, const struct rule *rule) {
  if (!options->only)
    return true;
  for (char **pattern = options->only; *pattern; pattern++)
    if (g_pattern_match_simple (*pattern, rule->id) || g_str_has_prefix (rule->id, *pattern))
      return true;
  return false;
}

static void
run_rule (const struct runner *runner, struct report *report, const struct rule *rule,
          uint32_t declared) {
  struct result result = { 0 };
  if (rule->needs & ~declared) {
    result.verdict = VERDICT_NOT_DECLARED;
    result.text = report_capability_words (rule->needs & ~declared);
  } else
    runner_run (runner, rule, &result);
  report_rule (report, rule, &result);
  result_clear (&result);
}

static unsigned
run_all (const struct options *options, const struct runner *runner, struct report *report,
         uint32_t declared) {
  unsigned count = 0;
  for (const struct rule_group *group = contract->groups; group->name; group++) {
    bool told = false;
    for (const struct rule *const *rule = group->rules; *rule; rule++) {
      if (!chosen (options, *rule))
        continue;
      if (!told)
        report_group (report, group);
      told = true;
      count++;
      run_rule (runner, report, *rule, declared);
    }
  }
  return count;
}

static void
append_option (GString *text, const char *name, const char *value) {
  g_autofree char *quoted = g_shell_quote (value);
  g_string_append_printf (text, " --%s %s", name, quoted);
}

/* The contract's own options, as they were given. */
static void
append_options (GString *text) {
  for (const GOptionEntry *entry = contract->options; entry && entry->long_name; entry++)
    if (entry->arg == G_OPTION_ARG_STRING_ARRAY) {
      for (char **value = *(char ***)entry->arg_data; value && *value; value++)
        append_option (text, entry->long_name, *value);
    } else if (*(char **)entry->arg_data) {
      append_option (text, entry->long_name, *(char **)entry->arg_data);
    }
}

/* The command for one rule, to be pasted. */
static char *
again_command (const struct options *options) {
  GString *text = g_string_new ("postern-conformance ");
  g_string_append_printf (text, "%s ", contract->name);
  g_autofree char *module = g_shell_quote (subject.module);
  g_string_append (text, module);
  for (char **setting = options->settings; setting && *setting; setting++)
    append_option (text, "set", *setting);
  append_options (text);
  if (options->seed)
    g_string_append_printf (text, " --seed %" G_GINT64_FORMAT, options->seed);
  return g_string_free (text, FALSE);
}

/* The one rule that is chosen; NULL: none, or several. */
static const struct rule *
only_rule (const struct options *options) {
  const struct rule *only = NULL;
  for (const struct rule_group *group = contract->groups; group->name; group++)
    for (const struct rule *const *rule = group->rules; *rule; rule++)
      if (options->only && !options->only[1] && strcmp (options->only[0], (*rule)->id) == 0)
        only = *rule;
  return only;
}

static int
test_module (const struct options *options) {
  g_autofree char *own = g_build_filename (options->work ? options->work : g_get_tmp_dir (),
                                           "postern-conformance-XXXXXX", NULL);
  if (!g_mkdtemp (own)) {
    fprintf (stderr, "postern-conformance: %s cannot be made\n", own);
    return 2;
  }
  g_autofree char *again = again_command (options);
  const struct runner runner = { own, (unsigned)options->seconds, options->keep };
  if (options->here) {
    const struct rule *rule = only_rule (options);
    if (rule)
      runner_run_here (&runner, rule);
    remove_tree (own);
    fprintf (stderr, "postern-conformance: --here wants --only with the id of one rule\n");
    return 2;
  }
  struct report report = { .json = options->json, .keep = options->keep, .again = again };
  struct description description;
  g_autofree char *error = NULL;
  unsigned count = 0;
  bool loaded = runner_describe (&runner, &description, &error);
  if (loaded) {
    report_declared (&report, subject.module, &description);
    count = run_all (options, &runner, &report,
                     options->undeclared ? UINT32_MAX : description.capabilities);
    report_summary (&report);
  }
  if (!loaded)
    fprintf (stderr, "postern-conformance: %s cannot be started: %s\n", subject.module, error);
  else if (!count)
    fprintf (stderr, "postern-conformance: no rule fits; --list shows them\n");
  if (!options->keep || !report.counts[VERDICT_FAILED])
    remove_tree (own);
  if (!count)
    return 2;
  return report.counts[VERDICT_FAILED] ? 1 : 0;
}

static const char *
fault_of (int argc, const struct options *options) {
  if (argc != 3 || options->seconds < 1 || options->kills < 1)
    return "usage: postern-conformance KIND MODULE [--set NAME=VALUE]... [--list] [--only PATTERN] "
           "[--json] [--seed N] [--keep] [--seconds N] [--kills N]; --help says more";
  for (char **setting = options->settings; setting && *setting; setting++)
    if (!strchr (*setting, '='))
      return "--set wants NAME=VALUE";
  return contract->fault ? contract->fault () : NULL;
}

/* The first word is the kind; --list alone lists the rules of stores. */
int
main (int argc, char **argv) {
  struct options options = { .seconds = SECONDS_OF_A_RULE, .kills = KILLS };
  contract = argc > 1 && *argv[1] != '-' ? find_contract (argv[1]) : contracts[0];
  if (!contract) {
    fprintf (stderr, "postern-conformance: '%s' is no kind of plugin that can be tested:", argv[1]);
    for (const struct contract *const *one = contracts; *one; one++)
      fprintf (stderr, " %s", (*one)->name);
    fprintf (stderr, "\n");
    return 2;
  }
  if (!read_options (&argc, &argv, &options))
    return 2;
  if (options.list) {
    report_list (options.json);
    return 0;
  }
  const char *fault = fault_of (argc, &options);
  if (fault) {
    fprintf (stderr, "%s\n", fault);
    return 2;
  }
  /* Without a slash the loader looks elsewhere. */
  g_autofree char *module = !strchr (argv[2], '/') && g_file_test (argv[2], G_FILE_TEST_EXISTS)
                                ? g_build_filename (".", argv[2], NULL)
                                : g_strdup (argv[2]);
  subject =
      (struct subject){ module, options.settings, (uint64_t)options.seed, (unsigned)options.kills };
  int status = test_module (&options);
  g_strfreev (options.settings);
  g_strfreev (options.only);
  g_free (options.work);
  return status;
}
