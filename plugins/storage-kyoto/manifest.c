/* SPDX-License-Identifier: GPL-3.0-or-later */
/* manifest.c - see manifest.h. */
#include "manifest.h"

#include "crc32c.h"

#include <openssl/evp.h>

enum { SEQUENCE_VERSION = 1, SEQUENCE_MAX = 8192, FILES_MAX = 50000000 };

struct sum {
  EVP_MD_CTX *context;
};

struct sum *
sum_new (void) {
  struct sum *sum = g_new (struct sum, 1);

  sum->context = EVP_MD_CTX_new ();
  if (!sum->context || !EVP_DigestInit_ex (sum->context, EVP_sha256 (), NULL))
    g_error ("SHA-256 is not there"); /* as without memory */
  return sum;
}

void
sum_add (struct sum *sum, const void *data, size_t size) {
  EVP_DigestUpdate (sum->context, data, size);
}

void
sum_end (struct sum **sum, uint8_t out[SUM_OCTETS]) {
  if (!*sum)
    return;
  EVP_DigestFinal_ex ((*sum)->context, out, NULL);
  EVP_MD_CTX_free ((*sum)->context);
  g_clear_pointer (sum, g_free);
}

static void
sum_of (const void *data, size_t size, uint8_t out[SUM_OCTETS]) {
  EVP_Digest (data, size, out, NULL, EVP_sha256 (), NULL);
}

/* base64url without padding: a word that no shell takes apart. */
char *
sequence_text (const struct sequence *sequence) {
  struct octets coded = { 0 };
  char *text;

  octets_u8 (&coded, SEQUENCE_VERSION);
  octets_add (&coded, sequence->store, sizeof sequence->store);
  octets_u32 (&coded, sequence->timeline);
  octets_varint (&coded, sequence->shards);
  for (uint32_t i = 0; i < sequence->shards; i++) {
    octets_varint (&coded, sequence->shard[i].position.lsn);
    octets_varint (&coded, sequence->shard[i].position.segment);
    octets_varint (&coded, sequence->shard[i].position.offset);
    octets_varint (&coded, sequence->shard[i].base);
  }
  octets_u32 (&coded, crc32c (0, coded.data, coded.size));
  text = g_base64_encode (coded.data, coded.size);
  octets_clear (&coded);
  g_strdelimit (text, "+", '.');
  g_strdelimit (text, "/", '_');
  for (size_t length = strlen (text); length > 0 && text[length - 1] == '=';)
    text[--length] = '\0';
  return text;
}

static bool
sequence_decode (const uint8_t *data, size_t size, struct sequence *sequence) {
  struct reader in;

  if (size < 4 || get_u32 (data + size - 4) != crc32c (0, data, size - 4))
    return false;
  in = READER (data, size - 4);
  if (reader_u8 (&in) != SEQUENCE_VERSION)
    return false;
  for (size_t i = 0; i < sizeof sequence->store; i++)
    sequence->store[i] = reader_u8 (&in);
  sequence->timeline = reader_u32 (&in);
  sequence->shards = reader_varint32 (&in);
  if (sequence->shards < 1 || sequence->shards > SHARDS_MAX)
    return false;
  for (uint32_t i = 0; i < sequence->shards; i++) {
    sequence->shard[i].position.lsn = reader_varint (&in);
    sequence->shard[i].position.segment = reader_varint32 (&in);
    sequence->shard[i].position.offset = reader_varint (&in);
    sequence->shard[i].base = reader_varint32 (&in);
  }
  return reader_done (&in);
}

bool
sequence_parse (const char *text, struct sequence *sequence) {
  g_autofree char *padded = NULL;
  g_autofree uint8_t *data = NULL;
  size_t length = strlen (text), size;

  memset (sequence, 0, sizeof *sequence);
  if (length == 0 || length > SEQUENCE_MAX
      || strspn (text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._")
             != length)
    return false;
  padded = g_strconcat (text, "===", NULL);
  padded[(length + 3) / 4 * 4] = '\0';
  g_strdelimit (padded, ".", '+');
  g_strdelimit (padded, "_", '/');
  data = g_base64_decode (padded, &size);
  return sequence_decode (data, size, sequence);
}

static void
file_free (void *argument) {
  struct manifest_file *file = argument;

  g_free (file->name);
  g_free (file);
}

struct manifest *
manifest_new (void) {
  struct manifest *manifest = g_new0 (struct manifest, 1);

  manifest->files = g_ptr_array_new_with_free_func (file_free);
  return manifest;
}

void
manifest_free (struct manifest **manifest) {
  if (!*manifest)
    return;
  g_ptr_array_unref ((*manifest)->files);
  g_clear_pointer (manifest, g_free);
}

void
manifest_add (struct manifest *manifest, const char *name, bool keep, uint64_t offset,
              uint64_t size, const uint8_t sum[SUM_OCTETS]) {
  struct manifest_file *file = g_new0 (struct manifest_file, 1);

  file->name = g_strdup (name);
  file->keep = keep;
  file->offset = offset;
  file->size = size;
  if (sum)
    memcpy (file->sum, sum, SUM_OCTETS);
  g_ptr_array_add (manifest->files, file);
}

char *
manifest_file_name (const struct manifest_file *file) {
  return file->offset > 0 ? g_strdup_printf ("%s.from.%" PRIu64, file->name, file->offset)
                          : g_strdup (file->name);
}

static void
append_hex (GString *text, const uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++)
    g_string_append_printf (text, "%02x", data[i]);
}

char *
manifest_text (const struct manifest *manifest) {
  GString *text = g_string_new ("postern-backup 1\n");
  g_autofree char *at = sequence_text (&manifest->at);
  uint8_t sum[SUM_OCTETS];

  if (manifest->increment) {
    g_autofree char *since = sequence_text (&manifest->since);

    g_string_append_printf (text, "since %s\n", since);
  }
  g_string_append_printf (text, "sequence %s\n", at);
  for (guint i = 0; i < manifest->files->len; i++) {
    const struct manifest_file *file = manifest->files->pdata[i];

    if (file->keep) {
      g_string_append_printf (text, "keep %s %" PRIu64 "\n", file->name, file->size);
      continue;
    }
    g_string_append_printf (text, "file %s %" PRIu64 " %" PRIu64 " ", file->name, file->offset,
                            file->size);
    append_hex (text, file->sum, SUM_OCTETS);
    g_string_append_c (text, '\n');
  }
  sum_of (text->str, text->len, sum);
  g_string_append (text, "end ");
  append_hex (text, sum, SUM_OCTETS);
  g_string_append_c (text, '\n');
  return g_string_free (text, FALSE);
}

static bool
parse_sum (const char *text, uint8_t sum[SUM_OCTETS]) {
  if (strlen (text) != (size_t)2 * SUM_OCTETS)
    return false;
  for (size_t i = 0; i < SUM_OCTETS; i++) {
    int high = g_ascii_xdigit_value (text[2 * i]), low = g_ascii_xdigit_value (text[2 * i + 1]);

    if (high < 0 || low < 0)
      return false;
    sum[i] = (uint8_t)(high << 4 | low);
  }
  return true;
}

static bool
parse_number (const char *text, uint64_t *number) {
  char *end;

  if (!g_ascii_isdigit (text[0]) || strlen (text) > 20)
    return false;
  *number = g_ascii_strtoull (text, &end, 10);
  return *end == '\0' && *number <= (uint64_t)1 << 60;
}

/* `count` digits of the set, and no more. */
static bool
digits (const char *text, const char *set, size_t count) {
  return strlen (text) == count && strspn (text, set) == count;
}

/* Only names that a store has: a manifest must not lead elsewhere. */
static bool
name_valid (const char *name, uint32_t shards) {
  static const char decimal[] = "0123456789", hexadecimal[] = "0123456789abcdef";

  if (strcmp (name, "STORE") == 0)
    return true;
  if (name[0] != 's' || !g_ascii_isdigit (name[1]) || !g_ascii_isdigit (name[2]) || name[3] != '/'
      || (uint32_t)((name[1] - '0') * 10 + (name[2] - '0')) >= shards)
    return false;
  name += 4;
  return (g_str_has_prefix (name, "log.") && digits (name + 4, decimal, 8))
         || (g_str_has_prefix (name, "base.") && digits (name + 5, decimal, 8))
         || (g_str_has_prefix (name, "big.") && digits (name + 4, hexadecimal, 16));
}

static bool
parse_file (struct manifest *manifest, char **words, guint count) {
  uint64_t offset = 0, size;
  uint8_t sum[SUM_OCTETS] = { 0 };
  bool keep = strcmp (words[0], "keep") == 0;

  if (count != (keep ? 3 : 5) || !name_valid (words[1], manifest->at.shards)
      || (!keep && !parse_number (words[2], &offset)) || !parse_number (words[keep ? 2 : 3], &size)
      || (!keep && !parse_sum (words[4], sum)) || manifest->files->len >= FILES_MAX)
    return false;
  manifest_add (manifest, words[1], keep, offset, size, sum);
  return true;
}

static bool
parse_line (struct manifest *manifest, const char *line) {
  g_auto (GStrv) words = g_strsplit (line, " ", 6);
  guint count = g_strv_length (words);

  if (count == 2 && strcmp (words[0], "since") == 0)
    return manifest->increment = sequence_parse (words[1], &manifest->since);
  if (count == 2 && strcmp (words[0], "sequence") == 0)
    return sequence_parse (words[1], &manifest->at);
  if (count > 0 && (strcmp (words[0], "file") == 0 || strcmp (words[0], "keep") == 0))
    return parse_file (manifest, words, count);
  return false;
}

static bool
same_store (const struct sequence *a, const struct sequence *b) {
  return memcmp (a->store, b->store, sizeof a->store) == 0 && a->shards == b->shards
         && a->timeline == b->timeline;
}

struct manifest *
manifest_parse (const char *text, size_t size, const char **why) {
  static const char first[] = "postern-backup 1\n";
  struct manifest *manifest = NULL;
  uint8_t sum[SUM_OCTETS], own[SUM_OCTETS];
  size_t end = 4 + 2 * SUM_OCTETS + 1;
  g_autofree char *last = NULL, *body = NULL;
  g_auto (GStrv) lines = NULL;
  bool good;

  *why = "its MANIFEST is not one";
  if (size < sizeof first - 1 + end || memcmp (text, first, sizeof first - 1) != 0
      || memchr (text, '\0', size))
    return NULL;
  *why = "its MANIFEST is damaged, or not whole: the backup was broken off";
  last = g_strndup (text + size - end, end - 1);
  if (text[size - 1] != '\n' || !g_str_has_prefix (last, "end ") || !parse_sum (last + 4, sum))
    return NULL;
  sum_of (text, size - end, own);
  if (memcmp (sum, own, SUM_OCTETS) != 0)
    return NULL;
  *why = "its MANIFEST says what makes no sense";
  manifest = manifest_new ();
  body = g_strndup (text + sizeof first - 1, size - end - (sizeof first - 1));
  lines = g_strsplit (body, "\n", -1);
  good = true;
  for (char **line = lines; good && *line; line++)
    good = (*line)[0] == '\0' ? !line[1] : parse_line (manifest, *line);
  if (!good || manifest->at.shards == 0
      || (manifest->increment && !same_store (&manifest->at, &manifest->since)))
    manifest_free (&manifest);
  return manifest;
}

static void
chain_file_free (void *argument) {
  struct chain_file *file = argument;

  g_array_unref (file->parts);
  g_free (file);
}

static struct chain_file *
chain_file_copy (const struct chain_file *from, const char *name) {
  struct chain_file *file = g_new0 (struct chain_file, 1);

  file->name = name;
  file->parts = g_array_new (FALSE, FALSE, sizeof (struct chain_part));
  if (from) {
    file->size = from->size;
    g_array_append_vals (file->parts, from->parts->data, from->parts->len);
  }
  return file;
}

/* What this backup says of a file, with those before it. */
static struct chain_file *
add_part (GHashTable *before, size_t folder, const struct manifest_file *file, char **why) {
  const struct chain_file *old = g_hash_table_lookup (before, file->name);
  struct chain_part part = { folder, file };
  struct chain_file *result;

  if (file->keep && (!old || old->size != file->size)) {
    *why =
        g_strdup_printf ("%s is in none of the backups before it, or of another size", file->name);
    return NULL;
  }
  if (!file->keep && file->offset > 0 && (!old || old->size != file->offset)) {
    *why = g_strdup_printf ("%s does not go on where the backup before it ends", file->name);
    return NULL;
  }
  result = chain_file_copy (file->keep || file->offset > 0 ? old : NULL, file->name);
  if (!file->keep) {
    g_array_append_val (result->parts, part);
    result->size += file->size;
  }
  return result;
}

static bool
follows (const struct manifest *manifest, const struct manifest *before) {
  g_autofree char *since = NULL, *at = NULL;

  if (!manifest->increment || !same_store (&manifest->since, &before->at))
    return false;
  since = sequence_text (&manifest->since);
  at = sequence_text (&before->at);
  return strcmp (since, at) == 0;
}

static gint
by_name (const void *a, const void *b) {
  const struct chain_file *const *left = a, *const *right = b;

  return strcmp ((*left)->name, (*right)->name);
}

GPtrArray *
manifest_chain (struct manifest *const *manifests, size_t count, char **why) {
  g_autoptr (GHashTable) files = NULL;
  GPtrArray *result;
  GHashTableIter iterator;
  void *value;

  files = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, chain_file_free);
  for (size_t i = 0; i < count; i++) {
    g_autoptr (GHashTable) next =
        g_hash_table_new_full (g_str_hash, g_str_equal, NULL, chain_file_free);

    if (i == 0 && manifests[i]->increment) {
      *why = g_strdup ("the first is an increment: name the full backup it goes on from first");
      return NULL;
    }
    if (i > 0 && !follows (manifests[i], manifests[i - 1])) {
      *why = g_strdup_printf ("backup %zu does not go on from the one before it: wrong order, one "
                              "left out, or of another store",
                              i + 1);
      return NULL;
    }
    for (guint f = 0; f < manifests[i]->files->len; f++) {
      const struct manifest_file *file = manifests[i]->files->pdata[f];
      struct chain_file *added = add_part (files, i, file, why);

      if (!added)
        return NULL;
      g_hash_table_replace (next, file->name, added);
    }
    g_hash_table_unref (g_steal_pointer (&files));
    files = g_steal_pointer (&next);
  }
  result = g_ptr_array_new_with_free_func (chain_file_free);
  g_hash_table_iter_init (&iterator, files);
  while (g_hash_table_iter_next (&iterator, NULL, &value)) {
    g_ptr_array_add (result, value);
    g_hash_table_iter_steal (&iterator);
  }
  g_ptr_array_sort (result, by_name);
  return result;
}
