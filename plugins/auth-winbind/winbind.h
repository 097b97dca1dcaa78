/* SPDX-License-Identifier: Apache-2.0 */
/* winbind.h - one instance of the plugin, shared by its parts.
 *
 * The host owns it from configure to destroy.  Settings are exchanged as a whole by a reload; jobs
 * that run hold the old ones. */
#ifndef AUTH_WINBIND_WINBIND_H
#define AUTH_WINBIND_WINBIND_H

#include "link.h"

#include <glib.h>
#include <postern/postern.h>
#include <pthread.h>

#define LANE "winbind"

struct settings {
  gint references;
  struct link *link;
  gint64 timeout_ns, refusal_ns;
  gint stuck; /* questions that nobody waits for any longer and that are not answered */
};

struct winbind {
  const struct ptn_host *host;
  pthread_mutex_t lock; /* of settings: taken to exchange or to reference them */
  struct settings *settings;
  gint down; /* told once */
  struct ptn_metric *answers, *timeouts;
};

struct settings *winbind_settings (struct winbind *); /* a reference */
void settings_unref (struct settings *);

extern const struct ptn_credentials winbind_credentials; /* credentials.c */

#endif
