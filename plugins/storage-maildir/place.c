/* SPDX-License-Identifier: Apache-2.0 */
/* place.c - where the Maildir of an account is: the template of the setting `path`.
 *
 * %u is the whole name, %n what stands before its last '@', %d what stands behind it; %% is '%'.
 * In a name the octets that a folder cannot have ('/', NUL, a '.' at the start) or that would be
 * taken for these escapes ('%') are written "%2F". */
#include "maildir.h"

#include <dirent.h>
#include <string.h>

static char *
escape (const char *text, size_t length) {
  GString *safe = g_string_new (NULL);
  for (size_t i = 0; i < length; i++) {
    unsigned char c = (unsigned char)text[i];
    if (c == '/' || c == '%' || c < 0x20 || c == 0x7f || (c == '.' && i == 0))
      g_string_append_printf (safe, "%%%02X", c);
    else
      g_string_append_c (safe, (char)c);
  }
  return g_string_free (safe, FALSE);
}

/* NULL: not what `escape` writes. */
static char *
unescape (const char *text, size_t length) {
  GString *plain = g_string_new (NULL);
  for (size_t i = 0; i < length; i++) {
    int high = 0, low = 0;
    if (text[i] == '%' && i + 2 < length && (high = g_ascii_xdigit_value (text[i + 1])) >= 0
        && (low = g_ascii_xdigit_value (text[i + 2])) >= 0 && high + low > 0) {
      g_string_append_c (plain, (char)(high << 4 | low));
      i += 2;
    } else
      g_string_append_c (plain, text[i]);
  }
  g_autofree char *again = escape (plain->str, plain->len);
  bool same = strlen (again) == length && memcmp (again, text, length) == 0;
  return g_string_free (plain, !same);
}

bool
place_valid (const char *template, const char **why) {
  for (const char *at = template; (at = strchr (at, '%')); at += 2)
    if (!at[1] || !strchr ("und%", at[1])) {
      *why = "knows %u, %n, %d and %% only";
      return false;
    }
  *why = "must be an absolute path with %u or %n in it";
  return *template == '/' && (strstr (template, "%u") || strstr (template, "%n"));
}

char *
place_of (const struct store *store, const char *account) {
  const char *at = strrchr (account, '@');
  size_t local = at ? (size_t)(at - account) : strlen (account);
  const char *domain = at ? at + 1 : "";
  bool split = strstr (store->template, "%d") != NULL, whole = strstr (store->template, "%u");
  if (!*account || strlen (account) > 250 || local == 0)
    return NULL;
  if (!whole && split && !*domain)
    return NULL;
  if (!whole && !split && g_ascii_strcasecmp (domain, store->domain) != 0)
    return NULL;
  GString *path = g_string_new (NULL);
  for (const char *from = store->template; *from; from++) {
    if (*from != '%') {
      g_string_append_c (path, *from);
      continue;
    }
    g_autofree char *part = NULL;
    if (*++from == 'u')
      part = escape (account, strlen (account));
    else if (*from == 'n')
      part = escape (account, local);
    else if (*from == 'd')
      part = escape (domain, strlen (domain));
    g_string_append (path, part ? part : "%");
  }
  for (const char *part = path->str; part; part = strchr (part, '/')) {
    part += *part == '/';
    if (strcspn (part, "/") > 255) {
      g_string_free (path, TRUE);
      return NULL;
    }
  }
  return g_string_free (path, FALSE);
}

struct finding {
  const struct store *store;
  GPtrArray *names;
  char *parts[3]; /* of u, n, d; NULL: not met yet */
};

static int
part_index (char letter) {
  return letter == 'u' ? 0 : letter == 'n' ? 1 : 2;
}

/* Matches one name of a folder with one level of the template, and takes the parts. */
static bool
match (struct finding *finding, const char *level, const char *end, const char *name) {
  while (level < end) {
    if (*level != '%' || level[1] == '%') {
      if (*level == '%')
        level++;
      if (*name++ != *level++)
        return false;
      continue;
    }
    char **part = &finding->parts[part_index (level[1])];
    const char *next = level + 2;
    const char *percent = memchr (next, '%', (size_t)(end - next));
    g_autofree char *text = g_strndup (next, (size_t)((percent ? percent : end) - next));
    const char *stop = name + strlen (name); /* the text behind a variable says where it ends */
    if (*text && percent)
      stop = g_strrstr (name, text);
    else if (*text)
      stop = g_str_has_suffix (name, text) ? stop - strlen (text) : NULL;
    if (!stop)
      return false;
    char *value = unescape (name, (size_t)(stop - name));
    if (!value || !*value || (*part && strcmp (*part, value) != 0)) {
      g_free (value);
      return false;
    }
    g_free (*part);
    *part = value;
    name = stop;
    level = next;
  }
  return *name == '\0';
}

static void
found (struct finding *finding, const char *path) {
  g_autofree char *cur = g_build_filename (path, "cur", NULL);
  g_autofree char *log = g_build_filename (path, "postern-log", NULL); /* there is no INBOX yet */
  g_autofree char *name = NULL;
  if (finding->parts[0])
    name = g_strdup (finding->parts[0]);
  else if (finding->parts[2])
    name = g_strconcat (finding->parts[1], "@", finding->parts[2], NULL);
  else
    name = *finding->store->domain
               ? g_strconcat (finding->parts[1], "@", finding->store->domain, NULL)
               : g_strdup (finding->parts[1]);
  g_autofree char *again = place_of (finding->store, name);
  if (again && strcmp (again, path) == 0
      && (g_file_test (cur, G_FILE_TEST_IS_DIR) || g_file_test (log, G_FILE_TEST_IS_REGULAR)))
    g_ptr_array_add (finding->names, g_steal_pointer (&name));
}

static void
walk (struct finding *finding, const char *path, const char *template) {
  const char *end = strchrnul (template, '/');
  if (template == end) {
    if (*end)
      walk (finding, path, end + 1);
    else
      found (finding, path);
    return;
  }
  if (!memchr (template, '%', (size_t)(end - template))) {
    g_autofree char *name = g_strndup (template, (size_t)(end - template));
    g_autofree char *below = g_strconcat (path, path[1] ? "/" : "", name, NULL);
    walk (finding, below, *end ? end + 1 : end);
    return;
  }
  DIR *folder = opendir (path);
  for (struct dirent *entry; folder && (entry = readdir (folder));) {
    char *before[3];
    for (int i = 0; i < 3; i++)
      before[i] = g_strdup (finding->parts[i]);
    if (entry->d_name[0] != '.' && entry->d_type != DT_LNK
        && match (finding, template, end, entry->d_name)) {
      g_autofree char *below = g_strconcat (path, path[1] ? "/" : "", entry->d_name, NULL);
      walk (finding, below, *end ? end + 1 : end);
    }
    for (int i = 0; i < 3; i++) {
      g_free (finding->parts[i]);
      finding->parts[i] = before[i];
    }
  }
  if (folder)
    closedir (folder);
}

GPtrArray *
place_list (const struct store *store) {
  struct finding finding = { store, g_ptr_array_new_with_free_func (g_free), { NULL } };
  walk (&finding, "/", store->template + 1);
  for (int i = 0; i < 3; i++)
    g_free (finding.parts[i]);
  return finding.names;
}
