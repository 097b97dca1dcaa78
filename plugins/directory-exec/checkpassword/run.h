/* SPDX-License-Identifier: Apache-2.0 */
/* run.h - one run of a checkpassword program (https://cr.yp.to/checkpwd/interface.html).
 *
 * Blocks until the program has ended or was ended.  One thread. */
#ifndef CHECKPASSWORD_RUN_H
#define CHECKPASSWORD_RUN_H

#include <glib.h>
#include <stdbool.h>

#define RUN_INPUT_LIMIT 512 /* octets at descriptor 3, as the interface says */
#define RUN_REPLY_FD 4      /* where our own second half tells what it was started with */

typedef enum {
  RUN_RIGHT,   /* the program started what stands behind it, with an exit code of 0 */
  RUN_WRONG,   /* exit code 1, or 3 as some say it of unknown users */
  RUN_UNKNOWN, /* exit code 3 */
  RUN_TROUBLE  /* 2, 111 and all others; `text` says which */
} run_verdict;

struct run {
  /* The question. */
  char **command; /* the program and its arguments, and ourselves with --reply; NULL ends */
  const char *user;
  const char *password; /* octets without NUL */
  const char *peer;     /* TCPREMOTEIP; "" if nobody knows */
  const char *service;  /* PROTO */
  bool lookup; /* AUTHORIZED=1: only who that is; the program sets it to 2 if it knows this */
  int timeout_ms;
  /* What came of it. */
  char name[RUN_INPUT_LIMIT], home[RUN_INPUT_LIMIT]; /* USER and HOME; "" if not set */
  bool knows_lookup;
  char text[96];
};

run_verdict run_program (struct run *);

/* The second half: the program starts it when the password was right. */
int run_reply (void);

#endif
