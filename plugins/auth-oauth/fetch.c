/* SPDX-License-Identifier: Apache-2.0 */
/* fetch.c - see fetch.h.  No redirects: where keys come from is for the administrator to say.  A
 * handle is used by one thread at a time. */
#include "fetch.h"

#include <curl/curl.h>
#include <pthread.h>
#include <string.h>

#define HANDLES_KEPT 8

struct fetch_pool {
  pthread_mutex_t lock;
  gint closed;
  size_t count;
  CURL *idle[HANDLES_KEPT];
};

struct transfer {
  struct fetch_pool *pool;
  struct fetch_answer *answer;
  size_t limit, room;
};

/* ---- Handles ----------------------------------------------------------------------------- */

struct fetch_pool *
fetch_pool_new (void) {
  struct fetch_pool *pool = g_new0 (struct fetch_pool, 1);
  pthread_mutex_init (&pool->lock, NULL);
  curl_global_init (CURL_GLOBAL_DEFAULT);
  return pool;
}

void
fetch_pool_free (struct fetch_pool **at) {
  struct fetch_pool *pool = *at;
  if (!pool)
    return;
  for (size_t i = 0; i < pool->count; i++)
    curl_easy_cleanup (pool->idle[i]);
  curl_global_cleanup ();
  pthread_mutex_destroy (&pool->lock);
  g_clear_pointer (at, g_free);
}

void
fetch_pool_close (struct fetch_pool *pool) {
  g_atomic_int_set (&pool->closed, 1);
}

static CURL *
take_handle (struct fetch_pool *pool) {
  pthread_mutex_lock (&pool->lock);
  CURL *handle = pool->count ? pool->idle[--pool->count] : NULL;
  pthread_mutex_unlock (&pool->lock);
  return handle ? handle : curl_easy_init ();
}

static void
give_back (struct fetch_pool *pool, CURL *handle) {
  curl_easy_reset (handle); /* forgets the secret and keeps the connection */
  pthread_mutex_lock (&pool->lock);
  if (pool->count < HANDLES_KEPT) {
    pool->idle[pool->count++] = handle;
    handle = NULL;
  }
  pthread_mutex_unlock (&pool->lock);
  if (handle)
    curl_easy_cleanup (handle);
}

/* ---- One request ------------------------------------------------------------------------- */

static size_t
receive (char *data, size_t unit, size_t count, void *argument) {
  struct transfer *transfer = argument;
  struct fetch_answer *answer = transfer->answer;
  const size_t size = unit * count;
  if (size > transfer->limit - answer->size)
    return size + 1; /* an error to libcurl */
  if (answer->size + size + 1 > transfer->room) {
    transfer->room = MIN (transfer->limit, 2 * (answer->size + size)) + 1;
    char *larger = g_malloc (transfer->room);
    if (answer->text) {
      memcpy (larger, answer->text, answer->size);
      explicit_bzero (answer->text, answer->size);
    }
    g_free (answer->text);
    answer->text = larger;
  }
  memcpy (answer->text + answer->size, data, size);
  answer->size += size;
  return size;
}

static int
look_up (void *argument, curl_off_t total, curl_off_t now, curl_off_t upload, curl_off_t sent) {
  const struct transfer *transfer = argument;
  return g_atomic_int_get (&transfer->pool->closed);
}

static void
prepare (CURL *handle, const struct rules *rules, const char *url, struct transfer *transfer) {
  const bool clear = g_ascii_strncasecmp (url, "http:", 5) == 0; /* this machine, by the rules */
  curl_easy_setopt (handle, CURLOPT_URL, url);
  curl_easy_setopt (handle, CURLOPT_PROTOCOLS_STR, clear ? "http" : "https");
  curl_easy_setopt (handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt (handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt (handle, CURLOPT_TIMEOUT_MS, (long)rules->timeout_ms);
  curl_easy_setopt (handle, CURLOPT_CONNECTTIMEOUT_MS, (long)rules->timeout_ms);
  curl_easy_setopt (handle, CURLOPT_ERRORBUFFER, transfer->answer->error);
  curl_easy_setopt (handle, CURLOPT_WRITEFUNCTION, receive);
  curl_easy_setopt (handle, CURLOPT_WRITEDATA, transfer);
  curl_easy_setopt (handle, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt (handle, CURLOPT_XFERINFOFUNCTION, look_up);
  curl_easy_setopt (handle, CURLOPT_XFERINFODATA, transfer);
  if (clear)
    curl_easy_setopt (handle, CURLOPT_PROXY, "");
  if (*rules->ca_file) {
    curl_easy_setopt (handle, CURLOPT_CAINFO, rules->ca_file);
    curl_easy_setopt (handle, CURLOPT_CAPATH, NULL);
  }
}

/* RFC 6749 section 2.3.1: both are urlencoded before they are put side by side. */
static void
show_client (CURL *handle, const struct rules *rules) {
  g_autofree char *id = g_uri_escape_string (rules->client_id, NULL, FALSE);
  g_autofree char *secret = g_uri_escape_string (rules->client_secret, NULL, FALSE);
  curl_easy_setopt (handle, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  curl_easy_setopt (handle, CURLOPT_USERNAME, id);
  curl_easy_setopt (handle, CURLOPT_PASSWORD, secret);
  explicit_bzero (secret, strlen (secret));
}

/* A time-out (408) and too many requests (429) are about the issuer, all others about what was asked. */
static bool
is_refusal (long status) {
  return status >= 400 && status < 500 && status != 408 && status != 429;
}

bool
fetch (struct fetch_pool *pool, const struct rules *rules, const char *url, const char *form,
       size_t limit, struct fetch_answer *answer) {
  struct transfer transfer = { pool, answer, limit, 0 };
  long status = 0;
  *answer = (struct fetch_answer){ NULL };
  CURL *handle = take_handle (pool);
  if (!handle) {
    g_strlcpy (answer->error, "libcurl cannot begin", sizeof answer->error);
    return false;
  }
  prepare (handle, rules, url, &transfer);
  struct curl_slist *headers = curl_slist_append (NULL, "Accept: application/json");
  curl_easy_setopt (handle, CURLOPT_HTTPHEADER, headers);
  if (form) {
    curl_easy_setopt (handle, CURLOPT_POSTFIELDS, form);
    show_client (handle, rules);
  }
  const CURLcode code =
      g_atomic_int_get (&pool->closed) ? CURLE_ABORTED_BY_CALLBACK : curl_easy_perform (handle);
  curl_easy_getinfo (handle, CURLINFO_RESPONSE_CODE, &status);
  if (code != CURLE_OK && !*answer->error)
    g_strlcpy (answer->error, curl_easy_strerror (code), sizeof answer->error);
  else if (code == CURLE_OK && status != 200)
    g_snprintf (answer->error, sizeof answer->error, "the answer is HTTP %ld", status);
  else if (code == CURLE_OK && !answer->text)
    g_strlcpy (answer->error, "the answer is empty", sizeof answer->error);
  answer->refused = code == CURLE_OK && is_refusal (status);
  give_back (pool, handle);
  curl_slist_free_all (headers);
  return code == CURLE_OK && status == 200 && answer->text;
}

void
fetch_clear (struct fetch_answer *answer) {
  if (answer->text)
    explicit_bzero (answer->text, answer->size);
  g_free (answer->text);
  *answer = (struct fetch_answer){ NULL };
}

char *
fetch_escape (struct ptn_bytes octets) {
  return g_uri_escape_bytes (octets.data, octets.size, NULL);
}
