/* SPDX-License-Identifier: Apache-2.0 */
/* import.c - import ACCOUNT PATH: mails of an mbox file or a Maildir into mailboxes.
 *
 * Mails are appended in batches, each of which is durable as a whole: an import that breaks off
 * has taken the first so many mails, and says how many. */
#include "admin.h"
#include "folder.h"
#include "mbox.h"
#include "text.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BATCH_MAILS 200
#define BATCH_OCTETS (8 * 1024 * 1024)

enum phase { /* of the one big step */
             NEXT_FOLDER,
             LIST_CUR,
             LIST_NEW,
             FIND_MAILBOX,
             MAKE_MAILBOX,
             NEXT_MAIL,
             OPEN_MAIL,
             BEGIN,
             APPEND,
             COMMIT,
             FOLDER_DONE
};

struct folder {
  char *directory; /* of Maildir; NULL: the mbox file */
  char *mailbox;
};

struct import {
  enum quoting quoting;
  bool maildir;
  int32_t fd; /* the mbox file, or the mail being read; -1 */
  struct mbox mbox;
  int64_t file_size;
  GPtrArray *folders; /* struct folder */
  unsigned folder;    /* the next one */
  const struct folder *now;
  GPtrArray *files; /* of the folder: "cur/name" */
  unsigned file;
  char *path; /* being opened */
  struct ptn_id mailbox;
  struct ptn_change *change;
  struct ptn_call change_call;
  struct ptn_append append;
  struct ptn_source *source;
  unsigned batch_mails;
  uint64_t batch_octets, size; /* size: of this mail in the file */
  uint64_t mails, octets, all_mails;
  bool last; /* this folder has no more mails */
};

static void
folder_free (void *data) {
  struct folder *folder = data;
  g_free (folder->directory);
  g_free (folder->mailbox);
  g_free (folder);
}

static void
close_mail (struct import *import) {
  if (import->source)
    import->source->ops->close (import->source);
  import->source = NULL;
  if (import->maildir && import->fd >= 0) {
    close (import->fd);
    import->fd = -1;
  }
}

static void
end_change (struct job *job) {
  struct import *import = job->data;
  job->plugin->host->call_end (&import->change_call);
  import->change_call.task = job->task;
  if (import->change)
    job_store (job)->end (import->change);
  import->change = NULL;
}

static void
import_free (struct job *job) {
  struct import *import = job->data;
  end_change (job);
  close_mail (import);
  if (import->fd >= 0)
    close (import->fd);
  mbox_close (&import->mbox);
  g_ptr_array_unref (import->folders);
  g_ptr_array_unref (import->files);
  g_free (import->path);
  g_free (import);
}

/* --- what there is to import --------------------------------------------------------------- */

static ptn_status
read_format (struct job *job) {
  struct import *import = job->data = g_new0 (struct import, 1);
  job->free_data = import_free;
  import->fd = -1;
  import->change_call.task = job->task;
  import->folders = g_ptr_array_new_with_free_func (folder_free);
  import->files = g_ptr_array_new_with_free_func (g_free);
  import->quoting = QUOTING_MBOXRD;
  if (!job->format || !strcmp (job->format, "mbox"))
    return PTN_OK;
  if (!strcmp (job->format, "mboxo"))
    import->quoting = QUOTING_MBOXO;
  else if (strcmp (job->format, "maildir") != 0)
    return job_fail (job, PTN_E_INVALID, "the format is mbox, mboxo or maildir, not %s",
                     job->format);
  return PTN_OK;
}

static void
add_folder (struct import *import, char *directory, char *mailbox) {
  struct folder *folder = g_new0 (struct folder, 1);
  *folder = (struct folder){ directory, mailbox };
  g_ptr_array_add (import->folders, folder);
}

static ptn_status
open_path (struct job *job, const char *path, ptn_open_mode mode, int32_t *fd) {
  if (!PTN_CAN (job->report, open))
    return job_fail (job, PTN_E_UNSUPPORTED, "files cannot be opened from here");
  return job->report->open (job->report, job->task, path, mode, fd);
}

static ptn_status
open_mbox (struct job *job) {
  struct import *import = job->data;
  struct stat info;
  if (job->format && !strcmp (job->format, "maildir")) {
    import->maildir = true;
    return PTN_OK;
  }
  ptn_status status = open_path (job, job->words[1], PTN_OPEN_READ, &import->fd);
  if (status == PTN_E_INVALID && !job->format) { /* a folder, as it seems */
    import->fd = -1;
    import->maildir = true;
    return PTN_OK;
  }
  if (status != PTN_OK)
    return status;
  if (fstat (import->fd, &info) == 0)
    import->file_size = info.st_size;
  mbox_open (&import->mbox, import->fd);
  add_folder (import, NULL, g_strdup (job->mailbox ? job->mailbox : "INBOX"));
  return PTN_OK;
}

static int
by_name (const void *a, const void *b) {
  return strcmp (*(const char *const *)a, *(const char *const *)b);
}

/* The names in a folder, sorted; closes fd. */
static GPtrArray *
names_of (struct job *job, int fd) {
  GPtrArray *names = g_ptr_array_new_with_free_func (g_free);
  job->plugin->host->blocking (job->task, 1);
  DIR *folder = fdopendir (fd);
  const struct dirent *entry;
  if (!folder)
    close (fd);
  else {
    rewinddir (folder);
    while ((entry = readdir (folder)))
      g_ptr_array_add (names, g_strdup (entry->d_name));
    closedir (folder);
  }
  job->plugin->host->blocking (job->task, 0);
  g_ptr_array_sort (names, by_name);
  return names;
}

/* The folder itself, and its Maildir++ folders. */
static ptn_status
open_maildir (struct job *job) {
  struct import *import = job->data;
  int32_t fd = -1;
  bool found = false;
  if (!import->maildir)
    return PTN_OK;
  ptn_status status = open_path (job, job->words[1], PTN_OPEN_DIRECTORY, &fd);
  if (status != PTN_OK)
    return status;
  g_autoptr (GPtrArray) names = names_of (job, fd);
  const char *base = job->mailbox;
  add_folder (import, g_strdup (job->words[1]), g_strdup (base ? base : "INBOX"));
  for (unsigned i = 0; i < names->len; i++) {
    const char *name = names->pdata[i];
    g_autofree char *mailbox = folder_to_mailbox (name);
    found = found || !strcmp (name, "cur");
    if (mailbox)
      add_folder (import, g_build_filename (job->words[1], name, NULL),
                  base ? g_strconcat (base, "/", mailbox, NULL) : g_strdup (mailbox));
  }
  if (!found)
    return job_fail (job, PTN_E_INVALID, "%s is no Maildir: it has no folder cur", job->words[1]);
  return PTN_OK;
}

/* Adds the files of cur or new to the folder's list. */
static ptn_status
list_files (struct job *job, const char *part) {
  struct import *import = job->data;
  int32_t fd = -1;
  if (!import->now->directory)
    return PTN_OK;
  if (!import->path)
    import->path = g_build_filename (import->now->directory, part, NULL);
  ptn_status status = open_path (job, import->path, PTN_OPEN_DIRECTORY, &fd);
  if (status == PTN_PENDING)
    return status;
  g_clear_pointer (&import->path, g_free);
  if (status == PTN_E_NOT_FOUND || status == PTN_E_INVALID)
    return PTN_OK; /* a name that only looks like a folder of mails */
  if (status != PTN_OK)
    return status;
  g_autoptr (GPtrArray) names = names_of (job, fd);
  for (unsigned i = 0; i < names->len; i++)
    if (*(const char *)names->pdata[i] != '.')
      g_ptr_array_add (import->files, g_build_filename (import->now->directory, part,
                                                        (const char *)names->pdata[i], NULL));
  return PTN_OK;
}

/* --- the mailbox ------------------------------------------------------------------------------ */

static ptn_status
mailbox_failed (struct job *job, ptn_status status) {
  struct import *import = job->data;
  g_autofree char *what = g_strdup_printf ("mailbox %s", import->now->mailbox);
  status = job_store_failed (job, status, what);
  if (import->all_mails && PTN_CAN (job->report, note)) {
    g_autofree char *text =
        g_strdup_printf ("%s mails were imported before this", job_number (job, import->all_mails));
    job->report->note (job->report, text);
  }
  return status;
}

static ptn_status
find_mailbox (struct job *job) {
  struct import *import = job->data;
  const struct ptn_mailbox *mailbox;
  ptn_status status =
      job_store (job)->status (job->opened, &job->call,
                               (struct ptn_mailbox_name){ NULL, import->now->mailbox }, &mailbox);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK)
    import->mailbox = mailbox->id;
  job_call_end (job);
  job->phase = status == PTN_OK ? NEXT_MAIL : MAKE_MAILBOX;
  return status == PTN_E_NOT_FOUND || status == PTN_OK ? PTN_OK : mailbox_failed (job, status);
}

static ptn_status
make_mailbox (struct job *job) {
  struct import *import = job->data;
  ptn_status status =
      job_store (job)->create (job->opened, &job->call,
                               (struct ptn_mailbox_name){ NULL, import->now->mailbox }, 0);
  if (status == PTN_PENDING)
    return status;
  job_call_end (job);
  job->phase = FIND_MAILBOX;
  return status == PTN_OK || status == PTN_E_EXISTS ? PTN_OK : mailbox_failed (job, status);
}

static ptn_status
next_folder (struct job *job) {
  struct import *import = job->data;
  if (import->folder == import->folders->len)
    return PTN_END;
  import->now = import->folders->pdata[import->folder++];
  g_ptr_array_set_size (import->files, 0);
  import->file = 0;
  import->mails = import->octets = 0;
  import->last = false;
  job->phase = LIST_CUR;
  return PTN_OK;
}

/* A Maildir++ name without mails makes no mailbox... unless it is the only one. */
static bool
worth_a_mailbox (const struct import *import) {
  return !import->maildir || import->files->len > 0 || import->folders->len == 1;
}

/* --- the mails --------------------------------------------------------------------------------- */

static ptn_status
next_in_mbox (struct job *job) {
  struct import *import = job->data;
  struct mbox_mail mail;
  job->plugin->host->blocking (job->task, 1);
  ptn_status status = mbox_next (&import->mbox, &mail);
  job->plugin->host->blocking (job->task, 0);
  if (status == PTN_E_INVALID)
    return job_fail (job, status, "%s is no mbox file: its first line is no \"From \" line",
                     job->words[1]);
  if (status == PTN_E_TEMPORARY)
    return job_fail (job, status, "%s cannot be read", job->words[1]);
  if (status == PTN_END) {
    import->last = true;
    job->phase = COMMIT;
    return PTN_OK;
  }
  import->size = (uint64_t)(mail.end - mail.start);
  import->source =
      text_source_new (job->plugin->host, import->fd, mail.start, mail.end, import->quoting);
  import->append = (struct ptn_append){ .size = sizeof import->append,
                                        .flags = mail.flags,
                                        .internal_date = mail.date,
                                        .source = import->source,
                                        .describe = text_source_describe,
                                        .argument = import->source };
  job->phase = BEGIN;
  return PTN_OK;
}

static ptn_status
next_mail (struct job *job) {
  struct import *import = job->data;
  if (!import->maildir)
    return next_in_mbox (job);
  import->last = import->file == import->files->len;
  job->phase = import->last ? COMMIT : OPEN_MAIL;
  return PTN_OK;
}

static ptn_status
open_mail (struct job *job) {
  struct import *import = job->data;
  const char *path = import->files->pdata[import->file];
  struct stat info;
  ptn_status status = open_path (job, path, PTN_OPEN_READ, &import->fd);
  if (status != PTN_OK) {
    if (status != PTN_PENDING)
      import->fd = -1;
    return status;
  }
  import->file++;
  if (fstat (import->fd, &info) != 0 || !S_ISREG (info.st_mode)) {
    close_mail (import);
    job->phase = NEXT_MAIL;
    return PTN_OK;
  }
  import->size = (uint64_t)info.st_size;
  import->source = text_source_new (job->plugin->host, import->fd, 0, info.st_size, QUOTING_NONE);
  import->append = (struct ptn_append){ .size = sizeof import->append,
                                        .flags = folder_flags (path),
                                        .internal_date = info.st_mtime,
                                        .source = import->source,
                                        .describe = text_source_describe,
                                        .argument = import->source };
  job->phase = BEGIN;
  return PTN_OK;
}

static ptn_status
begin (struct job *job) {
  struct import *import = job->data;
  if (import->append.internal_date == 0)
    import->append.internal_date = job->plugin->host->realtime_ms () / 1000;
  job->phase = APPEND;
  if (import->change)
    return PTN_OK;
  ptn_status status = job_store (job)->begin (job->opened, &job->call, NULL, &import->change);
  if (status == PTN_PENDING) {
    job->phase = BEGIN;
    return status;
  }
  if (status != PTN_OK)
    import->change = NULL;
  job_call_end (job);
  return status == PTN_OK ? PTN_OK : mailbox_failed (job, status);
}

static ptn_status
append (struct job *job) {
  struct import *import = job->data;
  ptn_status status = job_store (job)->append (import->change, &import->change_call,
                                               &import->mailbox, &import->append);
  if (status == PTN_PENDING)
    return status;
  job->plugin->host->call_end (&import->change_call);
  import->change_call.task = job->task;
  close_mail (import);
  if (status != PTN_OK)
    return mailbox_failed (job, status);
  import->batch_mails++;
  import->batch_octets += import->size;
  bool full = import->batch_mails >= BATCH_MAILS || import->batch_octets >= BATCH_OCTETS;
  job->phase = full ? COMMIT : NEXT_MAIL;
  return PTN_OK;
}

static void
show_progress (struct job *job) {
  const struct import *import = job->data;
  if (!PTN_CAN (job->report, progress))
    return;
  if (import->maildir)
    job->report->progress (job->report, import->file, import->files->len, import->now->mailbox);
  else
    job->report->progress (job->report, (uint64_t)import->mbox.at, (uint64_t)import->file_size,
                           import->now->mailbox);
}

static ptn_status
commit (struct job *job) {
  struct import *import = job->data;
  if (import->change) {
    ptn_status status = job_store (job)->commit (import->change, &import->change_call);
    if (status == PTN_PENDING)
      return status;
    end_change (job);
    if (status != PTN_OK)
      return mailbox_failed (job, status);
    import->mails += import->batch_mails;
    import->all_mails += import->batch_mails;
    import->octets += import->batch_octets;
    import->batch_mails = 0;
    import->batch_octets = 0;
    show_progress (job);
  }
  job->phase = import->last ? FOLDER_DONE : NEXT_MAIL;
  if (import->last) {
    const char *columns[] = { import->now->mailbox, job_number (job, import->mails),
                              job_number (job, import->octets) };
    job_row_keep (job, columns, G_N_ELEMENTS (columns));
  }
  return PTN_OK;
}

static ptn_status
run_phase (struct job *job) {
  struct import *import = job->data;
  ptn_status status;
  switch (job->phase) {
  case NEXT_FOLDER:
    return next_folder (job);
  case LIST_CUR:
  case LIST_NEW:
    status = list_files (job, job->phase == LIST_CUR ? "cur" : "new");
    if (status == PTN_OK && job->phase == LIST_CUR)
      job->phase = LIST_NEW;
    else if (status == PTN_OK)
      job->phase = worth_a_mailbox (import) ? FIND_MAILBOX : NEXT_FOLDER;
    return status;
  case FIND_MAILBOX:
    return find_mailbox (job);
  case MAKE_MAILBOX:
    return make_mailbox (job);
  case NEXT_MAIL:
    return next_mail (job);
  case OPEN_MAIL:
    return open_mail (job);
  case BEGIN:
    return begin (job);
  case APPEND:
    return append (job);
  case COMMIT:
    return commit (job);
  default:
    status = job_row_send (job);
    if (status == PTN_OK)
      job->phase = NEXT_FOLDER;
    return status;
  }
}

static ptn_status
import_all (struct job *job) {
  const struct ptn_host *host = job->plugin->host;
  for (;;) {
    if (host->cancelled (job->task))
      return PTN_E_CANCELLED;
    ptn_status status = run_phase (job);
    if (status != PTN_OK)
      return status;
    if (host->budget_spent (job->task)) {
      host->wake (host->waker (job->task));
      return PTN_PENDING;
    }
  }
}

static job_step *const steps[] = {
  read_format, job_find_existing_account, job_open_account, open_mbox, open_maildir, import_all,
  NULL
};

const struct command import_command = {
  "import",
  "ACCOUNT PATH [--mailbox NAME] [--format mbox|mboxo|maildir]",
  "Takes the mails of an mbox file or a Maildir into an account.",
  "mailbox mails octets",
  2,
  2,
  "--mailbox --format",
  steps
};
