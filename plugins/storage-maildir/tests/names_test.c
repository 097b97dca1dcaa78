/* SPDX-License-Identifier: Apache-2.0 */
/* names_test.c - names of message files, of folders, and where accounts are. */
#include "../filename.h"
#include "../folders.h"
#include "../maildir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void
sizes_in_names (void **state) {
  struct file_name name;
  assert_true (file_name_parse ("1795306177.M88128P5605.vm,S=15,W=18:2,Sab", &name));
  assert_int_equal (name.base, 35);
  assert_int_equal (name.size, 15);
  assert_int_equal (name.crlf_size, 18);
  assert_false (name.exact);
  assert_true (file_name_parse ("1.a.b,W=7,X=r", &name));
  assert_int_equal (name.size, UINT64_MAX);
  assert_int_equal (name.crlf_size, 7);
  assert_true (name.exact);
  assert_true (file_name_parse ("1.a.b,S=,W=9x,S=99999999999999999999999", &name));
  assert_int_equal (name.size, UINT64_MAX);
  assert_int_equal (name.crlf_size, UINT64_MAX);
  assert_true (file_name_parse ("x", &name));
}

static void
hostile_names (void **state) {
  static const char *const names[] = { "", ".", "..", ".hidden", "a/b", "a\nb", ":2,S", "a\x7f" };
  struct file_name name;
  g_autofree char *longest = g_strnfill (255, 'n'), *longer = g_strnfill (256, 'n');
  for (size_t i = 0; i < G_N_ELEMENTS (names); i++)
    assert_false (file_name_parse (names[i], &name));
  assert_true (file_name_parse (longest, &name));
  assert_false (file_name_parse (longer, &name));
}

static void
letters (void **state) {
  const char *name = "1.x:2,FPSZac";
  g_autofree char *none = file_name_with (name, 3, 2, 0);
  g_autofree char *all = file_name_with (name, 3, 26, UINT64_MAX);
  g_autofree char *bare = file_name_with ("1.x", 3, 0, PTN_SEEN | PTN_DRAFT);
  assert_int_equal (file_name_flags (name, 3, 2), PTN_FLAGGED | PTN_SEEN | 1 << 16);
  assert_int_equal (file_name_flags (name, 3, 3), PTN_FLAGGED | PTN_SEEN | 5 << 16);
  assert_int_equal (file_name_flags ("1.x:1,S", 3, 3), 0);
  assert_int_equal (file_name_flags ("1.x", 3, 3), 0);
  assert_string_equal (none, "1.x:2,PZc"); /* what is not ours stays */
  assert_string_equal (all, "1.x:2,DFPRSTZabcdefghijklmnopqrstuvwxyz");
  assert_string_equal (bare, "1.x:2,DS");
}

static void
folders_and_paths (void **state) {
  static const char *const pairs[][2] = {
    { "INBOX", "" },
    { "INBOX/child", ".INBOX.child" },
    { "a/b", ".a.b" },
    { "Entw\xc3\xbcrfe/K&R", ".Entw&APw-rfe.K&-R" },
    { "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", ".&ZeVnLIqe-" },
    { "\xf0\x9f\x93\xac x", ".&2D3c7A- x" },
    { "a.b", ".a\\2eb" },
    { "a\\2eb", ".a\\5c2eb" },
    { "a\\b", ".a\\b" },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (pairs); i++) {
    g_autofree char *folder = folder_of (pairs[i][0]);
    g_autofree char *path = i ? folder_path (pairs[i][1]) : g_strdup ("INBOX");
    assert_string_equal (folder, pairs[i][1]);
    assert_non_null (path);
    assert_string_equal (path, pairs[i][0]);
  }
}

static void
folders_that_are_none (void **state) {
  static const char *const folders[] = {
    "a",      ".",     "..",     ".INBOX", ".inbox", ".inbox.x",       ".a..b",
    ".a.",    ".&",    ".&AP",   ".&APw",  ".&AGE-", ".\xc3\xbc",      ".&2D0-",
    ".&3Kw-", ".a\nb", ".&AAA-", ".a/b",   ".&APx-", ".&APwAPw-&APw-",
  };
  for (size_t i = 0; i < G_N_ELEMENTS (folders); i++) {
    g_autofree char *path = folder_path (folders[i]);
    if (path)
      fail_msg ("%s is taken for %s", folders[i], path);
  }
  g_autofree char *path = g_strnfill (300, 'x'), *folder = folder_of (path);
  assert_null (folder);
}

static void
subscriptions (void **state) {
  g_autoptr (GHashTable) paths = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  subscriptions_parse ("V\t2\n\nEntw&APw-rfe\tK&-R\nSent\n\tbad\n&\na.b\n", paths);
  assert_int_equal (g_hash_table_size (paths), 3);
  assert_true (g_hash_table_contains (paths, "Entw\xc3\xbcrfe/K&R"));
  assert_true (g_hash_table_contains (paths, "a.b"));
  g_autofree char *text = subscriptions_format (paths);
  assert_string_equal (text, "V\t2\n\nEntw&APw-rfe\tK&-R\nSent\na.b\n");
  g_hash_table_remove_all (paths);
  subscriptions_parse ("Sent\nLists.Postern\n", paths); /* version 1 */
  assert_true (g_hash_table_contains (paths, "Lists/Postern"));
}

static char *
place (const char *template, const char *domain, const char *account) {
  struct store store = { .template = (char *)template, .domain = (char *)domain };
  return place_of (&store, account);
}

static void
places (void **state) {
  static const struct {
    const char *template, *domain, *account, *place;
  } rows[] = {
    { "/m/%u/Maildir", "", "ann@a.test", "/m/ann@a.test/Maildir" },
    { "/m/%d/%n", "", "ann@a.test", "/m/a.test/ann" },
    { "/m/%d/%n", "", "ann", NULL },
    { "/home/%n/Maildir", "a.test", "ann@A.test", "/home/ann/Maildir" },
    { "/home/%n/Maildir", "a.test", "ann@b.test", NULL },
    { "/home/%n/Maildir", "", "ann", "/home/ann/Maildir" },
    { "/m/%u", "", "../x", "/m/%2E.%2Fx" },
    { "/m/%u", "", "a%2Fb", "/m/a%252Fb" },
    { "/100%%/%u", "", "a", "/100%/a" },
    { "/m/%d/%n", "", "ann@..", "/m/%2E./ann" },
    { "/m/%u", "", "", NULL },
    { "/m/%n", "", "@a", NULL },
  };
  for (size_t i = 0; i < G_N_ELEMENTS (rows); i++) {
    g_autofree char *found = place (rows[i].template, rows[i].domain, rows[i].account);
    if (rows[i].place)
      assert_string_equal (found, rows[i].place);
    else
      assert_null (found);
  }
  const char *why;
  assert_false (place_valid ("/m/%x/%u", &why));
  assert_false (place_valid ("m/%u", &why));
  assert_false (place_valid ("/m/x", &why));
  assert_false (place_valid ("/m/%u%", &why));
  assert_true (place_valid ("/m/%d/%n", &why));
}

static void
accounts_are_found_again (void **state) {
  static const char *const templates[] = { "%u/Maildir", "%d/%n", "x-%d-y/u.%n.box/M", "%n@%d" };
  static const char *const accounts[] = { "ann@a.test", "b%b@a.test", "c/c@b.test", ".d@c" };
  g_autofree char *top = g_dir_make_tmp ("maildir-XXXXXX", NULL);
  for (size_t t = 0; t < G_N_ELEMENTS (templates); t++) {
    g_autofree char *base = g_strdup_printf ("%s/%zu", top, t);
    g_autofree char *template = g_strconcat (base, "/", templates[t], NULL);
    struct store store = { .template = template, .domain = (char *)"" };
    for (size_t i = 0; i < G_N_ELEMENTS (accounts); i++) {
      g_autofree char *path = place_of (&store, accounts[i]);
      assert_true (make_parents (path) && maildir_make (path, true));
    }
    g_autoptr (GPtrArray) found = place_list (&store);
    assert_int_equal (found->len, G_N_ELEMENTS (accounts));
    for (size_t i = 0; i < G_N_ELEMENTS (accounts); i++)
      assert_true (g_ptr_array_find_with_equal_func (found, accounts[i], g_str_equal, NULL));
  }
  tree_remove (top);
}

int
main (void) {
  const struct CMUnitTest tests[] = {
    cmocka_unit_test (sizes_in_names),
    cmocka_unit_test (hostile_names),
    cmocka_unit_test (letters),
    cmocka_unit_test (folders_and_paths),
    cmocka_unit_test (folders_that_are_none),
    cmocka_unit_test (subscriptions),
    cmocka_unit_test (places),
    cmocka_unit_test (accounts_are_found_again),
  };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
