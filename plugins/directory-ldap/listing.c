/* SPDX-License-Identifier: Apache-2.0 */
/* listing.c - all accounts in order: a server sends them as it likes, so they are fetched at once,
 * sorted, and kept while somebody goes through them.
 *
 * Called in tasks, on any worker; the list belongs to the directory, and its parts to the calls that
 * got them. */
#include "directory.h"

#include <string.h>

#define LIST_LIMIT 1000
#define KEPT_NS (INT64_C (120) * 1000000000)

struct listing {
  struct errand errand; /* first */
  struct client *client;
  GPtrArray *all;
  const char **names;
};

static void
listing_clear (struct errand *errand) {
  struct listing *listing = (struct listing *)errand;
  g_clear_pointer (&listing->all, g_ptr_array_unref);
  g_free (listing->names);
  client_unref (listing->client);
}

static void
listing_work (struct errand *errand) {
  struct listing *listing = (struct listing *)errand;
  errand->status = ask_accounts (listing->client, &listing->all, errand->reason);
}

/* The first name behind `after`. */
static guint
position (const GPtrArray *names, const char *after) {
  guint low = 0, high = names->len;
  while (low < high) {
    const guint middle = low + (high - low) / 2;
    if (strcmp (names->pdata[middle], after) <= 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static ptn_status
part_of (struct listing *listing, const char *after, struct ptn_strings *names) {
  const GPtrArray *all = listing->all;
  const guint begin = position (all, after);
  const guint count = MIN (all->len - begin, LIST_LIMIT);
  if (count == 0)
    return PTN_END;
  listing->names = g_new (const char *, count);
  for (guint i = 0; i < count; i++)
    listing->names[i] = all->pdata[begin + i];
  *names = (struct ptn_strings){ listing->names, count };
  return PTN_OK;
}

/* What was fetched for the page before; NULL: it is too old, or this is the first. */
static GPtrArray *
kept_accounts (struct directory *directory, const char *after) {
  GPtrArray *kept = NULL;
  pthread_mutex_lock (&directory->lock);
  if (*after && directory->accounts
      && directory->host->monotonic_ns () < directory->accounts_until_ns)
    kept = g_ptr_array_ref (directory->accounts);
  pthread_mutex_unlock (&directory->lock);
  return kept;
}

static void
keep_accounts (struct directory *directory, GPtrArray *all) {
  pthread_mutex_lock (&directory->lock);
  GPtrArray *old = directory->accounts;
  directory->accounts = g_ptr_array_ref (all);
  directory->accounts_until_ns = directory->host->monotonic_ns () + KEPT_NS;
  pthread_mutex_unlock (&directory->lock);
  g_clear_pointer (&old, g_ptr_array_unref);
}

ptn_status
directory_list_accounts (void *instance, struct ptn_call *call, const char *after,
                         struct ptn_strings *names) {
  struct directory *directory = instance;
  const struct ptn_host *host = directory->host;
  struct listing *listing = errand_of (host, call);
  if (!listing) {
    listing = errand_new (sizeof *listing, listing_work, listing_clear);
    listing->client = directory_client (directory);
    listing->all = kept_accounts (directory, after);
    if (!listing->all)
      return errand_send (host, call, LANE, listing);
    call->state = listing;
    call->release = errand_unref;
  } else {
    const ptn_status status = errand_back (host, call);
    if (status != PTN_OK)
      return status;
    keep_accounts (directory, listing->all);
  }
  return part_of (listing, after, names);
}
