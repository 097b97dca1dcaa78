/* SPDX-License-Identifier: Apache-2.0 */
/* search.c - see search.h.  The search owns its records until search_clear. */
#include "search.h"

#include <string.h>

#define EMPTY_PAGES 32 /* one after the other: some servers look through so much for nothing */

struct running {
  struct search *search;
  const struct rules *rules;
  char *text; /* the diagnostic message of a refusal */
  bool too_many;
};

static void
free_record (void *record) {
  record_free (record);
}

static struct record *
read_record (LDAP *ldap, LDAPMessage *entry) {
  char *dn = ldap_get_dn (ldap, entry);
  struct record *record = record_new (dn ? dn : "");
  ldap_memfree (dn);
  BerElement *position = NULL;
  for (char *name = ldap_first_attribute (ldap, entry, &position); name;
       name = ldap_next_attribute (ldap, entry, position)) {
    struct berval **values = ldap_get_values_len (ldap, entry, name);
    for (size_t i = 0; values && values[i]; i++) {
      record_add (record, name, values[i]->bv_val, values[i]->bv_len);
      explicit_bzero (values[i]->bv_val, values[i]->bv_len);
    }
    ldap_value_free_len (values);
    ldap_memfree (name);
  }
  ber_free (position, 0);
  return record;
}

static void
read_records (struct running *running, LDAP *ldap, LDAPMessage *message) {
  struct search *search = running->search;
  for (LDAPMessage *entry = ldap_first_entry (ldap, message); entry;
       entry = ldap_next_entry (ldap, entry)) {
    if (search->records->len == (guint)search->limit) {
      running->too_many = true;
      return;
    }
    g_ptr_array_add (search->records, read_record (ldap, entry));
  }
}

/* One page; *cookie: where the next begins, empty after the last. */
static int
ask_page (struct running *running, struct connection *connection, bool paged,
          struct berval *cookie) {
  LDAP *ldap = connection->ldap;
  struct search *search = running->search;
  const struct rules *rules = running->rules;
  struct timeval time = { rules->timeout_ms / 1000, rules->timeout_ms % 1000 * 1000 };
  LDAPControl *page = NULL, **returned = NULL;
  LDAPMessage *message = NULL;
  int id, result = LDAP_LOCAL_ERROR;
  if (paged && ldap_create_page_control (ldap, rules->page_size, cookie, 0, &page) != LDAP_SUCCESS)
    return LDAP_LOCAL_ERROR;
  LDAPControl *controls[] = { page, NULL };
  pool_hurry (connection);
  int code =
      ldap_search_ext (ldap, search->base, search->only_base ? LDAP_SCOPE_BASE : LDAP_SCOPE_SUBTREE,
                       search->filter, search->attributes, 0, controls, NULL, &time,
                       paged ? 0 : search->limit + 1, &id);
  if (page)
    ldap_control_free (page);
  if (code == LDAP_SUCCESS)
    code = pool_await (connection, id, &message);
  if (code != LDAP_SUCCESS)
    return code;
  g_clear_pointer (&running->text, ldap_memfree);
  code = ldap_parse_result (ldap, message, &result, NULL, &running->text, NULL, &returned, 0);
  if (code == LDAP_SUCCESS && result == LDAP_SUCCESS)
    read_records (running, ldap, message);
  ldap_msgfree (message);
  ber_memfree (cookie->bv_val);
  *cookie = (struct berval){ 0, NULL };
  LDAPControl *control =
      returned ? ldap_control_find (LDAP_CONTROL_PAGEDRESULTS, returned, NULL) : NULL;
  ber_int_t estimate;
  if (code == LDAP_SUCCESS && control)
    ldap_parse_pageresponse_control (ldap, control, &estimate, cookie);
  ldap_controls_free (returned);
  return code == LDAP_SUCCESS ? result : code;
}

static int
ask_pages (struct connection *connection, void *argument) {
  struct running *running = argument;
  struct search *search = running->search;
  const bool paged = search->limit > running->rules->page_size;
  struct berval cookie = { 0, NULL };
  unsigned empty = 0;
  int code;
  running->too_many = false;
  g_ptr_array_set_size (search->records, 0); /* of a server that broke off */
  do {
    const guint before = search->records->len;
    code = ask_page (running, connection, paged, &cookie);
    empty = search->records->len > before ? 0 : empty + 1;
  } while (code == LDAP_SUCCESS && cookie.bv_len > 0 && !running->too_many && empty < EMPTY_PAGES);
  if (code == LDAP_SUCCESS && cookie.bv_len > 0 && !running->too_many)
    code = LDAP_TIMEOUT; /* it would not come to an end */
  ber_memfree (cookie.bv_val);
  return code;
}

ptn_status
search_run (struct search *search, struct pool *pool, const struct rules *rules,
            char reason[POOL_REASON]) {
  struct running running = { search, rules, NULL, false };
  search->records = g_ptr_array_new_with_free_func (free_record);
  const int code = pool_run (pool, POOL_SEARCH, ask_pages, &running, reason);
  const char *text = running.text ? running.text : "";
  if (search->only_base && code == LDAP_NO_SUCH_OBJECT) {
    ldap_memfree (running.text);
    return PTN_OK;
  }
  const bool refused = code != LDAP_SUCCESS && !pool_is_trouble (code);
  if (running.too_many || code == LDAP_SIZELIMIT_EXCEEDED)
    g_strlcpy (reason, "search: more entries than there should be", POOL_REASON);
  else if (refused)
    g_snprintf (reason, POOL_REASON, "search: %s%s%s", ldap_err2string (code), *text ? ": " : "",
                text);
  ldap_memfree (running.text);
  if (code == LDAP_SUCCESS && !running.too_many)
    return PTN_OK;
  if (refused || running.too_many)
    pool_complain (pool, "ldap.search", search->base, reason);
  search_clear (search);
  return PTN_E_TEMPORARY;
}

void
search_clear (struct search *search) {
  g_clear_pointer (&search->records, g_ptr_array_unref);
}
