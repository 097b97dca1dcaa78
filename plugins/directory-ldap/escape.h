/* SPDX-License-Identifier: Apache-2.0 */
/* escape.h - text that becomes part of a search filter or of a distinguished name.
 *
 * Nothing that came from a client gets into either by another way.  No state; any thread. */
#ifndef DIRECTORY_LDAP_ESCAPE_H
#define DIRECTORY_LDAP_ESCAPE_H

#include <glib.h>
#include <stdbool.h>

/* Appends "(attribute=value)"; the value escaped after RFC 4515 section 3: every octet but ASCII
 * letters, digits and a few marks as \HH, so that no server can take one for syntax. */
void filter_append_equals (GString *filter, const char *attribute, const char *value, gsize size);

/* Appends a value as it stands in a distinguished name (RFC 4514 section 2.4). */
void dn_append_value (GString *dn, const char *value, gsize size);

/* Could it be the name of an attribute (RFC 4512 section 2.5: a word or an OID, with options)? */
bool attribute_is_sound (const char *name);

#endif
