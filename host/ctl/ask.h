/* SPDX-License-Identifier: Apache-2.0 */
/* ask.h - a password from the person: typed without echo, twice, or a line of standard input. */
#ifndef HOST_CTL_ASK_H
#define HOST_CTL_ASK_H

/* NULL, after saying why on stderr.  Give it back to ask_wipe. */
char *ask_secret (const char *prompt);
void ask_wipe (char **secret);

#endif
