/* SPDX-License-Identifier: Apache-2.0 */
/* output.c - see output.h. */
#include "ctl/output.h"
#include "ctl/progress.h"
#include "log/escape.h"

#include <glib.h>

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { HELD_BACK = 1000, COLUMNS = 80 };

struct output {
  char **columns; /* NULL ends */
  guint count;
  bool json, plain, bar, bar_shown;
  bool settled;    /* widths are known and the head is printed */
  GPtrArray *held; /* char **: rows that decide the widths */
  glong *width;
  bool *number; /* nothing but digits so far: right-aligned */
  struct progress progress;
};

struct output *
output_new (const char *columns, bool json) {
  struct output *output = g_new0 (struct output, 1);

  output->columns = g_strsplit (columns ? columns : "", " ", -1);
  output->count = g_strv_length (output->columns);
  output->json = json;
  output->plain = output->count == 1 && strcmp (output->columns[0], "text") == 0;
  output->bar = !json && isatty (STDERR_FILENO);
  output->held = g_ptr_array_new_with_free_func ((GDestroyNotify)g_strfreev);
  output->width = g_new0 (glong, output->count + 1);
  output->number = g_new0 (bool, output->count + 1);
  for (guint i = 0; i < output->count; i++) {
    output->width[i] = (glong)strlen (output->columns[i]);
    output->number[i] = true;
  }
  return output;
}

/* g_free it. */
static char *
escaped (const char *text, void (*escape) (struct escape_buffer *, const char *, size_t)) {
  size_t length = strlen (text);
  struct escape_buffer buffer = { .room = length * 10 + 16 };
  buffer.data = g_malloc (buffer.room + 1);
  escape (&buffer, text, length);
  buffer.data[buffer.size] = '\0';
  return buffer.data;
}

static void
hide_bar (struct output *output) {
  if (output->bar_shown)
    fputs ("\r\033[K", stderr);
  output->bar_shown = false;
}

static void
print_json (const struct output *output, const char *const *fields, size_t count) {
  putchar ('{');
  for (guint i = 0; i < output->count; i++) {
    g_autofree char *name = escaped (output->columns[i], escape_json);
    g_autofree char *value = escaped (i < count ? fields[i] : "", escape_json);
    printf ("%s\"%s\":\"%s\"", i ? "," : "", name, value);
  }
  fputs ("}\n", stdout);
}

static void
print_cells (const struct output *output, char *const *cells, bool head) {
  GString *line = g_string_new (NULL);

  for (guint i = 0; i < output->count; i++) {
    g_autofree char *upper = head ? g_ascii_strup (cells[i], -1) : NULL;
    const char *text = head ? upper : cells[i];
    glong length = g_utf8_strlen (text, -1);
    int padding = (int)MAX (output->width[i] - length, 0);
    if (output->number[i])
      g_string_append_printf (line, "%*s%s", padding, "", text);
    else
      g_string_append_printf (line, "%s%*s", text, padding, "");
    g_string_append (line, "  ");
  }
  while (line->len && line->str[line->len - 1] == ' ')
    g_string_truncate (line, line->len - 1);
  puts (line->str);
  g_string_free (line, TRUE);
}

static void
settle (struct output *output) {
  if (output->settled)
    return;
  output->settled = true;
  if (!output->held->len)
    return;
  print_cells (output, output->columns, true);
  for (guint i = 0; i < output->held->len; i++)
    print_cells (output, output->held->pdata[i], false);
  g_ptr_array_set_size (output->held, 0);
}

static bool
is_number (const char *text) {
  return *text == '\0' || (strspn (text, "0123456789") == strlen (text));
}

void
output_row (struct output *output, const char *const *fields, size_t count) {
  hide_bar (output);
  if (output->json) {
    print_json (output, fields, count);
    return;
  }
  if (output->plain) {
    puts (count ? fields[0] : "");
    return;
  }
  char **cells = g_new0 (char *, output->count + 1);
  for (guint i = 0; i < output->count; i++) {
    cells[i] = escaped (i < count ? fields[i] : "", escape_text);
    if (!output->settled) {
      output->width[i] = MAX (output->width[i], MIN (g_utf8_strlen (cells[i], -1), 100));
      output->number[i] = output->number[i] && is_number (cells[i]);
    }
  }
  if (output->settled) {
    print_cells (output, cells, false);
    g_strfreev (cells);
    return;
  }
  g_ptr_array_add (output->held, cells);
  if (output->held->len == HELD_BACK)
    settle (output);
}

void
output_note (struct output *output, const char *text) {
  g_autofree char *line = escaped (text, escape_text);
  hide_bar (output);
  fprintf (stderr, "%s\n", line);
}

static unsigned
terminal_columns (void) {
  struct winsize size;
  return ioctl (STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : COLUMNS;
}

void
output_progress (struct output *output, uint64_t done, uint64_t total, const char *what) {
  if (!output->bar)
    return;
  g_autofree char *name = escaped (what, escape_text);
  g_autofree char *line = progress_line (&output->progress, done, total, name,
                                         g_get_monotonic_time (), terminal_columns () - 1);
  hide_bar (output);
  fprintf (stderr, "\r%s", line);
  fflush (stderr);
  output->bar_shown = true;
}

bool
output_end (struct output **output) {
  hide_bar (*output);
  settle (*output);
  g_ptr_array_unref ((*output)->held);
  g_strfreev ((*output)->columns);
  g_free ((*output)->width);
  g_free ((*output)->number);
  progress_clear (&(*output)->progress);
  g_clear_pointer (output, g_free);
  return fflush (stdout) == 0 && !ferror (stdout);
}
