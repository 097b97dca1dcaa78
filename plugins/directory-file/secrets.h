/* SPDX-License-Identifier: Apache-2.0 */
/* secrets.h - with_secret of the credentials; see secrets.c. */
#ifndef DIRECTORY_FILE_SECRETS_H
#define DIRECTORY_FILE_SECRETS_H

#include "directory.h"

#define SECRETS_SCHEMES "PLAIN NT SCRAM-SHA-1 SCRAM-SHA-256"

ptn_status secrets_with (void *instance, struct ptn_call *, const struct ptn_sasl_request *,
                         const char *domain, const char *user, const char *scheme,
                         ptn_use_secret *use, void *argument);

#endif
