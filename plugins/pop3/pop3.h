/* SPDX-License-Identifier: Apache-2.0 */
/* pop3.h - an instance of the plugin: what all its sessions share.
 *
 * Made by configure, gone at destroy.  Everything is set before the first session and only
 * read afterwards, but for the locks, which have their own mutex, and `background`. */
#ifndef POP3_POP3_H
#define POP3_POP3_H

#include <postern/postern.h>

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

struct pop3 {
  const struct ptn_host *host;
  const struct ptn_stream_service *stream;
  const struct ptn_store *store;
  void *store_instance;
  const struct ptn_login *login;
  void *login_instance;

  pthread_mutex_t lock;
  pthread_cond_t idle;   /* background went to 0 */
  GHashTable *maildrops; /* account to struct lock_entry */
  guint prune_at;        /* look for entries to forget at this size */
  unsigned background;   /* updates that outlive their session */

  int shortest_keep; /* days, of those who have logged in; atomic; -1: nobody's mail expires */

  struct ptn_metric *sessions, *retrieved, *octets, *deleted, *in_use;
};

/* locks.c: one session a maildrop (RFC 1939 section 8), LOGIN-DELAY (RFC 2449 section 6.5).
 * All [any]. */
enum lock_result { LOCK_TAKEN, LOCK_IN_USE, LOCK_TOO_SOON };
void locks_init (struct pop3 *);
void locks_clear (struct pop3 *);
/* delay_ns: that must have passed since the last login that was let in; 0: none. */
enum lock_result maildrop_lock (struct pop3 *, const char *account, int64_t delay_ns);
/* delay_ns as above: how long this login is to be remembered. */
void maildrop_unlock (struct pop3 *, const char *account, int64_t delay_ns);

extern const struct ptn_protocol pop3_protocol;
extern const struct ptn_conformance pop3_conformance;

#endif
