/* SPDX-License-Identifier: Apache-2.0 */
/* liar_test.c - a server that lies to a search: pages without end, an answer without end, a message
 * that is said to be huge.  Each search fails in time, and the server is given up.
 *
 * The server is a thread of its own, on a port of the loopback interface. */
#include "directory-ldap/search.h"
#include "fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

/* libldap has Cyrus SASL load its mechanisms, and Kerberos keeps a few octets of that. */
const char *__lsan_default_suppressions (void);
const char *
__lsan_default_suppressions (void) {
  return "leak:libkrb5support\nleak:libgssapi_krb5\nleak:libsasl2\n";
}

typedef enum { HONEST, EMPTY_PAGES, NO_END, HUGE_MESSAGE } lie;

struct liar {
  int listening;
  lie lie;
  gint requests;
};

static bool
put (int fd, const struct berval *message) {
  for (ber_len_t done = 0; done < message->bv_len;) {
    const ssize_t sent = send (fd, message->bv_val + done, message->bv_len - done, MSG_NOSIGNAL);
    if (sent <= 0)
      return false;
    done += (ber_len_t)sent;
  }
  return true;
}

static bool
put_and_free (int fd, BerElement *ber) {
  struct berval message;
  const bool good = ber_flatten2 (ber, &message, 0) == 0 && put (fd, &message);
  ber_free (ber, 1);
  return good;
}

static bool
put_entry (int fd, ber_int_t id, const struct berval *value) {
  BerElement *ber = ber_alloc_t (LBER_USE_DER);
  ber_printf (ber, "{it{s{{s[O]}}}}", id, (ber_tag_t)LDAP_RES_SEARCH_ENTRY, "uid=alice,dc=t", "uid",
              value);
  return put_and_free (fd, ber);
}

/* With a cookie of the paged results control: there is more. */
static bool
put_done (int fd, ber_int_t id, const char *cookie) {
  BerElement *control = ber_alloc_t (LBER_USE_DER), *ber = ber_alloc_t (LBER_USE_DER);
  struct berval value;
  ber_printf (control, "{is}", 0, cookie);
  ber_flatten2 (control, &value, 0);
  ber_printf (ber, "{it{ess}t{{sO}}}", id, (ber_tag_t)LDAP_RES_SEARCH_RESULT, 0, "", "",
              (ber_tag_t)LDAP_TAG_CONTROLS, LDAP_CONTROL_PAGEDRESULTS, &value);
  ber_free (control, 1);
  return put_and_free (fd, ber);
}

static bool
answer (const struct liar *liar, int fd, ber_int_t id) {
  static char octets[65536];
  const struct berval large = { sizeof octets, octets }, small = { 5, (char *)"alice" };
  const struct berval head = { 6, (char *)"\x30\x84\x7f\xff\xff\xff" }; /* 2 GB follow */
  switch (liar->lie) {
  case HONEST:
    return put_entry (fd, id, &small) && put_done (fd, id, "");
  case EMPTY_PAGES:
    return put_done (fd, id, "more");
  case NO_END:
    while (put_entry (fd, id, &large))
      ;
    return false;
  default:
    return put (fd, &head) && put (fd, &large);
  }
}

static void
serve (struct liar *liar, int fd) {
  Sockbuf *buffer = ber_sockbuf_alloc ();
  ber_sockbuf_add_io (buffer, &ber_sockbuf_io_tcp, LBER_SBIOD_LEVEL_PROVIDER, &fd);
  for (bool good = true; good;) {
    BerElement *ber = ber_alloc_t (LBER_USE_DER);
    ber_len_t size;
    ber_int_t id;
    good = ber_get_next (buffer, &size, ber) == LBER_SEQUENCE || false;
    if (good) {
      const ber_tag_t tag =
          ber_scanf (ber, "i", &id) == LBER_ERROR ? LBER_ERROR : ber_peek_tag (ber, &size);
      good = tag == LDAP_REQ_SEARCH;
    }
    ber_free (ber, 1);
    if (good) {
      g_atomic_int_inc (&liar->requests);
      good = answer (liar, fd, id);
    }
  }
  ber_sockbuf_free (buffer); /* closes */
}

static void *
serve_all (void *data) {
  struct liar *liar = data;
  for (int fd; (fd = accept (liar->listening, NULL, NULL)) >= 0;)
    serve (liar, fd);
  return NULL;
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
  struct sockaddr_in address = { .sin_family = AF_INET,
                                 .sin_addr.s_addr = htonl (INADDR_LOOPBACK) };
  socklen_t size = sizeof address;
  struct liar liar = { socket (AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), what, 0 };
  assert_int_equal (bind (liar.listening, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal (listen (liar.listening, 5), 0);
  assert_int_equal (getsockname (liar.listening, (struct sockaddr *)&address, &size), 0);
  pthread_t thread;
  assert_int_equal (pthread_create (&thread, NULL, serve_all, &liar), 0);

  g_autofree char *servers =
      g_strdup_printf ("servers=ldap://127.0.0.1:%u", ntohs (address.sin_port));
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
  pool_unref (pool); /* ends the connection, and so the server's loop */
  rules_unref (rules);
  shutdown (liar.listening, SHUT_RDWR);
  pthread_join (thread, NULL);
  close (liar.listening);
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
  assert_int_equal (search_at (NO_END, 1, &requests, &took_ms, &found), PTN_E_TEMPORARY);
  assert_in_range (took_ms, 0, 15000); /* given up for what came, and not for the time */
  assert_int_equal (search_at (HUGE_MESSAGE, 1, &requests, &took_ms, &found), PTN_E_TEMPORARY);
  assert_in_range (took_ms, 0, 5000);
}

int
main (void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test (lies_end_in_time) };
  return cmocka_run_group_tests (tests, NULL, NULL);
}
