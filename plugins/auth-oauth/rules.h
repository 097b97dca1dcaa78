/* SPDX-License-Identifier: Apache-2.0 */
/* rules.h - one issuer's settings, checked.
 *
 * Counted and unchangeable: a reload makes new ones.  Any thread. */
#ifndef OAUTH_RULES_H
#define OAUTH_RULES_H

#include "algorithm.h"

#include <glib.h>
#include <postern/postern.h>

struct rules {
  gint references;
  GStrv issuers;                   /* what may stand in "iss" */
  GStrv audiences;                 /* one of them must stand in "aud"; empty: any */
  GStrv scopes;                    /* all of them must have been granted */
  GStrv user_claims;               /* the first that is there names the user */
  GStrv domains;                   /* whose users this issuer vouches for; empty: all */
  GStrv algorithms;                /* names */
  gint64 leeway_s;                 /* by how much clocks may differ */
  char *scope_text;                /* scopes, as they are told to clients */
  char *configuration;             /* URL of the metadata, for clients; "" */
  char *keys_file, *keys_url;      /* "" if not used; at most one */
  gint64 keys_ns;                  /* how long fetched keys are good */
  char *introspection_url;         /* "" if not used */
  gboolean always;                 /* ask about tokens with good signatures too */
  gint64 answer_ns;                /* how long an answer is good */
  char *client_id, *client_secret; /* ours; "" */
  char *ca_file;                   /* "": the system's */
  gint64 timeout_ms;               /* of one request */
};

/* NULL: they do not fit each other, which is logged as "oauth.settings". */
struct rules *rules_read (const struct ptn_host *, const struct ptn_config *);
struct rules *rules_ref (struct rules *);
void rules_unref (struct rules *);
typedef struct rules rules_auto;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (rules_auto, rules_unref)

/* https, or http to this machine. */
bool rules_url_is_safe (const char *url);
bool rules_allow (const struct rules *, const struct algorithm *);

#endif
