/* SPDX-License-Identifier: Apache-2.0 */
/* model.h - struct config with what stands behind it.  Internal to host/config. */
#ifndef HOST_CONFIG_MODEL_H
#define HOST_CONFIG_MODEL_H

#include "config/check.h"

#include <stdatomic.h>

struct model {
  struct config config; /* first: what others see */
  _Atomic unsigned references;
  struct raw *raw;
  struct config_options options;
  GPtrArray *owned;    /* g_malloc'd memory that the config points to */
  GPtrArray *settings; /* struct ptn_config whose strings the config points to */
};

static inline struct model *
model_of (struct config *config) {
  return (struct model *)config;
}
struct value_source model_source (struct model *);
void *model_own (struct model *, void *memory); /* returns it */
char *model_print (struct model *, const char *format, ...) G_GNUC_PRINTF (2, 3);

/* Checks a section against the host's own table of its kind. */
struct ptn_config *model_check_host (struct model *, struct raw_section *, const char *kind,
                                     struct config_errors *);

/* listeners.c: what phase 1 can know of a listener. */
void listener_read (struct model *, struct raw_section *, struct config_listener *,
                    struct config_errors *);

#endif
