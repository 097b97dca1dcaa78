/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - settings and life of auth-winbind; see README.md.  The host owns the instance from
 * configure to destroy. */
#include "winbind.h"

static const struct ptn_setting settings[] = {
  { "domain", PTN_SETTING_STRING, 0, NULL,
    "The NetBIOS name of the domain of users whose directory names none; not set: the one that "
    "winbindd is a member of.",
    NULL, PTN_SCOPE_PLUGIN, 0 },
  { "timeout", PTN_SETTING_DURATION, 0, "10s", "How long a login waits for winbindd.", NULL,
    PTN_SCOPE_PLUGIN, 0 },
  { "refusal_time", PTN_SETTING_DURATION, 0, "50ms",
    "Refusals come no sooner than this after the question, so that the domain controller's speed "
    "does not tell which names exist.",
    NULL, PTN_SCOPE_PLUGIN, 0 },
};

/* ---- Settings ---------------------------------------------------------------------------- */

static struct settings *
read_settings (const struct ptn_host *host, const struct ptn_config *config) {
  struct settings *made = g_new0 (struct settings, 1);
  made->references = 1;
  made->link = link_new (host->text (config, "domain"));
  made->timeout_ns = host->number (config, "timeout") * 1000000;
  made->refusal_ns = host->number (config, "refusal_time") * 1000000;
  return made;
}

void
settings_unref (struct settings *held) {
  if (!g_atomic_int_dec_and_test (&held->references))
    return;
  link_unref (held->link);
  g_free (held);
}

struct settings *
winbind_settings (struct winbind *winbind) {
  pthread_mutex_lock (&winbind->lock);
  struct settings *held = winbind->settings;
  g_atomic_int_inc (&held->references);
  pthread_mutex_unlock (&winbind->lock);
  return held;
}

/* ---- Life -------------------------------------------------------------------------------- */

static void
winbind_destroy (void *instance) {
  struct winbind *winbind = instance;
  settings_unref (winbind->settings);
  pthread_mutex_destroy (&winbind->lock);
  g_free (winbind);
}

static ptn_status
winbind_configure (const struct ptn_host *host, const struct ptn_config *config, void **instance) {
  struct winbind *winbind = g_new0 (struct winbind, 1);
  winbind->host = host;
  pthread_mutex_init (&winbind->lock, NULL);
  winbind->settings = read_settings (host, config);
  winbind->answers = host->metric (host, PTN_METRIC_HISTOGRAM, "postern_winbind_answer",
                                   "How long winbindd took to answer.");
  winbind->timeouts = host->metric (host, PTN_METRIC_COUNTER, "postern_winbind_timeouts",
                                    "Logins that winbindd did not answer in time.");
  const ptn_status status =
      host->provide (host, PTN_CREDENTIALS_ID, NULL, &winbind_credentials, winbind);
  if (status != PTN_OK) {
    winbind_destroy (winbind);
    return status;
  }
  *instance = winbind;
  return PTN_OK;
}

static ptn_status
winbind_start (void *instance) {
  return PTN_OK;
}

static ptn_status
winbind_reload (void *instance, struct ptn_task *task, const struct ptn_config *config) {
  struct winbind *winbind = instance;
  struct settings *fresh = read_settings (winbind->host, config);
  pthread_mutex_lock (&winbind->lock);
  struct settings *old = winbind->settings;
  winbind->settings = fresh;
  pthread_mutex_unlock (&winbind->lock);
  settings_unref (old);
  return PTN_OK;
}

static const struct ptn_plugin plugin = {
  .size = sizeof plugin,
  .abi_major = PTN_ABI_MAJOR,
  .abi_minor = PTN_ABI_MINOR,
  .name = "auth-winbind",
  .version = POSTERN_VERSION,
  .summary = "Passwords and NTLM verified by a Windows domain, through winbindd",
  .settings = settings,
  .setting_count = G_N_ELEMENTS (settings),
  .setting_size = sizeof (struct ptn_setting),
  .configure = winbind_configure,
  .start = winbind_start,
  .reload = winbind_reload,
  .destroy = winbind_destroy,
  .lanes = LANE,
};

const struct ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t host_abi_minor) {
  return host_abi_major == PTN_ABI_MAJOR ? &plugin : NULL;
}
