/* SPDX-License-Identifier: Apache-2.0 */
/* gate.h - how long an attempt to log in has to wait, after failures of the same user and from the
 * same network.
 *
 * Three counts decide.  Of the user from this network: each failure doubles the gap to the next
 * attempt, and attempts at the same time queue up behind each other, so that opening more
 * connections gains nothing.  Of the network: how many different users failed lately; beyond a
 * few, attempts from there queue up too.  Of the user from everywhere: beyond a few failures a
 * shorter, fixed wait, so that guesses from a thousand networks are slowed and the user is not
 * locked out.  Who logged in from a network within the last day only meets the first.  Failures
 * are forgotten one by one.
 *
 * A table of fixed size; any thread, one short lock.  An attempt waits before its password is
 * looked at: an answer that comes at once would tell what an absent one means. */
#ifndef AUTH_GATE_H
#define AUTH_GATE_H

#include <glib.h>
#include <stdbool.h>

struct gate;

struct gate_settings {
  gint64 delay_ns; /* the second failure's; 0: nobody waits */
  gint64 max_ns;
  gint64 forget_ns; /* one failure is forgotten in this time */
};

struct gate *gate_new (const struct gate_settings *);
void gate_free (struct gate **);
void gate_set (struct gate *, const struct gate_settings *);

/* Who tries, from where: made once an attempt. */
struct gate_keys {
  guint64 user, network, both;
  bool trusted; /* many users share this address: as if each of them had logged in from it */
};
/* address: as the stream tells it; /24 of IPv4 and /48 of IPv6 count as one network. */
struct gate_keys gate_keys (struct gate *, const char *user, size_t user_length,
                            const char *address);

/* When the attempt may go on (now_ns or later), or G_MAXINT64: too many are waiting. */
gint64 gate_admit (struct gate *, const struct gate_keys *, gint64 now_ns);
void gate_failed (struct gate *, const struct gate_keys *, gint64 now_ns);
void gate_succeeded (struct gate *, const struct gate_keys *, gint64 now_ns);

#endif
