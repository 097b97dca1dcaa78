/* SPDX-License-Identifier: Apache-2.0 */
/* export.c - export ACCOUNT PATH: the mails of an account as a Maildir (all mailboxes) or an mbox file
 * (one).
 *
 * Each mail is read twice: first to see whether it is whole and how it ends its lines, then
 * to be written. */
#include "admin.h"
#include "folder.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define WRITE_AT (64 * 1024)

enum phase {
  NEXT_MAILBOX,
  STATUS,
  MAKE_FOLDER,
  MAKE_CUR,
  MAKE_NEW,
  MAKE_TMP,
  FETCH,
  NEXT_MAIL,
  PROBE_OPEN,
  PROBE,
  MAIL_FILE,
  READ_OPEN,
  WRITE,
  MAIL_DONE,
  LEFT_OUT,
  MAILBOX_DONE
};

struct export {
  bool maildir;
  int32_t fd;       /* the mbox file, or the mail being written; -1 */
  GPtrArray *names; /* of mailboxes */
  unsigned at;      /* the next one */
  const char *name;
  struct ptn_call list_call, cursor_call, source_call;
  struct ptn_cursor *cursor;
  struct ptn_id mailbox;
  uint32_t uidvalidity, messages;
  char *folder, *path; /* folder: of the mailbox; path: being opened */
  uint32_t uid;
  ptn_flag_bits flags;
  int64_t date;
  struct ptn_source *source;
  struct text_probe probe;
  struct text_writer writer;
  GString *out;
  uint64_t mails, octets, damaged;
  enum phase after; /* LEFT_OUT */
};

static void
end_call (struct job *job, struct ptn_call *call) {
  job->plugin->host->call_end (call);
  call->task = job->task;
}

static void
close_source (struct job *job) {
  struct export *export = job->data;
  if (export->source)
    export->source->ops->close (export->source);
  export->source = NULL;
  end_call (job, &export->source_call);
}

static void
close_cursor (struct job *job) {
  struct export *export = job->data;
  end_call (job, &export->cursor_call);
  if (export->cursor)
    job_store (job)->close_cursor (export->cursor);
  export->cursor = NULL;
  end_call (job, &export->list_call);
}

static void
export_free (struct job *job) {
  struct export *export = job->data;
  close_source (job);
  close_cursor (job);
  if (export->fd >= 0)
    close (export->fd);
  g_ptr_array_unref (export->names);
  g_free (export->folder);
  g_free (export->path);
  g_string_free (export->out, TRUE);
  g_free (export);
}

/* --- what to export, and where to -------------------------------------------------------- */

static ptn_status
prepare (struct job *job) {
  struct export *export = job->data = g_new0 (struct export, 1);
  job->free_data = export_free;
  export->fd = -1;
  export->names = g_ptr_array_new_with_free_func (g_free);
  export->out = g_string_new (NULL);
  export->list_call.task = export->cursor_call.task = export->source_call.task = job->task;
  export->maildir = !job->format || !strcmp (job->format, "maildir");
  if (!export->maildir && strcmp (job->format, "mbox") != 0)
    return job_fail (job, PTN_E_INVALID, "the format is mbox or maildir, not %s", job->format);
  if (job->mailbox || !export->maildir)
    g_ptr_array_add (export->names, g_strdup (job->mailbox ? job->mailbox : "INBOX"));
  return PTN_OK;
}

static ptn_status
list_mailboxes (struct job *job) {
  const struct ptn_store *store = job_store (job);
  struct export *export = job->data;
  const struct ptn_mailbox *mailbox;
  ptn_status status;
  if (job->phase == 0) {
    if (export->names->len)
      return PTN_OK;
    status = store->list (job->opened, &export->list_call, "*", &export->cursor);
    if (status != PTN_OK)
      return status == PTN_PENDING ? status : job_store_failed (job, status, job->account);
    job->phase = 1;
  }
  while ((status = store->next_mailbox (export->cursor, &export->cursor_call, &mailbox))
         == PTN_OK) {
    if (!(mailbox->attributes & PTN_MAILBOX_NOSELECT))
      g_ptr_array_add (export->names, g_strdup (mailbox->name.path));
    end_call (job, &export->cursor_call);
  }
  if (status == PTN_PENDING)
    return status;
  close_cursor (job);
  if (status != PTN_END)
    return job_store_failed (job, status, job->account);
  if (job->stranger && !export->names->len) /* misspelt: no empty folder that looks like success */
    return job_fail (job, PTN_E_NOT_FOUND, "there is no account %s, and no mail of that name",
                     job->words[0]);
  return PTN_OK;
}

static ptn_status
open_root (struct job *job) {
  struct export *export = job->data;
  int32_t fd = -1;
  if (!PTN_CAN (job->report, open))
    return job_fail (job, PTN_E_UNSUPPORTED, "files cannot be made from here");
  ptn_status status =
      job->report->open (job->report, job->task, job->words[1],
                         export->maildir ? PTN_OPEN_MAKE_DIRECTORY : PTN_OPEN_CREATE, &fd);
  if (status == PTN_OK && export->maildir)
    close (fd);
  else if (status == PTN_OK)
    export->fd = fd;
  return status;
}

/* --- mailboxes ----------------------------------------------------------------------------- */

static ptn_status
next_mailbox (struct job *job) {
  struct export *export = job->data;
  if (export->at == export->names->len)
    return PTN_END;
  export->name = export->names->pdata[export->at++];
  export->mails = export->octets = 0;
  g_clear_pointer (&export->folder, g_free);
  g_autofree char *name =
      export->maildir && !job->mailbox ? folder_of_mailbox (export->name) : g_strdup ("");
  export->folder = g_build_filename (job->words[1], name, NULL);
  job->phase = STATUS;
  return PTN_OK;
}

static ptn_status
mailbox_failed (struct job *job, ptn_status status) {
  const struct export *export = job->data;
  g_autofree char *what = g_strdup_printf ("mailbox %s", export->name);
  return job_store_failed (job, status, what);
}

static ptn_status
read_status (struct job *job) {
  struct export *export = job->data;
  const struct ptn_mailbox *mailbox;
  ptn_status status =
      job_store (job)->status (job->opened, &job->call,
                               (struct ptn_mailbox_name){ NULL, export->name }, &mailbox);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_OK) {
    export->mailbox = mailbox->id;
    export->uidvalidity = mailbox->uidvalidity;
    export->messages = mailbox->messages;
  }
  job_call_end (job);
  job->phase = export->maildir ? MAKE_FOLDER : FETCH;
  return status == PTN_OK ? PTN_OK : mailbox_failed (job, status);
}

static ptn_status
make_folder (struct job *job) {
  static const char *const parts[] = { "", "cur", "new", "tmp" };
  struct export *export = job->data;
  int32_t fd;
  if (!export->path)
    export->path = g_build_filename (export->folder, parts[job->phase - MAKE_FOLDER], NULL);
  ptn_status status =
      job->report->open (job->report, job->task, export->path, PTN_OPEN_MAKE_DIRECTORY, &fd);
  if (status == PTN_PENDING)
    return status;
  g_clear_pointer (&export->path, g_free);
  if (status != PTN_OK)
    return status;
  close (fd);
  job->phase++;
  return PTN_OK;
}

static ptn_status
fetch (struct job *job) {
  struct export *export = job->data;
  static const struct ptn_fetch all = { .size = sizeof all,
                                        .items =
                                            PTN_FETCH_FLAGS | PTN_FETCH_DATES | PTN_FETCH_SIZE };
  ptn_status status = job_store (job)->fetch (job->opened, &export->list_call, &export->mailbox,
                                              &all, &export->cursor);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK)
    return mailbox_failed (job, status);
  job->phase = NEXT_MAIL;
  return PTN_OK;
}

static ptn_status
mailbox_done (struct job *job) {
  struct export *export = job->data;
  if (!job->row[0]) {
    const char *columns[] = { export->name, job_number (job, export->mails),
                              job_number (job, export->octets), "", "" };
    job_row_keep (job, columns, G_N_ELEMENTS (columns));
  }
  ptn_status status = job_row_send (job);
  if (status == PTN_OK)
    job->phase = NEXT_MAILBOX;
  return status;
}

/* --- mails ------------------------------------------------------------------------------------ */

/* A row for what cannot be exported: a mail, or (uid 0) the rest of the mailbox. */
static void
tell_left_out (struct job *job, uint32_t uid, enum phase after) {
  struct export *export = job->data;
  const struct ptn_host *host = job->plugin->host;
  const char *reason = host->failure_log (job->task);
  const char *columns[] = { export->name, "", "", uid ? job_number (job, uid) : "",
                            reason ? reason : "damaged" };
  job_row_keep (job, columns, G_N_ELEMENTS (columns));
  if (PTN_CAN (job->report, note)) {
    g_autofree char *which = uid ? g_strdup_printf ("uid %u", uid) : g_strdup ("all that follows");
    g_autofree char *text = g_strdup_printf ("account %s, mailbox %s, %s: %s; left out",
                                             job->account, export->name, which, columns[4]);
    job->report->note (job->report, text);
  }
  export->damaged++;
  export->after = after;
  job->phase = LEFT_OUT;
}

static ptn_status
left_out (struct job *job) {
  struct export *export = job->data;
  ptn_status status = job_row_send (job);
  if (status == PTN_OK)
    job->phase = export->after;
  return status;
}

static ptn_status
next_mail (struct job *job) {
  struct export *export = job->data;
  const struct ptn_message *row;
  size_t count = 0;
  ptn_status status =
      job_store (job)->next_messages (export->cursor, &export->cursor_call, &row, 1, &count);
  if (status == PTN_PENDING)
    return status;
  if (status == PTN_END || (status == PTN_OK && count == 0)) {
    close_cursor (job);
    job->phase = MAILBOX_DONE;
    return PTN_OK;
  }
  if (status == PTN_E_CORRUPT) {
    close_cursor (job);
    tell_left_out (job, 0, MAILBOX_DONE);
    return PTN_OK;
  }
  if (status != PTN_OK)
    return mailbox_failed (job, status);
  export->uid = row->uid;
  export->flags = row->flags;
  export->date = row->internal_date;
  end_call (job, &export->cursor_call);
  if (PTN_CAN (job->report, progress) && export->mails % 64 == 0)
    job->report->progress (job->report, export->mails, export->messages, export->name);
  job->phase = PROBE_OPEN;
  return PTN_OK;
}

/* A mail that cannot be read is left out and told of; the others go on. */
static ptn_status
leave_out (struct job *job, ptn_status status) {
  struct export *export = job->data;
  close_source (job);
  if (export->maildir && export->fd >= 0) {
    close (export->fd);
    export->fd = -1;
  }
  job->phase = NEXT_MAIL;
  if (status == PTN_E_EXPUNGED)
    return PTN_OK;
  if (status != PTN_E_CORRUPT)
    return mailbox_failed (job, status);
  tell_left_out (job, export->uid, NEXT_MAIL);
  return PTN_OK;
}

static ptn_status
open_source (struct job *job, enum phase next) {
  struct export *export = job->data;
  ptn_status status = job_store (job)->read (job->opened, &export->source_call, &export->mailbox,
                                             export->uid, 0, UINT64_MAX, &export->source);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK) {
    export->source = NULL;
    return leave_out (job, status);
  }
  job->phase = next;
  return PTN_OK;
}

static bool
chunk_octets (const struct ptn_chunk *chunk, char *buffer, const char **data) {
  *data = chunk->data;
  if (chunk->data)
    return true;
  *data = buffer;
  return pread (chunk->fd, buffer, chunk->size, chunk->file_offset) == (ssize_t)chunk->size;
}

/* The next piece into the probe or the writer. */
static ptn_status
pull (struct job *job) {
  struct export *export = job->data;
  struct ptn_chunk chunk;
  const char *data;
  char buffer[16384];
  ptn_status status = export->source->ops->read (export->source, job->task, sizeof buffer, &chunk);
  if (status != PTN_OK)
    return status;
  if (!chunk_octets (&chunk, buffer, &data))
    status = PTN_E_CORRUPT;
  else if (job->phase == PROBE)
    text_probe_octets (&export->probe, data, chunk.size);
  else {
    text_writer_octets (&export->writer, data, chunk.size);
    export->octets += chunk.size;
  }
  if (chunk.release)
    chunk.release (chunk.owner);
  return status;
}

static ptn_status
probe (struct job *job) {
  struct export *export = job->data;
  ptn_status status = pull (job);
  if (status == PTN_OK || status == PTN_PENDING)
    return status;
  if (status != PTN_END)
    return leave_out (job, status);
  close_source (job);
  job->phase = export->maildir ? MAIL_FILE : READ_OPEN;
  return PTN_OK;
}

static ptn_status
flush (struct job *job) {
  struct export *export = job->data;
  size_t at = 0;
  job->plugin->host->blocking (job->task, 1);
  while (at < export->out->len) {
    ssize_t put = write (export->fd, export->out->str + at, export->out->len - at);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      break;
    at += (size_t)put;
  }
  int error = errno;
  job->plugin->host->blocking (job->task, 0);
  if (at < export->out->len)
    return job_fail (job, PTN_E_TEMPORARY, "cannot write to %s: %s", job->words[1],
                     g_strerror (error));
  g_string_truncate (export->out, 0);
  return PTN_OK;
}

static ptn_status
make_file (struct job *job) {
  struct export *export = job->data;
  char letters[8];
  if (!export->path)
    export->path = g_strdup_printf ("%s/cur/%" G_GINT64_FORMAT ".V%uU%010u.postern:2,%s",
                                    export->folder, export->date, export->uidvalidity, export->uid,
                                    folder_letters (export->flags, letters));
  ptn_status status =
      job->report->open (job->report, job->task, export->path, PTN_OPEN_CREATE, &export->fd);
  if (status == PTN_PENDING)
    return status;
  g_clear_pointer (&export->path, g_free);
  if (status != PTN_OK)
    export->fd = -1;
  job->phase = READ_OPEN;
  return status;
}

/* "From SENDER DATE" */
static void
write_separator (struct export *export) {
  time_t date = (time_t) export->date;
  struct tm tm;
  char text[40];
  gmtime_r (&date, &tm);
  strftime (text, sizeof text, "%a %b %e %H:%M:%S %Y", &tm);
  g_string_append_printf (export->out, "From MAILER-DAEMON %s\n", text);
}

static ptn_status
open_for_writing (struct job *job) {
  struct export *export = job->data;
  ptn_status status = open_source (job, WRITE);
  if (status != PTN_OK || job->phase != WRITE)
    return status;
  if (!export->maildir)
    write_separator (export);
  text_writer_start (&export->writer, export->out, text_probe_pure (&export->probe),
                     !export->maildir);
  return PTN_OK;
}

static ptn_status
write_mail (struct job *job) {
  struct export *export = job->data;
  ptn_status status = pull (job);
  if (status == PTN_OK)
    return export->out->len >= WRITE_AT ? flush (job) : PTN_OK;
  if (status == PTN_PENDING)
    return status;
  close_source (job);
  if (status != PTN_END)
    return mailbox_failed (job, status);
  text_writer_finish (&export->writer);
  if (!export->maildir)
    g_string_append (export->out, export->writer.ends_line ? "\n" : "\n\n");
  job->phase = MAIL_DONE;
  return PTN_OK;
}

static ptn_status
mail_done (struct job *job) {
  struct export *export = job->data;
  const struct timespec times[2] = { { .tv_sec = export->date }, { .tv_sec = export->date } };
  ptn_status status = PTN_OK;
  if (export->maildir) { /* mbox: written when enough has gathered */
    status = flush (job);
    if (status != PTN_OK)
      return status;
    if (futimens (export->fd, times) != 0)
      status = PTN_OK; /* some file systems cannot: the date is lost, the mail is not */
    if (close (export->fd) != 0)
      status = job_fail (job, PTN_E_TEMPORARY, "cannot write to %s: %s", job->words[1],
                         g_strerror (errno));
    export->fd = -1;
  }
  export->mails++;
  job->phase = NEXT_MAIL;
  return status;
}

static ptn_status
run_phase (struct job *job) {
  struct export *export = job->data;
  switch (job->phase) {
  case NEXT_MAILBOX:
    return next_mailbox (job);
  case STATUS:
    return read_status (job);
  case MAKE_FOLDER:
  case MAKE_CUR:
  case MAKE_NEW:
  case MAKE_TMP:
    return make_folder (job);
  case FETCH:
    return fetch (job);
  case NEXT_MAIL:
    return next_mail (job);
  case PROBE_OPEN:
    text_probe_start (&export->probe);
    return open_source (job, PROBE);
  case PROBE:
    return probe (job);
  case MAIL_FILE:
    return make_file (job);
  case READ_OPEN:
    return open_for_writing (job);
  case WRITE:
    return write_mail (job);
  case MAIL_DONE:
    return mail_done (job);
  case LEFT_OUT:
    return left_out (job);
  default:
    return mailbox_done (job);
  }
}

static ptn_status
export_all (struct job *job) {
  const struct ptn_host *host = job->plugin->host;
  for (;;) {
    if (host->cancelled (job->task))
      return PTN_E_CANCELLED;
    ptn_status status = run_phase (job);
    if (status == PTN_END)
      return PTN_OK;
    if (status != PTN_OK)
      return status;
    if (host->budget_spent (job->task)) {
      host->wake (host->waker (job->task));
      return PTN_PENDING;
    }
  }
}

static ptn_status
write_rest (struct job *job) {
  struct export *export = job->data;
  ptn_status status = export->out->len ? flush (job) : PTN_OK;
  if (status == PTN_OK && export->damaged)
    return job_fail (job, PTN_E_CORRUPT, "%s mails could not be read and were left out",
                     job_number (job, export->damaged));
  return status;
}

static job_step *const steps[] = { prepare,   job_find_account, job_open_account, list_mailboxes,
                                   open_root, export_all,       write_rest,       NULL };

const struct command export_command = {
  "export",
  "ACCOUNT PATH [--mailbox NAME] [--format maildir|mbox]",
  "Writes the mails of an account to a Maildir, or of one mailbox to an mbox file.",
  "mailbox mails octets uid problem",
  2,
  2,
  "--mailbox --format",
  steps
};
