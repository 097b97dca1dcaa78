/* SPDX-License-Identifier: Apache-2.0 */
/* output.h - what a command gives, for people (a table, a bar) or programs (JSON lines).
 *
 * Rows go to stdout, notes and the bar to stderr.  Text of the server is escaped: it can not
 * steer the terminal. */
#ifndef HOST_CTL_OUTPUT_H
#define HOST_CTL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output;

/* columns: divided by spaces. */
struct output *output_new (const char *columns, bool json);
void output_row (struct output *, const char *const *fields, size_t count);
void output_note (struct output *, const char *text);
void output_progress (struct output *, uint64_t done, uint64_t total, const char *what);
/* Prints what is still held back. False: stdout takes no more. */
bool output_end (struct output **);

#endif
