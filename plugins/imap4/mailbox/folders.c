/* SPDX-License-Identifier: Apache-2.0 */
/* folders.c - see folders.h. */
#include "mailbox/folders.h"

#include "mailbox/folder_names.h"
#include "mailbox/note.h"

#define ANNOTATION_FOLDERS "/imap4/folders"

const char folders_languages[] = "en da de es fr it nl pl pt sv none";

static const struct kind {
  const char *setting;
  uint32_t use;
  bool mail; /* is subscribed to */
} kinds[FOLDER_COUNT + 1] = {
  { NULL, 0, true }, /* INBOX */
  { "folder_sent", PTN_MAILBOX_SENT, true },
  { "folder_drafts", PTN_MAILBOX_DRAFTS, true },
  { "folder_trash", PTN_MAILBOX_TRASH, true },
  { "folder_junk", PTN_MAILBOX_JUNK, true },
  { "folder_archive", PTN_MAILBOX_ARCHIVE, true },
  { "folder_calendar", PTN_MAILBOX_CALENDAR, false },
  { "folder_contacts", PTN_MAILBOX_CONTACTS, false },
  { "folder_tasks", PTN_MAILBOX_TASKS, false },
};

enum step { STEP_CREATE, STEP_LOOK, STEP_USE, STEP_SUBSCRIBE, STEP_NEXT };

struct folders {
  struct note note;
  bool looked, making;
  size_t at; /* of kinds */
  enum step step;
  struct ptn_id id;  /* of a mailbox that was there before */
  ptn_status failed; /* the first thing that was refused */
};

void
folders_free (struct session *s, struct folders *folders) {
  if (!folders)
    return;
  note_clear (s, &folders->note);
  g_free (folders);
}

/* "": it is not made. */
static const char *
folder_name (const struct session *s, size_t at) {
  const struct ptn_host *host = s->imap4->host;
  const struct ptn_config *config = s->imap4->config;
  if (at == 0)
    return "INBOX";
  const char *own = host->text (config, kinds[at].setting);
  if (own && *own)
    return strcmp (own, "-") == 0 ? "" : own;
  const char *tag = host->text (config, "folder_names");
  for (size_t i = 0; tag && i < G_N_ELEMENTS (folder_language); i++)
    if (strcmp (folder_language[i].tag, tag) == 0)
      return folder_language[i].names[at - 1];
  return "";
}

/* One step for one folder; the next one is in folders->step. */
static ptn_status
take_step (struct session *s, struct folders *folders, const char *name) {
  const struct ptn_store *store = s->imap4->store;
  struct ptn_account *account = s->user->account;
  const struct ptn_mailbox_name mailbox = { NULL, name };
  const struct kind *kind = &kinds[folders->at];
  const struct ptn_mailbox *row;
  ptn_status status;
  switch (folders->step) {
  case STEP_CREATE:
    status = store->create (account, &s->call, mailbox, kind->use);
    if (status == PTN_OK)
      folders->step = STEP_SUBSCRIBE;
    else if (status == PTN_E_EXISTS)
      folders->step = STEP_LOOK;
    return status == PTN_E_EXISTS ? PTN_OK : status;
  case STEP_LOOK: /* one that came in another way gets its use, if it has none */
    status = store->status (account, &s->call, mailbox, &row);
    if (status == PTN_OK) {
      folders->id = row->id;
      folders->step =
          kind->use && !(row->attributes & PTN_MAILBOX_SPECIAL_USES) ? STEP_USE : STEP_SUBSCRIBE;
    }
    return status;
  case STEP_USE:
    status = store->set_attributes (account, &s->call, &folders->id, kind->use);
    if (status == PTN_OK)
      folders->step = STEP_SUBSCRIBE;
    return status;
  default:
    status = kind->mail ? store->subscribe (account, &s->call, mailbox, 1) : PTN_OK;
    if (status == PTN_OK)
      folders->step = STEP_NEXT;
    return status;
  }
}

static ptn_status
make_folders (struct session *s, struct folders *folders) {
  for (; folders->at <= FOLDER_COUNT; folders->at++) {
    const char *name = folder_name (s, folders->at);
    folders->step = *name ? folders->step : STEP_NEXT;
    while (folders->step != STEP_NEXT) {
      ptn_status status = take_step (s, folders, name);
      if (status == PTN_PENDING)
        return status;
      s->imap4->host->call_end (&s->call);
      if (status <= PTN_E_TEMPORARY)
        return status;
      if (status != PTN_OK) { /* a name that cannot be: the others can */
        folders->failed = status;
        folders->step = STEP_NEXT;
      }
    }
    folders->step = STEP_CREATE;
  }
  if (folders->failed != PTN_OK)
    return folders->failed;
  return note_write (s, &folders->note, NULL, ANNOTATION_FOLDERS, (struct ptn_bytes){ "1", 1 });
}

static ptn_status
prepare (struct session *s, struct folders *folders) {
  if (!folders->looked) {
    g_autoptr (GBytes) value = NULL;
    ptn_status status = note_read (s, &folders->note, NULL, ANNOTATION_FOLDERS, &value);
    if (status != PTN_OK)
      return status;
    folders->looked = true;
    folders->making = !value;
  }
  return folders->making ? make_folders (s, folders) : PTN_OK;
}

ptn_status
folders_prepare (struct session *s) {
  struct user *user = s->user;
  if (!(s->imap4->store->capabilities & PTN_STORE_ANNOTATIONS))
    return PTN_OK;
  if (!user->folders)
    user->folders = g_new0 (struct folders, 1);
  ptn_status status = prepare (s, user->folders);
  if (status == PTN_PENDING)
    return status;
  s->imap4->host->call_end (&s->call);
  if (status != PTN_OK) {
    const struct ptn_host *host = s->imap4->host;
    const char *why = host->failure_log (s->task);
    struct ptn_field fields[] = { { "error", why ? why : "refused" } };
    host->log (host, PTN_LOG_WARNING, s->task, "imap4.folders-not-made", fields, 1);
  }
  folders_free (s, g_steal_pointer (&user->folders));
  return PTN_OK;
}
