/* SPDX-License-Identifier: MIT */
/* postern.h - the whole ABI.  */
#ifndef PTN_POSTERN_H
#define PTN_POSTERN_H
#include "plugin.h"
#include "event.h"
#include "host.h"
#include "stream.h"
#include "session.h"
#include "auth.h"
#include "store.h"
#include "delivery.h"
#include "control.h"
#include "search.h"
#include "conformance.h"
#endif
