/* SPDX-License-Identifier: Apache-2.0 */
/* describe.h - posternd --describe and --check.  One thread, before anything else runs. */
#ifndef HOST_LOAD_DESCRIBE_H
#define HOST_LOAD_DESCRIBE_H

#include <stdbool.h>
#include <stdio.h>

enum describe_format {
  DESCRIBE_TEXT, /* for a terminal */
  DESCRIBE_MAN   /* scdoc source of the manual page postern-NAME(5) */
};

/* Prints version, summary and settings of a plugin - a name, looked for as a worker would, or a
 * path with '/' - or the settings of "server", "listener", "lane", "certificate" or "plugin".
 * config_path NULL: the default place; a file that is missing or wrong does not matter, it only
 * tells where plugins are.  False: said why on `errors`. */
bool describe_print (const char *what, const char *config_path, enum describe_format, FILE *output,
                     FILE *errors);

/* Reads the configuration, loads and configures every plugin in a child process (one that
 * crashes or hangs there is named), and prints all errors and warnings.  True: no errors. */
bool check_run (const char *config_path, FILE *output);
/* The same before a start: what only concerns a plugin that is not required is a warning. */
bool check_start (const char *config_path, FILE *output);

#endif
