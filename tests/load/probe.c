/* SPDX-License-Identifier: Apache-2.0 */
/* probe.c - the smallest plugins, good and bad: the build makes one module of each PROBE_*. */
#include <postern/postern.h>

#include <stdlib.h>
#include <string.h>

#if defined PROBE_NO_SYMBOL
PTN_PUBLIC int another_symbol (void);
int
another_symbol (void) {
  return 1;
}
#else

#ifndef PROBE_NAME
#define PROBE_NAME "probe"
#endif
#ifndef PROBE_PROTOCOL
#define PROBE_PROTOCOL "probe"
#endif

struct instance {
  const struct ptn_host *host;
  const struct ptn_config *config;
  struct ptn_metric *events;
};

/* --- a protocol that closes at once ------------------------------------------------------- */

static ptn_status
session_open (void *instance, struct ptn_task *task, struct ptn_stream *stream,
              const struct ptn_session_info *info, void **session) {
  *session = instance;
  return PTN_OK;
}
static ptn_status
session_step (void *session, struct ptn_task *task, int64_t *deadline) {
  return PTN_END;
}
static inline void
session_close (void *session) {
}

static const struct ptn_protocol protocol = {
  .size = sizeof protocol,
  .name = PROBE_PROTOCOL,
  .open = session_open,
  .step = session_step,
#ifdef PROBE_NULL_STEP
  .close = NULL,
#else
  .close = session_close,
#endif
};

/* --- an interface of the probes' own: says in which order they were started --------------- */

struct probe_order {
  uint32_t size, reserved;
  int (*next) (void);
};
static int order;
static int
next_order (void) {
  return ++order;
}
static const struct probe_order probe_order = { sizeof probe_order, 0, next_order };

static ptn_status
configure (const struct ptn_host *host, const struct ptn_config *config, void **result) {
#ifdef PROBE_CRASH_CONFIGURE
  abort ();
#endif
#ifdef PROBE_FAIL_CONFIGURE
  struct ptn_field fields[] = { { "error", "the moon is wrong" } };
  host->log (host, PTN_LOG_ERROR, NULL, "probe.refused", fields, 1);
  return PTN_E_INVALID;
#endif
  struct instance *instance = calloc (1, sizeof *instance);
  instance->host = host;
  instance->config = config;
  instance->events = host->metric (host, PTN_METRIC_COUNTER, "postern_probe_events", "Events.");
  host->observe (instance->events, host->number (config, "count"));
  *result = instance;
  host->provide (host, "probe.order/1", NULL, &probe_order, instance);
  ptn_status status = host->provide (host, PTN_PROTOCOL_ID, PROBE_PROTOCOL, &protocol, instance);
  if (status != PTN_OK)
    free (instance);
  return status;
}

static inline ptn_status
start (void *data) {
  struct instance *instance = data;
#ifdef PROBE_FAIL_START
  struct ptn_field fields[] = { { "path", "/x\n" }, { "error", "no disk" } };
  instance->host->log (instance->host, PTN_LOG_ERROR, NULL, "probe.disk", fields, 2);
  return PTN_E_TEMPORARY;
#endif
#ifdef PROBE_FINDER
  struct ptn_binding found;
  if (instance->host->find (instance->host, "probe.order/1", "probe", &found) != PTN_OK)
    return PTN_E_NOT_FOUND;
  return ((const struct probe_order *)found.table)->next () > 0 ? PTN_OK : PTN_E_INVALID;
#endif
  return instance->host->state_directory[0] == '/' ? PTN_OK : PTN_E_INVALID;
}

static ptn_status
reload (void *data, struct ptn_task *task, const struct ptn_config *config) {
  struct instance *instance = data;
  if (instance->host->number (config, "count") == 13)
    return PTN_E_INVALID;
  instance->config = config;
  instance->host->observe (instance->events, 100);
  return PTN_OK;
}

/* Says what it is asked about, and the names it can see. */
static void
check (void *data, const struct ptn_config *config, uint32_t scope, ptn_warn *warn, void *to) {
  struct instance *instance = data;
  struct ptn_strings names;
  if (scope == PTN_SCOPE_PLUGIN && instance->host->number (config, "count") == 99)
    warn (to, "count", "99 is unlucky");
  const struct ptn_strings orders = instance->host->words (config, "orders");
  if (scope == PTN_SCOPE_LISTENER && orders.count == 1 && strcmp (orders.items[0], "all") == 0
      && instance->host->list (instance->host, "probe.order/1", &names) == PTN_OK
      && names.count > 0)
    warn (to, "orders", names.items[0]);
}

static void
stop (void *instance) {
}

static void
destroy (void *instance) {
  free (instance);
}

/* --- settings ------------------------------------------------------------------------------- */

struct later_setting { /* what a later minor may append */
  struct ptn_setting now;
  const char *unit;
  uint64_t most;
};

#ifdef PROBE_FUTURE
static const struct later_setting settings[] = {
  { { "count", PTN_SETTING_INTEGER, 0, "7", "A count.", NULL, 0, 0 }, "pieces", 10 },
  { { "colour", 99, 0, "red", "A type of later.", NULL, 0, 0 }, NULL, 0 },
  { { "elsewhere", PTN_SETTING_STRING, 1, NULL, "A scope of later.", NULL, 9, 0 }, NULL, 0 },
};
#else
static const struct ptn_setting settings[] = {
  { "count", PTN_SETTING_INTEGER, 0, "7", "A count.", NULL, PTN_SCOPE_PLUGIN, 0 },
  { "kind", PTN_SETTING_ENUM, 0, "a", "A kind.", "a b", PTN_SCOPE_PROTOCOL, 0 },
  { "orders", PTN_SETTING_LIST, 0, "nobody", "Whose orders.", "=probe.order/1", PTN_SCOPE_PROTOCOL,
    0 },
#ifdef PROBE_BAD_DEFAULT
  { "wait", PTN_SETTING_DURATION, 0, "10", "No unit.", NULL, PTN_SCOPE_PLUGIN, 0 },
#endif
};
#endif

struct later_plugin {
  struct ptn_plugin now;
  void (*dance) (void);
};

static const struct later_plugin plugin = {
  .now = {
#if defined PROBE_SIZE_0
    .size = 0,
#elif defined PROBE_FUTURE
    .size = sizeof (struct later_plugin),
#else
    .size = sizeof (struct ptn_plugin),
#endif
#ifdef PROBE_WRONG_MAJOR
    .abi_major = PTN_ABI_MAJOR + 1,
#else
    .abi_major = PTN_ABI_MAJOR,
#endif
    .abi_minor = PTN_ABI_MINOR + 5,
    .name = PROBE_NAME,
    .version = "1.0",
    .summary = "a probe",
    .settings = (const struct ptn_setting *) (const void *) settings,
    .setting_count = sizeof settings / sizeof *settings,
    .setting_size = sizeof *settings,
    .configure = configure,
#ifdef PROBE_NULL_START
    .start = NULL,
#else
    .start = start,
#endif
    .reload = reload,
    .stop = stop,
    .destroy = destroy,
    .lanes = "deep wide",
    .check = check,
  },
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
#ifdef PROBE_REFUSES
  return NULL;
#endif
  return &plugin.now;
}
#endif
