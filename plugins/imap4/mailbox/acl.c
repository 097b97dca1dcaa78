/* SPDX-License-Identifier: Apache-2.0 */
/* acl.c - SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (RFC 4314).
 *
 * The store has eleven rights.  Besides them clients see "c" and "d" of RFC 2086, which stand for "kx"
 * and "te" (section 2.1.1), and "n" of RFC 5257 (section 4.10), which always comes with "w". */
#include "mailbox/acl.h"

#include "commands.h"
#include "mailbox/gather.h"
#include "mailbox/names.h"

struct acl {
  const char *name, *who, *rights; /* the reader's; rights without + or - */
  char mode;                       /* '+', '-' or 0 */
  struct ptn_mailbox_name mailbox;
  bool found;
  struct mailbox_row row;
  struct gather *gather;
  char text[RIGHTS_TEXT]; /* what is set */
};

static void
acl_free (struct session *s, void *work) {
  struct acl *acl = work;
  gather_free (s, acl->gather);
  mailbox_row_clear (&acl->row);
  g_free (acl);
}

static void
put_rights (struct writer *w, uint32_t rights) {
  char text[RIGHTS_TEXT];
  if (!rights) {
    PUT (w, "\"\"");
    return;
  }
  rights_format (rights, text);
  put_text (w, text);
  if (rights & RIGHT_W)
    put_char (w, 'n');
  if (rights & (RIGHT_K | RIGHT_X))
    put_char (w, 'c');
  if (rights & (RIGHT_T | RIGHT_E))
    put_char (w, 'd');
}

void
put_my_rights (struct session *s, const char *name, uint32_t rights) {
  PUT (&s->out, "* MYRIGHTS ");
  put_mailbox (&s->out, name, session_utf8 (s));
  put_char (&s->out, ' ');
  put_rights (&s->out, rights);
  PUT (&s->out, "\r\n");
}

/* --- arguments --- */

/* Accounts and groups have their names in lower case. */
static const char *
read_identifier (struct reader *r) {
  size_t size;
  const char *who = reader_space (r) ? reader_astring (r, &size) : NULL;
  if (!who)
    return NULL;
  if (!*who || strcmp (who, "-") == 0) {
    reader_fail (r, "an empty identifier");
    return NULL;
  }
  g_autofree char *lower = g_ascii_strdown (who, -1);
  return reader_keep (r, lower, size);
}

static bool
read_rights (struct reader *r, struct acl *acl) {
  const char *rights = reader_space (r) ? reader_astring (r, NULL) : NULL;
  if (!rights)
    return false;
  if (*rights == '+' || *rights == '-')
    acl->mode = *rights++;
  g_autofree char *known = g_strdup (rights);
  for (char *p = known; *p; p++)
    if (*p == 'n')
      *p = 'w';
  uint32_t bits;
  if (!rights_parse (known, &bits))
    return reader_fail (r, "unknown right: there are lrswipkxtea, n, c and d");
  acl->rights = reader_keep (r, known, strlen (known));
  return true;
}

static struct acl *
acl_begin (struct session *s, struct reader *r, bool identifier, bool rights) {
  const char *name = reader_space (r) ? reader_mailbox (r) : NULL;
  struct acl *acl = g_new0 (struct acl, 1);
  s->work = acl;
  s->work_free = acl_free;
  acl->name = name;
  if (!name || (identifier && !(acl->who = read_identifier (r)))
      || (rights && !read_rights (r, acl)) || !reader_end (r)) {
    answer_syntax (s, r);
    return NULL;
  }
  if (mailbox_of (s, name, &acl->mailbox))
    return acl;
  answer_no (s, "NONEXISTENT", "no such mailbox");
  return NULL;
}

/* Who may list it but not read it is told by the list alone. */
static ptn_status
find_in_list (struct session *s, struct acl *acl) {
  if (!acl->gather)
    acl->gather = gather_new (GATHER_OTHERS | GATHER_PUBLIC, "");
  ptn_status status = gather_run (s, acl->gather);
  if (status != PTN_OK)
    return status;
  GArray *rows = gather_rows (acl->gather);
  for (guint i = 0; i < rows->len && !acl->found; i++) {
    struct mailbox_row *row = &g_array_index (rows, struct mailbox_row, i);
    if (strcmp (row->name, acl->name) == 0) {
      acl->row = *row;
      *row = (struct mailbox_row){ 0 };
      acl->found = true;
    }
  }
  return acl->found ? PTN_OK : PTN_E_DENIED;
}

/* The row.  PTN_OK, PTN_PENDING, or PTN_END: it was answered with NO. */
static ptn_status
find_row (struct session *s, struct acl *acl) {
  const struct ptn_mailbox *from;
  ptn_status status = PTN_E_DENIED;
  if (acl->found)
    return PTN_OK;
  if (!acl->gather) {
    status = mailbox_status (s, acl->name, &from);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_OK) {
      mailbox_row_fill (s, &acl->row, from);
      acl->found = true;
    }
    s->imap4->host->call_end (&s->call);
  }
  if (status == PTN_E_DENIED)
    status = find_in_list (s, acl);
  if (status == PTN_OK || status == PTN_PENDING)
    return status;
  answer_failure (s, status, "no such mailbox");
  return PTN_END;
}

/* The same for what needs `a`. */
static ptn_status
find_administered (struct session *s, struct acl *acl) {
  ptn_status status = find_row (s, acl);
  if (status == PTN_OK && !(acl->row.rights & RIGHT_A)) {
    answer_no (s, "NOPERM", "you may not administer this mailbox");
    return PTN_END;
  }
  return status;
}

/* Has it all rights whatever the entries say? */
static bool
is_owner (const struct session *s, const struct acl *acl, const char *who) {
  const char *owner = mailbox_owner (s, acl->mailbox);
  return *owner && strcmp (who, owner) == 0;
}

/* --- SETACL, DELETEACL --- */

static ptn_status
set_rights (struct session *s) {
  struct acl *acl = s->work;
  ptn_status status =
      s->imap4->store->set_rights (s->user->account, &s->call, &acl->row.id, acl->who, acl->text);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK)
    answer_format (s, "%s completed", s->command->name);
  else
    answer_failure (s, status, "the rights cannot be changed");
  return PTN_OK;
}

/* With + and -: what has it now? */
static ptn_status
change_rights (struct session *s) {
  struct acl *acl = s->work;
  const struct ptn_rights *entries;
  size_t count;
  ptn_status status =
      s->imap4->store->rights (s->user->account, &s->call, &acl->row.id, &entries, &count);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    answer_failure (s, status, "the rights cannot be read");
    return PTN_OK;
  }
  uint32_t has = 0, changed = 0;
  for (size_t i = 0; i < count; i++)
    if (strcmp (entries[i].who, acl->who) == 0)
      rights_parse (entries[i].rights, &has);
  s->imap4->host->call_end (&s->call);
  rights_parse (acl->rights, &changed);
  rights_format (acl->mode == '+' ? has | changed : has & ~changed, acl->text);
  s->resume = set_rights;
  return PTN_OK;
}

static ptn_status
begin_set (struct session *s) {
  struct acl *acl = s->work;
  ptn_status status = find_administered (s, acl);
  if (status != PTN_OK)
    return status == PTN_END ? PTN_OK : status;
  uint32_t rights = 0;
  rights_parse (acl->rights ? acl->rights : "", &rights);
  if (is_owner (s, acl, acl->who)) {
    if (acl->mode == '+' || (!acl->mode && rights == RIGHTS_ALL))
      answer_format (s, "%s completed", s->command->name);
    else
      answer_no (s, "CANNOT", "the owner of a mailbox has all rights in it");
  } else if (acl->mode)
    s->resume = change_rights;
  else {
    rights_format (rights, acl->text);
    s->resume = set_rights;
  }
  return PTN_OK;
}

void
command_setacl (struct session *s, struct reader *r) {
  if (acl_begin (s, r, true, true))
    s->resume = begin_set;
}

void
command_deleteacl (struct session *s, struct reader *r) {
  if (acl_begin (s, r, true, false))
    s->resume = begin_set;
}

/* --- GETACL, LISTRIGHTS, MYRIGHTS --- */

static void
put_entry (struct session *s, const char *who, uint32_t rights) {
  put_char (&s->out, ' ');
  put_astring (&s->out, who, strlen (who), session_utf8 (s));
  put_char (&s->out, ' ');
  put_rights (&s->out, rights);
}

static ptn_status
get_acl (struct session *s) {
  struct acl *acl = s->work;
  const struct ptn_rights *entries;
  size_t count;
  ptn_status status = find_administered (s, acl);
  if (status != PTN_OK)
    return status == PTN_END ? PTN_OK : status;
  status = s->imap4->store->rights (s->user->account, &s->call, &acl->row.id, &entries, &count);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    answer_failure (s, status, "the rights cannot be read");
    return PTN_OK;
  }
  const char *owner = mailbox_owner (s, acl->mailbox);
  PUT (&s->out, "* ACL ");
  put_mailbox (&s->out, acl->row.name, session_utf8 (s));
  if (*owner)
    put_entry (s, owner, RIGHTS_ALL);
  for (size_t i = 0; i < count; i++) {
    uint32_t rights = 0;
    rights_parse (entries[i].rights, &rights);
    if (!is_owner (s, acl, entries[i].who))
      put_entry (s, entries[i].who, rights);
  }
  PUT (&s->out, "\r\n");
  answer_ok (s, NULL, "GETACL completed");
  return PTN_OK;
}

void
command_getacl (struct session *s, struct reader *r) {
  if (acl_begin (s, r, false, false))
    s->resume = get_acl;
}

static ptn_status
list_rights (struct session *s) {
  struct acl *acl = s->work;
  ptn_status status = find_administered (s, acl);
  if (status != PTN_OK)
    return status == PTN_END ? PTN_OK : status;
  struct writer *w = &s->out;
  PUT (w, "* LISTRIGHTS ");
  put_mailbox (w, acl->row.name, session_utf8 (s));
  put_char (w, ' ');
  put_astring (w, acl->who, strlen (acl->who), session_utf8 (s));
  put_char (w, ' ');
  if (is_owner (s, acl, acl->who))
    put_rights (w, RIGHTS_ALL);
  else
    PUT (w, "\"\" l r s wn i p k x t e a c d");
  PUT (w, "\r\n");
  answer_ok (s, NULL, "LISTRIGHTS completed");
  return PTN_OK;
}

void
command_listrights (struct session *s, struct reader *r) {
  if (acl_begin (s, r, true, false))
    s->resume = list_rights;
}

static ptn_status
my_rights (struct session *s) {
  struct acl *acl = s->work;
  ptn_status status = find_row (s, acl);
  if (status != PTN_OK)
    return status == PTN_END ? PTN_OK : status;
  put_my_rights (s, acl->row.name, acl->row.rights);
  answer_ok (s, NULL, "MYRIGHTS completed");
  return PTN_OK;
}

void
command_myrights (struct session *s, struct reader *r) {
  if (acl_begin (s, r, false, false))
    s->resume = my_rights;
}
