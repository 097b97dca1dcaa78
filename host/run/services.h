/* SPDX-License-Identifier: Apache-2.0 */
/* services.h - the worker's listeners: made of the configuration, the sockets and certificates
 * that the supervisor handed over, and the protocols that plugins provide.
 *
 * The worker's main thread calls all of it. */
#ifndef HOST_RUN_SERVICES_H
#define HOST_RUN_SERVICES_H

#include "config/config.h"
#include "load/load.h"
#include "net/listener.h"
#include "net/net.h"

#include <stdbool.h>

struct services;

struct services_settings {
  struct net *net;
  struct loader *loader;
  struct logger *logger;
};
struct services *services_new (void);
/* Before services_apply. */
void services_settle (struct services *, const struct services_settings *);
/* After engine_stop. */
void services_free (struct services **);

/* What the supervisor hands over.  A socket is taken, and known by listener and endpoint; a
 * certificate by its paths, and replaces the one before, also in listeners that run. */
void services_socket (struct services *, const char *listener, const char *endpoint, int fd);
void services_certificate (struct services *, const char *certificate, const char *key,
                           const char *certificate_pem, const char *key_pem);
/* The same of the authorities that sign clients' certificates; lists: "" if there are none. */
void services_trust (struct services *, const char *authorities, const char *lists,
                     const char *authorities_pem, const char *lists_pem);

/* Makes the configuration's listeners, changes those that are there and have the same name and
 * sockets, and stops those it does not have.  False: errors; then nothing has changed. */
bool services_apply (struct services *, struct config *, struct config_errors *);
/* No listener accepts any more. */
void services_stop (struct services *);

/* For `posternctl sessions`: calls back for each listener. [main thread, or a lock's holder] */
typedef void services_each (void *user, const char *listener, const char *protocol,
                            const struct listener_counts *);
void services_for_each (struct services *, services_each *, void *user); /* [any] */

#endif
