/* SPDX-License-Identifier: Apache-2.0 */
/* question.c - see question.h. */
#include "question.h"

#include <string.h>

static void
question_clear (struct errand *errand) {
  struct question *question = (struct question *)errand;
  g_clear_pointer (&question->user, entry_unref);
  g_clear_pointer (&question->mailbox, entry_unref);
  g_clear_pointer (&question->found, found_unref);
  g_clear_pointer (&question->secrets, record_free);
  g_free (question->detail);
  g_free (question->spelling);
  g_free (question->list);
  g_free (question->infos);
  client_unref (question->client);
}

/* Whoever has waited for a turn as long as a server may take for an answer is behind servers that
 * do not answer: the lane gets empty at once. */
static void
question_work (struct errand *errand) {
  struct question *question = (struct question *)errand;
  const struct client *client = question->client;
  const int64_t waited_ns = client->host->monotonic_ns () - question->asked_ns;
  if (waited_ns > client->rules->timeout_ms * 1000000)
    errand_fail (errand, PTN_E_TEMPORARY, "waited too long for a turn in the lane " LANE);
  else
    question->ask (question);
}

struct question *
question_new (struct client *client, void (*ask) (struct question *)) {
  struct question *question = errand_new (sizeof *question, question_work, question_clear);
  question->client = client_ref (client);
  question->ask = ask;
  question->asked_ns = client->host->monotonic_ns ();
  return question;
}

ptn_status
question_send (struct question *question, struct ptn_call *call) {
  return errand_send (question->client->host, call, LANE, question);
}

/* ---- What is remembered ------------------------------------------------------------------ */

#define ACCOUNT "account "
#define MEMBER "member " /* with the groups of groups, for the times when no server answers */

static struct entry *
remembered (struct client *client, const char *kind, const char *account) {
  g_autofree char *key = g_strconcat (kind, account, NULL);
  struct found *found = cache_get (client->cache, key, client->host->monotonic_ns ());
  if (!found)
    return NULL;
  struct entry *entry = found->count == 1 ? entry_ref (found->entries[0]) : NULL;
  found_unref (found);
  client->host->observe (client->hits, 1);
  return entry;
}

static void
remember (struct client *client, const char *kind, struct entry *entry) {
  g_autofree char *key = g_strconcat (kind, entry->account, NULL);
  struct found *found = found_new (true, "", &entry, 1);
  cache_put (client->cache, key, found, client->host->monotonic_ns () + client->rules->cache_ns);
  found_unref (found);
}

struct entry *
client_remembers (struct client *client, const char *account) {
  return remembered (client, ACCOUNT, account);
}

void
client_remember (struct client *client, struct entry *entry) {
  remember (client, ACCOUNT, entry);
}

ptn_status
question_account (struct question *question, const char *account, struct entry **entry) {
  struct client *client = question->client;
  *entry = client_remembers (client, account);
  if (*entry)
    return PTN_OK;
  const ptn_status status = ask_account (client, account, entry, question->errand.reason);
  if (status == PTN_OK)
    client_remember (client, *entry);
  return status;
}

/* A login by another name did not look whether somebody else has the account, whose mailbox it would
 * open. */
ptn_status
question_sole_account (struct question *question, const char *account, struct entry **entry) {
  ptn_status status = question_account (question, account, entry);
  if (status != PTN_OK || (*entry)->sole)
    return status;
  g_clear_pointer (entry, entry_unref);
  status = ask_account (question->client, account, entry, question->errand.reason);
  if (status == PTN_OK)
    client_remember (question->client, *entry);
  return status;
}

ptn_status
question_groups (struct question *question, struct entry **entry) {
  struct client *client = question->client;
  struct entry *member = NULL;
  if ((*entry)->nested || !client->rules->nested)
    return PTN_OK;
  ptn_status status = ask_groups (client, *entry, &member, question->errand.reason);
  if (status == PTN_OK) {
    client_remember (client, member);
    remember (client, MEMBER, member);
  } else if (status == PTN_E_TEMPORARY
             && (member = remembered (client, MEMBER, (*entry)->account))) {
    status = PTN_OK;
  }
  if (status == PTN_OK) {
    entry_unref (*entry);
    *entry = member;
  }
  return status;
}
