/* SPDX-License-Identifier: Apache-2.0 */
/* pace.c - the last durations in a ring; see pace.h. */
#include "pace.h"

#include <glib.h>

void
pace_init (struct pace *pace) {
  *pace = (struct pace){ .count = 0 };
  pthread_mutex_init (&pace->lock, NULL);
}

void
pace_clear (struct pace *pace) {
  pthread_mutex_destroy (&pace->lock);
}

void
pace_note (struct pace *pace, int64_t duration_ns) {
  pthread_mutex_lock (&pace->lock);
  if (pace->seeded)
    pace->count = 0;
  pace->seeded = false;
  pace->samples[pace->next] = duration_ns;
  pace->next = (pace->next + 1) % PACE_SAMPLES;
  if (pace->count < PACE_SAMPLES)
    pace->count++;
  pthread_mutex_unlock (&pace->lock);
}

void
pace_seed (struct pace *pace, int64_t duration_ns) {
  pthread_mutex_lock (&pace->lock);
  if (pace->count == 0) {
    pace->samples[0] = duration_ns;
    pace->count = 1;
    pace->seeded = true;
  }
  pthread_mutex_unlock (&pace->lock);
}

int64_t
pace_draw (struct pace *pace) {
  const guint32 random = g_random_int ();
  pthread_mutex_lock (&pace->lock);
  const int64_t drawn = pace->count ? pace->samples[random % pace->count] : 0;
  pthread_mutex_unlock (&pace->lock);
  return drawn;
}
