/* SPDX-License-Identifier: Apache-2.0 */
/* files-fuzz.c - any octets as what other programs leave in a Maildir: a uidlist, keywords,
 * subscriptions, names of files and folders; and as a row of our own index. */
#include "../filename.h"
#include "../folders.h"
#include "../maildir.h"
#include "../uidlist.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static void
lists (const char *text, size_t size) {
  g_autoptr (uidlist) list = uidlist_parse (g_memdup2 (text, size + 1), size);
  g_autoptr (GHashTable) paths = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  g_autoptr (GPtrArray) words = keywords_parse (text);
  uint32_t before = 0;
  for (guint i = 0; list && i < list->lines->len; i++) {
    const struct uidlist_line *line = &g_array_index (list->lines, struct uidlist_line, i);
    if (line->uid <= before || line->base == 0 || strchr (line->name, '/'))
      abort ();
    before = line->uid;
  }
  if (list && (list->uidvalidity == 0 || (before < UINT32_MAX && list->next_uid <= before)))
    abort ();
  if (words->len > LETTER_KEYWORDS)
    abort ();
  subscriptions_parse (text, paths);
  g_autofree char *again = subscriptions_format (paths);
  guint count = g_hash_table_size (paths);
  g_hash_table_remove_all (paths);
  subscriptions_parse (again, paths);
  if (g_hash_table_size (paths) != count)
    abort ();
}

static void
names (const char *text) {
  struct file_name name;
  g_autofree char *path = folder_path (text), *canonical = path_canonical (text);
  g_autofree char *folder = canonical ? folder_of (canonical) : NULL;
  if (folder && *folder) { /* every path has a folder that leads back to it */
    g_autofree char *back = folder_path (folder);
    if (!back || strcmp (back, canonical) != 0)
      abort ();
  }
  path_matches (text, "INBOX/a");
  if (!file_name_parse (text, &name))
    return;
  for (unsigned words = 0; words <= LETTER_KEYWORDS; words += 13) {
    ptn_flag_bits flags = file_name_flags (text, name.base, words);
    g_autofree char *same = file_name_with (text, name.base, words, flags);
    if (file_name_flags (same, name.base, words) != flags)
      abort ();
  }
}

int
LLVMFuzzerTestOneInput (const uint8_t *data, size_t size) {
  g_autofree char *text = g_strndup ((const char *)data, size);
  g_autofree char *octets = g_malloc0 (size + 1);
  struct octets in = { data, data + size, false };
  memcpy (octets, data, size);
  lists (octets, size);
  names (text);
  message_free (message_get (&in));
  GTree *notes = notes_get (&in);
  if (notes)
    g_tree_unref (notes);
  return 0;
}
