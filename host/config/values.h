/* SPDX-License-Identifier: Apache-2.0 */
/* values.h - one setting's value, from text to its type; and struct ptn_config made of them.
 * Internal to host/config.  [setup] */
#ifndef HOST_CONFIG_VALUES_H
#define HOST_CONFIG_VALUES_H

#include "config/config.h"

struct setting_item {
  char *name;
  ptn_setting_type type;
  bool given;
  char *text; /* never NULL for an item with a value */
  int64_t number;
  char **words; /* NULL ends; LIST only */
  size_t word_count;
};

/* Where values come from: relative paths begin in `folder`, secrets are read by `options`. */
struct value_source {
  const char *folder;
  const struct config_options *options; /* may be NULL */
};

/* Fills text, number and words.  NULL: good.  Else what was expected, g_malloc'd, and the item
 * has no value.  A secret never appears in the message. */
char *value_parse (const struct ptn_setting *, const char *written, const struct value_source *,
                   struct setting_item *);
void setting_item_clear (struct setting_item *);

/* Takes the items over. */
struct ptn_config *settings_build (struct setting_item *, size_t count);

/* "a duration with its unit, such as 30s or 10m": for --describe too. */
const char *setting_type_name (ptn_setting_type);

bool config_read_file (const struct config_options *, const char *path, char **data, size_t *size,
                       GError **);
bool config_network_parse (const char *text, struct config_network *);

#endif
