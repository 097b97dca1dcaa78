/* SPDX-License-Identifier: Apache-2.0 */
/* certificates.h - the certificate and key files, and those of the authorities that sign clients'
 * certificates, read by who may: the supervisor.
 *
 * Each pair of paths is read once, watched by its files' identity, and handed to workers as PEM.
 * A pair that cannot be read, or does not match, never replaces one that did.  One thread.  Keys
 * are wiped before their memory goes. */
#ifndef HOST_RUN_CERTIFICATES_H
#define HOST_RUN_CERTIFICATES_H

#include "config/config.h"
#include "log/log.h"

#include <stdbool.h>

struct certificates;

struct certificate_pair {
  bool
      trust; /* the "certificate" is that of authorities, and the "key" their revocation lists: "" if
                 there are none */
  const char *certificate, *key;         /* paths, as in the configuration */
  const char *certificate_pem, *key_pem; /* what they hold */
};

struct certificates *certificates_new (void);
void certificates_free (struct certificates **);

/* Reads all pairs that the configuration names and that are not known yet, and forgets the
 * others.  False: errors; then all is as before. */
bool certificates_load (struct certificates *, const struct config *, struct config_errors *);

typedef void certificates_each (void *user, const struct certificate_pair *);
void certificates_for_each (struct certificates *, certificates_each *, void *user);

/* Looks whether files have changed; calls back for each pair that is new and good, and logs
 * ("certificate.changed", "certificate.refused").  A change is taken up when the files have been
 * still since the last look. */
void certificates_look (struct certificates *, struct logger *, certificates_each *, void *user);

#endif
