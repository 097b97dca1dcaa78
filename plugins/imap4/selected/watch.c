/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - being woken by what happens to the selected mailbox, and the rights in it, which may
 * change while it is selected (RFC 4314 section 5.2).  In the session's task. */
#include "common/rights.h"
#include "mailbox/names.h"
#include "selected/selected.h"

#define KINDS                                                                    \
  (PTN_MESSAGE_NEW | PTN_MESSAGE_APPEND | PTN_MESSAGE_EXPUNGE | PTN_FLAGS_CHANGE \
   | PTN_ANNOTATION_CHANGE | PTN_ACL_CHANGE | PTN_MAILBOX_DELETE | PTN_MAILBOX_RENAME)

bool
selected_watch (struct session *s) {
  struct selected *selected = s->selected;
  if (!selected->waits
      && s->imap4->host->subscribe (s->task, selected->owner, &selected->mailbox, KINDS,
                                    &selected->waits)
             != PTN_OK)
    selected->waits = NULL;
  return selected->waits;
}

uint32_t
selected_happened (struct session *s) {
  struct ptn_happening row;
  size_t count;
  uint32_t kinds = 0;
  while (s->selected->waits
         && s->imap4->host->occurred (s->selected->waits, &row, 1, &count) == PTN_OK)
    kinds |= row.kinds;
  return kinds;
}

ptn_status
selected_check_rights (struct session *s) {
  struct selected *selected = s->selected;
  const struct ptn_mailbox *row;
  uint32_t rights = selected->rights;
  ptn_status status = mailbox_status (s, selected->name, &row);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK && memcmp (&row->id, &selected->mailbox, sizeof row->id) == 0)
    rights_parse (row->rights, &rights);
  s->imap4->host->call_end (&s->call);
  if (rights == selected->rights)
    return PTN_OK;
  selected->rights = rights;
  if (!selected->examined && selected->read_only != !(rights & RIGHTS_CHANGING)) {
    selected->read_only = !selected->read_only;
    put_text (&s->out, selected->read_only ? "* OK [READ-ONLY] the rights were changed\r\n"
                                           : "* OK [READ-WRITE] the rights were changed\r\n");
  }
  tell_flag_names (s, selected->told);
  return PTN_OK;
}
