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

typedef uint32_t ptn_open_mode; /* of ptn_report.open */
enum {
  PTN_OPEN_READ = 1,          /* a file */
  PTN_OPEN_DIRECTORY = 2,     /* a folder that is there; its rows are read with fdopendir */
  PTN_OPEN_CREATE = 3,        /* a new file, for writing; PTN_E_EXISTS */
  PTN_OPEN_MAKE_DIRECTORY = 4 /* a folder, made if it is not there */
};

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
  /* Opens a file for the person who typed the command: with their rights and from their
   * working folder, which are not the server's.  Every file named in the arguments, and every
   * file below such a folder, is opened with this.  *fd is the plugin's to close.  PTN_PENDING;
   * PTN_E_NOT_FOUND, PTN_E_DENIED, PTN_E_EXISTS, PTN_E_INVALID (not of that kind), with the
   * text for the person set as by host->fail.  One at a time. [task] */
  ptn_status (*open) (struct ptn_report *, struct ptn_task *, const char *path, ptn_open_mode,
                      int32_t *fd);
};

enum {
  PTN_CONTROL_SECRET = 1 << 0,  /* posternctl asks for a password, passed as `secret` */
  PTN_CONTROL_OFFLINE = 1 << 1, /* also works without a running server */
  PTN_CONTROL_STOPPED = 1 << 2  /* works only without one (set OFFLINE, too): the plugin is
                                   configured and not started, so that a command can do what its
                                   start could not bear */
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
