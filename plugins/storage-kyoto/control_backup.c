/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_backup.c - "backup": a consistent copy of the store while it serves.
 *
 * Files in the backup's folder are made by posternctl, with the rights of who typed the command, one
 * at a time; their octets are copied in turns.  MANIFEST is written when everything else is durable:
 * a folder without it is no backup. */
#include "control.h"

#include "backup.h"

#include <errno.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, TURN_CHUNKS = 8 };

enum phase { FOLDERS, FILES, SYNC_FOLDERS, WRITE_MANIFEST, SYNC_LAST, TELL };

struct run {
  const char *folder; /* an argument */
  struct sequence since;
  bool increment;
  struct backup *backup;
  struct manifest *manifest;
  enum phase phase;
  uint32_t shard;  /* FOLDERS, SYNC_FOLDERS: the next one; then the folder itself */
  guint next;      /* FILES */
  char *path;      /* being opened */
  int in, out;     /* -1: none */
  uint64_t copied; /* of the file in hand */
  uint64_t done;   /* of all */
  struct sum *sum;
  uint8_t *buffer;
};

static void
close_files (struct run *run) {
  uint8_t sum[SUM_OCTETS];

  if (run->in >= 0)
    close (run->in);
  if (run->out >= 0)
    close (run->out);
  run->in = run->out = -1;
  sum_end (&run->sum, sum);
}

static void
run_free (void *state) {
  struct run *run = state;

  close_files (run);
  backup_free (&run->backup);
  manifest_free (&run->manifest);
  g_free (run->path);
  g_free (run->buffer);
  g_free (run);
}

static ptn_status
usage (struct store *store, struct ptn_call *call, const char *text) {
  return store->host->fail (call->task, PTN_E_INVALID, text, "arguments");
}

static ptn_status
begin (struct store *store, struct ptn_call *call, struct ptn_strings arguments) {
  struct run *run = g_new0 (struct run, 1);
  g_autofree char *why = NULL;

  run->in = run->out = -1;
  call->state = run;
  call->release = run_free;
  for (size_t i = 0; i < arguments.count; i++)
    if (strcmp (arguments.items[i], "--since") == 0) {
      if (++i == arguments.count || !sequence_parse (arguments.items[i], &run->since))
        return usage (store, call, "--since takes the sequence that a backup has printed");
      run->increment = true;
    } else if (arguments.items[i][0] == '-' || run->folder)
      return usage (store, call, "one folder, and --since with a sequence");
    else
      run->folder = arguments.items[i];
  if (!run->folder)
    return usage (store, call, "the folder of the backup is missing");
  store->host->blocking (call->task, 1);
  run->backup = backup_new (store, run->increment ? &run->since : NULL, &why);
  store->host->blocking (call->task, 0);
  if (!run->backup)
    return store->host->fail (call->task, PTN_E_CONFLICT, why, "%s", why);
  run->manifest = manifest_new ();
  run->manifest->at = run->backup->at;
  run->manifest->since = run->since;
  run->manifest->increment = run->increment;
  run->buffer = g_malloc (CHUNK);
  return PTN_OK;
}

/* Opens, as often as it must be asked. */
static ptn_status
open_path (struct run *run, struct ptn_call *call, struct ptn_report *report, const char *name,
           ptn_open_mode mode, int *fd) {
  ptn_status status;
  int32_t opened;

  if (!run->path)
    run->path = name ? g_build_filename (run->folder, name, NULL) : g_strdup (run->folder);
  status = report->open (report, call->task, run->path, mode, &opened);
  if (status == PTN_PENDING)
    return status;
  g_clear_pointer (&run->path, g_free);
  *fd = opened;
  return status;
}

static ptn_status
cannot (struct store *store, struct ptn_call *call, const char *what, const char *name) {
  g_autofree char *text =
      errno ? g_strdup_printf ("%s: %s: %s", name, what, g_strerror (errno))
            : g_strdup_printf ("%s: %s: it is shorter than it should be", name, what);

  return store->host->fail (call->task, PTN_E_TEMPORARY, text, "%s", text);
}

static bool
has_folder (const struct run *run, uint32_t shard) {
  return run->backup->at.shard[shard].position.segment > 0;
}

/* The folder, then those of the shards: made, or (sync) synced. */
static ptn_status
folders (struct store *store, struct run *run, struct ptn_call *call, struct ptn_report *report,
         bool sync) {
  uint32_t count = run->backup->at.shards;
  int fd = -1;

  while (run->shard <= count) {
    char name[8] = "";
    ptn_status status;

    if (run->shard > 0 && !has_folder (run, run->shard - 1)) {
      run->shard++;
      continue;
    }
    if (run->shard > 0)
      g_snprintf (name, sizeof name, "s%02u", run->shard - 1);
    status = open_path (run, call, report, name[0] ? name : NULL, PTN_OPEN_MAKE_DIRECTORY, &fd);
    if (status != PTN_OK)
      return status;
    if (sync) {
      store->host->blocking (call->task, 1);
      fsync (fd); /* a file system that cannot sync a folder says so with an error */
      store->host->blocking (call->task, 0);
    }
    close (fd);
    run->shard++;
  }
  run->shard = 0;
  run->phase++;
  return PTN_OK;
}

static bool
write_all (int fd, const uint8_t *data, size_t size) {
  while (size > 0) {
    ssize_t done = write (fd, data, size);

    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return false;
    data += done;
    size -= (size_t)done;
  }
  return true;
}

/* Some chunks of the file in hand.  False: errno; 0: it is too short. */
static bool
copy_turn (struct run *run, const struct backup_file *file) {
  for (int i = 0; i < TURN_CHUNKS && run->copied < file->size; i++) {
    size_t size = (size_t)MIN (file->size - run->copied, (uint64_t)CHUNK);

    errno = 0;
    if (!io_read_all (run->in, run->buffer, size, (off_t)(file->offset + run->copied))
        || !write_all (run->out, run->buffer, size))
      return false;
    sum_add (run->sum, run->buffer, size);
    run->copied += size;
    run->done += size;
  }
  return run->copied < file->size || fsync (run->out) == 0;
}

static void
file_done (struct run *run, const struct backup_file *file) {
  uint8_t sum[SUM_OCTETS] = { 0 };

  sum_end (&run->sum, sum);
  manifest_add (run->manifest, file->name, file->keep, file->offset, file->size, sum);
  close_files (run);
  run->copied = 0;
  run->next++;
}

/* Opens both ends of the next file.  PTN_END: there is nothing to copy. */
static ptn_status
open_file (struct store *store, struct run *run, struct ptn_call *call, struct ptn_report *report,
           const struct backup_file *file) {
  const struct manifest_file named = { .name = file->name, .offset = file->offset };
  g_autofree char *name = manifest_file_name (&named);
  ptn_status status;

  if (run->in < 0 && (run->in = backup_open (run->backup, file)) < 0) {
    if (errno != ENOENT || !file->optional)
      return cannot (store, call, "cannot be opened", file->name);
    run->next++;
    return PTN_END;
  }
  status = open_path (run, call, report, name, PTN_OPEN_CREATE, &run->out);
  if (status == PTN_E_EXISTS) {
    g_autofree char *why =
        g_strdup_printf ("%s has a %s already: a backup wants a new folder", run->folder, name);

    return store->host->fail (call->task, status, why, "%s", why);
  }
  if (status == PTN_OK)
    run->sum = sum_new ();
  return status;
}

static ptn_status
files (struct store *store, struct run *run, struct ptn_call *call, struct ptn_report *report) {
  while (run->next < run->backup->files->len) {
    const struct backup_file *file = run->backup->files->pdata[run->next];
    ptn_status status;
    bool good;

    if (file->keep) {
      file_done (run, file);
      continue;
    }
    if (run->out < 0) {
      status = open_file (store, run, call, report, file);
      if (status == PTN_END)
        continue;
      if (status != PTN_OK)
        return status;
    }
    store->host->blocking (call->task, 1);
    good = copy_turn (run, file);
    store->host->blocking (call->task, 0);
    if (!good)
      return cannot (store, call, "cannot be copied", file->name);
    report->progress (report, run->done, run->backup->octets, "octets");
    if (run->copied < file->size)
      return control_again (store, call, run_free);
    file_done (run, file);
  }
  run->phase++;
  return PTN_OK;
}

static ptn_status
write_manifest (struct store *store, struct run *run, struct ptn_call *call,
                struct ptn_report *report) {
  g_autofree char *text = manifest_text (run->manifest);
  int fd;
  ptn_status status = open_path (run, call, report, "MANIFEST", PTN_OPEN_CREATE, &fd);
  bool good;

  if (status != PTN_OK)
    return status;
  store->host->blocking (call->task, 1);
  errno = 0;
  good = write_all (fd, (const uint8_t *)text, strlen (text)) && fsync (fd) == 0;
  store->host->blocking (call->task, 0);
  close (fd);
  if (!good)
    return cannot (store, call, "cannot be written", "MANIFEST");
  run->phase++;
  return PTN_OK;
}

/* The folder once more, now that MANIFEST is there. */
static ptn_status
sync_last (struct store *store, struct run *run, struct ptn_call *call, struct ptn_report *report) {
  int fd;
  ptn_status status = open_path (run, call, report, NULL, PTN_OPEN_DIRECTORY, &fd);

  if (status != PTN_OK)
    return status;
  store->host->blocking (call->task, 1);
  fsync (fd);
  store->host->blocking (call->task, 0);
  close (fd);
  run->phase++;
  return PTN_OK;
}

static ptn_status
tell (struct store *store, struct run *run, struct ptn_call *call, struct ptn_report *report) {
  g_autofree char *sequence = sequence_text (&run->backup->at);
  g_autofree char *octets = g_strdup_printf ("%" PRIu64, run->done);
  g_autofree char *count = NULL;
  guint copied = 0;
  ptn_status status;

  for (guint i = 0; i < run->manifest->files->len; i++)
    copied += !((const struct manifest_file *)run->manifest->files->pdata[i])->keep;
  count = g_strdup_printf ("%u", copied);
  status = report->row (report, call->task, (const char *const[]){ sequence, count, octets }, 3);
  if (status != PTN_OK)
    return status;
  store_log (store, PTN_LOG_INFO, "store.backup", "octets", octets, "sequence", sequence);
  return PTN_END;
}

static ptn_status
backup_run (void *instance, struct ptn_call *call, struct ptn_strings arguments,
            struct ptn_bytes secret, struct ptn_report *report) {
  struct store *store = *(struct store **)instance;
  struct run *run = call->state;
  ptn_status status = PTN_OK;

  call->cancel = NULL;
  if (!run)
    status = begin (store, call, arguments);
  run = call->state;
  while (status == PTN_OK) {
    g_assert (run && run->backup); /* begin made it */
    if (store->host->cancelled (call->task))
      return PTN_E_CANCELLED;
    switch (run->phase) {
    case FOLDERS:
      status = folders (store, run, call, report, false);
      break;
    case FILES:
      status = files (store, run, call, report);
      break;
    case SYNC_FOLDERS:
      status = folders (store, run, call, report, true);
      break;
    case WRITE_MANIFEST:
      status = write_manifest (store, run, call, report);
      break;
    case SYNC_LAST:
      status = sync_last (store, run, call, report);
      break;
    default:
      status = tell (store, run, call, report);
    }
  }
  if (status == PTN_PENDING)
    call->cancel = run_free;
  return status == PTN_END ? PTN_OK : status;
}

const struct ptn_control control_backup = {
  .size = sizeof control_backup,
  .flags = PTN_CONTROL_OFFLINE,
  .name = "backup",
  .arguments = "DIR [--since SEQUENCE]",
  .help = "Copies the store as it is now, or what is new since another backup, into a new folder.",
  .columns = "sequence files octets",
  .run = backup_run,
};
