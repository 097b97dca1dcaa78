/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control_restore.c - "restore": builds a store from a backup and its increments.
 *
 * The server is stopped, and the plugin is not started.  First everything is read and checked; only
 * then is the target touched, under a marker (RESTORING) that no start accepts.  Trees and CURRENT
 * are not in a backup: the first start makes them from the base and the log. */
#include "control.h"

#include "backup.h"
#include "restore.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK = 1 << 20, TURN_CHUNKS = 8, MANIFEST_MAX = 1 << 30, FOLDERS_MAX = 10000 };

enum phase { MANIFESTS, CHAIN, CHECK, PREPARE, COPY, FINISH, TELL };

struct run {
  const struct ptn_host *host;
  struct store store; /* as much of it as the lock needs */
  bool replace;
  GPtrArray *folders;   /* arguments */
  GPtrArray *manifests; /* struct manifest */
  GPtrArray *files;     /* struct chain_file */
  uint64_t octets, done;
  enum phase phase;
  guint file, part;
  char *path; /* being opened */
  int in, out;
  uint64_t copied;
  struct sum *sum;
  uint8_t *buffer;
};

static void
manifest_release (void *argument) {
  struct manifest *manifest = argument;

  manifest_free (&manifest);
}

static void
close_input (struct run *run) {
  uint8_t sum[SUM_OCTETS];

  if (run->in >= 0)
    close (run->in);
  run->in = -1;
  sum_end (&run->sum, sum);
}

static void
run_free (void *state) {
  struct run *run = state;

  close_input (run);
  if (run->out >= 0)
    close (run->out);
  if (run->files)
    g_ptr_array_unref (run->files);
  g_ptr_array_unref (run->manifests);
  g_ptr_array_unref (run->folders);
  store_unlock (&run->store);
  g_free (run->store.path);
  g_free (run->path);
  g_free (run->buffer);
  g_free (run);
}

static ptn_status
fail (struct run *run, struct ptn_call *call, ptn_status status, char *text) {
  run->host->fail (call->task, status, text, "%s", text);
  g_free (text);
  return status;
}

static ptn_status
begin (const struct control_place *place, struct ptn_call *call, struct ptn_strings arguments) {
  struct run *run = g_new0 (struct run, 1);

  run->host = place->host;
  run->in = run->out = -1;
  run->folders = g_ptr_array_new ();
  run->manifests = g_ptr_array_new_with_free_func (manifest_release);
  run->buffer = g_malloc (CHUNK);
  run->store.host = place->host;
  run->store.io = &io_system;
  run->store.path = g_strdup (control_store_path (place));
  run->store.lock_fd = run->store.folder_fd = -1;
  run->store.settings.take_over = place->host->number (place->config, "take_over") != 0;
  call->state = run;
  call->release = run_free;
  for (size_t i = 0; i < arguments.count; i++)
    if (strcmp (arguments.items[i], "--replace") == 0)
      run->replace = true;
    else if (arguments.items[i][0] == '-')
      return fail (run, call, PTN_E_INVALID, g_strdup ("folders of backups, and --replace"));
    else
      g_ptr_array_add (run->folders, (void *)(uintptr_t)arguments.items[i]);
  if (run->folders->len == 0 || run->folders->len > FOLDERS_MAX)
    return fail (run, call, PTN_E_INVALID, g_strdup ("the folder of the backup is missing"));
  return PTN_OK;
}

static ptn_status
open_path (struct run *run, struct ptn_call *call, struct ptn_report *report, const char *folder,
           const char *name) {
  ptn_status status;
  int32_t opened;

  if (!run->path)
    run->path = g_build_filename (folder, name, NULL);
  status = report->open (report, call->task, run->path, PTN_OPEN_READ, &opened);
  if (status == PTN_PENDING)
    return status;
  g_clear_pointer (&run->path, g_free);
  if (status == PTN_OK)
    run->in = opened;
  return status;
}

static ptn_status
read_manifest (struct run *run, struct ptn_call *call, struct ptn_report *report) {
  const char *folder = run->folders->pdata[run->manifests->len], *why = "it cannot be read";
  ptn_status status = open_path (run, call, report, folder, "MANIFEST");
  struct manifest *manifest = NULL;
  g_autofree char *text = NULL;
  struct stat info;

  if (status == PTN_E_NOT_FOUND)
    return fail (run, call, status,
                 g_strdup_printf ("%s: no MANIFEST: it is no backup, or was broken off", folder));
  if (status != PTN_OK)
    return status;
  if (fstat (run->in, &info) == 0 && S_ISREG (info.st_mode) && info.st_size <= MANIFEST_MAX) {
    text = g_malloc ((size_t)info.st_size + 1);
    if (io_read_all (run->in, text, (size_t)info.st_size, 0))
      manifest = manifest_parse (text, (size_t)info.st_size, &why);
  }
  close_input (run);
  if (!manifest)
    return fail (run, call, PTN_E_CORRUPT, g_strdup_printf ("%s: %s", folder, why));
  g_ptr_array_add (run->manifests, manifest);
  if (run->manifests->len == run->folders->len)
    run->phase++;
  return PTN_OK;
}

/* Do they fit together, and may the target be written? */
static ptn_status
chain (struct run *run, struct ptn_call *call) {
  char *why = NULL;
  ptn_status status;

  run->files =
      manifest_chain ((struct manifest *const *)run->manifests->pdata, run->manifests->len, &why);
  if (!run->files)
    return fail (run, call, PTN_E_INVALID, why);
  for (guint i = 0; i < run->files->len; i++)
    run->octets += ((const struct chain_file *)run->files->pdata[i])->size;
  status = store_lock (&run->store);
  if (status != PTN_OK)
    return fail (run, call, status,
                 g_strdup_printf ("%s: the store is in use, or not to be locked; the log tells "
                                  "more",
                                  run->store.path));
  if (!run->replace && restore_has_mail (run->store.path))
    return fail (run, call, PTN_E_EXISTS,
                 g_strdup_printf ("%s: there is a store already; with --replace it is put aside",
                                  run->store.path));
  run->phase++;
  return PTN_OK;
}

/* The part in hand; NULL: all are done. */
static const struct chain_part *
current_part (struct run *run) {
  while (run->file < run->files->len) {
    const struct chain_file *file = run->files->pdata[run->file];

    if (run->part < file->parts->len)
      return &g_array_index (file->parts, struct chain_part, run->part);
    run->file++;
    run->part = 0;
  }
  return NULL;
}

/* Some chunks of it, into the target if there is one.  errno 0: it is too short. */
static bool
part_turn (struct run *run, const struct manifest_file *file) {
  for (int i = 0; i < TURN_CHUNKS && run->copied < file->size; i++) {
    size_t size = (size_t)MIN (file->size - run->copied, (uint64_t)CHUNK);
    struct iovec vector = { run->buffer, size };

    errno = 0;
    if (!io_read_all (run->in, run->buffer, size, (off_t)run->copied))
      return false;
    sum_add (run->sum, run->buffer, size);
    if (run->out >= 0
        && !io_write_all (&io_system, run->out, &vector, 1, (off_t)(file->offset + run->copied)))
      return false;
    run->copied += size;
    run->done += size;
  }
  return true;
}

static ptn_status
part_done (struct run *run, struct ptn_call *call, const struct chain_part *part) {
  uint8_t sum[SUM_OCTETS];
  bool last;

  sum_end (&run->sum, sum);
  if (memcmp (sum, part->file->sum, SUM_OCTETS) != 0) {
    g_autofree char *name = manifest_file_name (part->file);

    return fail (run, call, PTN_E_CORRUPT,
                 g_strdup_printf ("%s/%s is damaged: it does not have the sum that MANIFEST tells",
                                  (const char *)run->folders->pdata[part->folder], name));
  }
  close_input (run);
  run->copied = 0;
  run->part++;
  last = run->part == ((const struct chain_file *)run->files->pdata[run->file])->parts->len;
  if (run->out >= 0 && last) {
    bool good;

    run->host->blocking (call->task, 1);
    good = fsync (run->out) == 0;
    run->host->blocking (call->task, 0);
    close (run->out);
    run->out = -1;
    if (!good)
      return fail (run, call, PTN_E_TEMPORARY, g_strdup (g_strerror (errno)));
  }
  return PTN_OK;
}

static ptn_status
again (struct run *run, struct ptn_call *call) {
  return control_again (&run->store, call, run_free);
}

/* CHECK and COPY: every part of every file. */
static ptn_status
parts (struct run *run, struct ptn_call *call, struct ptn_report *report) {
  const struct chain_part *part = current_part (run);
  ptn_status status = PTN_OK;
  bool good;

  if (!part) {
    run->phase++;
    run->file = run->part = 0;
    return PTN_OK;
  }
  if (run->in < 0) {
    g_autofree char *name = manifest_file_name (part->file);

    status = open_path (run, call, report, run->folders->pdata[part->folder], name);
    if (status != PTN_OK)
      return status;
    run->sum = sum_new ();
  }
  errno = 0;
  if (run->phase == COPY && run->out < 0
      && (run->out = restore_create (run->store.path, part->file->name)) < 0)
    return fail (run, call, PTN_E_TEMPORARY,
                 g_strdup_printf ("%s: %s", part->file->name, g_strerror (errno)));
  run->host->blocking (call->task, 1);
  good = part_turn (run, part->file);
  run->host->blocking (call->task, 0);
  if (!good)
    return fail (run, call, errno ? PTN_E_TEMPORARY : PTN_E_CORRUPT,
                 g_strdup_printf ("%s of %s: %s", part->file->name,
                                  (const char *)run->folders->pdata[part->folder],
                                  errno ? g_strerror (errno) : "it is too short"));
  report->progress (report, run->done, 2 * run->octets,
                    run->phase == CHECK ? "octets, checking" : "octets, restoring");
  if (run->copied == part->file->size)
    status = part_done (run, call, part);
  return status == PTN_OK ? again (run, call) : status;
}

static ptn_status
prepare (struct run *run, struct ptn_call *call, struct ptn_report *report) {
  g_autofree char *aside = NULL;
  bool good;

  run->host->blocking (call->task, 1);
  good = restore_prepare (&run->store, &aside);
  run->host->blocking (call->task, 0);
  if (!good)
    return fail (run, call, PTN_E_TEMPORARY,
                 g_strdup_printf ("%s: %s", run->store.path, g_strerror (errno)));
  if (aside) {
    g_autofree char *text = g_strdup_printf ("what was there is in %s", aside);

    report->note (report, text);
  }
  run->phase++;
  return PTN_OK;
}

static ptn_status
finish (struct run *run, struct ptn_call *call) {
  const struct manifest *last = run->manifests->pdata[run->manifests->len - 1];
  bool good;

  run->host->blocking (call->task, 1);
  good = restore_finish (&run->store, &last->at);
  run->host->blocking (call->task, 0);
  if (!good)
    return fail (run, call, PTN_E_TEMPORARY,
                 g_strdup_printf ("%s: %s", run->store.path, g_strerror (errno)));
  run->phase++;
  return PTN_OK;
}

static ptn_status
tell (struct run *run, struct ptn_call *call, struct ptn_report *report) {
  g_autofree char *count = g_strdup_printf ("%u", run->files->len);
  g_autofree char *octets = g_strdup_printf ("%" PRIu64, run->octets);
  ptn_status status =
      report->row (report, call->task, (const char *const[]){ run->store.path, count, octets }, 3);

  if (status != PTN_OK)
    return status;
  report->note (report, "the index is made at the first start");
  return PTN_END;
}

static ptn_status
restore_run (void *instance, struct ptn_call *call, struct ptn_strings arguments,
             struct ptn_bytes secret, struct ptn_report *report) {
  const struct control_place *place = instance;
  struct run *run = call->state;
  ptn_status status = PTN_OK;

  call->cancel = NULL;
  if (!run)
    status = begin (place, call, arguments);
  run = call->state;
  while (status == PTN_OK) {
    if (place->host->cancelled (call->task))
      return PTN_E_CANCELLED;
    switch (run->phase) {
    case MANIFESTS:
      status = read_manifest (run, call, report);
      break;
    case CHAIN:
      status = chain (run, call);
      break;
    case CHECK:
    case COPY:
      status = parts (run, call, report);
      break;
    case PREPARE:
      status = prepare (run, call, report);
      break;
    case FINISH:
      status = finish (run, call);
      break;
    default:
      status = tell (run, call, report);
    }
  }
  if (status == PTN_PENDING)
    call->cancel = run_free;
  return status == PTN_END ? PTN_OK : status;
}

const struct ptn_control control_restore = {
  .size = sizeof control_restore,
  .flags = PTN_CONTROL_OFFLINE | PTN_CONTROL_STOPPED,
  .name = "restore",
  .arguments = "DIR... [--replace]",
  .help = "Builds the store from a backup and the increments that follow it, in order.",
  .columns = "store files octets",
  .run = restore_run,
};
