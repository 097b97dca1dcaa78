/* SPDX-License-Identifier: Apache-2.0 */
/* address_test.c - paths as RFC 5321 and RFC 6531 write them, and those they do not. */
#include "common/address.h"

#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct sample {
  const char *path;
  unsigned allow;
  enum address_fault fault;
  const char *address; /* when it is fine */
};

static const struct sample samples[] = {
  { "<a@example.test>", 0, ADDRESS_OK, "a@example.test" },
  { "<a@example.test> SIZE=1", 0, ADDRESS_OK, "a@example.test" },
  { "<A.b+c/d=e@sub.Example.test>", 0, ADDRESS_OK, "A.b+c/d=e@sub.Example.test" },
  { "<!#$%&'*+-/=?^_`{|}~@x>", 0, ADDRESS_OK, "!#$%&'*+-/=?^_`{|}~@x" },
  { "<\"a b\"@x.y>", 0, ADDRESS_OK, "\"a b\"@x.y" },
  { "<\"a\"@x.y>", 0, ADDRESS_OK, "a@x.y" },
  { "<\"a\\b\"@x.y>", 0, ADDRESS_OK, "ab@x.y" },
  { "<\"a\\\"b\\\\\"@x.y>", 0, ADDRESS_OK, "\"a\\\"b\\\\\"@x.y" },
  { "<\"a>b@c\"@x.y>", 0, ADDRESS_OK, "\"a>b@c\"@x.y" },
  { "<\"\"@x.y>", 0, ADDRESS_OK, "\"\"@x.y" },
  { "<\".a\"@x.y>", 0, ADDRESS_OK, "\".a\"@x.y" },
  { "<@one,@two.x:a@x.y>", 0, ADDRESS_OK, "a@x.y" },
  { "<a@[192.0.2.1]>", 0, ADDRESS_OK, "a@[192.0.2.1]" },
  { "<a@[IPv6:2001:db8::1]>", 0, ADDRESS_OK, "a@[IPv6:2001:db8::1]" },
  { "<a@[x-tag:any!thing]>", 0, ADDRESS_OK, "a@[x-tag:any!thing]" },
  { "<>", ADDRESS_NULL, ADDRESS_OK, "" },
  { "<>", 0, ADDRESS_LOCAL, NULL },
  { "<Postmaster>", ADDRESS_POSTMASTER, ADDRESS_OK, "Postmaster" },
  { "<postmaster>", 0, ADDRESS_DOMAIN, NULL },
  { "<a>", ADDRESS_POSTMASTER, ADDRESS_DOMAIN, NULL },
  { "<\xc3\xbc@x.y>", ADDRESS_UTF8, ADDRESS_OK, "\xc3\xbc@x.y" },
  { "<a@\xc3\xbc.y>", ADDRESS_UTF8, ADDRESS_OK, "a@\xc3\xbc.y" },
  { "<\xc3\xbc@x.y>", 0, ADDRESS_NON_ASCII, NULL },
  { "<a@\xc3\xbc.y>", 0, ADDRESS_NON_ASCII, NULL },
  { "<\xc3@x.y>", ADDRESS_UTF8, ADDRESS_NON_ASCII, NULL },
  { "<\xed\xa0\x80@x.y>", ADDRESS_UTF8, ADDRESS_NON_ASCII, NULL },
  { "", 0, ADDRESS_BRACKETS, NULL },
  { "<", 0, ADDRESS_BRACKETS, NULL },
  { "a@x.y", 0, ADDRESS_BRACKETS, NULL },
  { " <a@x.y>", 0, ADDRESS_BRACKETS, NULL },
  { "<a@x.y", 0, ADDRESS_BRACKETS, NULL },
  { "<a", 0, ADDRESS_LOCAL, NULL },
  { "<a@", 0, ADDRESS_DOMAIN, NULL },
  { "<a@>", 0, ADDRESS_DOMAIN, NULL },
  { "<@x.y>", 0, ADDRESS_ROUTE, NULL },
  { "<@x.y:>", 0, ADDRESS_LOCAL, NULL },
  { "<@x.y,a@x.y>", 0, ADDRESS_ROUTE, NULL },
  { "<a b@x.y>", 0, ADDRESS_LOCAL, NULL },
  { "<.a@x.y>", 0, ADDRESS_LOCAL, NULL },
  { "<a.@x.y>", 0, ADDRESS_LOCAL, NULL },
  { "<a..b@x.y>", 0, ADDRESS_LOCAL, NULL },
  { "<\"a@x.y>", 0, ADDRESS_LOCAL, NULL },
  { "<\"a\"b@x.y>", 0, ADDRESS_LOCAL, NULL },
  { "<a@b@x.y>", 0, ADDRESS_DOMAIN, NULL },
  { "<a@x..y>", 0, ADDRESS_DOMAIN, NULL },
  { "<a@.x>", 0, ADDRESS_DOMAIN, NULL },
  { "<a@x.>", 0, ADDRESS_DOMAIN, NULL },
  { "<a@-x>", 0, ADDRESS_DOMAIN, NULL },
  { "<a@x->", 0, ADDRESS_DOMAIN, NULL },
  { "<a@x_y>", 0, ADDRESS_DOMAIN, NULL },
  { "<a@[1.2.3]>", 0, ADDRESS_DOMAIN, NULL },
  { "<a@[IPv6:zz]>", 0, ADDRESS_DOMAIN, NULL },
  { "<a@[192.0.2.1>", 0, ADDRESS_DOMAIN, NULL },
  { "<a@[:x]>", 0, ADDRESS_DOMAIN, NULL },
};

static void
every_sample (void **state) {
  for (size_t i = 0; i < G_N_ELEMENTS (samples); i++) {
    const struct sample *sample = &samples[i];
    g_autofree char *path = g_memdup2 (sample->path, MAX (strlen (sample->path), 1));
    char out[ADDRESS_MAX + 1];
    size_t used;
    enum address_fault fault =
        address_read_path (path, strlen (sample->path), sample->allow, out, &used);
    if (fault != sample->fault)
      fail_msg ("%s: fault %d instead of %d", sample->path, fault, sample->fault);
    if (fault == ADDRESS_OK) {
      assert_string_equal (out, sample->address);
      assert_true (sample->path[used - 1] == '>');
    } else
      assert_string_equal (out, "");
  }
}

/* A path cut anywhere is refused, without a look beyond its end. */
static void
every_cut (void **state) {
  for (size_t i = 0; i < G_N_ELEMENTS (samples); i++) {
    const char *path = samples[i].path;
    const char *close = strrchr (path, '>');
    for (size_t size = 1; close && size < (size_t)(close - path); size++) {
      g_autofree char *piece = g_memdup2 (path, size);
      char out[ADDRESS_MAX + 1];
      size_t used;
      assert_int_not_equal (address_read_path (piece, size, samples[i].allow, out, &used),
                            ADDRESS_OK);
    }
  }
}

static void
lengths (void **state) {
  char out[ADDRESS_MAX + 1];
  size_t used;
  for (size_t local = 1; local < 80; local++) {
    g_autoptr (GString) path = g_string_new ("<");
    for (size_t i = 0; i < local; i++)
      g_string_append_c (path, 'a');
    g_string_append (path, "@x>");
    enum address_fault fault = address_read_path (path->str, path->len, 0, out, &used);
    assert_int_equal (fault, local <= 64 ? ADDRESS_OK : ADDRESS_LONG);
  }
  for (size_t labels = 1; labels < 140; labels++) {
    g_autoptr (GString) path = g_string_new ("<a@x");
    for (size_t i = 1; i < labels; i++)
      g_string_append (path, ".y");
    g_string_append (path, ">");
    enum address_fault fault = address_read_path (path->str, path->len, 0, out, &used);
    assert_int_equal (fault, 2 * labels - 1 <= 255 ? ADDRESS_OK : ADDRESS_LONG);
  }
  /* The longest spelling: 64 octets that all need a backslash. */
  g_autoptr (GString) path = g_string_new ("<\"");
  for (size_t i = 0; i < 64; i++)
    g_string_append (path, "\\\"");
  g_string_append (path, "\"@");
  for (size_t i = 0; i < 127; i++)
    g_string_append (path, "x.");
  g_string_append (path, "x>");
  assert_int_equal (address_read_path (path->str, path->len, 0, out, &used), ADDRESS_OK);
  assert_int_equal (strlen (out), ADDRESS_MAX);
}

static void
helo_names (void **state) {
  static const char *const good[] = { "a",     "mail.example.test",     "[127.0.0.1]", "[IPv6:::1]",
                                      "my_pc", "xn--bcher-kva.example", "b\xc3\xbc" };
  static const char *const bad[] = { "", "a b", "a(b", "<x>", "a;b", "a\"", "\xff" };
  for (size_t i = 0; i < G_N_ELEMENTS (good); i++)
    assert_true (address_is_helo (good[i], strlen (good[i])));
  for (size_t i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_false (address_is_helo (bad[i], strlen (bad[i])));
}

int
main (void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test (every_sample), cmocka_unit_test (every_cut),
                                      cmocka_unit_test (lengths), cmocka_unit_test (helo_names) };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
