/* SPDX-License-Identifier: Apache-2.0 */
/* gssapi.h - one instance of the plugin, shared by its parts.
 *
 * The host owns it from configure to destroy.  `rules` and `keytab` are those in force: whoever
 * begins an exchange takes references and goes on without the lock. */
#ifndef AUTH_GSSAPI_GSSAPI_H
#define AUTH_GSSAPI_GSSAPI_H

#include "negotiation.h"

#include <glib.h>
#include <postern/postern.h>
#include <pthread.h>
#include <sys/stat.h>

/* Which version of the file was read. */
struct file_version {
  bool known;
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec modified, changed;
};

struct gssapi {
  const struct ptn_host *host;
  const struct ptn_stream_service *streams; /* NULL: the host has none */

  pthread_mutex_t lock;
  struct rules *rules;
  struct keytab *keytab; /* NULL: there is none that can be read */
  struct file_version seen;
  gint64 next_look_ns;
};

/* watch.c */

/* References to what is in force; looks at the file once a second.  false: there is no keytab.
 * [any] */
bool gssapi_get (struct gssapi *, struct rules **, struct keytab **);
/* New rules (a reference is taken); reads their keytab now, and logs what it found. */
void gssapi_set_rules (struct gssapi *, struct rules *);

/* exchange.c: provided with a struct gssapi */
extern const struct ptn_sasl_mechanism mechanism_gssapi, mechanism_spnego;

#endif
