/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - see check.h. */
#include "check.h"

#include <string.h>

struct check {
  gint references; /* the judge's and the lane's */
  gint done;
  struct keys *keys;
  struct jwt jwt; /* what jwt_verify looks at, in copies */
  jwt_verdict verdict;
};

static void
wipe (void *octets, size_t size) {
  if (octets)
    explicit_bzero (octets, size);
  g_free (octets);
}

static void
check_unref (void *data) {
  struct check *check = data;
  if (!g_atomic_int_dec_and_test (&check->references))
    return;
  wipe ((void *)check->jwt.text.data, check->jwt.text.size);
  wipe (check->jwt.signature, check->jwt.signature_size);
  g_free ((char *)check->jwt.kid);
  keys_unref (check->keys);
  g_free (check);
}

void
check_end (struct check **check) {
  g_clear_pointer (check, check_unref);
}

static void
check_work (void *data) {
  struct check *check = data;
  check->verdict = jwt_verify (&check->jwt, check->keys);
  g_atomic_int_set (&check->done, 1);
}

static ptn_status
start (struct check **at, struct oauth *oauth, struct ptn_task *task, const struct jwt *jwt,
       struct keys *keys) {
  struct check *check = g_new0 (struct check, 1);
  check->references = 2;
  check->keys = keys_ref (keys);
  check->jwt.algorithm = jwt->algorithm;
  check->jwt.kid = g_strdup (jwt->kid);
  check->jwt.text =
      (struct ptn_bytes){ g_memdup2 (jwt->text.data, jwt->text.size), jwt->text.size };
  check->jwt.signature = g_memdup2 (jwt->signature, jwt->signature_size);
  check->jwt.signature_size = jwt->signature_size;
  if (oauth_offload (oauth, task, CHECK_LANE, check_work, check_unref, check) != PTN_OK) {
    check_unref (check);
    return oauth->host->fail (task, PTN_E_TEMPORARY, NULL, "the lane of signatures is full");
  }
  *at = check;
  return PTN_PENDING;
}

ptn_status
check_run (struct check **at, struct oauth *oauth, struct ptn_task *task, const struct jwt *jwt,
           struct keys *keys, jwt_verdict *verdict) {
  struct check *check = *at;
  if (!check && jwt->algorithm->slow)
    return start (at, oauth, task, jwt, keys);
  if (!check) {
    *verdict = jwt_verify (jwt, keys);
    return PTN_OK;
  }
  if (!g_atomic_int_get (&check->done))
    return PTN_PENDING; /* a wake that was meant for something else */
  *verdict = check->verdict;
  check_end (at);
  return PTN_OK;
}
