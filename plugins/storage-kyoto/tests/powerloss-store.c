/* SPDX-License-Identifier: GPL-3.0-or-later */
/* powerloss-store.c - the program that powerloss.py cuts the power of.
 *
 *     powerloss-store run PATH sync|nosync   a fixed sequence of changes, each marked when it is
 *                                            acknowledged
 *     powerloss-store check PATH             opens the store and prints the mail that is there, or
 *                                            "bad" and why */
#include "support.h"

#include <dlfcn.h>
#include <stdio.h>

enum { CHANGES = 90 };

static void
mark (unsigned number) {
  void (*word) (const char *) = (void (*) (const char *))dlsym (RTLD_DEFAULT, "powerloss_mark");
  char text[16];

  g_snprintf (text, sizeof text, "%u", number);
  if (word)
    word (text);
}

/* Change `number`: mostly a delivery, of 1.2 MB once, else an expunge of what was delivered three
 * changes before.  powerloss.py knows the same rules. */
static void
change (struct fixture *f, unsigned number) {
  g_autofree char *text = g_strdup_printf ("mail %u\r\n", number);
  ptn_status status;

  if (number % 4 == 3) {
    uint32_t uid = number - 3 - (number - 3) / 4 + 1;

    status = expunge (f, "ann@example.test", uid, uid);
  } else if (number == 40) {
    size_t size = strlen (text), whole = 1200 * 1000;
    g_autofree char *big = g_malloc (whole);

    memset (big, 'x', whole);
    memcpy (big, text, size);
    status = try_deliver (f, "ann@example.test", "INBOX", big, whole, NULL);
  } else {
    size_t size = strlen (text), whole = size + number * 97 % 3000;
    g_autofree char *mail = g_malloc (whole);

    memset (mail, 'x', whole);
    memcpy (mail, text, size);
    status = try_deliver (f, "ann@example.test", "INBOX", mail, whole, NULL);
  }
  if (status == PTN_OK)
    mark (number);
}

static void
check (struct fixture *f) {
  for (uint32_t uid = 1; uid <= CHANGES; uid++) {
    ptn_status status;
    g_autofree char *text = read_text (f, "ann@example.test", "INBOX", uid, &status);

    if (text)
      printf ("%u %.*s\n", uid, (int)strcspn (text, "\r"), text);
    else if (status != PTN_E_EXPUNGED && status != PTN_E_NOT_FOUND)
      printf ("bad: uid %u: status %d\n", uid, status);
  }
  g_autoptr (GPtrArray) problems = g_ptr_array_new_with_free_func (problem_free);
  struct verify_counts counts = { 0 };
  verify_index (&f->store->shards[0], problems, &counts);
  for (guint i = 0; i < problems->len; i++) {
    const struct problem *problem = problems->pdata[i];

    printf ("bad: %s: %s\n", problem->where, problem->what);
  }
}

int
main (int argc, char **argv) {
  struct fixture *f;
  void *state;

  if (argc < 3)
    return 2;
  fixture_setup (&state);
  f = state;
  g_free (f->path);
  f->path = g_strdup (argv[2]);
  f->settings.segment_size = 30000;
  f->settings.checkpoint_records = 60;
  f->settings.take_over = true;
  f->settings.sync = argc > 3 && strcmp (argv[3], "sync") == 0;
  if (fixture_try_open (f, &io_system) != PTN_OK) {
    printf ("bad: does not open\n");
    return 0;
  }
  if (strcmp (argv[1], "run") == 0)
    for (unsigned i = 0; i < CHANGES; i++)
      change (f, i);
  else
    check (f);
  return fixture_teardown (&state);
}
