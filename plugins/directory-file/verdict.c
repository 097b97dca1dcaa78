/* SPDX-License-Identifier: Apache-2.0 */
/* verdict.c - see verdict.h. */
#include "verdict.h"

#include "app.h"

static const char *
peer_of (const struct directory *directory, const struct ptn_sasl_request *request) {
  const char *peer = directory->streams && request->stream
                         ? directory->streams->property (request->stream, "peer.address")
                         : NULL;
  return peer ? peer : "";
}

ptn_status
verdict_of (struct directory *directory, const struct ptn_sasl_request *request,
            const struct account *account, const struct password *password, const char **why) {
  const int64_t now_ms = directory->host->realtime_ms ();
  const struct app *app = app_of (account, password);
  *why = "account is disabled";
  if (account_is_disabled (account, now_ms))
    return PTN_E_DISABLED;
  if (app)
    return app_judge (app, request->service, peer_of (directory, request), now_ms, why);
  *why = "password has expired";
  return account_has_expired (account, now_ms) ? PTN_E_PASSWORD_EXPIRED : PTN_OK;
}

static void
note_app (struct directory *directory, struct ptn_task *task,
          const struct ptn_sasl_request *request, const struct account *account,
          const struct app *app) {
  const struct ptn_host *host = directory->host;
  const struct ptn_field fields[] = { { "user", account->name }, { "label", app->label } };
  uses_note (directory->uses, account->name, app->label, request->service,
             peer_of (directory, request), host->realtime_ms () / 1000);
  if (host->logs (host, PTN_LOG_INFO))
    host->log (host, PTN_LOG_INFO, task, "directory.app-password", fields, G_N_ELEMENTS (fields));
}

ptn_status
verdict_settle (struct directory *directory, struct ptn_task *task,
                const struct ptn_sasl_request *request, const struct account *account,
                const struct password *password) {
  const char *why;
  const ptn_status status = verdict_of (directory, request, account, password, &why);
  if (status != PTN_OK)
    return directory->host->fail (task, status, NULL, "%s", why);
  const struct app *app = app_of (account, password);
  if (app)
    note_app (directory, task, request, account, app);
  return PTN_OK;
}
