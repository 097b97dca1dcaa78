/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - a section of the files against the settings that are declared for it.
 * Internal to host/config.  [setup] */
#ifndef HOST_CONFIG_CHECK_H
#define HOST_CONFIG_CHECK_H

#include "config/raw.h"
#include "config/values.h"

struct setting_range { /* of a number that the host declares */
  const char *name;
  int64_t least, most;
  const char *words; /* for people: "1 to 1024" */
};

struct setting_set {
  const struct ptn_setting *settings; /* in the host's own layout */
  size_t count;
  uint32_t scopes;                    /* bits 1 << PTN_SCOPE_*: those that count here */
  bool quiet;                         /* mistakes in them have been reported before */
  const char *belongs;                /* where else it could be written: "[server]"; for `others` */
  const struct setting_range *ranges; /* ends with a NULL name; NULL: none */
};

enum unknown_rule {
  UNKNOWN_IGNORE,
  UNKNOWN_NEAR, /* an error if it looks like one that may stand here */
  UNKNOWN_WARN,
  UNKNOWN_ERROR
};

struct section_rules {
  const struct setting_set *sets; /* what may stand here */
  size_t count;
  const struct setting_set *others; /* what stands elsewhere: to say so */
  size_t other_count;
  enum unknown_rule unknown;
};

/* Parses every declared setting of the section.  section NULL: it is not in the files, and
 * `title` and `file` stand for it.  Always makes a ptn_config, whose wrong values are as if not
 * given; *good becomes false if there were errors, and is not touched otherwise. */
struct ptn_config *section_check (struct raw_section *section, const char *title, const char *file,
                                  const struct section_rules *, const struct value_source *,
                                  struct config_errors *, bool *good);

/* The host's own tables: "server", "listener", "lane", "certificate", "plugin". */
bool host_setting_set (const char *kind, struct setting_set *);
extern const char *const host_section_kinds[]; /* NULL ends */

#endif
