/* SPDX-License-Identifier: Apache-2.0 */
/* pace.h - how long wrong passwords of real users took of late, so that an answer about nobody can
 * take as long: a server hashes nothing for a name that does not exist.
 *
 * Locks itself; any thread. */
#ifndef DIRECTORY_LDAP_PACE_H
#define DIRECTORY_LDAP_PACE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define PACE_SAMPLES 64

struct pace {
  pthread_mutex_t lock;
  unsigned count, next;
  bool seeded; /* the one sample is a stand-in */
  int64_t samples[PACE_SAMPLES];
};

void pace_init (struct pace *);
void pace_clear (struct pace *);
void pace_note (struct pace *, int64_t duration_ns);
/* A right password took so long: stands in until the first wrong one. */
void pace_seed (struct pace *, int64_t duration_ns);
/* One of them, drawn at random; 0 while there is none. */
int64_t pace_draw (struct pace *);

#endif
