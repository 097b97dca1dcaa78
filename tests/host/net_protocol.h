/* SPDX-License-Identifier: Apache-2.0 */
/* net_protocol.h - the protocol of net_test.h, and what it counts. */
#ifndef TESTS_HOST_NET_PROTOCOL_H
#define TESTS_HOST_NET_PROTOCOL_H

#include <postern/session.h>

extern const struct ptn_protocol test_protocol;
extern _Atomic int sessions_open, sessions_busy, sources_open;

#endif
