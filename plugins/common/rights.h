/* SPDX-License-Identifier: Apache-2.0 */
/* rights.h - the rights of RFC 4314 as bits and as letters, and what they allow (the table stands in
 * abi/postern/store.h).  Pure functions, no locks. */
#ifndef PLUGINS_COMMON_RIGHTS_H
#define PLUGINS_COMMON_RIGHTS_H

#include <postern/base.h>
#include <postern/store.h>

#include <stdbool.h>
#include <stdint.h>

#define RIGHTS_LETTERS "lrswipkxtea"

/* In the order of the letters. */
enum {
  RIGHT_L = 1 << 0,
  RIGHT_R = 1 << 1,
  RIGHT_S = 1 << 2,
  RIGHT_W = 1 << 3,
  RIGHT_I = 1 << 4,
  RIGHT_P = 1 << 5,
  RIGHT_K = 1 << 6,
  RIGHT_X = 1 << 7,
  RIGHT_T = 1 << 8,
  RIGHT_E = 1 << 9,
  RIGHT_A = 1 << 10,
  RIGHTS_ALL = (1 << 11) - 1,
  RIGHTS_READER = RIGHT_L | RIGHT_R, /* all there are for PTN_ACCESS_READ */
  RIGHTS_TEXT = 12                   /* room for all letters */
};

/* False: a letter that is no right. */
bool rights_parse (const char *letters, uint32_t *rights);
void rights_format (uint32_t rights, char text[RIGHTS_TEXT]);
/* PTN_OK; PTN_E_DENIED; PTN_E_NOT_FOUND: not even to be told that it is there. */
ptn_status rights_check (uint32_t has, uint32_t needed);
/* The flags that may be changed. */
ptn_flag_bits rights_flags (uint32_t rights);

#endif
