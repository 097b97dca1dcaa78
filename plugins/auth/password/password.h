/* SPDX-License-Identifier: Apache-2.0 */
/* password.h - the rows of password.c that are SASL mechanisms. */
#ifndef AUTH_PASSWORD_PASSWORD_H
#define AUTH_PASSWORD_PASSWORD_H

#include "mechanism.h"

extern const struct mechanism auth_plain, auth_login;

#endif
