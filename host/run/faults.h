/* SPDX-License-Identifier: Apache-2.0 */
/* faults.h - what is held against plugins that bring workers down, and which are left out.
 *
 * The supervisor's, one thread.  A plugin that crashed or hung while it was set up, or crashed
 * three times in a minute, is left out of the next worker; if it is required nothing can go on. */
#ifndef HOST_RUN_FAULTS_H
#define HOST_RUN_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct faults;

enum fault_verdict {
  FAULT_RESTART,   /* once more, with all plugins */
  FAULT_LEAVE_OUT, /* without this one from now on */
  FAULT_GIVE_UP    /* it is required */
};

struct faults *faults_new (void);
void faults_free (struct faults **);
/* label: of the plugin's section.  setting_up: it never came to serve.  reason: for people,
 * "crashed in start (SIGSEGV)". */
enum fault_verdict faults_judge (struct faults *, const char *label, bool required, bool setting_up,
                                 const char *reason, int64_t now_ns);
/* A new configuration is a new chance. */
void faults_forget (struct faults *);
/* Those left out: label and reason; NULL behind the last. */
const char *faults_left_out (const struct faults *, size_t index, const char **reason);

#endif
