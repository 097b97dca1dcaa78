/* SPDX-License-Identifier: Apache-2.0 */
/* multi.h - what ESEARCH keeps (multi.c). */
#ifndef IMAP4_SEARCH_MULTI_H
#define IMAP4_SEARCH_MULTI_H

#include "session.h"

struct multi;
void multi_free (struct session *, struct multi **);

#endif
