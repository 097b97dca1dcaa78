/* SPDX-License-Identifier: Apache-2.0 */
/* load_tls.h - the load generator's own TLS 1.3 client (RFC 8446); load_tls.c tells what it leaves
 * out.  It is for a load on a server one owns, never for a connection that must be safe.
 *
 * A struct load_tls serves one connection after another, so that its cipher contexts need not be
 * made anew; its owner gives it the socket, which does not block.  One thread calls all.  What is
 * wrong with the server's octets ends the program with a message. */
#ifndef TESTS_BENCH_LOAD_TLS_H
#define TESTS_BENCH_LOAD_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct load_tls;

enum { LOAD_TLS_ROOM = 64 * 1024 }; /* the least room for load_tls_read */

/* Makes the key pair of all connections and the constant secrets; once, before all else. */
void load_tls_prepare (void);
/* A new connection: queues its ClientHello.  `tls` is what an earlier connection left, or NULL. */
struct load_tls *load_tls_start (struct load_tls *tls);
/* The connection is over: frees all but the cipher contexts. */
void load_tls_end (struct load_tls *tls);
/* Reads once, does the handshake's next step.  Octets of plaintext (never more than `room`, and
 * nothing is held back), 0 at the end, -1 when there are none now. */
ssize_t load_tls_read (struct load_tls *tls, int fd, char *into, size_t room);
/* Whether the last read left nothing to do until the socket is readable again. */
bool load_tls_drained (const struct load_tls *tls);
/* Octets taken, -1 when the socket takes none now.  Only after the server has said something. */
ssize_t load_tls_write (struct load_tls *tls, int fd, const char *data, size_t size);
/* Records that wait for the socket; load_tls_flush sends them: true when all are out. */
bool load_tls_pending (const struct load_tls *tls);
bool load_tls_flush (struct load_tls *tls, int fd);

#endif
