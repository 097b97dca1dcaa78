/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pages.h - the pages of a closed Kyoto Cabinet tree, read one after the other.
 *
 * Kyoto Cabinet's own cursor takes its locks and searches its page for each row, 0.4 us of it: a
 * mailbox of a million would take half a second.  A TreeDB is a HashDB whose records are the
 * pages; here they are fetched whole and walked through.  What is read is as checked as any other
 * row, by its own checksum; a page that makes no sense is corrupt.
 *
 * Only for trees that nobody writes.  struct pages: any thread.  struct page: its user's. */
#ifndef STORAGE_KYOTO_PAGES_H
#define STORAGE_KYOTO_PAGES_H

#include "octets.h"

struct pages;

struct page {
  struct octets data;
  const uint8_t *at, *end; /* rows to come */
  const uint8_t *row;      /* where the last one began */
  uint64_t count;          /* of pages so far */
  uint64_t next;           /* id of the page behind; 0: none */
};

/* NULL: it cannot be opened, or is not of the form that is known. */
struct pages *pages_open (const char *path);
void pages_close (struct pages **);

/* To the first row whose key is not before this one.  The page is zeroed at first, and cleared
 * with octets_clear (&page->data) at last.  PTN_OK or PTN_E_CORRUPT. */
ptn_status pages_seek (struct pages *, struct page *, const uint8_t *key, size_t size);
/* The row, and on; its octets stay until the next call.  PTN_OK, PTN_END or PTN_E_CORRUPT. */
ptn_status pages_next (struct pages *, struct page *, const uint8_t **key, size_t *key_size,
                       const uint8_t **value, size_t *size);

/* The same: most rows are short and stand whole in the page at hand, and such cost no call. */
static inline ptn_status
pages_step (struct pages *pages, struct page *page, const uint8_t **key, size_t *key_size,
            const uint8_t **value, size_t *size) {
  const uint8_t *at = page->at;
  size_t rest = (size_t)(page->end - at);

  if (rest < 2 || (at[0] | at[1]) > 127 || (size_t)at[0] + at[1] > rest - 2)
    return pages_next (pages, page, key, key_size, value, size);
  page->row = at;
  *key = at + 2;
  *key_size = at[0];
  *value = *key + at[0];
  *size = at[1];
  page->at = *value + at[1];
  return PTN_OK;
}

#endif
