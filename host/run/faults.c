/* SPDX-License-Identifier: Apache-2.0 */
/* faults.c - see faults.h. */
#include "run/faults.h"

#include <glib.h>
#include <string.h>

enum { CRASHES = 3 };
static const int64_t WINDOW_NS = 60 * (int64_t)1000000000;

struct fault {
  char *label, *reason;
  bool left_out;
  unsigned count;
  int64_t at[CRASHES]; /* a ring of the latest crashes */
};

struct faults {
  GPtrArray *all; /* struct fault */
};

static void
fault_free (void *element) {
  struct fault *fault = element;
  g_free (fault->label);
  g_free (fault->reason);
  g_free (fault);
}

struct faults *
faults_new (void) {
  struct faults *faults = g_new0 (struct faults, 1);
  faults->all = g_ptr_array_new_with_free_func (fault_free);
  return faults;
}

void
faults_free (struct faults **faults) {
  if (*faults)
    g_ptr_array_unref ((*faults)->all);
  g_clear_pointer (faults, g_free);
}

static struct fault *
fault_of (struct faults *faults, const char *label) {
  for (guint i = 0; i < faults->all->len; i++) {
    struct fault *fault = faults->all->pdata[i];
    if (strcmp (fault->label, label) == 0)
      return fault;
  }
  struct fault *fault = g_new0 (struct fault, 1);
  fault->label = g_strdup (label);
  g_ptr_array_add (faults->all, fault);
  return fault;
}

enum fault_verdict
faults_judge (struct faults *faults, const char *label, bool required, bool setting_up,
              const char *reason, int64_t now_ns) {
  struct fault *fault = fault_of (faults, label);

  fault->at[fault->count++ % CRASHES] = now_ns;
  bool often = fault->count >= CRASHES && now_ns - fault->at[fault->count % CRASHES] <= WINDOW_NS;
  if (!setting_up && !often)
    return FAULT_RESTART;
  g_free (fault->reason);
  fault->reason =
      setting_up ? g_strdup (reason)
                 : g_strdup_printf ("crashed %d times in a minute, at last: %s", CRASHES, reason);
  fault->left_out = !required;
  return required ? FAULT_GIVE_UP : FAULT_LEAVE_OUT;
}

void
faults_forget (struct faults *faults) {
  g_ptr_array_set_size (faults->all, 0);
}

const char *
faults_left_out (const struct faults *faults, size_t index, const char **reason) {
  for (guint i = 0; i < faults->all->len; i++) {
    const struct fault *fault = faults->all->pdata[i];
    if (fault->left_out && index-- == 0) {
      *reason = fault->reason;
      return fault->label;
    }
  }
  return NULL;
}
