/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer.c - the trigrams of a text for FTS5, most of them once.
 *
 * The table keeps only which documents have a trigram, so FTS5's own tokenizer works mostly for
 * nothing: a text of 10 kB has 10,000 trigrams, of which some 2,000 differ.  This one remembers those
 * that it gave last, in a table where each has one place: it takes no more memory for a long text,
 * and a few come twice.  Text is UTF-8; it may have NULs. */
#include "database_private.h"

#include <string.h>

enum { PLACES = 1 << 14, CHARACTER_BITS = 21 };

static int
tokenizer_new (void *context, const char **arguments, int count, Fts5Tokenizer **result) {
  *result = sqlite3_malloc64 (PLACES * sizeof (uint64_t));
  return *result ? SQLITE_OK : SQLITE_NOMEM;
}

static void
tokenizer_free (Fts5Tokenizer *tokenizer) {
  sqlite3_free (tokenizer);
}

/* The character at `at`; its octets may be anything, but it ends before `end`. */
static const unsigned char *
character (const unsigned char *at, const unsigned char *end, uint32_t *c) {
  *c = *at++;
  if (*c < 0xc0)
    return at;
  *c &= *c < 0xe0 ? 0x1f : *c < 0xf0 ? 0x0f : 0x07;
  while (at < end && (*at & 0xc0) == 0x80)
    *c = (*c << 6 | (*at++ & 0x3f)) & ((1u << CHARACTER_BITS) - 1);
  return at;
}

static int
tokenize (Fts5Tokenizer *tokenizer, void *context, int flags, const char *text, int size,
          int (*token) (void *, int, const char *, int, int, int)) {
  uint64_t *seen = (uint64_t *)(void *)tokenizer, key = 0;
  const unsigned char *first = (const unsigned char *)text, *end = first + size;
  const unsigned char *starts[3] = { first, first, first }; /* of the last three characters */
  memset (seen, 0xff, PLACES * sizeof *seen);
  unsigned count = 0;
  for (const unsigned char *at = first; at < end;) {
    uint32_t c;
    starts[0] = starts[1];
    starts[1] = starts[2];
    starts[2] = at;
    at = character (at, end, &c);
    key = (key << CHARACTER_BITS | c) & ((UINT64_C (1) << 3 * CHARACTER_BITS) - 1);
    if (++count < 3)
      continue;
    uint64_t *place = &seen[key * UINT64_C (0x9e3779b97f4a7c15) >> (64 - 14)];
    if (*place == key)
      continue;
    *place = key;
    int result = token (context, 0, (const char *)starts[0], (int)(at - starts[0]),
                        (int)(starts[0] - first), (int)(at - first));
    if (result != SQLITE_OK)
      return result;
  }
  return SQLITE_OK;
}
G_STATIC_ASSERT (PLACES == 1 << 14);

int
tokenizer_add (sqlite3 *connection) {
  static const fts5_tokenizer functions = { tokenizer_new, tokenizer_free, tokenize };
  fts5_api *api = NULL;
  sqlite3_stmt *get = NULL;
  int result = sqlite3_prepare_v2 (connection, "SELECT fts5 (?1)", -1, &get, NULL);
  if (result == SQLITE_OK) {
    sqlite3_bind_pointer (get, 1, &api, "fts5_api_ptr", NULL);
    sqlite3_step (get);
  }
  sqlite3_finalize (get);
  if (!api)
    return result == SQLITE_OK ? SQLITE_INTERNAL : result;
  fts5_tokenizer copy = functions;
  return api->xCreateTokenizer (api, "postern", NULL, &copy, NULL);
}
