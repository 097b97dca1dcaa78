/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - the keytab in force: read again when the file has changed, told about in the log.
 *
 * Any thread; the lock is held while a small file is read. */
#include "gssapi.h"

#include <string.h>

#define LOOK_NS ((gint64)1000000000)
#define ADVICE_NONE                                                                           \
  "logins with Kerberos are not offered; make a keytab that the server may read: README.md, " \
  "\"Keytabs\""

static struct file_version
version_of (const char *path) {
  struct stat st;
  if (stat (path, &st) != 0)
    return (struct file_version){ .known = true };
  return (struct file_version){ true, st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim };
}

static bool
same_time (const struct timespec *a, const struct timespec *b) {
  return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool
same_version (const struct file_version *a, const struct file_version *b) {
  return a->known == b->known && a->device == b->device && a->inode == b->inode
         && a->size == b->size && same_time (&a->modified, &b->modified)
         && same_time (&a->changed, &b->changed);
}

static void
log_keytab (struct gssapi *gssapi, const char *path) {
  const struct ptn_host *host = gssapi->host;
  const struct ptn_field fields[] = {
    { "file", path },
    { "principals", keytab_summary (gssapi->keytab) },
    { "advice", "only keys of DES or RC4 are in it: export AES keys" },
  };
  const bool weak = keytab_is_weak (gssapi->keytab);
  host->log (host, weak ? PTN_LOG_WARNING : PTN_LOG_INFO, NULL, "gssapi.keytab", fields,
             weak ? 3 : 2);
}

static void
log_missing (struct gssapi *gssapi, const char *path, const char *fault) {
  const struct ptn_host *host = gssapi->host;
  const struct ptn_field fields[] = {
    { "file", path },
    { "error", fault },
    { "advice", ADVICE_NONE },
  };
  host->log (host, PTN_LOG_WARNING, NULL, "gssapi.no_keytab", fields, G_N_ELEMENTS (fields));
}

/* With the lock. */
static void
read_keytab (struct gssapi *gssapi) {
  const char *path = rules_keytab_path (gssapi->rules);
  g_autofree char *fault = NULL;
  g_clear_pointer (&gssapi->keytab, keytab_unref);
  gssapi->seen = version_of (path);
  gssapi->keytab = keytab_read (path, &fault);
  if (gssapi->keytab)
    log_keytab (gssapi, path);
  else
    log_missing (gssapi, path, fault);
}

bool
gssapi_get (struct gssapi *gssapi, struct rules **rules, struct keytab **keytab) {
  const gint64 now_ns = gssapi->host->monotonic_ns ();
  pthread_mutex_lock (&gssapi->lock);
  if (now_ns >= gssapi->next_look_ns) {
    const struct file_version version = version_of (rules_keytab_path (gssapi->rules));
    gssapi->next_look_ns = now_ns + LOOK_NS;
    if (!same_version (&version, &gssapi->seen))
      read_keytab (gssapi);
  }
  const bool found = gssapi->keytab != NULL;
  if (found) {
    *rules = rules_ref (gssapi->rules);
    *keytab = keytab_ref (gssapi->keytab);
  }
  pthread_mutex_unlock (&gssapi->lock);
  return found;
}

void
gssapi_set_rules (struct gssapi *gssapi, struct rules *rules) {
  pthread_mutex_lock (&gssapi->lock);
  g_clear_pointer (&gssapi->rules, rules_unref);
  gssapi->rules = rules_ref (rules);
  read_keytab (gssapi);
  gssapi->next_look_ns = gssapi->host->monotonic_ns () + LOOK_NS;
  pthread_mutex_unlock (&gssapi->lock);
}
