/* SPDX-License-Identifier: Apache-2.0 */
/* faulty.c - the plugin; see faulty.h. */
#include "faulty.h"

struct ptn_store good;
void *good_instance;

static struct ptn_store broken;
static const struct fault *chosen[4];
static uint32_t lost, claims;

const struct fault *const all_faults[] = { mailbox_faults, message_faults, change_faults,
                                           waiting_faults, sharing_faults, NULL };

void *
keep (const void *data, size_t size) {
  static GPtrArray *kept;
  static GMutex lock;
  g_mutex_lock (&lock);
  if (!kept)
    kept = g_ptr_array_new ();
  void *copy = g_malloc (size);
  memcpy (copy, data, size);
  g_ptr_array_add (kept, copy);
  g_mutex_unlock (&lock);
  return copy;
}

/* --- a source for deliver_now ------------------------------------------------------------- */

struct text_source {
  struct ptn_source source;
  const char *text;
};

static ptn_status
text_read (struct ptn_source *source, struct ptn_task *task, size_t max, struct ptn_chunk *chunk) {
  struct text_source *text = (struct text_source *)source;
  size_t size = MIN (strlen (text->text), max);
  *chunk = (struct ptn_chunk){ .data = text->text, .size = size, .fd = -1 };
  text->text += size;
  return size ? PTN_OK : PTN_END;
}

static void
text_close (struct ptn_source *source) {
  (void)source;
}

void
deliver_now (struct ptn_call *c, const char *account, const char *text) {
  static const struct ptn_source_ops ops = { .size = sizeof ops,
                                             .read = text_read,
                                             .close = text_close };
  struct text_source source = { { &ops, (int64_t)strlen (text) }, text };
  const struct ptn_append append = { .size = sizeof append, .source = &source.source };
  const struct ptn_target target = { account, "INBOX", 0, UINT64_MAX, UINT64_MAX };
  struct ptn_delivered result = { 0 };
  QUIETLY (c, good.deliver (good_instance, &call, &append, &target, 1, &result));
}

/* --- between the good store and the host ---------------------------------------------------- */

static void
replace (const struct fault *fault) {
  lost |= fault->lost;
  claims |= fault->claims;
  if (fault->member != SIZE_MAX)
    memcpy ((char *)&broken + fault->member, &fault->function, sizeof fault->function);
}

static ptn_status
between_provide (const struct ptn_host *own, const char *id, const char *name, const void *table,
                 void *instance) {
  (void)own;
  if (strcmp (id, PTN_STORE_ID) != 0)
    return PTN_OK; /* commands of the good store are not tested here */
  const struct ptn_store *store = table;
  memset (&good, 0, sizeof good);
  memcpy (&good, store, MIN (store->size, sizeof good));
  good_instance = instance;
  broken = good;
  for (size_t i = 0; i < G_N_ELEMENTS (chosen) && chosen[i]; i++)
    replace (chosen[i]);
  broken.capabilities |= claims;
  return host->provide (host, id, name, &broken, instance);
}

static void
between_publish (const struct ptn_host *own, const struct ptn_event *event) {
  struct ptn_event copy = *event;
  (void)own;
  copy.kinds &= ~lost;
  if (copy.kinds)
    host->publish (host, &copy);
}

/* --- the plugin ------------------------------------------------------------------------------- */

static bool
choose (const char *name) {
  size_t count = 0;
  memset (chosen, 0, sizeof chosen);
  for (size_t i = 0; all_faults[i]; i++)
    for (const struct fault *fault = all_faults[i]; fault->rule; fault++)
      if (strcmp (fault->rule, name) == 0 && count < G_N_ELEMENTS (chosen))
        chosen[count++] = fault;
  return count > 0;
}

PTN_PUBLIC const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  static const struct wrapper wrapper = {
    .name = "storage-faulty",
    .summary = "A good store with one fault: a test of tests.",
    .variable = "FAULTY_STORE",
    .choose = choose,
    .provide = between_provide,
    .publish = between_publish,
  };
  return wrapper_entry (&wrapper, host_abi_major, host_abi_minor);
}
