/* SPDX-License-Identifier: Apache-2.0 */
/* fetch.h - one request to an issuer, by libcurl.  It waits: only in the lane.
 *
 * A pool keeps handles, and with them open connections.  Any thread. */
#ifndef OAUTH_FETCH_H
#define OAUTH_FETCH_H

#include "rules.h"

struct fetch_pool;

struct fetch_pool *fetch_pool_new (void);
void fetch_pool_free (struct fetch_pool **);
/* Requests under way end soon, new ones at once.  For good. [any] */
void fetch_pool_close (struct fetch_pool *);

struct fetch_answer { /* cleared with fetch_clear, which wipes */
  char *text;
  size_t size;
  char error[256]; /* why there is none */
  bool refused;    /* there is somebody, who does not want this very request: HTTP 4xx */
};

/* GET, or POST of `form` (urlencoded) with the client's name and secret.  false: no answer of
 * status 200 and at most `limit` octets, within the time of the rules. */
bool fetch (struct fetch_pool *, const struct rules *, const char *url, const char *form,
            size_t limit, struct fetch_answer *);
void fetch_clear (struct fetch_answer *);
/* As it stands in a form; g_malloc'd. */
char *fetch_escape (struct ptn_bytes);

#endif
