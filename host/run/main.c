/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - posternd: what it was asked to be. */
#include "config/config.h"
#include "load/describe.h"
#include "run/supervisor.h"
#include "run/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
  const char *config, *describe, *worker;
  bool check, man, version, help;
};

static int
usage (FILE *output, int code) {
  fputs ("Usage: posternd [--config FILE] [--foreground]\n"
         "       posternd --check [--config FILE]\n"
         "       posternd --describe PLUGIN|SECTION [--man] [--config FILE]\n"
         "       posternd --version\n\n"
         "  --config FILE   the configuration; default: ",
         output);
  fputs (config_default_path (), output);
  fputs (
      "\n"
      "  --check         check it, print every error, and end: 0 none, 1 some\n"
      "  --describe NAME print the settings of a plugin, or of the section server,\n"
      "                  listener, lane, certificate or plugin; --man: as scdoc source\n"
      "  --foreground    stay in the foreground: it always does\n\n"
      "SIGTERM ends sessions and stops, a second one at once; SIGHUP reloads. See posternd(8).\n",
      output);
  return code;
}

static bool
takes_value (const char *name, char **arguments, int count, int *at, const char **value) {
  size_t length = strlen (name);
  const char *word = arguments[*at];
  if (strncmp (word, name, length) != 0 || (word[length] && word[length] != '='))
    return false;
  *value = word[length] ? word + length + 1 : arguments[++*at]; /* behind the last is NULL */
  return true;
}

static bool
parse (struct options *options, int count, char **arguments) {
  for (int i = 1; i < count; i++) {
    const char *word = arguments[i];
    bool known = true;
    if (strcmp (word, "--check") == 0)
      options->check = true;
    else if (strcmp (word, "--man") == 0)
      options->man = true;
    else if (strcmp (word, "--version") == 0)
      options->version = true;
    else if (strcmp (word, "--help") == 0 || strcmp (word, "-h") == 0)
      options->help = true;
    else if (strcmp (word, "--foreground") != 0
             && !takes_value ("--config", arguments, count, &i, &options->config)
             && !takes_value ("--describe", arguments, count, &i, &options->describe)
             && !takes_value ("--worker", arguments, count, &i, &options->worker))
      known = false;
    if (!known || i == count) {
      fprintf (stderr, "posternd: %s %s\n",
               known ? "a value is missing behind" : "there is no option", word);
      return false;
    }
  }
  return true;
}

int
main (int count, char **arguments) {
  struct options options = { .config = config_default_path () };

  if (!parse (&options, count, arguments))
    return usage (stderr, POSTERND_USAGE);
  if (options.help)
    return usage (stdout, POSTERND_OK);
  if (options.version) {
    printf ("posternd %s\n", POSTERN_VERSION);
    return POSTERND_OK;
  }
  if (options.worker)
    return worker_run (atoi (options.worker), options.config);
  if (options.describe)
    return describe_print (options.describe, options.config,
                           options.man ? DESCRIBE_MAN : DESCRIBE_TEXT, stdout, stderr)
               ? POSTERND_OK
               : POSTERND_START;
  if (options.check)
    return check_run (options.config, stdout) ? POSTERND_OK : POSTERND_START;
  return supervisor_run (options.config);
}
