/* SPDX-License-Identifier: Apache-2.0 */
/* url_test.c - IMAP URLs (RFC 5092, RFC 4467), and parts of a BODYSTRUCTURE. */
#include "append/decoded.h"
#include "append/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TOKEN "91354a473744909de610943775f92038"

static void
whole (void **state) {
  static const char text[] =
      "imap://J%20Doe;AUTH=*@Example.test:993/Entw%C3%BCrfe%2F1;UIDVALIDITY=7/;UID=20/"
      ";SECTION=1.2.MIME/"
      ";PARTIAL=10.20;EXPIRE=2026-01-01T00:00:00Z;URLAUTH=submit+fred:internal:" TOKEN;
  struct imap_url url;
  assert_true (url_parse (text, &url));
  assert_string_equal (url.user, "J Doe");
  assert_string_equal (url.host, "Example.test");
  assert_int_equal (url.port, 993);
  assert_string_equal (url.mailbox, "Entw\xc3\xbcrfe/1");
  assert_int_equal (url.uidvalidity, 7);
  assert_int_equal (url.uid, 20);
  assert_string_equal (url.section, "1.2.MIME");
  assert_true (url.partial && url.offset == 10 && url.length == 20);
  assert_true (url.expires && url.expire == 1767225600);
  assert_string_equal (url.access, "submit+fred");
  assert_string_equal (url.mechanism, "internal");
  assert_string_equal (url.token, TOKEN);
  assert_int_equal (url.rump_size, strstr (text, ":internal") - text);
  url_clear (&url);
}

static void
relative (void **state) {
  struct imap_url url;
  assert_true (url_parse ("/INBOX/;uid=1", &url));
  assert_null (url.host);
  assert_null (url.section);
  assert_string_equal (url.mailbox, "INBOX");
  url_clear (&url);
  assert_true (url_parse ("/a/b/;UID=1;URLAUTH=anonymous", &url));
  assert_string_equal (url.mailbox, "a/b");
  assert_null (url.token);
  url_clear (&url);
  assert_true (url_parse ("imap://[2001:db8::1]/a/;UID=4294967295/;PARTIAL=5", &url));
  assert_string_equal (url.host, "2001:db8::1");
  assert_int_equal (url.length, 0);
  url_clear (&url);
}

static void
refused (void **state) {
  static const char *const texts[] = {
    "",
    "/",
    "INBOX",
    "/INBOX",
    "/INBOX/;UID=",
    "/INBOX/;UID=0",
    "/INBOX/;UID=4294967296",
    "/INBOX/;UID=1x",
    "//;UID=1",
    "/;UID=1",
    "/%00/;UID=1",
    "/%zz/;UID=1",
    "/%ff/;UID=1",
    "/a%0ab/;UID=1",
    "/INBOX;UIDVALIDITY=0/;UID=1",
    "/INBOX;OTHER=1/;UID=1",
    "/INBOX/;UID=1/;SECTION=",
    "/INBOX/;UID=1/;PARTIAL=1.",
    "/INBOX/;UID=1/;PARTIAL=1.0",
    "/INBOX/;UID=1;EXPIRE=2026-01-01T00:00:00Z",
    "/INBOX/;UID=1;EXPIRE=soon;URLAUTH=anonymous",
    "/INBOX/;UID=1;URLAUTH=",
    "/INBOX/;UID=1;URLAUTH=anonymous:internal",
    "/INBOX/;UID=1;URLAUTH=anonymous:internal:abc",
    "/INBOX/;UID=1;URLAUTH=anonymous:internal:" TOKEN "x",
    "/INBOX/;UID=1;URLAUTH=anonymous::" TOKEN,
    "imap://",
    "imap:///INBOX/;UID=1",
    "imap://host",
    "imap://host:x/INBOX/;UID=1",
    "imap://host:70000/INBOX/;UID=1",
    "imap://user;X=*@host/INBOX/;UID=1",
    "imap://[::1/INBOX/;UID=1",
    "http://host/INBOX/;UID=1",
  };
  struct imap_url url;
  for (size_t i = 0; i < G_N_ELEMENTS (texts); i++)
    if (url_parse (texts[i], &url))
      fail_msg ("taken: %s", texts[i]);
}

static void
part_is (const char *structure, const uint32_t *path, size_t depth, const char *expected) {
  struct ptn_bytes found =
      structure_of_part ((struct ptn_bytes){ structure, strlen (structure) }, path, depth);
  assert_int_equal (found.size, strlen (expected));
  assert_memory_equal (found.data ? found.data : "", expected, found.size);
}

static void
parts (void **state) {
#define LEAF "(\"text\" \"plain\" NIL NIL NIL \"7bit\" {5}\r\n(\"a)b 1)"
#define INNER "(" LEAF LEAF " \"mixed\" NIL)"
#define MESSAGE "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 10 (NIL \"a)\") " INNER " 3 NIL)"
  static const char mail[] = "(" LEAF MESSAGE " \"mixed\" (\"boundary\" \"\\\"x\") NIL)";
  part_is (mail, (uint32_t[]){ 1 }, 0, mail);
  part_is (mail, (uint32_t[]){ 1 }, 1, LEAF);
  part_is (mail, (uint32_t[]){ 2 }, 1, MESSAGE);
  part_is (mail, (uint32_t[]){ 2, 2 }, 2, LEAF);
  part_is (mail, (uint32_t[]){ 3 }, 1, "");
  part_is (mail, (uint32_t[]){ 2, 3 }, 2, "");
  part_is (LEAF, (uint32_t[]){ 1 }, 1, LEAF);
  part_is (LEAF, (uint32_t[]){ 2 }, 1, "");
  part_is ("((", (uint32_t[]){ 2 }, 1, "");
  part_is ("({99999999999999999999}", (uint32_t[]){ 2 }, 1, "");
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (whole),
    cmocka_unit_test (relative),
    cmocka_unit_test (refused),
    cmocka_unit_test (parts),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
