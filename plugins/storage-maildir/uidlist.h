/* SPDX-License-Identifier: Apache-2.0 */
/* uidlist.h - the text of Dovecot's dovecot-uidlist and dovecot-keywords files.
 *
 *   3 V<uidvalidity> N<next uid> G<32 hexadecimal digits>
 *   <uid> [<letter><value>]... :<file name>
 *
 * Letters of a line: S size, W size with CRLFs, P and O for POP3, G; what we do not use is kept.
 * The N of the head may lag behind the lines.  Version 1 ("1 <uidvalidity> <next uid>", lines
 * "<uid> <file name>") is read.  A parsed list points into its text, which it owns; by its
 * caller's thread alone. */
#ifndef STORAGE_MAILDIR_UIDLIST_H
#define STORAGE_MAILDIR_UIDLIST_H

#include <postern/base.h>

#include <glib.h>
#include <stdbool.h>

struct uidlist_line {
  uint32_t uid;
  uint16_t base;         /* octets of `name` before ':' */
  uint64_t crlf_size;    /* UINT64_MAX: not told */
  const char *extension; /* "W123 P..." or "" */
  const char *name;
};
struct uidlist {
  uint32_t uidvalidity, next_uid;
  bool has_id;
  struct ptn_id id;
  unsigned skipped; /* lines that are no lines */
  GArray *lines;    /* struct uidlist_line, ascending uid, each name once */
  char *text;
};

/* NULL: its head is not one.  `text` is taken over in any case; NUL-terminated. */
struct uidlist *uidlist_parse (char *text, size_t size);
void uidlist_free (struct uidlist *);
typedef struct uidlist uidlist;
G_DEFINE_AUTOPTR_CLEANUP_FUNC (uidlist, uidlist_free)

void uidlist_put_head (GString *, uint32_t uidvalidity, uint32_t next_uid, const struct ptn_id *);
void uidlist_put_line (GString *, uint32_t uid, const char *extension, const char *name,
                       size_t base);

/* dovecot-keywords: lines "<0 to 25> <keyword>".  The words by number; a number that is not
 * there gets "unknown-N", as Dovecot calls it.  (array of char *) */
GPtrArray *keywords_parse (const char *text);
char *keywords_format (const GPtrArray *words); /* of the first 26; g_free it */

#endif
