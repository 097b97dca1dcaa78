/* SPDX-License-Identifier: Apache-2.0 */
/* change.c - see change.h.  A change owns all its strings; the secret is wiped. */
#include "change.h"

#include "edit.h"
#include "parse.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM_FOR_EDITS 65536 /* a text that grows leaves a copy of its secrets behind */

struct change *
change_new (change_kind kind, const char *account) {
  struct change *change = g_new0 (struct change, 1);
  change->kind = kind;
  change->account = g_strdup (account);
  change->values = g_array_new (FALSE, FALSE, sizeof (struct change_value));
  return change;
}

static void
free_value (struct change_value *value) {
  g_free (value->key);
  if (value->value)
    explicit_bzero (value->value, strlen (value->value));
  g_free (value->value);
}

void
change_free (struct change *change) {
  for (guint i = 0; i < change->values->len; i++)
    free_value (&g_array_index (change->values, struct change_value, i));
  g_array_unref (change->values);
  if (change->secret)
    explicit_bzero (change->secret, change->secret_size);
  g_free (change->secret);
  g_free (change->account);
  g_free (change->word);
  g_free (change->conditions);
  g_free (change->like_sha_1);
  g_free (change->like_sha_256);
  g_free (change->text);
  g_free (change);
}

void
change_add_value (struct change *change, const char *key, const char *value) {
  const struct change_value added = { g_strdup (key), g_strdup (value) };
  g_array_append_val (change->values, added);
}

void
change_salt_like (struct change *change, const struct account *account, bool apps_alone) {
  for (size_t i = apps_alone ? account->own_count : 0; i < account->password_count; i++) {
    const struct password *password = &account->passwords[i];
    if (password->scheme == SCHEME_SCRAM_SHA_1 && !change->like_sha_1)
      change->like_sha_1 = g_strdup (password->text);
    if (password->scheme == SCHEME_SCRAM_SHA_256 && !change->like_sha_256)
      change->like_sha_256 = g_strdup (password->text);
  }
}

static bool
G_GNUC_PRINTF (3, 4) fail (struct change *change, ptn_status status, const char *format, ...) {
  va_list arguments;
  va_start (arguments, format);
  g_free (change->text);
  change->text = g_strdup_vprintf (format, arguments);
  change->status = status;
  va_end (arguments);
  return false;
}

static bool
fail_system (struct change *change, const char *what, const char *file) {
  const int why = errno;
  return fail (change,
               why == EACCES || why == EPERM || why == EROFS ? PTN_E_DENIED : PTN_E_TEMPORARY,
               "cannot %s %s: %s", what, file, g_strerror (why));
}

/* ---- The new text ------------------------------------------------------------------------ */

/* The password's lines become values of the key. */
static bool
hash_password (struct change *change, const struct rules *rules) {
  const struct ptn_bytes secret = { change->secret, change->secret_size };
  char *made[4] = { NULL };
  if (change->as_plain)
    made[0] = g_strdup_printf ("{PLAIN}%.*s", (int)secret.size, change->secret);
  else
    made[0] = password_make (&change->costs, secret);
  const bool failed = !made[0];
  const bool nt_failed = rules->make_nt && !(made[1] = password_make_nt (secret));
  if (rules->make_scram_sha_256)
    made[2] = password_make_scram (SCHEME_SCRAM_SHA_256, secret, change->like_sha_256);
  if (rules->make_scram_sha_1)
    made[3] = password_make_scram (SCHEME_SCRAM_SHA_1, secret, change->like_sha_1);
  for (unsigned i = 0; i < G_N_ELEMENTS (made); i++) {
    if (made[i] && made[0])
      change_add_value (change, "password", made[i]);
    if (made[i])
      explicit_bzero (made[i], strlen (made[i]));
    g_free (made[i]);
  }
  if (failed || nt_failed)
    return fail (change, PTN_E_INVALID,
                 "this password cannot be stored: it is empty, longer than %d octets or not UTF-8",
                 PASSWORD_LIMIT);
  return true;
}

/* The line of an app password.  Its secret was drawn, so one round of a hash is enough. */
static char *
app_line (const struct change *change) {
  const struct ptn_bytes secret = { change->secret, change->secret_size };
  char *const made[] = {
    password_make_sha256 (secret),
    change->with_nt ? password_make_nt (secret) : NULL,
    change->with_scram ? password_make_scram (SCHEME_SCRAM_SHA_256, secret, change->like_sha_256)
                       : NULL,
    change->with_scram ? password_make_scram (SCHEME_SCRAM_SHA_1, secret, change->like_sha_1)
                       : NULL,
  };
  GString *line = g_string_new (change->word);
  for (unsigned i = 0; i < G_N_ELEMENTS (made); i++) {
    if (made[i])
      g_string_append_printf (line, " %s", made[i]);
    g_free (made[i]);
  }
  g_string_append (line, change->conditions);
  return g_string_free (line, FALSE);
}

static int
by_key (gconstpointer a, gconstpointer b) {
  const struct change_value *left = a, *right = b;
  return strcmp (left->key, right->key);
}

/* All values of a key at a time. */
static void
set_values (struct change *change, GString *text) {
  g_array_sort (change->values, by_key); /* stable */
  const struct change_value *values = (const void *)change->values->data;
  for (guint i = 0; i < change->values->len;) {
    g_autoptr (GPtrArray) lines = g_ptr_array_new ();
    guint end = i;
    for (; end < change->values->len && strcmp (values[end].key, values[i].key) == 0; end++)
      if (*values[end].value)
        g_ptr_array_add (lines, values[end].value);
    g_ptr_array_add (lines, NULL);
    edit_set (text, change->account, values[i].key, (const char *const *)lines->pdata);
    i = end;
  }
}

static bool
apply_list (struct change *change, GString *text) {
  bool changed = false, left = false;
  edit_list (text, change->account, change->key, change->word, !change->remove, &changed);
  if (change->other_key)
    edit_list (text, change->account, change->other_key, change->word, false, &left);
  if (changed || left)
    return true;
  return fail (change, change->remove ? PTN_E_NOT_FOUND : PTN_E_EXISTS, "'%s' is %s", change->word,
               change->remove ? "not there" : "there already");
}

static bool
apply_app (struct change *change, GString *text) {
  if (change->kind == CHANGE_APP_ADD) {
    g_autofree char *line = app_line (change);
    edit_add_line (text, change->account, "app_password", line);
    return true;
  }
  return edit_drop_line (text, change->account, "app_password", change->word)
         || fail (change, PTN_E_NOT_FOUND, "'%s' has no app password '%s'", change->account,
                  change->word);
}

static bool
apply (struct change *change, GString *text) {
  const bool exists = edit_has (text, change->account);
  if (change->kind == CHANGE_ADD && exists)
    return fail (change, PTN_E_EXISTS, "there is an account '%s' already", change->account);
  if (change->kind != CHANGE_ADD && !exists)
    return fail (change, PTN_E_NOT_FOUND, "there is no account '%s'", change->account);
  switch (change->kind) {
  case CHANGE_ADD:
    edit_add (text, change->account);
    set_values (change, text);
    return true;
  case CHANGE_SET:
    set_values (change, text);
    return true;
  case CHANGE_LIST:
    return apply_list (change, text);
  case CHANGE_REMOVE:
    edit_remove (text, change->account);
    edit_forget (text, change->account);
    return true;
  case CHANGE_APP_ADD:
  case CHANGE_APP_REVOKE:
    return apply_app (change, text);
  default:
    break;
  }
  return false;
}

/* Would this text be taken over?  whose: the file's name, or NULL for what it would become. */
static bool
is_sound (struct change *change, struct rules *rules, const GString *text, const char *whose) {
  g_autoptr (GPtrArray) errors = parse_errors_new ();
  char *copy = g_malloc (text->len + 1);
  memcpy (copy, text->str, text->len + 1);
  struct accounts *accounts = accounts_parse (rules, copy, text->len, errors);
  if (accounts) {
    accounts_unref (accounts);
    return true;
  }
  const struct parse_error *error = errors->pdata[0];
  if (!whose) /* the line of a text that nobody has seen is no help */
    return fail (change, PTN_E_INVALID, "this would not do: %s", error->text);
  return fail (change, PTN_E_INVALID, "%s: line %u: %s", whose, error->line, error->text);
}

/* ---- The file ---------------------------------------------------------------------------- */

/* *exists false: there is no file yet, which is no failure. */
static bool
read_text (struct change *change, const char *file, GString *text, struct stat *status,
           bool *exists) {
  g_autoptr (GError) error = NULL;
  g_autofree char *content = NULL;
  gsize size = 0;
  *exists = stat (file, status) == 0;
  if (!*exists)
    return errno == ENOENT || fail_system (change, "read", file);
  if (!g_file_get_contents (file, &content, &size, &error))
    return fail (change,
                 g_error_matches (error, G_FILE_ERROR, G_FILE_ERROR_ACCES) ? PTN_E_DENIED
                                                                           : PTN_E_TEMPORARY,
                 "%s", error->message);
  g_string_set_size (text, size + ROOM_FOR_EDITS);
  g_string_truncate (text, 0);
  g_string_append_len (text, content, (gssize)size);
  explicit_bzero (content, size);
  return true;
}

static bool
write_all (int fd, const char *data, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t put = write (fd, data + done, size - done);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return false;
    done += (size_t)put;
  }
  return true;
}

/* Beside the old one, with its owner and mode; a new file belongs to whom the folder belongs, so
 * that root can make it for the server. */
static bool
write_beside (const char *fresh, const GString *text, const struct stat *old, bool exists,
              const struct stat *folder) {
  const int fd = open (fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0)
    return false;
  const uid_t owner = exists ? old->st_uid : folder->st_uid;
  const gid_t group = exists ? old->st_gid : folder->st_gid;
  /* Who is not root can not give a file away: then it is theirs. */
  bool done = fchown (fd, owner, group) == 0 || (errno == EPERM && geteuid () != 0);
  done = done && fchmod (fd, exists ? old->st_mode & 07777u : 0600) == 0
         && write_all (fd, text->str, text->len) && fsync (fd) == 0;
  const int why = errno;
  close (fd);
  errno = why;
  return done;
}

static bool
replace (struct change *change, const char *file, int folder_fd, const GString *text,
         const struct stat *old, bool exists) {
  struct stat folder;
  g_autofree char *fresh = g_strconcat (file, ".new", NULL);
  if (fstat (folder_fd, &folder) != 0 || !write_beside (fresh, text, old, exists, &folder)
      || rename (fresh, file) != 0) {
    const int why = errno;
    unlink (fresh);
    errno = why;
    return fail_system (change, "write", file);
  }
  if (fsync (folder_fd) != 0)
    return fail_system (change, "sync the folder of", file);
  return true;
}

static void
wipe_text (GString *text) {
  explicit_bzero (text->str, text->allocated_len);
  g_string_free (text, TRUE);
}

static void
run_locked (struct change *change, struct rules *rules, int folder_fd) {
  GString *text = g_string_new (NULL);
  struct stat old;
  bool exists;
  if (read_text (change, rules->file, text, &old, &exists)
      && is_sound (change, rules, text, rules->file) && apply (change, text)
      && is_sound (change, rules, text, NULL)
      && replace (change, rules->file, folder_fd, text, &old, exists))
    change->status = PTN_OK;
  wipe_text (text);
}

void
change_run (struct change *change, struct rules *rules) {
  if (change->with_password && !hash_password (change, rules))
    return;
  g_autofree char *folder = g_path_get_dirname (rules->file);
  const int folder_fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  /* The folder is what two commands at a time have in common: the file is another after each. */
  if (folder_fd < 0 || flock (folder_fd, LOCK_EX) != 0)
    fail_system (change, "open", folder);
  else
    run_locked (change, rules, folder_fd);
  if (folder_fd >= 0)
    close (folder_fd);
}
