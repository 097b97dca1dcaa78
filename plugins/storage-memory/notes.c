/* SPDX-License-Identifier: Apache-2.0 */
/* notes.c - the lock, and the events that are published when it is given back. */
#include "memory.h"

#include <string.h>

void
model_lock (struct memory *store) {
  pthread_mutex_lock (&store->lock);
}

static void
add (struct memory *store, const char *account, const struct ptn_id *mailbox, uint32_t kinds,
     uint64_t modseq) {
  for (guint i = 0; i < store->notes->len; i++) { /* one event a mailbox and change */
    struct note *note = &g_array_index (store->notes, struct note, i);
    if (memcmp (&note->mailbox, mailbox, sizeof *mailbox) != 0
        || strcmp (note->account, account) != 0)
      continue;
    note->kinds |= kinds;
    note->modseq = MAX (note->modseq, modseq);
    return;
  }
  struct note note = { g_strdup (account), *mailbox, kinds, modseq };
  g_array_append_val (store->notes, note);
}

void
note_mailbox (struct mailbox *mailbox, uint32_t kinds) {
  add (mailbox->owner->store, mailbox->owner->name, &mailbox->id, kinds, mailbox->modseq);
}

void
note_account (struct memory *store, const char *account, uint32_t kinds) {
  add (store, account, &(struct ptn_id){ { 0 } }, kinds, 0);
}

void
model_unlock (struct memory *store, struct ptn_task *origin) {
  g_autoptr (GArray) notes = NULL;
  if (store->notes->len) {
    notes = store->notes;
    store->notes = g_array_new (FALSE, FALSE, sizeof (struct note));
  }
  pthread_mutex_unlock (&store->lock);
  for (guint i = 0; notes && i < notes->len; i++) {
    struct note *note = &g_array_index (notes, struct note, i);
    struct ptn_event event = { .size = sizeof event,
                               .kinds = note->kinds,
                               .account = note->account,
                               .mailbox = note->mailbox,
                               .modseq = note->modseq,
                               .origin = origin };
    if (PTN_CAN (store->host, publish))
      store->host->publish (store->host, &event);
    g_free (note->account);
  }
}
