/* SPDX-License-Identifier: Apache-2.0 */
/* privileges.c - see privileges.h. */
#include "run/privileges.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

bool
privileges_init (struct privileges *privileges, const char *user, GError **error) {
  *privileges = (struct privileges){ .user = geteuid (), .group = getegid () };
  if (geteuid () != 0 || !user || !*user)
    return true;
  errno = 0;
  const struct passwd *entry = getpwnam (user);
  if (!entry) {
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_FAILED,
                 "There is no user \"%s\" to run as ([server] user)%s%s", user, errno ? ": " : "",
                 errno ? g_strerror (errno) : "");
    return false;
  }
  privileges->user = entry->pw_uid;
  privileges->group = entry->pw_gid;
  privileges->name = g_strdup (user);
  privileges->drop = entry->pw_uid != 0;
  return true;
}

void
privileges_clear (struct privileges *privileges) {
  g_clear_pointer (&privileges->name, g_free);
}

bool
privileges_drop (const struct privileges *privileges) {
  if (privileges->drop
      && (initgroups (privileges->name, privileges->group) < 0
          || setresgid (privileges->group, privileges->group, privileges->group) < 0
          || setresuid (privileges->user, privileges->user, privileges->user) < 0))
    return false;
  if (privileges->drop && setresuid (0, 0, 0) == 0) /* it must not be possible to come back */
    return false;
  if (prctl (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
    return false;
  prctl (PR_SET_DUMPABLE, 1, 0, 0, 0);
  return true;
}

/* As systemd makes a StateDirectory=, for root; one with something in it may be anybody's. */
static bool
is_new (const char *path) {
  struct stat status;
  g_autoptr (GDir) folder = g_dir_open (path, 0, NULL);
  return folder && !g_dir_read_name (folder) && lstat (path, &status) == 0
         && S_ISDIR (status.st_mode) && status.st_uid == 0;
}

bool
privileges_folder (const struct privileges *privileges, const char *path, mode_t mode,
                   GError **error) {
  g_autofree char *above = g_path_get_dirname (path);
  bool made = g_mkdir_with_parents (above, 0755) == 0 && mkdir (path, mode) == 0;
  if (!made && errno != EEXIST) {
    g_set_error (error, G_FILE_ERROR, (int)g_file_error_from_errno (errno),
                 "Folder %s cannot be made: %s", path, g_strerror (errno));
    return false;
  }
  if (privileges->drop && (made || is_new (path))
      && chown (path, privileges->user, privileges->group) < 0) {
    g_set_error (error, G_FILE_ERROR, (int)g_file_error_from_errno (errno),
                 "Folder %s cannot be given to user %s: %s", path, privileges->name,
                 g_strerror (errno));
    return false;
  }
  return true;
}

guint64
privileges_raise_files (guint64 wanted) {
  struct rlimit limit;
  if (getrlimit (RLIMIT_NOFILE, &limit) < 0)
    return 1024;
  const struct rlimit raised = { .rlim_cur = MAX (limit.rlim_max, wanted),
                                 .rlim_max = MAX (limit.rlim_max, wanted) };
  if (limit.rlim_max >= wanted || setrlimit (RLIMIT_NOFILE, &raised) < 0) {
    limit.rlim_cur = limit.rlim_max; /* as far as we may without root */
    setrlimit (RLIMIT_NOFILE, &limit);
  }
  getrlimit (RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}
