/* SPDX-License-Identifier: Apache-2.0 */
/* edit.h - changes to the text of the accounts file that leave every other line as it stands,
 * comments included.
 *
 * Pure functions over a GString; names are folded (name_canonical).  Whether the outcome makes
 * sense is for accounts_parse to say.  Any thread. */
#ifndef DIRECTORY_FILE_EDIT_H
#define DIRECTORY_FILE_EDIT_H

#include <glib.h>
#include <stdbool.h>

bool edit_has (const GString *text, const char *account);
/* A new section at the end, without keys. */
void edit_add (GString *text, const char *account);
/* The section and its keys.  Comments behind its last key stay: they may belong to what follows. */
bool edit_remove (GString *text, const char *account);

/* Replaces all lines of the key by one for each value; none takes the key away.  false: no such
 * account. */
bool edit_set (GString *text, const char *account, const char *key, const char *const *values);

/* One more line of the key, behind those there are.  false: no such account. */
bool edit_add_line (GString *text, const char *account, const char *key, const char *value);
/* Takes the line of the key away whose value begins with this word.  false: there is none. */
bool edit_drop_line (GString *text, const char *account, const char *key, const char *word);

/* Adds a word to a list, or takes it out; names are compared folded.  *changed: it was not there
 * before, or was.  false: no such account. */
bool edit_list (GString *text, const char *account, const char *key, const char *word, bool add,
                bool *changed);
/* Takes an account out of every list of others' accounts. */
void edit_forget (GString *text, const char *account);

#endif
