/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - see names.h. */
#include "mailbox/names.h"

static const char *
setting (const struct session *s, const char *name) {
  const char *text = s->imap4->host->text (s->info->config, name);
  return text ? text : "";
}

const char *
namespace_others (const struct session *s) {
  return setting (s, "other_users_namespace");
}

const char *
namespace_public (const struct session *s) {
  return setting (s, "public_namespace");
}

bool
mailbox_of (struct session *s, const char *name, struct ptn_mailbox_name *mailbox) {
  const char *rest = below_prefix (name, namespace_public (s));
  if (rest) {
    *mailbox = (struct ptn_mailbox_name){ "", rest };
    return *rest;
  }
  rest = below_prefix (name, namespace_others (s));
  if (!rest) {
    *mailbox = (struct ptn_mailbox_name){ NULL, name };
    return true;
  }
  const char *slash = strchr (rest, '/');
  if (!slash || slash == rest)
    return false;
  const char *owner = reader_keep (&s->arguments, rest, (size_t)(slash - rest));
  if (strcmp (owner, s->user->name) == 0)
    owner = NULL;
  *mailbox = (struct ptn_mailbox_name){ owner, slash + 1 };
  return true;
}

char *
mailbox_shown (const struct session *s, struct ptn_mailbox_name mailbox) {
  if (!mailbox.owner || strcmp (mailbox.owner, s->user->name) == 0)
    return g_strdup (mailbox.path);
  if (!*mailbox.owner)
    return g_strdup_printf ("%s/%s", namespace_public (s), mailbox.path);
  return g_strdup_printf ("%s/%s/%s", namespace_others (s), mailbox.owner, mailbox.path);
}

ptn_status
mailbox_status (struct session *s, const char *name, const struct ptn_mailbox **row) {
  struct ptn_mailbox_name mailbox;
  if (!mailbox_of (s, name, &mailbox))
    return PTN_E_NOT_FOUND;
  return s->imap4->store->status (s->user->account, &s->call, mailbox, row);
}

const char *
mailbox_owner (const struct session *s, struct ptn_mailbox_name mailbox) {
  return mailbox.owner ? mailbox.owner : s->user->name;
}

const char *
name_plain (const struct session *s, const char *name) {
  const char *rest = below_prefix (name, namespace_others (s));
  const char *own = rest ? below_prefix (rest, s->user->name) : NULL;
  return own && *own ? own : name;
}
