/* SPDX-License-Identifier: Apache-2.0 */
/* progress.c - see progress.h. */
#include "ctl/progress.h"

#include <stdbool.h>
#include <string.h>

enum {
  BAR = 30,
  BAR_FROM = 70,                /* columns: on narrower terminals there is no bar */
  SETTLED = 2 * G_USEC_PER_SEC, /* before that a rate is noise */
  LONGEST = 100 * 3600          /* seconds: longer is "not known" */
};

static bool
is_octets (const char *what) {
  return strncmp (what, "octets", 6) == 0 && (what[6] == '\0' || what[6] == ' ');
}

static void
put_amount (GString *line, uint64_t amount, bool octets) {
  static const char *const units[] = { "kB", "MB", "GB", "TB", "PB" };
  double value = (double)amount;
  int unit = -1;
  while (octets && value >= 999.5 && unit + 1 < (int)G_N_ELEMENTS (units)) {
    value /= 1000;
    unit++;
  }
  if (unit < 0)
    g_string_append_printf (line, "%" G_GUINT64_FORMAT "%s", amount, octets ? " B" : "");
  else
    g_string_append_printf (line, value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static void
put_time (GString *line, uint64_t seconds) {
  if (seconds >= 3600)
    g_string_append_printf (line, ", %u h %02u min left", (unsigned)(seconds / 3600),
                            (unsigned)(seconds / 60 % 60));
  else if (seconds >= 60)
    g_string_append_printf (line, ", %u min %02u s left", (unsigned)(seconds / 60),
                            (unsigned)(seconds % 60));
  else
    g_string_append_printf (line, ", %u s left", (unsigned)seconds);
}

static void
new_stage (struct progress *progress, uint64_t done, uint64_t total, const char *what, gint64 now) {
  g_free (progress->what);
  progress->what = g_strdup (what);
  progress->total = total;
  progress->first = done;
  progress->begun = now;
}

static void
put_left (GString *line, const struct progress *progress, gint64 now) {
  gint64 passed = now - progress->begun;
  uint64_t did = progress->done - progress->first;
  if (passed < SETTLED || did == 0 || progress->done >= progress->total)
    return;
  double left =
      (double)(progress->total - progress->done) / (double)did * (double)passed / G_USEC_PER_SEC;
  if (left < LONGEST)
    put_time (line, (uint64_t)(left + 0.5));
}

static void
put_bar (GString *line, uint64_t done, uint64_t total) {
  unsigned filled = (unsigned)((double)done / (double)total * BAR);
  g_string_append_c (line, '[');
  for (unsigned i = 0; i < BAR; i++)
    g_string_append_c (line, i < filled ? '#' : '.');
  g_string_append (line, "] ");
}

char *
progress_line (struct progress *progress, uint64_t done, uint64_t total, const char *what,
               gint64 now, unsigned columns) {
  GString *line = g_string_new (NULL);
  bool octets = is_octets (what);
  if (total)
    done = MIN (done, total);
  if (!progress->what || strcmp (progress->what, what) != 0 || progress->total != total
      || done < progress->done)
    new_stage (progress, done, total, what, now);
  progress->done = done;
  if (total && columns >= BAR_FROM)
    put_bar (line, done, total);
  if (total)
    g_string_append_printf (line, "%3u%% ", (unsigned)((double)done / (double)total * 100));
  put_amount (line, done, octets);
  if (total) {
    g_string_append (line, " of ");
    put_amount (line, total, octets);
  }
  if (octets ? what[6] != 0 : *what != 0)
    g_string_append_printf (line, " %s", octets ? what + 7 : what);
  if (total)
    put_left (line, progress, now);
  if (g_utf8_strlen (line->str, -1) > (glong)columns)
    g_string_truncate (line, (gsize)(g_utf8_offset_to_pointer (line->str, columns) - line->str));
  return g_string_free (line, FALSE);
}

void
progress_clear (struct progress *progress) {
  g_clear_pointer (&progress->what, g_free);
}
