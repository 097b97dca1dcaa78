/* SPDX-License-Identifier: Apache-2.0 */
/* dots_test.c - the end of DATA: what is an end, what is refused, and that no cut of the input
 * changes the answer. */
#include "../dots.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct sample {
  const char *input;    /* after DATA CRLF */
  const char *expected; /* NULL: does not end */
  bool bare;
  const char *rest; /* what stays for the next command */
};

static const struct sample samples[] = {
  { ".\r\n", "", false, "" },
  { "a\r\n.\r\nQUIT", "a\r\n", false, "QUIT" },
  { "a\r\n..\r\n.\r\n", "a\r\n.\r\n", false, "" },
  { "..a\r\n.\r\n", ".a\r\n", false, "" },
  { "...\r\n.\r\n", "..\r\n", false, "" },
  { ".a\r\n.\r\n", "a\r\n", false, "" },
  { "a.\r\n.b.\r\n.\r\n", "a.\r\nb.\r\n", false, "" },
  { "\r\n\r\n.\r\n", "\r\n\r\n", false, "" },
  /* Bare CR and LF are octets like others. */
  { "a\nb\rc\r\n.\r\n", "a\nb\rc\r\n", false, "" },
  { "a\n.b\r\n.\r\n", "a\n.b\r\n", false, "" },
  { "a\r.b\r\n.\r\n", "a\r.b\r\n", false, "" },
  { "a\n..\nb\r\n.\r\n", "a\n..\nb\r\n", false, "" },
  { "a\r\r\n.\r\n", "a\r\r\n", false, "" },
  { "a\n\r\n.\r\n", "a\n\r\n", false, "" },
  /* A dot between line ends that are not both CRLF. */
  { "a\n.\nb\r\n.\r\n", NULL, true, "" },
  { "a\n.\r\nb\r\n.\r\n", NULL, true, "" },
  { "a\r\n.\nb\r\n.\r\n", NULL, true, "" },
  { "a\r\n.\rb\r\n.\r\n", NULL, true, "" },
  { "a\r\n.\r\r\nb\r\n.\r\n", NULL, true, "" },
  { "a\r.\rb\r\n.\r\n", NULL, true, "" },
  { "a\r.\nb\r\n.\r\n", NULL, true, "" },
  { "a\n.\rb\r\n.\r\n", NULL, true, "" },
  { "a\r.\r\nb\r\n.\r\n", NULL, true, "" },
  { ".\nb\r\n.\r\n", NULL, true, "" },
  { ".\rb\r\n.\r\n", NULL, true, "" },
  { "a\r\n\n.\r\n.\r\n", NULL, true, "" },
};

/* Feeds the octets so that `cut` of them come first; true: it ended. */
static bool
decode (const char *input, size_t cut, size_t max, struct dots *dots, GString *out, size_t *taken) {
  size_t size = strlen (input), have = cut, at = 0, need = 1;
  dots_start (dots);
  while (!dots->ended) {
    if (have - at < need) {
      if (have == size)
        return false;
      have++; /* octet by octet from the cut on */
      continue;
    }
    /* A copy of its own, so that a sanitizer sees a look beyond the end. */
    g_autofree char *piece = g_memdup2 (input + at, have - at);
    struct dots_cut c = dots_next (dots, piece, have - at, max);
    assert_true (c.give <= max);
    assert_true (c.give <= c.take && c.take <= have - at && c.need <= 3);
    if (c.take == 0)
      assert_true (c.need > have - at);
    g_string_append_len (out, piece, (gssize)c.give);
    at += c.take;
    need = MAX (c.need, 1);
  }
  *taken = at;
  return true;
}

static void
every_sample_with_every_cut (void **state) {
  for (size_t i = 0; i < G_N_ELEMENTS (samples); i++) {
    const struct sample *sample = &samples[i];
    for (size_t cut = 0; cut <= strlen (sample->input); cut++)
      for (size_t max = 1; max < 40; max += max < 4 ? 1 : 35) {
        g_autoptr (GString) out = g_string_new (NULL);
        struct dots dots;
        size_t taken = 0;
        assert_true (decode (sample->input, cut, max, &dots, out, &taken));
        assert_int_equal (dots.bare, sample->bare);
        assert_string_equal (sample->input + taken, sample->rest);
        if (sample->expected)
          assert_string_equal (out->str, sample->expected);
      }
  }
}

static void
what_does_not_end (void **state) {
  static const char *const open[] = { "",       ".",      ".\r",      "a\r\n.",  "a\r\n.\r",
                                      "a.\r\n", "a\n.\n", "a\n.\r\n", "\r\n.\n", "\r\r\n" };
  for (size_t i = 0; i < G_N_ELEMENTS (open); i++) {
    g_autoptr (GString) out = g_string_new (NULL);
    struct dots dots;
    size_t taken;
    assert_false (decode (open[i], 0, 100, &dots, out, &taken));
  }
}

/* Whatever is stuffed comes out as it was. */
static void
stuffed_at_random (void **state) {
  static const char octets[] = "..\r\nab";
  g_autoptr (GRand) dice = g_rand_new_with_seed (42);
  for (int round = 0; round < 20000; round++) {
    g_autoptr (GString) mail = g_string_new (NULL), wire = g_string_new (NULL);
    g_autoptr (GString) out = g_string_new (NULL);
    for (int i = g_rand_int_range (dice, 0, 24); i > 0; i--) {
      char c = octets[g_rand_int_range (dice, 0, 6)];
      bool line = mail->len == 0 || g_str_has_suffix (mail->str, "\r\n");
      g_string_append_c (mail, c);
      g_string_append (wire, line && c == '.' ? ".." : (char[]){ c, 0 });
    }
    if (mail->len && !g_str_has_suffix (mail->str, "\r\n")) {
      g_string_append (mail, "\r\n");
      g_string_append (wire, "\r\n");
    }
    g_string_append (wire, ".\r\n");
    struct dots dots;
    size_t taken;
    size_t cut = (size_t)g_rand_int_range (dice, 0, (int)wire->len);
    assert_true (decode (wire->str, cut, 1000, &dots, out, &taken));
    assert_int_equal (taken, wire->len);
    assert_string_equal (out->str, mail->str);
  }
}

int
main (void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test (every_sample_with_every_cut),
                                      cmocka_unit_test (what_does_not_end),
                                      cmocka_unit_test (stuffed_at_random) };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
