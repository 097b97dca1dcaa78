/* SPDX-License-Identifier: Apache-2.0 */
/* order.h - what the commands have in common: taking what was typed apart, and sending a change to
 * the lane "password".
 *
 * All in the task of a command. */
#ifndef DIRECTORY_FILE_ORDER_H
#define DIRECTORY_FILE_ORDER_H

#include "change.h"
#include "directory.h"

/* ---- What was typed ---------------------------------------------------------------------- */

struct arguments {
  struct ptn_strings all;
  size_t at;
  const char *names[2]; /* those that are no options, in order */
  size_t name_count;
};

/* Nothing typed may become a second line of the file. */
bool order_is_sound (struct ptn_strings typed);
/* Is this argument the option?  *value: what follows its '=', or the next argument. */
bool order_option (struct arguments *, const char *option, const char **value);
bool order_flag (struct arguments *, const char *flag);
bool order_name (struct arguments *, size_t wanted);

/* PTN_E_INVALID, told.  What was typed may be quoted: it has no control characters. */
ptn_status order_mistake (struct directory *, struct ptn_call *, const char *text);
ptn_status order_mistaken (struct directory *, struct ptn_call *, const char *format, ...)
    G_GNUC_PRINTF (3, 4);

/* ---- Changes ----------------------------------------------------------------------------- */

/* A change of the account that was named; NULL after telling that it is no name. */
struct change *order_change_of (struct directory *, struct ptn_call *, change_kind,
                                const char *name);
/* Frees the change: PTN_E_INVALID, told. */
ptn_status order_give_up (struct directory *, struct ptn_call *, struct change *, const char *text);
/* Takes the change over: PTN_PENDING, or PTN_E_TEMPORARY. */
ptn_status order_start (struct directory *, struct ptn_call *, struct change *);
/* The outcome, told and logged once, and the file taken over; the call keeps the change. */
ptn_status order_wait (struct directory *, struct ptn_call *);
const struct change *order_change (const struct ptn_call *);
/* The same, and lets go of the change. */
ptn_status order_finish (struct directory *, struct ptn_call *);

#endif
