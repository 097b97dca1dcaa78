/* SPDX-License-Identifier: Apache-2.0 */
/* interface.c - the tables behind interface ids: how large they are here, and what they must
 * have.  A member that an older plugin's table does not reach is not missed: its users test. */
#include "load/table.h"

#include <string.h>

#define LARGEST 65536 /* of a table that the host only passes on */
#define MOST_NEEDED 36

struct need {
  const char *name;
  uint32_t offset;
};
struct interface {
  const char *id;
  size_t size;
  struct need needs[MOST_NEEDED];
};

#define NEED(type, member) \
  { #member, (uint32_t)offsetof(struct type, member) }

static const struct interface interfaces[] = {
  { PTN_PROTOCOL_ID,
    sizeof (struct ptn_protocol),
    { NEED (ptn_protocol, name), NEED (ptn_protocol, open), NEED (ptn_protocol, step),
      NEED (ptn_protocol, close) } },
  { PTN_STREAM_ID,
    sizeof (struct ptn_stream_service),
    { NEED (ptn_stream_service, peek), NEED (ptn_stream_service, consume) } },
  { PTN_SASL_ID,
    sizeof (struct ptn_sasl_mechanism),
    { NEED (ptn_sasl_mechanism, name), NEED (ptn_sasl_mechanism, start),
      NEED (ptn_sasl_mechanism, step), NEED (ptn_sasl_mechanism, finish) } },
  { PTN_CREDENTIALS_ID,
    sizeof (struct ptn_credentials),
    { NEED (ptn_credentials, verify_password) } },
  { PTN_DIRECTORY_ID,
    sizeof (struct ptn_directory),
    { NEED (ptn_directory, parse_login), NEED (ptn_directory, authorize),
      NEED (ptn_directory, resolve) } },
  { PTN_LOGIN_ID,
    sizeof (struct ptn_login),
    { NEED (ptn_login, mechanisms), NEED (ptn_login, start), NEED (ptn_login, step),
      NEED (ptn_login, finish) } },
  { PTN_STORE_ID,
    sizeof (struct ptn_store),
    { NEED (ptn_store, open),          NEED (ptn_store, close),
      NEED (ptn_store, close_cursor),  NEED (ptn_store, list),
      NEED (ptn_store, next_mailbox),  NEED (ptn_store, status),
      NEED (ptn_store, create),        NEED (ptn_store, remove),
      NEED (ptn_store, rename),        NEED (ptn_store, subscribe),
      NEED (ptn_store, view),          NEED (ptn_store, release_view),
      NEED (ptn_store, keyword),       NEED (ptn_store, fetch),
      NEED (ptn_store, next_messages), NEED (ptn_store, read),
      NEED (ptn_store, annotations),   NEED (ptn_store, next_annotation),
      NEED (ptn_store, begin),         NEED (ptn_store, append),
      NEED (ptn_store, copy),          NEED (ptn_store, set_flags),
      NEED (ptn_store, expunge),       NEED (ptn_store, annotate),
      NEED (ptn_store, commit),        NEED (ptn_store, outcome),
      NEED (ptn_store, end),           NEED (ptn_store, deliver) } },
  { PTN_DELIVERY_ID,
    sizeof (struct ptn_delivery),
    { NEED (ptn_delivery, verify), NEED (ptn_delivery, deliver) } },
  { PTN_CONTROL_ID,
    sizeof (struct ptn_control),
    { NEED (ptn_control, name), NEED (ptn_control, run) } },
  { PTN_CONFORMANCE_ID,
    sizeof (struct ptn_conformance),
    { NEED (ptn_conformance, standard) } },
};

static const struct interface *
interface_find (const char *id) {
  for (size_t i = 0; i < G_N_ELEMENTS (interfaces); i++)
    if (strcmp (interfaces[i].id, id) == 0)
      return &interfaces[i];
  return NULL;
}

/* The first member that must be there and is not; NULL: none. */
static const char *
missing (const struct interface *interface, const unsigned char *copy, uint32_t size) {
  for (const struct need *need = interface->needs; need->name; need++) {
    const void *member;
    if (need->offset + sizeof member > size)
      return need->name;
    memcpy (&member, copy + need->offset, sizeof member);
    if (!member)
      return need->name;
  }
  return NULL;
}

void *
interface_copy (const char *id, const void *table, char **problem) {
  const struct interface *interface = interface_find (id);
  uint32_t size;
  if (!table) {
    *problem = g_strdup_printf ("the table of %s is NULL", id);
    return NULL;
  }
  memcpy (&size, table, sizeof size);
  if (size < 2 * sizeof size || (!interface && size > LARGEST)) {
    *problem = g_strdup_printf ("the table of %s says its size is %u", id, size);
    return NULL;
  }
  size_t room = interface ? interface->size : size;
  uint32_t copied = (uint32_t)MIN (room, (size_t)size);
  unsigned char *copy = g_malloc0 (room);
  memcpy (copy, table, copied);
  memcpy (copy, &copied, sizeof copied);
  const char *member = interface ? missing (interface, copy, copied) : NULL;
  if (member) {
    *problem = g_strdup_printf ("the table of %s has no %s", id, member);
    g_free (copy);
    return NULL;
  }
  return copy;
}
