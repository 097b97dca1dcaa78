/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - holds any store to postern/store.h.  These rules move into tests/conformance/store, the
 * kit that authors of other stores get, rule by rule; what is new here moves there last.
 *
 *   store-suite MODULE [NAME=VALUE]...
 *
 * MODULE is a path or a name to be looked for in POSTERN_PLUGIN_DIRECTORY; without arguments
 * STORE_MODULE and STORE_SETTINGS (divided by spaces) say it. */
#include "fixture.h"

#include <stdio.h>

struct group {
  const char *name;
  const struct CMUnitTest *tests;
  size_t count;
};

int
main (int argc, char **argv) {
#define GROUP(name) { #name, name##_tests, name##_test_count },
  const struct group groups[] = { STORE_GROUPS (GROUP) };
  const char *settings = g_getenv ("STORE_SETTINGS");
  g_auto (GStrv) from_environment = g_strsplit (settings ? settings : "", " ", -1);
  store_module = argc > 1 ? argv[1] : g_getenv ("STORE_MODULE");
  store_settings = (const char *const *)(argc > 1            ? argv + 2
                                         : *from_environment ? from_environment
                                                             : NULL);
  if (!store_module) {
    fprintf (stderr, "usage: store-suite MODULE [NAME=VALUE]...\n");
    return 2;
  }
  int failed = 0;
  for (size_t i = 0; i < G_N_ELEMENTS (groups); i++)
    failed +=
        _cmocka_run_group_tests (groups[i].name, groups[i].tests, groups[i].count, NULL, NULL) != 0;
  return failed != 0;
}
