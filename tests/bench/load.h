/* SPDX-License-Identifier: Apache-2.0 */
/* load.h - what the load generator's dialogs (load_pop3.c, load_lmtp.c) share with its loop. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct load_tls;

struct conn {
  int fd;
  unsigned index, user, step;
  uint32_t events;
  bool handshaken;      /* of `ssl` */
  SSL *ssl;             /* with --tls-openssl */
  struct load_tls *tls; /* with --tls; used again for the next connection */
  int64_t began;        /* of the operation that is counted */
  char *out;
  size_t out_size, out_at, out_room;
  size_t used; /* octets of an unfinished answer in `kept` */
  char kept[4096];
  /* of a dialog */
  unsigned total, asked, answered;
  int match;      /* octets of the end mark CRLF.CRLF seen */
  size_t literal; /* octets of an IMAP literal to come */
  bool inside;    /* of a response that went on behind a literal */
  char name[64];  /* of a login */
};

struct load_mode {
  const char *name;
  bool by_count; /* ends by load.finished, not by time */
  bool hold;     /* keep the connections until stdin ends */
  void (*prepare) (void);
  /* Takes octets off the input, sends what follows; returns how many it took.  May close. */
  size_t (*input) (struct conn *, const char *data, size_t size);
};
extern const struct load_mode mode_pop3_login, mode_lmtp, mode_pop3_fetch, mode_pop3_idle;
extern const struct load_mode mode_imap_login, mode_imap_append, mode_imap_command, mode_imap_idle,
    mode_imap_push, mode_pop3_sasl;
bool load_auth_option (const char *name, const char *value);

enum { LOAD_BEFORE = 8 };

struct load {
  const char *host, *user_format, *password, *domain;
  const struct load_mode *mode;
  SSL_CTX *openssl; /* --tls-openssl */
  bool tls;
  uint16_t port;
  unsigned connections, users, first_user, count, window, source_spread, ready;
  double seconds;
  size_t size;
  /* of IMAP: what a session does before what is measured, that, and what is done between two */
  const char *mailbox, *before[LOAD_BEFORE], *command, *undo;
  unsigned befores, repeat, per, batch;
  int epoll;
  int64_t began;
  uint64_t done, octets;
  const char *mechanism, *nt_hash; /* of pop3-sasl */
  bool wrong;
  int64_t
      slowest; /* ns, from the sending of a message until the last session was told; imap-push */
  bool finished, stopping;
};
extern struct load load;

void load_die (const char *format, ...)
    __attribute__ ((__format__ (__printf__, 1, 2), __noreturn__));
int64_t load_now (void);
/* One operation that began at conn->began is done. */
void load_count (struct conn *);
/* A latency alone. */
void load_latency (int64_t ns);
/* A message of about `size` octets, `room` of at least size + 128; returns its size.  Its text is not
 * that of another `number`. */
size_t load_message (char *room, size_t size, unsigned number);
void conn_open (struct conn *);
void conn_close (struct conn *);
void conn_send (struct conn *, const char *data, size_t size); /* queued; flushed by the loop */
void conn_printf (struct conn *, const char *format, ...)
    __attribute__ ((__format__ (__printf__, 2, 3)));
void conn_flush (struct conn *);

#endif
