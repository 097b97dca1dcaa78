/* SPDX-License-Identifier: Apache-2.0 */
/* password.h - stored passwords: reading their schemes, checking and making them.
 *
 * No state; any thread.  Checks of slow schemes take milliseconds and up to the memory their
 * hash asks for: they belong in a lane. */
#ifndef PLUGINS_COMMON_PASSWORD_H
#define PLUGINS_COMMON_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include <postern/base.h>

#define PASSWORD_LIMIT 512 /* octets of a password that is checked; crypt(3) takes no more */

typedef enum {
  SCHEME_NONE,
  SCHEME_PLAIN,
  SCHEME_SHA, /* {SHA} {SSHA} and their longer sisters */
  SCHEME_NT,
  SCHEME_ARGON2,
  SCHEME_CRYPT,
  SCHEME_SCRAM_SHA_1,
  SCHEME_SCRAM_SHA_256,
  SCHEME_COUNT
} password_scheme;

/* One stored password.  The strings belong to whoever read the file. */
struct password {
  password_scheme scheme;
  const char *text;  /* behind the tag, NUL-terminated */
  const char *whole; /* as written, tag included */
};

/* Tells the scheme.  Returns NULL, or what is wrong with it (a static text). */
const char *password_read (const char *written, struct password *password);

bool password_is_scram (password_scheme);

/* Does a check take longer than a step should (100 microseconds)? */
bool password_is_slow (const struct password *);

/* Is it this one?  Takes the same time for every wrong guess.  SCHEME_NT: never. */
bool password_matches (const struct password *, struct ptn_bytes guess);

/* The NT hash (MD4 of UTF-16LE): false if the password is not UTF-8. */
bool password_nt (struct ptn_bytes password, unsigned char nt[16]);

struct password_costs {
  password_scheme scheme; /* SCHEME_ARGON2 or SCHEME_CRYPT (yescrypt) */
  uint32_t argon2_kib, argon2_passes, argon2_lanes;
};

/* As it is written to the file, to be g_free'd; NULL if the system cannot do it. */
char *password_make (const struct password_costs *, struct ptn_bytes password);
/* {SHA256}: for a password that was drawn and that nobody guesses, and for no other. */
char *password_make_sha256 (struct ptn_bytes password);
char *password_make_nt (struct ptn_bytes password);
/* like: as in scram_make; behind its tag. */
char *password_make_scram (password_scheme, struct ptn_bytes password, const char *like);

/* Is the scheme built in?  Argon2 may be left out. */
bool password_can (password_scheme);

#endif
