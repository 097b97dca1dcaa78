/* SPDX-License-Identifier: Apache-2.0 */
/* match.c - see match.h.
 *
 * Of each string the two octets that text has least often are looked for at their distance, a block
 * at a time, by vectors of the compiler; only where both stand the rest is compared.  Between pieces
 * the last octets are kept folded: as many as a string that ends in the next piece may need. */
#include "common/text/match.h"
#include "common/text/utf8.h"

#include <string.h>

enum {
  VECTOR = 16, /* what every processor has; a wider one is taken to pieces by some compilers */
  BLOCK = 2 * VECTOR,
  PIECE = 16384, /* what all strings are looked for in, one after the other, while it is near */
  FOLDED = 1024, /* text that has to be folded: octets at once */
  RUN = 128      /* ASCII between other text that is worth not to be folded */
};

typedef unsigned char vector __attribute__ ((vector_size (VECTOR)));
typedef uint64_t words __attribute__ ((vector_size (VECTOR)));

struct string {
  unsigned char *octets; /* folded */
  size_t size, rare[2];  /* where its rare octets are */
  bool ascii;            /* may be found in text that is all ASCII */
};

struct matcher {
  enum comparator comparator;
  int count;
  guint64 found, empty;
  size_t longest;
  size_t tail_size, held_size;
  unsigned char *joined; /* the tail, then a folded piece */
  char held[4];          /* the beginning of a character */
  struct string strings[MATCHER_STRINGS];
};

struct matcher *
matcher_new (enum comparator comparator) {
  struct matcher *m = g_new0 (struct matcher, 1);

  m->comparator = comparator == COMPARATOR_ASCII_NUMERIC ? COMPARATOR_OCTET : comparator;
  return m;
}

void
matcher_free (struct matcher **matcher) {
  struct matcher *m = *matcher;

  if (!m)
    return;
  for (int i = 0; i < m->count; i++)
    g_free (m->strings[i].octets);
  g_free (m->joined);
  g_free (m);
  *matcher = NULL;
}

/* How often mail has an octet, roughly. */
static int
commonness (unsigned char c) {
  static const char often[] =
      "zZqQjJxXkK@?!vVwWyYbBgGpPfFmMuUcCdDlLhH0123456789,.=-rRsSnNiIoOaAtTeE \n";
  const char *at = memchr (often, c, sizeof often - 1);

  return at ? (int)(at - often) : -1;
}

static void
choose_rare (struct string *s) {
  size_t best = 0, second;

  for (size_t i = 1; i < MIN (s->size, (size_t)255); i++)
    if (commonness (s->octets[i]) < commonness (s->octets[best]))
      best = i;
  second = best == 0 ? s->size - 1 : 0;
  second = MIN (second, (size_t)255);
  for (size_t i = 0; i < MIN (s->size, (size_t)255); i++)
    if (i != best && s->octets[i] != s->octets[best]
        && commonness (s->octets[i]) < commonness (s->octets[second]))
      second = i;
  s->rare[0] = best;
  s->rare[1] = second;
}

int
matcher_add (struct matcher *m, const char *text, size_t size) {
  struct string *s = &m->strings[m->count];

  if (m->count == MATCHER_STRINGS || size > MATCHER_STRING_MAX)
    return -1;
  s->octets = (unsigned char *)comparator_folded (m->comparator, text, size, &s->size);
  if (s->size > MATCHER_STRING_MAX) {
    g_free (s->octets);
    return -1;
  }
  s->ascii = true;
  for (size_t i = 0; i < s->size; i++)
    if (m->comparator != COMPARATOR_OCTET
        && (s->octets[i] >= 0x80 || (s->octets[i] >= 'a' && s->octets[i] <= 'z')))
      s->ascii = s->ascii && m->comparator == COMPARATOR_ASCII_CASEMAP;
  if (s->size == 0)
    m->empty |= (guint64)1 << m->count;
  else
    choose_rare (s);
  if (s->size > m->longest)
    m->longest = s->size;
  g_clear_pointer (&m->joined, g_free);
  m->tail_size = 0;
  return m->count++;
}

void
matcher_border (struct matcher *m) {
  m->tail_size = 0;
  m->held_size = 0;
}

void
matcher_reset (struct matcher *m) {
  matcher_border (m);
  m->found = 0;
}

guint64
matcher_found (const struct matcher *m) {
  return m->found;
}

bool
matcher_has (const struct matcher *m, int number) {
  return number >= 0 && (m->found >> number & 1) != 0;
}

static inline unsigned char
upper (unsigned char c) {
  return (unsigned char)(c - 32 * (c >= 'a' && c <= 'z'));
}

static bool
is_at (const struct string *s, const unsigned char *at, bool any_case) {
  if (!any_case)
    return memcmp (s->octets, at, s->size) == 0;
  for (size_t i = 0; i < s->size; i++)
    if (upper (at[i]) != s->octets[i])
      return false;
  return true;
}

/* The bit that a letter loses when its case does not matter. */
static unsigned char
case_bit (unsigned char c, bool any_case) {
  return any_case && c >= 'A' && c <= 'Z' ? 0x20 : 0;
}

static bool
find (const struct string *s, const unsigned char *text, size_t size, bool any_case) {
  const unsigned char *first = text + s->rare[0], *second = text + s->rare[1];
  unsigned char a = s->octets[s->rare[0]], b = s->octets[s->rare[1]];
  unsigned char a_bit = case_bit (a, any_case), b_bit = case_bit (b, any_case);
  size_t far = MAX (s->rare[0], s->rare[1]), last, at = 0;
  vector as, bs, a_bits, b_bits;

  if (size < s->size)
    return false;
  last = size - s->size;
  memset (&as, a | a_bit, sizeof as);
  memset (&bs, b | b_bit, sizeof bs);
  memset (&a_bits, a_bit, sizeof a_bits);
  memset (&b_bits, b_bit, sizeof b_bits);
  for (; at <= last && at + far + BLOCK <= size; at += BLOCK) {
    vector x, y, u, v;
    words hit;

    memcpy (&x, first + at, VECTOR);
    memcpy (&y, second + at, VECTOR);
    memcpy (&u, first + at + VECTOR, VECTOR);
    memcpy (&v, second + at + VECTOR, VECTOR);
    hit = (words)((((x | a_bits) == as) & ((y | b_bits) == bs))
                  | (((u | a_bits) == as) & ((v | b_bits) == bs)));
    if ((hit[0] | hit[1]) == 0)
      continue;
    for (size_t i = at; i < at + BLOCK && i <= last; i++)
      if ((first[i] | a_bit) == (a | a_bit) && (second[i] | b_bit) == (b | b_bit)
          && is_at (s, text + i, any_case))
        return true;
  }
  for (; at <= last; at++)
    if ((first[at] | a_bit) == (a | a_bit) && is_at (s, text + at, any_case))
      return true;
  return false;
}

/* Looks for all that were not found yet. */
static void
look (struct matcher *m, const unsigned char *text, size_t size, bool raw) {
  bool any_case = raw && m->comparator != COMPARATOR_OCTET;

  for (int i = 0; i < m->count; i++)
    if (!(m->found >> i & 1) && (!raw || m->strings[i].ascii)
        && find (&m->strings[i], text, size, any_case))
      m->found |= (guint64)1 << i;
}

/* Keeps of the joined octets as many as the next piece may need. */
static void
keep_tail (struct matcher *m, size_t size) {
  size_t keep = MIN (size, m->longest - 1);

  memmove (m->joined, m->joined + size - keep, keep);
  m->tail_size = keep;
}

static void
join_upper (struct matcher *m, const unsigned char *data, size_t size) {
  unsigned char *to = m->joined + m->tail_size;

  memcpy (to, data, size);
  if (m->comparator != COMPARATOR_OCTET)
    for (size_t i = 0; i < size; i++)
      to[i] = upper (to[i]);
}

/* Text whose folding changes at most the case of ASCII letters. */
static void
feed_raw (struct matcher *m, const unsigned char *data, size_t size) {
  size_t border = MIN (size, m->longest - 1), keep;

  if (m->tail_size > 0) {
    join_upper (m, data, border);
    look (m, m->joined, m->tail_size + border, false);
  }
  look (m, data, size, true);
  keep = MIN (size, m->longest - 1);
  if (keep < m->longest - 1 && m->tail_size > 0) { /* all of it was joined */
    keep_tail (m, m->tail_size + keep);
    return;
  }
  m->tail_size = 0;
  join_upper (m, data + size - keep, keep);
  m->tail_size = keep;
}

/* Other text of i;unicode-casemap, FOLDED octets at most; returns how many it took. */
static size_t
feed_folded (struct matcher *m, const char *data, size_t size) {
  size_t at = 0, out = m->tail_size;

  while (at < size) {
    uint32_t character = 0;
    int length = utf8_read (data + at, size - at, &character);
    const char *folded;
    size_t folded_size;

    if (length == 0)
      break;
    if (length == 1) {
      m->joined[out++] = upper ((unsigned char)data[at++]);
      continue;
    }
    folded = fold_character (data + at, length, character, &folded_size);
    memcpy (m->joined + out, folded, folded_size);
    out += folded_size;
    at += (size_t)(length > 0 ? length : 1);
  }
  look (m, m->joined, out, false);
  keep_tail (m, out);
  return at;
}

static void
feed_unicode (struct matcher *m, const char *data, size_t size) {
  while (m->held_size > 0 && size > 0) {
    m->held[m->held_size++] = *data++;
    size--;
    if (feed_folded (m, m->held, m->held_size) == 0 && m->held_size < sizeof m->held)
      continue;
    m->held_size = 0;
  }
  while (size > 0) {
    size_t run = ascii_run (data, MIN (size, (size_t)PIECE)), taken;

    if (run >= RUN || run == size)
      feed_raw (m, (const unsigned char *)data, taken = run);
    else
      taken = feed_folded (m, data, MIN (size, (size_t)FOLDED));
    if (taken == 0) {
      memcpy (m->held, data, size);
      m->held_size = size;
      return;
    }
    data += taken;
    size -= taken;
  }
}

bool
matcher_feed (struct matcher *m, const char *data, size_t size) {
  guint64 all = m->count == 64 ? ~(guint64)0 : ((guint64)1 << m->count) - 1;

  m->found |= m->empty;
  if (m->found == all)
    return false;
  if (!m->joined)
    m->joined = g_malloc (m->longest + MAX (m->longest, FOLD_ROOM (FOLDED)));
  if (m->comparator == COMPARATOR_UNICODE_CASEMAP)
    feed_unicode (m, data, size);
  else
    for (size_t at = 0; at < size && m->found != all; at += PIECE)
      feed_raw (m, (const unsigned char *)data + at, MIN (size - at, (size_t)PIECE));
  return m->found != all;
}
