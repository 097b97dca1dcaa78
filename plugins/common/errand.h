/* SPDX-License-Identifier: Apache-2.0 */
/* errand.h - work that a call sends to a lane: counted, because the call may be given up while the
 * lane is still at it.
 *
 * The first member of a plugin's own struct, which holds copies of all that the work needs and all
 * that it finds out.  The step makes it, the lane's thread runs `work`, the step reads the results;
 * whoever lets go last frees it. */
#ifndef PLUGINS_COMMON_ERRAND_H
#define PLUGINS_COMMON_ERRAND_H

#include <postern/postern.h>

#include <glib.h>
#include <stdbool.h>

#define ERRAND_REASON 160

struct errand {
  gint references, done;
  void (*work) (struct errand *); /* on the lane's thread; sets status and reason */
  void (*clear) (
      struct errand *); /* frees, and wipes, what the whole struct holds, and not itself */
  size_t size;          /* of the whole struct, which is wiped */
  ptn_status status;
  char reason[ERRAND_REASON]; /* of a failure, for the log */
};

/* A zeroed struct of this size, which begins with a struct errand. */
void *errand_new (size_t size, void (*work) (struct errand *), void (*clear) (struct errand *));
/* Lets go of it: g_autoptr-like end of one that was never sent, too. */
void errand_unref (void *);

/* The end of `work`. */
void errand_fail (struct errand *, ptn_status, const char *format, ...)
    __attribute__ ((__format__ (__printf__, 3, 4)));

/* What the call waits for; NULL: it is at its beginning (and results of a use before are ended).
 * [task] */
void *errand_of (const struct ptn_host *, struct ptn_call *);
/* Takes the errand over and queues it: PTN_PENDING, or PTN_E_TEMPORARY when the lane is full.
 * [task] */
ptn_status errand_send (const struct ptn_host *, struct ptn_call *, const char *lane, void *errand);
/* PTN_PENDING: it is not back.  Else its status, with host->fail done if it is an error; from now on
 * the call's results, and call_end frees it.  [task] */
ptn_status errand_back (const struct ptn_host *, struct ptn_call *);

#endif
