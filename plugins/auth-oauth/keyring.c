/* SPDX-License-Identifier: Apache-2.0 */
/* keyring.c - see keyring.h.  One lock; a fetch under way is a job that owns its rules, and tells
 * all who wait for it. */
#include "keyring.h"

#include "oauth.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECOND_NS G_GINT64_CONSTANT (1000000000)
#define ANEW_NS (60 * SECOND_NS) /* between two fetches for key ids that are not there */
#define RETRY_NS (2 * SECOND_NS) /* after a failure, as long as there are no keys at all */

struct keyring {
  struct oauth *oauth;
  pthread_mutex_t lock;
  struct keys *keys; /* NULL: none yet */
  /* A file. */
  gint64 looked_ns; /* 0: never */
  struct timespec changed;
  ino_t inode;
  off_t size;
  /* A URL. */
  gint64 fetched_ns, tried_ns; /* 0: never */
  bool failed;                 /* the last time */
  bool fetching;
  guint64 round;        /* of fetches, from 1 */
  guint64 era;          /* of settings */
  guint64 fetching_era; /* of those that the latest fetch was begun with */
  GPtrArray *waiting;   /* struct ptn_waker */
};

struct keyring *
keyring_new (struct oauth *oauth) {
  struct keyring *keyring = g_new0 (struct keyring, 1);
  keyring->oauth = oauth;
  keyring->waiting = g_ptr_array_new ();
  pthread_mutex_init (&keyring->lock, NULL);
  return keyring;
}

void
keyring_free (struct keyring **at) {
  struct keyring *keyring = *at;
  if (!keyring)
    return;
  for (guint i = 0; i < keyring->waiting->len; i++)
    keyring->oauth->host->forget (keyring->waiting->pdata[i]);
  g_ptr_array_free (keyring->waiting, TRUE);
  keys_unref (keyring->keys);
  pthread_mutex_destroy (&keyring->lock);
  g_clear_pointer (at, g_free);
}

void
keyring_forget (struct keyring *keyring) {
  pthread_mutex_lock (&keyring->lock);
  g_clear_pointer (&keyring->keys, keys_unref);
  keyring->looked_ns = keyring->fetched_ns = keyring->tried_ns = 0;
  keyring->failed = false;
  keyring->era++;
  pthread_mutex_unlock (&keyring->lock);
}

static void
note (struct keyring *keyring, const char *from, const struct keys *keys, const char *error) {
  const struct ptn_host *host = keyring->oauth->host;
  g_autofree char *count = g_strdup_printf ("%zu", keys ? keys_count (keys) : 0);
  const struct ptn_field fields[] = { { "from", from },
                                      { keys ? "keys" : "error", keys ? count : error } };
  host->log (host, keys ? PTN_LOG_INFO : PTN_LOG_WARNING, NULL,
             keys ? "oauth.keys" : "oauth.keys-failed", fields, 2);
}

/* ---- A file ------------------------------------------------------------------------------ */

static struct keys *
read_file (const char *path, struct stat *found, const char **error) {
  struct keys *keys = NULL;
  const int file = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0 || fstat (file, found) != 0) {
    *error = g_strerror (errno);
  } else if (!S_ISREG (found->st_mode) || found->st_size > KEYS_TEXT_LIMIT) {
    *error = "it is no file, or too large";
  } else {
    g_autofree char *text = g_malloc ((size_t)found->st_size + 1);
    const ssize_t size = read (file, text, (size_t)found->st_size);
    if (size < 0)
      *error = g_strerror (errno);
    else
      keys = keys_parse ((struct ptn_bytes){ text, (size_t)size }, error);
  }
  if (file >= 0)
    close (file);
  return keys;
}

/* The lock is held. */
static void
look_at_file (struct keyring *keyring, const char *path) {
  struct stat found = { 0 };
  const bool there = stat (path, &found) == 0;
  if (keyring->looked_ns && there == (keyring->inode != 0) && found.st_ino == keyring->inode
      && found.st_size == keyring->size && found.st_mtim.tv_sec == keyring->changed.tv_sec
      && found.st_mtim.tv_nsec == keyring->changed.tv_nsec)
    return;
  const char *error = NULL;
  struct keys *keys = read_file (path, &found, &error);
  keyring->changed = found.st_mtim;
  keyring->inode = found.st_ino;
  keyring->size = found.st_size;
  keyring->failed = !keys;
  note (keyring, path, keys, error);
  if (!keys)
    return;
  keys_unref (keyring->keys);
  keyring->keys = keys;
}

/* ---- A URL ------------------------------------------------------------------------------- */

struct fetching {
  struct keyring *keyring;
  struct rules *rules;
  guint64 era;
};

static void
fetching_work (void *data) {
  struct fetching *fetching = data;
  struct keyring *keyring = fetching->keyring;
  struct oauth *oauth = keyring->oauth;
  struct fetch_answer answer;
  struct keys *keys = NULL;
  const char *error = answer.error;
  const char *url = fetching->rules->keys_url;
  if (fetch (oauth->pool, fetching->rules, url, NULL, KEYS_TEXT_LIMIT, &answer))
    keys = keys_parse ((struct ptn_bytes){ answer.text, answer.size }, &error);
  oauth->host->observe (oauth->requests, 1);
  note (keyring, url, keys, error);
  fetch_clear (&answer);
  pthread_mutex_lock (&keyring->lock);
  if (keyring->era != fetching->era) {
    g_clear_pointer (&keys, keys_unref);
  } else {
    keyring->failed = !keys;
    if (keys)
      keyring->fetched_ns = oauth->host->monotonic_ns ();
  }
  if (keys) {
    keys_unref (keyring->keys);
    keyring->keys = keys;
  }
  pthread_mutex_unlock (&keyring->lock);
}

/* Also when it did not come into the lane. */
static void
fetching_release (void *data) {
  struct fetching *fetching = data;
  struct keyring *keyring = fetching->keyring;
  pthread_mutex_lock (&keyring->lock);
  GPtrArray *waiting = keyring->waiting;
  keyring->waiting = g_ptr_array_new ();
  keyring->fetching = false;
  pthread_mutex_unlock (&keyring->lock);
  for (guint i = 0; i < waiting->len; i++)
    keyring->oauth->host->wake (waiting->pdata[i]);
  g_ptr_array_free (waiting, TRUE);
  rules_unref (fetching->rules);
  g_free (fetching);
}

/* Who starts a fetch does so without the lock: release takes it. */
static void
start_fetch (struct keyring *keyring, struct ptn_task *task, struct rules *rules, guint64 era) {
  struct fetching *fetching = g_new (struct fetching, 1);
  *fetching = (struct fetching){ keyring, rules_ref (rules), era };
  oauth_offload (keyring->oauth, task, OAUTH_LANE, fetching_work, fetching_release, fetching);
}

/* Must, and may, they be fetched now?  The lock is held. */
static bool
is_due (const struct keyring *keyring, const struct rules *rules, bool anew, gint64 now_ns) {
  if (keyring->fetching)
    return false;
  if (!keyring->keys)
    return !keyring->tried_ns || now_ns - keyring->tried_ns >= RETRY_NS;
  if (!anew && now_ns - keyring->fetched_ns < rules->keys_ns)
    return false;
  return now_ns - keyring->tried_ns >= (anew ? ANEW_NS : MIN (ANEW_NS, rules->keys_ns));
}

/* Is it worth waiting for what comes?  The lock is held. */
static bool
must_wait (const struct keyring *keyring, const struct rules *rules, bool anew, gint64 now_ns) {
  return keyring->fetching
         && (!keyring->keys || anew || now_ns - keyring->fetched_ns >= 2 * rules->keys_ns);
}

/* An exchange waits for one fetch; what there is then has to do.  Else a provider that takes longer than
 * the next fetch is put off would keep its logins for ever.  A fetch by old settings does not count. */
static bool
has_waited (const struct keyring *keyring, const struct keyring_wait *wait) {
  return wait->armed && wait->era == keyring->era
         && !(keyring->fetching && wait->armed == keyring->round);
}

static void
wait_for_fetch (struct keyring *keyring, struct ptn_task *task, struct keyring_wait *wait) {
  if (wait->armed == keyring->round)
    return;
  wait->armed = keyring->round;
  wait->era = keyring->fetching_era;
  g_ptr_array_add (keyring->waiting, keyring->oauth->host->waker (task));
}

/* ---- Both -------------------------------------------------------------------------------- */

ptn_status
keyring_get (struct keyring *keyring, struct ptn_task *task, struct rules *rules, bool anew,
             struct keyring_wait *wait, struct keys **keys, bool *doubtful) {
  const struct ptn_host *host = keyring->oauth->host;
  const gint64 now_ns = host->monotonic_ns ();
  bool start = false, waits = false;
  pthread_mutex_lock (&keyring->lock);
  /* Who was begun under other settings does not bring their keys among these. */
  if (!oauth_is_current (keyring->oauth, rules)) {
    pthread_mutex_unlock (&keyring->lock);
    *keys = NULL;
    return host->fail (task, PTN_E_TEMPORARY, NULL, "the settings have just changed");
  }
  if (*rules->keys_file) {
    if (!keyring->looked_ns || now_ns - keyring->looked_ns >= SECOND_NS) {
      host->blocking (task, 1);
      look_at_file (keyring, rules->keys_file);
      host->blocking (task, 0);
      keyring->looked_ns = now_ns;
    }
  } else {
    const bool waited = has_waited (keyring, wait);
    start = !waited && is_due (keyring, rules, anew, now_ns);
    if (start) {
      keyring->fetching = true;
      keyring->tried_ns = now_ns;
      keyring->round++;
      keyring->fetching_era = keyring->era;
    }
    waits = !waited && must_wait (keyring, rules, anew, now_ns);
    if (waits)
      wait_for_fetch (keyring, task, wait);
  }
  const guint64 era = keyring->era;
  *doubtful = keyring->failed || keyring->fetching;
  *keys = keyring->keys && !waits ? keys_ref (keyring->keys) : NULL;
  pthread_mutex_unlock (&keyring->lock);
  if (start)
    start_fetch (keyring, task, rules, era);
  if (waits)
    return PTN_PENDING;
  if (*keys)
    return PTN_OK;
  return host->fail (task, PTN_E_TEMPORARY, NULL, "there are no keys of the issuer");
}
