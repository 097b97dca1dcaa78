/* SPDX-License-Identifier: Apache-2.0 */
/* domains.c - see domains.h. */
#include "domains.h"

#include "names.h"

#include <glib.h>
#include <string.h>

struct domains {
  char **mail;      /* folded, A-labels; at least one */
  char **nt;        /* as written */
  char **nt_folded; /* in the same order */
};

/* NULL: one of them is no name. */
static char **
fold_all (struct ptn_strings words, bool mail) {
  GPtrArray *folded = g_ptr_array_new ();
  bool sound = true;
  for (size_t i = 0; i < words.count && sound; i++) {
    char buffer[NAME_LIMIT + 1];
    g_autofree char *ascii =
        mail ? g_hostname_to_ascii (words.items[i]) : g_strdup (words.items[i]);
    sound = ascii && name_fold (ascii, strlen (ascii), buffer) && !strpbrk (buffer, "@/\\ ");
    if (sound)
      g_ptr_array_add (folded, g_strdup (buffer));
  }
  g_ptr_array_add (folded, NULL);
  char **names = (char **)g_ptr_array_free (folded, FALSE);
  if (!sound)
    g_clear_pointer (&names, g_strfreev);
  return names;
}

void
domains_free (struct domains **held) {
  struct domains *domains = *held;
  if (!domains)
    return;
  g_strfreev (domains->mail);
  g_strfreev (domains->nt);
  g_strfreev (domains->nt_folded);
  g_free (domains);
  *held = NULL;
}

struct domains *
domains_new (struct ptn_strings mail, struct ptn_strings nt, const char **fault) {
  struct domains *domains = g_new0 (struct domains, 1);
  domains->mail = fold_all (mail, true);
  domains->nt_folded = fold_all (nt, false);
  domains->nt = g_new0 (char *, nt.count + 1);
  for (size_t i = 0; i < nt.count; i++)
    domains->nt[i] = g_strdup (nt.items[i]);
  *fault = NULL;
  if (!domains->mail || !domains->mail[0])
    *fault = "domains names no mail domain, or one that is none";
  else if (!domains->nt_folded)
    *fault = "nt_domains has a name that is no Windows domain";
  if (*fault)
    domains_free (&domains);
  return domains;
}

const char *
domains_primary (const struct domains *domains) {
  return domains->mail[0];
}

const char *
domains_find (const struct domains *domains, const char *folded) {
  for (char **domain = domains->mail; *domain; domain++)
    if (strcmp (*domain, folded) == 0)
      return *domain;
  return NULL;
}

const char *
domains_of_nt (const struct domains *domains, const char *folded, const char **nt) {
  for (guint i = 0; domains->nt_folded[i]; i++)
    if (strcmp (domains->nt_folded[i], folded) == 0) {
      *nt = domains->nt[i];
      return domains->mail[i < g_strv_length (domains->mail) ? i : 0];
    }
  const char *domain = domains_find (domains, folded);
  *nt = domain ? domains_nt_of (domains, domain) : "";
  return domain;
}

const char *
domains_nt_of (const struct domains *domains, const char *domain) {
  const guint count = g_strv_length (domains->nt);
  for (guint i = 0; i < count && domains->mail[i]; i++)
    if (strcmp (domains->mail[i], domain) == 0)
      return domains->nt[i];
  return "";
}
