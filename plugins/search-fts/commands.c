/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - posternctl search status and search rebuild. */
#include "fts.h"

ptn_status
commands_provide (struct fts *fts) {
  (void)fts;
  return PTN_OK;
}
