/* SPDX-License-Identifier: Apache-2.0 */
/* pam.h - one instance of the plugin, and the errands that its tables send to the lane "pam".  The
 * host owns the instance from configure to destroy. */
#ifndef DIRECTORY_PAM_PAM_H
#define DIRECTORY_PAM_PAM_H

#include "people.h"

#include "common/errand.h"
#include "common/login/names.h"

#include <postern/postern.h>
#include <pthread.h>

#define PAM_LANE "pam"

struct pam {
  const struct ptn_host *host;
  const struct ptn_stream_service *streams; /* NULL: there are none */
  pthread_mutex_t lock;                     /* of rules: taken to exchange or to reference them */
  struct rules *rules;
  gint wrong_us;      /* how long a wrong password takes, on the average */
  gint64 troubled_ns; /* when trouble was logged last; once a second is enough */
  struct ptn_metric *checks, *troubles;
};

struct rules *pam_rules (struct pam *); /* the ones in force: a reference */

extern const struct ptn_directory pam_directory;
extern const struct ptn_credentials pam_credentials;

#endif
