/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.h - the store's commands for posternctl: "store verify" and "store stats". */
#ifndef STORAGE_KYOTO_CONTROL_H
#define STORAGE_KYOTO_CONTROL_H

#include "store.h"

/* The store is looked up when a command runs: it is opened after the commands are offered. */
ptn_status control_provide (const struct ptn_host *, struct store **);

#endif
