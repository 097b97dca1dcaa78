/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cursor.h - what all cursors begin with. */
#ifndef STORAGE_KYOTO_CURSOR_H
#define STORAGE_KYOTO_CURSOR_H

#include "account.h"

struct ptn_cursor {
  struct ptn_account *account;
  void (*free) (struct ptn_cursor *);
};

void cursor_close (struct ptn_cursor *);

#endif
