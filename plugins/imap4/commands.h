/* SPDX-License-Identifier: Apache-2.0 */
/* commands.h - the functions of all commands; each is in the folder of its subject. */
#ifndef IMAP4_COMMANDS_H
#define IMAP4_COMMANDS_H

#include "session.h"

/* any.c */
command_function command_capability, command_noop, command_logout;
/* login/ */
command_function command_login, command_authenticate, command_starttls, command_compress,
    command_id, command_enable, command_language, command_unauthenticate;
/* selected/ */
command_function command_select, command_examine, command_check, command_close, command_unselect,
    command_expunge, command_idle, command_notify, command_store, command_copy, command_move;
/* mailbox/ */
command_function command_create, command_delete, command_deleteacl, command_getacl,
    command_getmetadata, command_getquota, command_getquotaroot, command_list, command_listrights,
    command_lsub, command_myrights, command_namespace, command_rename, command_setacl,
    command_setmetadata, command_setquota, command_status, command_subscribe, command_unsubscribe,
    command_xlist;
/* fetch/ */
command_function command_fetch, command_convert, command_conversions;
/* search/ */
command_function command_search, command_sort, command_thread, command_comparator,
    command_esearch, command_uidbatches, command_cancelupdate;
/* append/ */
command_function command_append, command_replace, command_genurlauth, command_resetkey,
    command_urlfetch;

#endif
