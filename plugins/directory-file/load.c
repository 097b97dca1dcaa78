/* SPDX-License-Identifier: Apache-2.0 */
/* load.c - when the accounts file is read and how a new reading takes the place of the old one;
 * see directory.h. */
#include "directory.h"

#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LOOK_EVERY_NS G_GINT64_CONSTANT (1000000000)
#define QUIET_MS 1000 /* a file written in place may be half written */

static void
log_file (struct directory *directory, ptn_level level, const char *event, const char *file,
          const char *name, const char *value, const char *text) {
  struct ptn_field fields[3] = { { "file", file } };
  size_t count = 1;
  if (name)
    fields[count++] = (struct ptn_field){ name, value };
  if (text)
    fields[count++] = (struct ptn_field){ "text", text };
  directory->host->log (directory->host, level, NULL, event, fields, count);
}

/* ---- Reading ----------------------------------------------------------------------------- */

static struct file_version
version_of (const struct stat *status) {
  return (struct file_version){
    TRUE, status->st_dev, status->st_ino, status->st_size, status->st_mtim, status->st_ctim
  };
}

static bool
same_time (struct timespec a, struct timespec b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

static bool
same_version (const struct file_version *a, const struct file_version *b) {
  return a->known && b->known && a->device == b->device && a->inode == b->inode
         && a->size == b->size && same_time (a->modified, b->modified)
         && same_time (a->changed, b->changed);
}

static bool
read_all (int fd, char *text, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t got = read (fd, text + done, size - done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false; /* shorter than it was: somebody is writing it */
    done += (size_t)got;
  }
  return true;
}

/* The text of the file, NUL-terminated; NULL after logging why not. */
static char *
read_file (struct directory *directory, const char *file, struct stat *status) {
  const int fd = open (file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  char *text = NULL;
  errno = fd < 0 ? errno : 0;
  if (fd >= 0 && fstat (fd, status) == 0) {
    if (!S_ISREG (status->st_mode))
      errno = EINVAL;
    else if (status->st_size > (off_t)ACCOUNTS_FILE_LIMIT)
      errno = EFBIG;
    else if ((text = g_try_malloc ((gsize)status->st_size + 1))) {
      text[status->st_size] = '\0';
      if (!read_all (fd, text, (size_t)status->st_size)) {
        const int why = errno ? errno : EAGAIN;
        g_clear_pointer (&text, g_free);
        errno = why;
      }
    }
  }
  const int why = errno;
  if (fd >= 0)
    close (fd);
  if (!text && !directory->missing) { /* a new installation has none yet */
    const bool new = why == ENOENT && !directory->current;
    log_file (directory, new ? PTN_LOG_WARNING : PTN_LOG_ERROR, "directory.unreadable", file, NULL,
              NULL,
              new ? "there is no such file yet: posternctl user add makes it" : g_strerror (why));
  }
  if (!text)
    directory->missing = TRUE;
  errno = why;
  return text;
}

static void
log_errors (struct directory *directory, const char *file, GPtrArray *errors) {
  for (guint i = 0; i < errors->len; i++) {
    const struct parse_error *error = errors->pdata[i];
    char line[16];
    g_snprintf (line, sizeof line, "%u", error->line);
    log_file (directory, PTN_LOG_ERROR, "directory.error", file, "line", line, error->text);
  }
}

static void
adopt (struct directory *directory, struct rules *rules, struct accounts *accounts) {
  pthread_mutex_lock (&directory->lock);
  struct accounts *old = directory->current;
  struct rules *old_rules = directory->rules;
  directory->current = accounts;
  directory->rules = rules_ref (rules);
  pthread_mutex_unlock (&directory->lock);
  const gint64 before = old ? (gint64)old->count : 0;
  directory->host->observe (directory->accounts_metric, (gint64)accounts->count - before);
  directory->host->observe (directory->reloads_metric, 1);
  g_clear_pointer (&old, accounts_unref);
  g_clear_pointer (&old_rules, rules_unref);
}

static void
log_loaded (struct directory *directory, const struct accounts *accounts, const struct stat *status,
            gint64 began_ns) {
  const struct ptn_host *host = directory->host;
  const char *file = accounts->rules->file;
  char number[24], took[24];
  g_snprintf (number, sizeof number, "%zu", accounts->count);
  g_snprintf (took, sizeof took, "%" G_GINT64_FORMAT, (host->monotonic_ns () - began_ns) / 1000000);
  host->log (host, PTN_LOG_INFO, NULL, "directory.loaded",
             (struct ptn_field[]){
                 { "file", file }, { "accounts", number }, { "milliseconds", took } },
             3);
  if (status->st_mode & S_IRWXO) {
    char mode[8];
    g_snprintf (mode, sizeof mode, "%04o", (unsigned)status->st_mode & 07777u);
    log_file (directory, PTN_LOG_WARNING, "directory.mode", file, "mode", mode,
              "others than owner and group can read passwords here");
  }
}

/* With the loading lock. */
static ptn_status
load_locked (struct directory *directory, struct rules *rules) {
  const gint64 began_ns = directory->host->monotonic_ns ();
  struct stat status;
  char *text = read_file (directory, rules->file, &status);
  if (!text)
    return errno == ENOENT ? PTN_E_NOT_FOUND : PTN_E_TEMPORARY;
  directory->missing = FALSE;
  directory->seen = version_of (&status);
  g_autoptr (GPtrArray) errors = parse_errors_new ();
  struct accounts *accounts = accounts_parse (rules, text, (size_t)status.st_size, errors);
  if (!accounts) {
    char number[16];
    g_snprintf (number, sizeof number, "%u", errors->len);
    log_errors (directory, rules->file, errors);
    log_file (directory, PTN_LOG_ERROR, "directory.refused", rules->file, "errors", number,
              "the accounts stay as they were");
    return PTN_E_INVALID;
  }
  log_loaded (directory, accounts, &status, began_ns);
  adopt (directory, rules, accounts);
  return PTN_OK;
}

ptn_status
directory_load (struct directory *directory, struct rules *rules, struct ptn_task *task) {
  if (task)
    directory->host->blocking (task, 1);
  pthread_mutex_lock (&directory->loading);
  const ptn_status status = load_locked (directory, rules);
  pthread_mutex_unlock (&directory->loading);
  if (task)
    directory->host->blocking (task, 0);
  return status;
}

/* ---- Looking ----------------------------------------------------------------------------- */

/* Is there another file than the one seen last, and is it whole? */
static bool
is_new (struct directory *directory, const char *file) {
  struct stat status;
  if (stat (file, &status) != 0)
    return !directory->missing; /* to be told once */
  const struct file_version now = version_of (&status);
  if (same_version (&now, &directory->seen))
    return false;
  const bool in_place = directory->seen.known && now.device == directory->seen.device
                        && now.inode == directory->seen.inode;
  const gint64 modified_ms =
      (gint64)status.st_mtim.tv_sec * 1000 + status.st_mtim.tv_nsec / 1000000;
  const gint64 age_ms = directory->host->realtime_ms () - modified_ms;
  return !in_place || age_ms < 0 || age_ms >= QUIET_MS;
}

struct accounts *
directory_current (struct directory *directory) {
  pthread_mutex_lock (&directory->lock);
  struct accounts *accounts = directory->current ? accounts_ref (directory->current) : NULL;
  pthread_mutex_unlock (&directory->lock);
  return accounts;
}

/* With the loading lock, too: one writer is enough. */
static void
write_uses (struct directory *directory, struct ptn_task *task) {
  const struct ptn_host *host = directory->host;
  struct accounts *accounts = directory_current (directory);
  if (!accounts)
    return;
  host->blocking (task, 1);
  if (!uses_write (directory->uses, accounts, host->monotonic_ns ()))
    log_file (directory, PTN_LOG_WARNING, "directory.uses", "app-passwords", NULL, NULL,
              g_strerror (errno));
  host->blocking (task, 0);
  accounts_unref (accounts);
}

static void
look (struct directory *directory, struct ptn_task *task) {
  const gint64 now_ns = directory->host->monotonic_ns ();
  if (now_ns < __atomic_load_n (&directory->next_look_ns, __ATOMIC_RELAXED)
      || pthread_mutex_trylock (&directory->loading) != 0)
    return;
  __atomic_store_n (&directory->next_look_ns, now_ns + LOOK_EVERY_NS, __ATOMIC_RELAXED);
  struct rules *rules = directory_rules (directory);
  if (is_new (directory, rules->file)) {
    directory->host->blocking (task, 1);
    load_locked (directory, rules);
    directory->host->blocking (task, 0);
  }
  rules_unref (rules);
  if (uses_are_due (directory->uses, now_ns))
    write_uses (directory, task);
  pthread_mutex_unlock (&directory->loading);
}

struct rules *
directory_rules (struct directory *directory) {
  pthread_mutex_lock (&directory->lock);
  struct rules *rules = rules_ref (directory->rules);
  pthread_mutex_unlock (&directory->lock);
  return rules;
}

struct accounts *
directory_get (struct directory *directory, struct ptn_task *task) {
  look (directory, task);
  struct accounts *accounts = directory_current (directory);
  if (!accounts)
    directory->host->fail (task, PTN_E_TEMPORARY, NULL, "the accounts file was never read");
  return accounts;
}
