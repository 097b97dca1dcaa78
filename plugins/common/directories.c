/* SPDX-License-Identifier: Apache-2.0 */
/* directories.c - see directories.h.  A walk belongs to its call, and owns the inner call that the
 * results come from. */
#include "directories.h"

#include <glib.h>
#include <string.h>

struct walk {
  const struct directories *all;
  size_t at;
  ptn_status status; /* the best "no" so far */
  struct ptn_call inner;
};

static void
walk_free (void *data) {
  struct walk *walk = data;
  walk->all->host->call_end (&walk->inner);
  g_free (walk);
}

static struct walk *
walk_of (const struct directories *all, struct ptn_call *call, ptn_status no) {
  if (!call->cancel) {
    if (call->release)
      all->host->call_end (call);
    struct walk *walk = g_new0 (struct walk, 1);
    walk->all = all;
    walk->status = no;
    call->state = walk;
    call->cancel = walk_free;
  }
  struct walk *walk = call->state;
  walk->inner.task = call->task;
  return walk;
}

/* The answer stands: its results are the call's, if there are any. */
static ptn_status
walk_end (struct ptn_call *call, ptn_status status) {
  call->cancel = NULL;
  if (status == PTN_OK) {
    call->release = walk_free;
    return status;
  }
  walk_free (call->state);
  call->state = NULL;
  return status;
}

/* Nobody said yes.  What the last one said is not what was meant, if another knew more. */
static ptn_status
walk_fail (struct ptn_call *call, const char *text) {
  const struct walk *walk = call->state;
  const struct ptn_host *host = walk->all->host;
  const ptn_status status = walk->status;
  walk_end (call, status);
  return host->fail (call->task, status, NULL, "%s", text);
}

static void
walk_on (struct walk *walk) {
  walk->all->host->call_end (&walk->inner);
  walk->at++;
}

static ptn_status
parse_login (void *instance, struct ptn_call *call, const char *login,
             struct ptn_identity *identity) {
  struct walk *walk = walk_of (instance, call, PTN_E_NOT_FOUND);
  for (; walk->at < walk->all->count; walk_on (walk)) {
    const struct ptn_binding *one = &walk->all->list[walk->at];
    const struct ptn_directory *directory = one->table;
    const ptn_status status = directory->parse_login (one->instance, &walk->inner, login, identity);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_E_NOT_FOUND)
      return walk_end (call, status);
    if (PTN_HAS (identity, spelling))
      identity->spelling = NULL; /* it goes with the call */
  }
  return walk_fail (call, "unknown user");
}

static ptn_status
resolve (void *instance, struct ptn_call *call, const char *address,
         const struct ptn_account_info *const **accounts, size_t *count) {
  struct walk *walk = walk_of (instance, call, PTN_E_UNSUPPORTED);
  for (; walk->at < walk->all->count; walk_on (walk)) {
    const struct ptn_binding *one = &walk->all->list[walk->at];
    const struct ptn_directory *directory = one->table;
    const ptn_status status =
        directory->resolve (one->instance, &walk->inner, address, accounts, count);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_E_NOT_FOUND)
      walk->status = status; /* the domain is ours, whatever the others say */
    else if (status != PTN_E_UNSUPPORTED)
      return walk_end (call, status);
  }
  return walk_fail (call,
                    walk->status == PTN_E_NOT_FOUND ? "no such address" : "not a domain of ours");
}

static ptn_status
may_send_as (void *instance, struct ptn_call *call, const struct ptn_identity *identity,
             const char *address) {
  struct walk *walk = walk_of (instance, call, PTN_E_DENIED);
  for (; walk->at < walk->all->count; walk_on (walk)) {
    const struct ptn_binding *one = &walk->all->list[walk->at];
    const struct ptn_directory *directory = one->table;
    const ptn_status status =
        directory->may_send_as (one->instance, &walk->inner, identity, address);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_OK)
      return walk_end (call, status);
    if (status != PTN_E_DENIED)
      walk->status = status; /* another may still say yes */
  }
  return walk_fail (call, walk->status == PTN_E_DENIED ? "not an address of this user"
                                                       : "a directory cannot tell now");
}

static const struct ptn_directory table = {
  .size = sizeof table,
  .parse_login = parse_login,
  .resolve = resolve,
  .may_send_as = may_send_as,
};

static void
add (struct directories *all, const struct ptn_binding *found) {
  for (size_t i = 0; i < all->count; i++)
    if (all->list[i].table == found->table && all->list[i].instance == found->instance)
      return;
  if (all->count < DIRECTORIES_LIMIT)
    all->list[all->count++] = *found;
}

ptn_status
directories_find (const struct ptn_host *host, struct directories *all, struct ptn_binding *found) {
  struct ptn_binding one;
  struct ptn_strings names;
  *all = (struct directories){ .host = host };
  if (host->find (host, PTN_DIRECTORY_ID, NULL, &one) != PTN_OK)
    return PTN_E_NOT_FOUND;
  add (all, &one);
  if (host->list (host, PTN_DIRECTORY_ID, &names) == PTN_OK)
    for (size_t i = 0; i < names.count; i++)
      if (host->find (host, PTN_DIRECTORY_ID, names.items[i], &one) == PTN_OK)
        add (all, &one);
  *found = all->count == 1 ? all->list[0] : (struct ptn_binding){ &table, all };
  return PTN_OK;
}
