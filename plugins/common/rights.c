/* SPDX-License-Identifier: Apache-2.0 */
/* rights.c - see rights.h. */
#include "rights.h"

#include <string.h>

static const char letters[] = RIGHTS_LETTERS;

bool
rights_parse (const char *text, uint32_t *rights) {
  *rights = 0;
  for (; *text; text++) {
    const char *known = strchr (letters, *text);

    if (known)
      *rights |= (uint32_t)1 << (known - letters);
    else if (*text == 'c') /* RFC 2086's, as RFC 4314 section 2.1.1 lets servers choose */
      *rights |= RIGHT_K | RIGHT_X;
    else if (*text == 'd')
      *rights |= RIGHT_T | RIGHT_E;
    else
      return false;
  }
  return true;
}

void
rights_format (uint32_t rights, char text[RIGHTS_TEXT]) {
  for (unsigned i = 0; letters[i]; i++)
    if (rights & (uint32_t)1 << i)
      *text++ = letters[i];
  *text = '\0';
}

ptn_status
rights_check (uint32_t has, uint32_t needed) {
  if (!(has & (RIGHT_L | RIGHT_R)))
    return PTN_E_NOT_FOUND;
  return needed & ~has ? PTN_E_DENIED : PTN_OK;
}

ptn_flag_bits
rights_flags (uint32_t rights) {
  ptn_flag_bits flags = 0;

  if (rights & RIGHT_S)
    flags |= PTN_SEEN;
  if (rights & RIGHT_T)
    flags |= PTN_DELETED;
  if (rights & RIGHT_W)
    flags |= ~(ptn_flag_bits)(PTN_SEEN | PTN_DELETED);
  return flags;
}
