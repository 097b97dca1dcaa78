/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - the file that says which certificate is whose; see README.md.
 *
 * One a plugin's instance; any thread, one lock. */
#ifndef AUTH_EXTERNAL_RULES_H
#define AUTH_EXTERNAL_RULES_H

#include <stdbool.h>

#include <glib.h>

struct external_rules;

struct external_rules *external_rules_new (void);
void external_rules_free (struct external_rules **);

/* Can it be read?  NULL: there are no rules.  false: *why says where and what (g_malloc'd). */
bool external_rules_check (const char *file, char **why);
/* Takes the file's rules in place of the old ones.  false, as above: the old ones hold, until the
 * file changes. */
bool external_rules_load (struct external_rules *, const char *file, char **why);
/* Takes them anew if the file has changed; looks every two seconds at most.  false: as above, once
 * for each change. */
bool external_rules_look (struct external_rules *, gint64 now_ns, char **why);

/* The login for this value ("*": a front end), to be g_free'd; NULL: no rule.
 * kind: "fingerprint", "subject", "email" or "upn". */
char *external_rules_find (struct external_rules *, const char *kind, const char *value);

#endif
