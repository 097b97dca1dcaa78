/* SPDX-License-Identifier: Apache-2.0 */
/* question.h - one line that the program reads (PROTOCOL.md), written here octet by octet because a
 * password may be in it: a JSON library copies what it is given, and gives the copies back as they are.
 *
 * Its maker owns it; question_free wipes it.  One thread at a time. */
#ifndef DIRECTORY_EXEC_QUESTION_H
#define DIRECTORY_EXEC_QUESTION_H

#include <postern/postern.h>

#include <glib.h>
#include <stdbool.h>

struct question;

struct question *question_new (void);
void question_free (struct question **);

/* One member more.  JSON is UTF-8: false for a text that is not, which is left out, and the question
 * cannot be asked then (see question_line). */
bool question_add (struct question *, const char *name, const char *text);
bool question_add_octets (struct question *, const char *name, struct ptn_bytes text);
/* The value is JSON already. */
void question_add_json (struct question *, const char *name, const char *json);
/* Is everything in it? */
bool question_is_whole (const struct question *);

/* All of it with op, id and LF, until the next call; a question may be asked again under another id.
 * Of size 0 if it is not whole. */
struct ptn_bytes question_line (struct question *, const char *op, gint64 id);

#endif
