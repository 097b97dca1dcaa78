/* SPDX-License-Identifier: Apache-2.0 */
/* address_test.c - addresses of fields, and what is left of those that are none. */
#include "common/mime/address.h"
#include "common/mime/parameters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
append (GString *out, struct ptn_bytes value, char end) {
  if (value.data)
    g_string_append_len (out, value.data, (gssize)value.size);
  else
    g_string_append_c (out, '~');
  g_string_append_c (out, end);
}

/* "name|route|mailbox|host " each, "[name " and "] " of groups; '~' for none. */
static void
check (const char *field, const char *expected) {
  struct mime_addresses list;
  struct mime_address address;
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *exact = g_memdup2 (field, strlen (field)); /* without a NUL behind it */
  mime_addresses_start (&list, exact, strlen (field));
  while (mime_addresses_next (&list, &address)) {
    if (address.kind == MIME_GROUP_END)
      g_string_append (out, "] ");
    else if (address.kind == MIME_GROUP_START) {
      g_string_append_c (out, '[');
      append (out, address.name, ' ');
    } else {
      append (out, address.name, '|');
      append (out, address.route, '|');
      append (out, address.mailbox, '|');
      append (out, address.host, ' ');
    }
  }
  mime_addresses_clear (&list);
  assert_string_equal (out->str, expected);
}

static void
addresses (void **state) {
  check ("", "");
  check (" , ,, (nobody)", "");
  check ("joe@x", "~|~|joe|x ");
  check ("joe@x, Mary Ann <mary@y.example>", "~|~|joe|x Mary Ann|~|mary|y.example ");
  check ("Joe Q. Public <john.q.public@x>", "Joe Q. Public|~|john.q.public|x ");
  check ("\"Giant; \\\"Big\\\" Box\" <sysservices@x>", "Giant; \"Big\" Box|~|sysservices|x ");
  check ("joe@x (Joe (the \\) one) Public)", "Joe (the ) one) Public|~|joe|x ");
  check ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>",
         "Pete|~|pete|silly.test ");
  check ("<@a.test,@b.test:joe@x>", "~|@a.test,@b.test|joe|x ");
  check ("Joe <@a.test: joe@x>", "Joe|@a.test|joe|x ");
  check ("joe . public @ example . test", "~|~|joe.public|example.test ");
  check ("\"joe public\"@x", "~|~|joe public|x ");
  check ("joe@[192.0.2.1]", "~|~|joe|[192.0.2.1] ");
  check ("=?utf-8?Q?J=C3=B6?=\t =?utf-8?Q?x?= <j@x>", "=?utf-8?Q?J=C3=B6?= =?utf-8?Q?x?=|~|j|x ");
  check ("J\xc3\xb6 <j\xc3\xb6@\xc3\xb6.test>", "J\xc3\xb6|~|j\xc3\xb6|\xc3\xb6.test ");
}

static void
groups (void **state) {
  check ("Friends: a@x, B <b@x>;", "[Friends ~|~|a|x B|~|b|x ] ");
  check ("undisclosed-recipients:;", "[undisclosed-recipients ] ");
  check ("Cold War: a@x;, c@y", "[Cold War ~|~|a|x ] ~|~|c|y ");
  check ("A: a@x", "[A ~|~|a|x ] ");
  check ("A: B: b@x;; c@y", "[A B|~|b|x ] ~|~|c|y ");
  check ("a@x; b@x", "~|~|a|x ~|~|b|x ");
}

static void
malformed (void **state) {
  check ("joe", "~|~|joe| ");
  check ("Joe Public", "Joe Public|~|| ");
  check ("Joe <>", "Joe|~|| ");
  check ("<joe>", "~|~|joe| ");
  check ("joe@x <joe@x>", "joe@x|~|joe|x ");
  check ("Joe joe@x", "Joe|~|joe|x ");
  check ("a@b@c", "~|~|a@b|c ");
  check ("<joe@x, mary@y>", "~|~|joe|x ~|~|mary|y ");
  check ("\"Joe <joe@x>, mary@y", "~|~|Joe <joe@x>, mary@y| ");
  check ("joe@x (Joe, mary@y", "Joe, mary@y|~|joe|x ");
  check ("Joe <joe@x", "Joe|~|joe|x ");
  check ("<@host>", "~|~||host ");
  check ("@", "~|~|| ");
  check (":", "");
  check ("<", "~|~|| ");
  check ("\\", "~|~|\\| ");
  check ("\"", "~|~|| ");
  check ("(", "");
  check ("[", "~|~|[| ");
  check ("joe@x <joe@x> \"more\" <even@more>", "joe@x|~|joe|x ");
}

static void
check_parameters (const char *field, const char *expected) {
  struct mime_parameters p;
  g_autoptr (GString) out = g_string_new (NULL);
  g_autofree char *exact = g_memdup2 (field, strlen (field));
  mime_parameters_parse (&p, exact, strlen (field));
  append (out, p.value, ' ');
  for (unsigned i = 0; i < p.count; i++) {
    append (out, p.items[i].name, '=');
    append (out, p.items[i].value, ' ');
  }
  mime_parameters_clear (&p);
  assert_string_equal (out->str, expected);
}

static void
parameters (void **state) {
  check_parameters ("", " ");
  check_parameters ("text/plain", "text/plain ");
  check_parameters (" text/plain (c) ; a=b(x); C = \"d\\\"e;f\" ; g",
                    "text/plain a=b(x) C=d\"e;f ");
  check_parameters ("x; name=my file.pdf; b=a=b", "x name=my file.pdf b=a=b ");
  check_parameters ("x; a=\"un;terminated", "x a=un;terminated ");
  check_parameters ("x; =y;; z=", "x z= ");
  check_parameters ("x; n*0=a; m=b; n*1=\"c d\"", "x n=ac d m=b ");
  check_parameters ("x; n*1*=%20b; n*0*=utf-8''a; n*2=\"c d\"", "x n*=utf-8''a%20bc%20d ");
  check_parameters ("x; n*=utf-8''%C3%A4", "x n*=utf-8''%C3%A4 ");
  check_parameters ("x; n*0=a; n*1*=%41", "x n*=''a%41 ");
  check_parameters ("x; n*0=a; n*2=c; n*0=z", "x n=a n=z n*2=c ");
  check_parameters ("x; n*01=a; *=b; n*5=c", "x n*01=a *=b n*5=c ");
}

int
main (void) {
  static const struct CMUnitTest tests[] = {
    cmocka_unit_test (addresses),
    cmocka_unit_test (groups),
    cmocka_unit_test (malformed),
    cmocka_unit_test (parameters),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
