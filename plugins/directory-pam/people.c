/* SPDX-License-Identifier: Apache-2.0 */
/* people.c - see people.h. */
#include "people.h"

#include "common/login/names.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <string.h>

#define RECORD_FIRST 1024
#define RECORD_LIMIT (1u << 20) /* octets of a record of passwd */

/* ---- Settings ---------------------------------------------------------------------------- */

static char **
copy_words (struct ptn_strings words) {
  char **copies = g_new0 (char *, words.count + 1);
  for (size_t i = 0; i < words.count; i++)
    copies[i] = g_strdup (words.items[i]);
  return copies;
}

static char *
text_or_null (const char *text) {
  return text && *text ? g_strdup (text) : NULL;
}

static const char *
fault_of (const struct rules *rules, int64_t min, int64_t max) {
  if (min < 1 || max < min || max > UINT32_MAX - 1)
    return "min_uid must be 1 or more, and max_uid not less than that";
  if (strchr (rules->service, '/') || !*rules->service)
    return "service is no name of a PAM service";
  for (char **attribute = rules->attributes; *attribute; attribute++)
    if (!strchr (*attribute, '='))
      return "attributes must be written name=value";
  return NULL;
}

struct rules *
rules_new (const struct ptn_host *host, const struct ptn_config *config, const char **fault) {
  struct domains *domains =
      domains_new (host->words (config, "domains"), host->words (config, "nt_domains"), fault);
  if (!domains)
    return NULL;
  const int64_t min = host->number (config, "min_uid"), max = host->number (config, "max_uid");
  struct rules *rules = g_new0 (struct rules, 1);
  rules->references = 1;
  rules->domains = domains;
  rules->min_uid = (uid_t)min;
  rules->max_uid = (uid_t)max;
  rules->service = g_strdup (host->text (config, "service"));
  rules->service_directory = text_or_null (host->text (config, "service_directory"));
  rules->attributes = copy_words (host->words (config, "attributes"));
  rules->postmaster = text_or_null (host->text (config, "postmaster"));
  *fault = fault_of (rules, min, max);
  if (*fault)
    g_clear_pointer (&rules, rules_unref);
  return rules;
}

struct rules *
rules_ref (struct rules *rules) {
  g_atomic_int_inc (&rules->references);
  return rules;
}

void
rules_unref (struct rules *rules) {
  if (!g_atomic_int_dec_and_test (&rules->references))
    return;
  domains_free (&rules->domains);
  g_free (rules->service);
  g_free (rules->service_directory);
  g_strfreev (rules->attributes);
  g_free (rules->postmaster);
  g_free (rules);
}

/* ---- One user ---------------------------------------------------------------------------- */

/* root is nobody's mailbox, whatever min_uid says. */
static bool
is_account (const struct rules *rules, const struct passwd *record, char folded[NAME_LIMIT + 1]) {
  return record->pw_uid != 0 && record->pw_uid >= rules->min_uid && record->pw_uid <= rules->max_uid
         && name_fold (record->pw_name, strlen (record->pw_name), folded) && !name_fault (folded)
         && !strchr (folded, '@');
}

/* The part that the system knows: all domains of ours have the same users. */
static const char *
local_of (const struct rules *rules, const char *name, char buffer[NAME_LIMIT + 1]) {
  struct address_parts parts;
  if (!strchr (name, '@'))
    return name;
  return address_split (name, strlen (name), buffer, &parts)
                 && domains_find (rules->domains, parts.domain)
             ? parts.local
             : NULL;
}

void
people_begin (void) {
  char memory[RECORD_FIRST];
  struct passwd record, *found;
  (void)getpwnam_r ("root", &record, memory, sizeof memory, &found);
}

ptn_status
people_find (const struct rules *rules, const char *name, char **account, const char **why) {
  char buffer[NAME_LIMIT + 1], folded[NAME_LIMIT + 1];
  const char *local = local_of (rules, name, buffer);
  *why = "unknown user";
  if (!local || name_fault (local))
    return PTN_E_NOT_FOUND;
  struct passwd record, *found = NULL;
  g_autofree char *memory = NULL;
  int fault = ERANGE;
  for (size_t size = RECORD_FIRST; fault == ERANGE && size <= RECORD_LIMIT; size *= 2) {
    memory = g_realloc (memory, size);
    do
      fault = getpwnam_r (local, &record, memory, size, &found);
    while (fault == EINTR);
  }
  if (!found) {
    /* What getpwnam(3) lists for "not found"; anything else is a source that cannot tell. */
    const bool absent =
        fault == 0 || fault == ENOENT || fault == ESRCH || fault == EBADF || fault == EPERM;
    *why = absent ? "unknown user" : "the system cannot look users up now";
    return absent ? PTN_E_NOT_FOUND : PTN_E_TEMPORARY;
  }
  if (!is_account (rules, found, folded)) {
    *why = "a user of the system, who has no mailbox";
    return PTN_E_NOT_FOUND;
  }
  *account = g_strdup (folded);
  return PTN_OK;
}

/* ---- All users --------------------------------------------------------------------------- */

static int
compare_names (const void *a, const void *b) {
  return strcmp (*(char *const *)a, *(char *const *)b);
}

/* The cursor of getpwent belongs to the process, and so does this lock. */
static pthread_mutex_t cursor = PTHREAD_MUTEX_INITIALIZER;

char **
people_list (const struct rules *rules, const char *after, size_t limit) {
  GPtrArray *names = g_ptr_array_new ();
  char memory[16384], folded[NAME_LIMIT + 1];
  struct passwd record, *found;
  pthread_mutex_lock (&cursor);
  setpwent ();
  for (int fault; (fault = getpwent_r (&record, memory, sizeof memory, &found)) != ENOENT;) {
    if (fault == ERANGE) /* a record like no other: left out */
      continue;
    if (fault != 0)
      break;
    if (is_account (rules, found, folded) && strcmp (folded, after) > 0)
      g_ptr_array_add (names, g_strdup (folded));
  }
  endpwent ();
  pthread_mutex_unlock (&cursor);
  if (names->len)
    qsort (names->pdata, names->len, sizeof *names->pdata, compare_names);
  guint kept = 0;
  for (guint i = 0; i < names->len; i++)
    if (kept < limit && (kept == 0 || strcmp (names->pdata[kept - 1], names->pdata[i]) != 0))
      names->pdata[kept++] = names->pdata[i];
    else
      g_free (names->pdata[i]);
  g_ptr_array_set_size (names, (gint)kept);
  g_ptr_array_add (names, NULL);
  return (char **)g_ptr_array_free (names, FALSE);
}
