/* SPDX-License-Identifier: Apache-2.0 */
/* settings.h - struct ptn_config: the checked and typed settings of one section.
 *
 * Immutable and counted: sessions and plugins keep the one they began with across a reload.
 * Lookups are one hash and one comparison.  A name that is not declared gives NULL, 0 or
 * nothing.  Secrets are wiped with the last reference. */
#ifndef HOST_CONFIG_SETTINGS_H
#define HOST_CONFIG_SETTINGS_H

#include <postern/base.h>
#include <postern/plugin.h>

#include <stdbool.h>

struct ptn_config *settings_ref (struct ptn_config *); /* [any] */
void settings_unref (struct ptn_config **);            /* [any]; NULL is ignored */

/* What struct ptn_host offers plugins; the contract is there. [any] */
const char *settings_text (const struct ptn_config *, const char *name);
int64_t settings_number (const struct ptn_config *, const char *name);
struct ptn_strings settings_words (const struct ptn_config *, const char *name);

/* Are its words names of providers of the interface in `choices`, behind a '='? */
bool config_names_providers (const struct ptn_setting *);

bool settings_declared (const struct ptn_config *, const char *name);
bool settings_given (const struct ptn_config *, const char *name); /* not by its default */
/* Same names, same values? */
bool settings_equal (const struct ptn_config *, const struct ptn_config *);

#endif
