/* SPDX-License-Identifier: Apache-2.0 */
/* mbox.c - see mbox.h. */
#include "mbox.h"

#include <errno.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WINDOW (256 * 1024)

/* --- separators --------------------------------------------------------------------------- */

static int
index_of (const char *names, const char *word) {
  for (int i = 0; names[3 * i]; i++)
    if (!strncmp (names + 3 * i, word, 3))
      return i;
  return -1;
}

/* "Fri Jul  8 12:08:34 2011", "Fri Jul 8 12:08 CEST 2011", "Fri Jul 8 12:08:34 2011 +0200". */
static bool
read_date (const char *text, int64_t *date) {
  char weekday[4], month[4];
  int day, hour, minute, second = 0, used = 0, year = 0;
  if (sscanf (text, "%3[A-Za-z] %3[A-Za-z] %d %d:%d%n", weekday, month, &day, &hour, &minute, &used)
          != 5
      || strlen (weekday) != 3 || index_of ("SunMonTueWedThuFriSat", weekday) < 0)
    return false;
  int at = index_of ("JanFebMarAprMayJunJulAugSepOctNovDec", month);
  if (at < 0 || day < 1 || day > 31 || hour < 0 || hour > 23 || minute < 0 || minute > 59)
    return false;
  text += used;
  if (*text == ':' && sscanf (text, ":%d%n", &second, &used) == 1)
    text += used;
  /* The year is the first word of four digits. */
  while (*text && !year) {
    text += strspn (text, " ");
    size_t size = strcspn (text, " ");
    if (size == 4 && strspn (text, "0123456789") >= 4)
      year = atoi (text);
    text += size;
  }
  if (year < 1970 || second < 0 || second > 60)
    return false;
  struct tm tm = { .tm_year = year - 1900,
                   .tm_mon = at,
                   .tm_mday = day,
                   .tm_hour = hour,
                   .tm_min = minute,
                   .tm_sec = second };
  *date = timegm (&tm);
  return true;
}

bool
mbox_is_separator (const char *line, size_t size, int64_t *date) {
  char text[MBOX_HEAD + 1];
  if (size < 5 || size > MBOX_HEAD || memcmp (line, "From ", 5) != 0 || memchr (line, '\0', size))
    return false;
  memcpy (text, line, size);
  text[size] = '\0';
  /* The sender may hold blanks: the first place where a date begins counts. */
  for (const char *at = text + 5; (at = strchr (at, ' ')); at++)
    if (read_date (at + strspn (at, " "), date))
      return true;
  return false;
}

/* --- lines ----------------------------------------------------------------------------------- */

void
mbox_open (struct mbox *mbox, int fd) {
  *mbox = (struct mbox){ .fd = fd, .window = g_malloc (WINDOW) };
}

void
mbox_close (struct mbox *mbox) {
  g_clear_pointer (&mbox->window, g_free);
}

/* Makes the octets from `at` on the start of the window; false: there are none. */
static bool
load (struct mbox *mbox, int64_t at) {
  mbox->base = at;
  mbox->filled = 0;
  while (mbox->filled < WINDOW) {
    ssize_t got = pread (mbox->fd, mbox->window + mbox->filled, WINDOW - mbox->filled,
                         at + (int64_t)mbox->filled);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      mbox->failed = true;
    if (got <= 0)
      break;
    mbox->filled += (size_t)got;
  }
  return mbox->filled > 0;
}

struct line {
  int64_t start, next; /* next: of the line behind it */
  char head[MBOX_HEAD];
  size_t size; /* octets of head, without the line end */
  bool blank, cut;
};

static bool
next_line (struct mbox *mbox, struct line *line) {
  int64_t at = mbox->at;
  size_t offset = (size_t)(at - mbox->base);
  if (at < mbox->base || offset + MBOX_HEAD + 2 > mbox->filled) {
    if (!load (mbox, at))
      return false;
    offset = 0;
  }
  line->start = at;
  line->size = MIN (mbox->filled - offset, MBOX_HEAD);
  memcpy (line->head, mbox->window + offset, line->size);
  const char *lf;
  while (!(lf = memchr (mbox->window + offset, '\n', mbox->filled - offset))) {
    if (!load (mbox, mbox->base + (int64_t)mbox->filled))
      break;
    offset = 0;
  }
  line->next = mbox->at = mbox->base + (lf ? lf + 1 - mbox->window : (int64_t)mbox->filled);
  int64_t length = line->next - line->start - (lf != NULL);
  line->cut = length > (int64_t)line->size;
  if (!line->cut)
    line->size = (size_t)length;
  if (!line->cut && line->size && line->head[line->size - 1] == '\r')
    line->size--;
  line->blank = !line->cut && line->size == 0 && lf;
  return true;
}

static void
read_flags (const struct line *line, ptn_flag_bits *flags) {
  static const struct {
    char letter;
    ptn_flag_bits flag;
  } letters[] = { { 'R', PTN_SEEN },
                  { 'A', PTN_ANSWERED },
                  { 'F', PTN_FLAGGED },
                  { 'D', PTN_DELETED },
                  { 'T', PTN_DRAFT } };
  size_t name = line->size > 7 && !g_ascii_strncasecmp (line->head, "Status:", 7)     ? 7
                : line->size > 9 && !g_ascii_strncasecmp (line->head, "X-Status:", 9) ? 9
                                                                                      : 0;
  for (size_t i = name; name && i < line->size; i++)
    for (size_t k = 0; k < G_N_ELEMENTS (letters); k++)
      if (line->head[i] == letters[k].letter)
        *flags |= letters[k].flag;
}

static bool
separates (const struct line *line, int64_t *date) {
  return !line->cut && mbox_is_separator (line->head, line->size, date);
}

static ptn_status
find_first (struct mbox *mbox) {
  struct line line;
  do
    if (!next_line (mbox, &line))
      return mbox->failed ? PTN_E_TEMPORARY : PTN_END;
  while (line.blank);
  if (!separates (&line, &mbox->date))
    return PTN_E_INVALID;
  mbox->found_first = true;
  return PTN_OK;
}

ptn_status
mbox_next (struct mbox *mbox, struct mbox_mail *mail) {
  struct line line;
  if (!mbox->found_first) {
    ptn_status status = mbox->at == 0 ? find_first (mbox) : PTN_END;
    if (status != PTN_OK)
      return status;
  }
  *mail = (struct mbox_mail){ .start = mbox->at, .end = mbox->at, .date = mbox->date };
  bool header = true, blank = false;
  int64_t blank_at = mbox->at;
  mbox->found_first = false;
  while (next_line (mbox, &line)) {
    if ((blank || line.start == mail->start) && separates (&line, &mbox->date)) {
      mbox->found_first = true;
      break;
    }
    if (header && !line.blank)
      read_flags (&line, &mail->flags);
    header = header && !line.blank;
    blank = line.blank;
    blank_at = line.start;
    mail->end = line.next;
  }
  if (blank) /* it divides the mails; that of an empty body comes before it */
    mail->end = blank_at;
  return mbox->failed ? PTN_E_TEMPORARY : PTN_OK;
}
