/* SPDX-License-Identifier: Apache-2.0 */
/* json.h - JSON of strangers: bounded in size and depth, one object, no key twice (two readers
 * must not see two values), no NUL in a string.
 *
 * Any thread.  What is returned is the caller's (json_decref). */
#ifndef OAUTH_JSON_H
#define OAUTH_JSON_H

#include <jansson.h>
#include <postern/base.h>

#define JSON_DEPTH_LIMIT 16

/* NULL: it is none, or too deep. */
json_t *json_of (struct ptn_bytes text);
/* The member if it is a string, else NULL; borrowed. */
const char *json_text (const json_t *object, const char *key);

#endif
