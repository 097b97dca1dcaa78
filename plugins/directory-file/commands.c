/* SPDX-License-Identifier: Apache-2.0 */
#include "directory.h"
ptn_status
commands_provide (struct directory *directory) {
  return PTN_OK;
}
