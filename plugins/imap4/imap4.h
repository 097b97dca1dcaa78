/* SPDX-License-Identifier: Apache-2.0 */
/* imap4.h - an instance of the plugin: what all its sessions share.
 *
 * Made by configure, gone at destroy.  Everything is set before the first session and only read
 * afterwards, unless a member says otherwise. */
#ifndef IMAP4_IMAP4_H
#define IMAP4_IMAP4_H

#include <postern/postern.h>
#include <postern/search.h>

#include <glib.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>

struct imap4 {
  const struct ptn_host *host;
  const struct ptn_config *config; /* of the plugin */
  const struct ptn_stream_service *stream;
  const struct ptn_store *store;
  void *store_instance;
  const struct ptn_login *login;
  void *login_instance;

  const struct ptn_search_index *search_index; /* NULL: there is none */
  void *search_index_instance;

  struct differences *differences; /* selected/merge.h; has a lock of its own */

  struct ptn_metric *sessions, *commands;
};

extern const struct ptn_protocol imap4_protocol;
extern const struct ptn_conformance imap4_conformance;

#endif
