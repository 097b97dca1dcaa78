/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c - see rows.h. */
#include "run/rows.h"

void
rows_init (struct rows *rows) {
  rows->rows = g_ptr_array_new_with_free_func ((GDestroyNotify)g_strfreev);
  rows->next = 0;
}

void
rows_clear (struct rows *rows) {
  g_clear_pointer (&rows->rows, g_ptr_array_unref);
}

static void
rows_free (void *state) {
  struct rows *rows = state;
  rows_clear (rows);
  g_free (rows);
}

struct rows *
rows_of (struct ptn_call *call, bool *fresh) {
  *fresh = !call->state;
  if (*fresh) {
    struct rows *rows = g_new0 (struct rows, 1);
    rows_init (rows);
    call->state = rows;
    call->release = rows_free;
  }
  return call->state;
}

void
rows_add (struct rows *rows, ...) {
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  const char *column;
  va_list columns;

  va_start (columns, rows);
  while ((column = va_arg (columns, const char *)))
    g_strv_builder_add (builder, column);
  va_end (columns);
  g_ptr_array_add (rows->rows, g_strv_builder_end (builder));
}

ptn_status
rows_give (struct rows *rows, struct ptn_call *call, struct ptn_report *report) {
  while (rows->next < rows->rows->len) {
    char **columns = rows->rows->pdata[rows->next];
    ptn_status status =
        report->row (report, call->task, (const char *const *)columns, g_strv_length (columns));
    call->cancel = status == PTN_PENDING ? call->release : NULL;
    if (status != PTN_OK)
      return status;
    rows->next++;
  }
  return PTN_OK;
}
