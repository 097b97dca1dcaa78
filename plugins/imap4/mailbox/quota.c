/* SPDX-License-Identifier: Apache-2.0 */
/* quota.c - GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208).
 *
 * There is one quota root, "", for all mailboxes of the account; public folders and those of others
 * have none that this user could see.  Its limits are the smaller of the store's and of what the
 * directory says of the account, as delivery keeps them.  Without any limit there is no root: the
 * syntax has no empty list of resources. */
#include "commands.h"
#include "mailbox/names.h"

struct quota {
  const char *mailbox; /* GETQUOTAROOT: UTF-8 */
  bool own, set;
  struct ptn_quota limits; /* SETQUOTA */
};

static void
quota_free (struct session *s, void *work) {
  g_free (work);
}

static struct quota *
quota_new (struct session *s) {
  struct quota *quota = g_new0 (struct quota, 1);
  s->work = quota;
  s->work_free = quota_free;
  return quota;
}

/* "quota.octets=N" of the directory. */
static uint64_t
attribute_limit (const struct session *s, const char *word) {
  size_t size = strlen (word);
  for (char **item = s->user->attributes; item && *item; item++)
    if (strncmp (*item, word, size) == 0 && (*item)[size] == '='
        && g_ascii_isdigit ((*item)[size + 1])) {
      char *end;
      uint64_t limit = g_ascii_strtoull (*item + size + 1, &end, 10);
      return *end ? UINT64_MAX : limit;
    }
  return UINT64_MAX;
}

static ptn_status
load (struct session *s, struct ptn_quota *quota) {
  const struct ptn_quota *from;
  ptn_status status = s->imap4->store->quota (s->user->account, &s->call, &from);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK)
    *quota = *from;
  if (status == PTN_E_NOT_FOUND) { /* an account that nothing was put into yet */
    *quota = (struct ptn_quota){ .storage_limit = UINT64_MAX, .messages_limit = UINT64_MAX };
    status = PTN_OK;
  }
  if (status == PTN_OK) {
    quota->storage_limit = MIN (quota->storage_limit, attribute_limit (s, "quota.octets"));
    quota->messages_limit = MIN (quota->messages_limit, attribute_limit (s, "quota.messages"));
    s->imap4->host->call_end (&s->call);
  }
  return status;
}

static bool
limited (const struct ptn_quota *quota) {
  return quota->storage_limit != UINT64_MAX || quota->messages_limit != UINT64_MAX;
}

static void
put_quota (struct session *s, const struct ptn_quota *quota) {
  struct writer *w = &s->out;
  const char *before = "";
  if (!limited (quota))
    return;
  PUT (w, "* QUOTA \"\" (");
  if (quota->storage_limit != UINT64_MAX) { /* in units of 1024 octets */
    put_format (w, "STORAGE %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT,
                quota->storage_used / 1024 + (quota->storage_used % 1024 != 0),
                quota->storage_limit / 1024);
    before = " ";
  }
  if (quota->messages_limit != UINT64_MAX)
    put_format (w, "%sMESSAGE %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT, before,
                quota->messages_used, quota->messages_limit);
  PUT (w, ")\r\n");
  if (quota->storage_used > quota->storage_limit || quota->messages_used > quota->messages_limit)
    untagged (s, "NO [OVERQUOTA] the mailboxes hold more than they may"); /* section 4.3.1 */
}

static const char *
read_root (struct reader *r) {
  return reader_space (r) ? reader_astring (r, NULL) : NULL;
}

static ptn_status
get_quota (struct session *s) {
  struct ptn_quota now;
  ptn_status status = load (s, &now);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    answer_failure (s, status, "the quota cannot be read now");
  else if (!limited (&now))
    answer_no (s, "NONEXISTENT", "there is no quota");
  else {
    put_quota (s, &now);
    answer_ok (s, NULL, "GETQUOTA completed");
  }
  return PTN_OK;
}

void
command_getquota (struct session *s, struct reader *r) {
  const char *root = read_root (r);
  if (!root || !reader_end (r))
    answer_syntax (s, r);
  else if (*root)
    answer_no (s, "NONEXISTENT", "no such quota root");
  else
    s->resume = get_quota;
}

static ptn_status
get_quota_root (struct session *s) {
  struct quota *quota = s->work;
  struct ptn_quota now = { .storage_limit = UINT64_MAX, .messages_limit = UINT64_MAX };
  ptn_status status = quota->own ? load (s, &now) : PTN_OK;
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    answer_failure (s, status, "the quota cannot be read now");
    return PTN_OK;
  }
  PUT (&s->out, "* QUOTAROOT ");
  put_mailbox (&s->out, quota->mailbox, session_utf8 (s));
  if (limited (&now))
    PUT (&s->out, " \"\"");
  PUT (&s->out, "\r\n");
  put_quota (s, &now);
  answer_ok (s, NULL, "GETQUOTAROOT completed");
  return PTN_OK;
}

/* The mailbox need not be there (section 4.1.2). */
void
command_getquotaroot (struct session *s, struct reader *r) {
  const char *name = reader_space (r) ? reader_mailbox (r) : NULL;
  struct ptn_mailbox_name mailbox;
  if (!name || !reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  struct quota *quota = quota_new (s);
  quota->mailbox = name;
  quota->own = mailbox_of (s, name, &mailbox) && !mailbox.owner;
  s->resume = get_quota_root;
}

/* --- SETQUOTA --- */

static bool
read_resource (struct reader *r, struct ptn_quota *limits, bool *known) {
  uint64_t limit;
  const char *resource = reader_keyword (r);
  if (!resource || !reader_space (r) || !reader_number64 (r, &limit))
    return false;
  if (strcmp (resource, "STORAGE") == 0)
    limits->storage_limit = limit > UINT64_MAX / 1024 ? UINT64_MAX : limit * 1024;
  else if (strcmp (resource, "MESSAGE") == 0)
    limits->messages_limit = limit;
  else
    *known = false;
  return true;
}

/* Resources that are not named have no limit from now on (section 4.1.3). */
static bool
read_limits (struct reader *r, struct ptn_quota *limits, bool *known) {
  *limits = (struct ptn_quota){ .size = sizeof *limits,
                                .storage_limit = UINT64_MAX,
                                .messages_limit = UINT64_MAX };
  *known = true;
  if (!reader_space (r) || !reader_expect (r, '('))
    return false;
  if (reader_accept (r, ')'))
    return true;
  do
    if (!read_resource (r, limits, known))
      return false;
  while (reader_accept (r, ' '));
  return reader_expect (r, ')');
}

static ptn_status
set_quota (struct session *s) {
  struct quota *quota = s->work;
  struct ptn_quota now;
  ptn_status status;
  if (!quota->set) {
    status = s->imap4->store->set_quota (s->user->account, &s->call, &quota->limits);
    if (status == PTN_PENDING)
      return status;
    if (status != PTN_OK) {
      answer_failure (s, status, "the quota cannot be set");
      return PTN_OK;
    }
    s->imap4->host->call_end (&s->call);
    quota->set = true;
  }
  status = load (s, &now);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK)
    put_quota (s, &now);
  answer_ok (s, NULL, "SETQUOTA completed");
  return PTN_OK;
}

void
command_setquota (struct session *s, struct reader *r) {
  const char *root = read_root (r);
  struct ptn_quota limits;
  bool known;
  if (!root || !read_limits (r, &limits, &known) || !reader_end (r)) {
    answer_syntax (s, r);
    return;
  }
  if (!s->user->administrator)
    answer_no (s, "NOPERM", "only administrators set quotas");
  else if (*root)
    answer_no (s, "NONEXISTENT", "no such quota root");
  else if (!known)
    answer_no (s, "CANNOT", "there are limits of STORAGE and MESSAGE alone");
  else {
    quota_new (s)->limits = limits;
    s->resume = set_quota;
  }
}
