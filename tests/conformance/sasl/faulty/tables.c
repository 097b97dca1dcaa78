/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - faults of what the table says. */
#include "faulty.h"

static void
small_name (struct ptn_sasl_mechanism *table) {
  table->name = "x-passphrase";
}

static void
everybody (struct ptn_sasl_mechanism *table) {
  table->name = "ANONYMOUS";
}

static void
unknown_flag (struct ptn_sasl_mechanism *table) {
  table->flags |= 1u << 17;
}

static void
no_scheme (struct ptn_sasl_mechanism *table) {
  table->schemes = "PASSWORD  plain";
}

static void
unbound (struct ptn_sasl_mechanism *table) {
  table->name = "X-PASSPHRASE-PLUS";
}

static int32_t
now_and_then (void *instance, const struct ptn_sasl_request *request) {
  static unsigned times;
  (void)instance;
  (void)request;
  return ++times % 3 != 0;
}

static void
unsteady (struct ptn_sasl_mechanism *table) {
  table->available = now_and_then;
}

static void
not_first (struct ptn_sasl_mechanism *table) {
  table->flags |= PTN_SASL_SERVER_FIRST;
}

const struct fault table_faults[] = {
  { "table.name", "a name in small letters", small_name, NULL, NULL },
  { "table.anonymous", "lets everybody in", everybody, NULL, NULL },
  { "table.flags", "a flag that nobody knows", unknown_flag, NULL, NULL },
  { "table.schemes", "two spaces, and small letters", no_scheme, NULL, NULL },
  { "table.binding-needs-tls", "-PLUS that is not bound", unbound, NULL, NULL },
  { "table.available", "now and then", unsteady, NULL, NULL },
  { "exchange.who-is-first", "says that the server is first, and is not", not_first, NULL, NULL },
  { NULL, NULL, NULL, NULL, NULL },
};
