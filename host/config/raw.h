/* SPDX-License-Identifier: Apache-2.0 */
/* raw.h - key files as sections and entries that remember their file and line.
 *
 * GKeyFile decides what a value means (escapes, encoding); lines are found by us, so that one
 * bad line does not hide the next, and every entry keeps its place.  Ownership: raw_new/raw_free;
 * strings belong to the raw.  One thread. */
#ifndef HOST_CONFIG_RAW_H
#define HOST_CONFIG_RAW_H

#include "config/config.h"

struct raw_entry {
  struct config_place place;
  char *key;
  char *value; /* unescaped; wiped when freed, as it may be a secret */
  bool used;   /* the host or a plugin has declared it */
};

struct raw_section {
  struct config_place place; /* of its first header */
  char *title;               /* "plugin storage-kyoto": words divided by one space */
  char *kind;                /* "plugin" */
  char *name;                /* "storage-kyoto"; "" if there is none */
  char *instance;            /* third word; "" */
  unsigned words;
  GPtrArray *entries; /* struct raw_entry */
};

struct raw {
  GPtrArray *sections; /* struct raw_section, in order of their first header */
  GPtrArray *files;    /* char *: names that places point to */
};

struct raw *raw_new (void);
void raw_free (struct raw **);
/* Adds a file; its entries override those of the files before it. */
void raw_add (struct raw *, const struct config_text *, struct config_errors *);

struct raw_section *raw_find (const struct raw *, const char *title);
struct raw_entry *raw_entry_find (const struct raw_section *, const char *key);
/* Where the key stands, else where the section begins. */
struct config_place raw_place (const struct raw_section *, const char *key);

#endif
