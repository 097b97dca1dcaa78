/* SPDX-License-Identifier: Apache-2.0 */
/* liar_test.c - a server that lies to a search: pages without end, an answer without end, a message
 * that is said to be huge.  Each search fails in time, and the server is given up. */
#include "directory-ldap/search.h"
#include "fake.h"
#include "mock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* libldap has Cyrus SASL load its mechanisms, and Kerberos keeps a few octets of that. */
const char *__lsan_default_suppressions (void);
const char *
__lsan_default_suppressions (void) {
  return "leak:libkrb5support\nleak:libgssapi_krb5\nleak:libsasl2\n";
}

typedef enum { HONEST, EMPTY_PAGES, NO_END, HUGE_MESSAGE } lie;

struct liar {
  lie lie;
  gint requests;
};

static bool
answer (void *data, int fd, ber_int_t id, ber_tag_t request, BerElement *body) {
  static char octets[65536];
  const struct berval large = { sizeof octets, octets }, small = { 5, (char *)"alice" };
  const struct berval head = { 6, (char *)"\x30\x84\x7f\xff\xff\xff" }; /* 2 GB follow */
  static const char dn[] = "uid=alice,dc=t";
  struct liar *liar = data;
  if (request != LDAP_REQ_SEARCH)
    return false;
  g_atomic_int_inc (&liar->requests);
  switch (liar->lie) {
  case HONEST:
    return mock_entry (fd, id, dn, (struct mock_value[]){ { "uid", small }, { NULL } })
           && mock_done (fd, id, LDAP_RES_SEARCH_RESULT, 0, "", "");
  case EMPTY_PAGES:
    return mock_done (fd, id, LDAP_RES_SEARCH_RESULT, 0, "", "more");
  case NO_END:
    while (mock_entry (fd, id, dn, (struct mock_value[]){ { "uid", large }, { NULL } }))
      ;
    return false;
  default:
    return mock_put (fd, &head) && mock_put (fd, &large);
  }
}

/* ---- The other side ---------------------------------------------------------------------- */

static int64_t
now_ns (void) {
  return guard_now_ns ();
}

static void
log_nothing (const struct ptn_host *host, ptn_level level, const struct ptn_task *task,
             const char *event, const struct ptn_field *fields, size_t count) {
}

static ptn_status
search_at (lie what, int limit, gint *requests, gint64 *took_ms, guint *found) {
  struct liar liar = { what, 0 };
  struct mock *mock = mock_new (answer, &liar);
  g_autofree char *servers = g_strdup_printf ("servers=ldap://127.0.0.1:%u", mock_port (mock));
  const char *lines[] = { servers,       "start_tls=no", "cleartext=yes",        "timeout=20s",
                          "page_size=2", FAKE_COMMON,    "preset=inetorgperson", NULL };
  const struct ptn_host host = { .size = sizeof host, .monotonic_ns = now_ns, .log = log_nothing };
  struct rules *rules = fake_rules (lines);
  assert_non_null (rules);
  struct pool *pool = pool_new (&host, rules);
  static char *attributes[] = { (char *)"uid", NULL };
  struct search search = {
    .base = "dc=t", .filter = "(uid=alice)", .attributes = attributes, .limit = limit
  };
  char reason[POOL_REASON];
  const int64_t began_ns = now_ns ();
  const ptn_status status = search_run (&search, pool, rules, reason);
  *took_ms = (now_ns () - began_ns) / 1000000;
  *found = search.records ? search.records->len : 0;
  search_clear (&search);
  pool_unref (pool);
  rules_unref (rules);
  mock_free (&mock);
  *requests = g_atomic_int_get (&liar.requests);
  return status;
}

static void
lies_end_in_time (void **state) {
  (void)state;
  gint requests;
  gint64 took_ms;
  guint found;
  assert_int_equal (search_at (HONEST, 10, &requests, &took_ms, &found), PTN_OK);
  assert_int_equal (found, 1);
  assert_int_equal (search_at (EMPTY_PAGES, 10, &requests, &took_ms, &found), PTN_E_TEMPORARY);
  assert_in_range (requests, 2, 100);
  assert_int_equal (search_at (HUGE_MESSAGE, 1, &requests, &took_ms, &found), PTN_E_TEMPORARY);
  assert_in_range (took_ms, 0, 15000); /* given up for what came, and not for the time */
  /* The last: with MALLOC_PERTURB_ set, the memory that it gives back is slow ever after. */
  assert_int_equal (search_at (NO_END, 1, &requests, &took_ms, &found), PTN_E_TEMPORARY);
  assert_in_range (took_ms, 0, 15000);
}

int
main (void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test (lies_end_in_time) };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
