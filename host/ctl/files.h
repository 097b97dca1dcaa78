/* SPDX-License-Identifier: Apache-2.0 */
/* files.h - opens a file for ptn_report.open, in the process of the person who typed. */
#ifndef HOST_CTL_FILES_H
#define HOST_CTL_FILES_H

#include <postern/control.h>

/* PTN_OK and a descriptor, or what ptn_report.open says; *text (g_free it) says why not. */
ptn_status files_open (const char *path, ptn_open_mode mode, int *fd, char **text);

#endif
