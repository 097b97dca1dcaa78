/* SPDX-License-Identifier: Apache-2.0 */
/* html_test.c - HTML as text, whatever pieces it comes in. */
#include "common/text/html.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool
append (void *user, const char *data, size_t size) {
  g_string_append_len (user, data, (gssize)size);
  return true;
}

static void
check (const char *in, const char *expected) {
  for (size_t piece = 1; piece <= strlen (in) + 1; piece++) {
    g_autoptr (GString) out = g_string_new (NULL);
    struct text_sink sink = { append, out };
    struct html_text h;

    html_begin (&h, &sink);
    for (size_t at = 0; at < strlen (in); at += piece)
      assert_true (html_feed (&h, in + at, MIN (piece, strlen (in) - at)));
    assert_true (html_end (&h));
    assert_string_equal (out->str, expected);
  }
}

static void
texts (void **state) {
  check ("", "");
  check ("plain", "plain");
  check ("<p>One</p>\n<p>two  <b>three</b>\r\nfour</p>", "One\n\ntwo three four");
  check ("a<br>b<br/>c<br><br>d", "a\nb\nc\n\nd");
  check ("<div>a</div><div><div>b</div></div>", "a\nb");
  check ("<table><tr><td>1<td>2</tr><tr><td>3</td></tr></table>", "1 2\n3");
  check ("<html><head><title>no</title><style>p { x: '>' }</style></head><body>yes</body></html>",
         "yes");
  check ("<head><body>yes", "yes");
  check ("a<script>if (a < b && '</p>') x ();</script>b", "ab");
  check ("a<!-- <p>no</p> -- > - --->b<!>c<!doctype html>d<?php x ?>e<!--->f", "abcdef");
  check ("a < b <3 </ c << <b>d</b>", "a < b <3 </ c << d");
  check ("<a href=\"x>y\" title='>'>link</a>", "link");
  check ("<pre>a  b\nc</pre>", "a  b\nc");
  check ("x<unclosed", "x");
}

static void
entities (void **state) {
  check ("a&amp;b &lt;c&gt; &quot;&apos;", "a&b <c> \"'");
  check ("&auml;&Auml;&euro;&#228;&#xE4;&#xe4",
         "\xc3\xa4\xc3\x84\xe2\x82\xac\xc3\xa4\xc3\xa4\xc3\xa4");
  check ("a&nbsp;&nbsp;b", "a b");
  check ("AT&T &unknown; & &; &#; &#x; &amp", "AT&T &unknown; & &; &#; &#x; &");
  check ("&#0;&#xd800;&#99999999999;", "\xef\xbf\xbd\xef\xbf\xbd");
  check ("&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;",
         "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;");
}

int
main (void) {
  static const struct CMUnitTest tests[] = { cmocka_unit_test (texts),
                                             cmocka_unit_test (entities) };

  return cmocka_run_group_tests (tests, NULL, NULL);
}
