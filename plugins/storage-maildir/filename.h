/* SPDX-License-Identifier: Apache-2.0 */
/* filename.h - the names of message files: BASE, then ":2," and letters.
 *
 * BASE is unique in its mailbox and stays; in it ",S=" is the size of the file, ",W=" what it is
 * when every line ends with CRLF (both as Dovecot writes them), and ",X=r" is ours: these octets
 * go out as they are, bare LFs too.  Letters are flags (D F R S T), keywords (a to z, by number)
 * and what other programs put there, which is kept.  Pure functions. */
#ifndef STORAGE_MAILDIR_FILENAME_H
#define STORAGE_MAILDIR_FILENAME_H

#include <postern/store.h>

#include <stdbool.h>

#define FILE_NAME_MAX 255
#define LETTER_KEYWORDS 26 /* so many keywords have a letter */

struct file_name {
  size_t base;              /* its length */
  uint64_t size, crlf_size; /* UINT64_MAX: the name does not tell */
  bool exact;
};

/* False: no name a message may have (hidden, too long, with a '/' or a control character). */
bool file_name_parse (const char *name, struct file_name *);
/* Which flags the letters of a name mean.  `words`: keywords known by letter; the letters of
 * others are passed over. */
ptn_flag_bits file_name_flags (const char *name, size_t base, unsigned words);
/* The name that says these flags: letters in order of the alphabet, those kept that mean
 * neither flag nor known keyword.  g_free it. */
char *file_name_with (const char *name, size_t base, unsigned words, ptn_flag_bits);
/* A base that no other message has.  [any] */
char *file_name_new (const char *host, uint64_t size, uint64_t crlf_size, bool exact);
/* The host's name as a base may hold it; g_free it. */
char *file_name_host (const char *host);

#endif
