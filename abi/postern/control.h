/* SPDX-License-Identifier: MIT */
/* control.h - commands a plugin adds to posternctl.  Provide "postern.control/1".
 *
 * posternctl sends them over the host's local socket; without a running server it loads
 * the configured plugins itself, and the plugin's own lock decides who may. */
#ifndef PTN_CONTROL_H
#define PTN_CONTROL_H

#include "base.h"

PTN_BEGIN_DECLS

#define PTN_CONTROL_ID "postern.control/1"

/* Where a command's output goes: rows become a table or JSON, progress a bar. */
struct ptn_report { /* table */
  uint32_t size;
  uint32_t reserved;
  /* PTN_PENDING: the reader is slow, call again after the wake. [task] */
  ptn_status (*row) (struct ptn_report *, struct ptn_task *, const char *const *columns,
                     size_t count);
  void (*progress) (struct ptn_report *, uint64_t done, uint64_t total, const char *what);
  /* A line for people, beside the rows ("3 messages could not be read"). */
  void (*note) (struct ptn_report *, const char *text);
};

enum {
  PTN_CONTROL_SECRET = 1 << 0, /* posternctl asks for a password, passed as `secret` */
  PTN_CONTROL_OFFLINE = 1 << 1 /* also works without a running server */
};

struct ptn_control { /* table: one command */
  uint32_t size;
  uint32_t flags;        /* PTN_CONTROL_* */
  const char *name;      /* "store verify": one or two words, unique */
  const char *arguments; /* "ACCOUNT [--since SEQUENCE]" */
  const char *help;      /* one sentence */
  const char *columns;   /* of its rows, divided by spaces; NULL: no rows */
  /* The arguments behind the name, options among them, not yet checked.  PTN_E_INVALID
   * with host->fail's client text: a mistake of the user.  Called again after PENDING
   * with the same call; progress lives in call->state. */
  ptn_status (*run) (void *instance, struct ptn_call *, struct ptn_strings arguments,
                     struct ptn_bytes secret, struct ptn_report *);
};

PTN_END_DECLS
#endif
