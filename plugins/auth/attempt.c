/* SPDX-License-Identifier: Apache-2.0 */
/* attempt.c - who somebody is: the gate, the directories, the authorization identity; and what
 * becomes of a proof.  See attempt.h; source.c asks for the proof itself.  An attempt owns its three
 * calls, which hold what the identity points to. */
#include "attempt.h"
#include "common/login/names.h"
#include "message.h"
#include "policy.h"
#include "source.h"

#include <string.h>

void
attempt_init (struct attempt *attempt, struct auth *auth, const struct ptn_sasl_request *request) {
  *attempt = (struct attempt){ .auth = auth, .request = request, .roster = auth_roster (auth) };
}

void
attempt_clear (struct attempt *attempt) {
  const struct ptn_host *host = attempt->auth->host;
  host->call_end (&attempt->finding);
  host->call_end (&attempt->on_behalf);
  host->call_end (&attempt->checking);
  g_clear_pointer (&attempt->login, g_free);
  g_clear_pointer (&attempt->alone, g_free);
  g_clear_pointer (&attempt->user_id, g_free);
  g_clear_pointer (&attempt->spelling, g_free);
  g_clear_pointer (&attempt->roster, roster_unref);
}

static ptn_status
fail_for (struct attempt *attempt, ptn_status status, const char *reason) {
  attempt->reason = reason;
  return status;
}

const char *
attempt_their_reason (struct attempt *attempt, struct ptn_task *task) {
  const char *text = attempt->auth->host->failure_log (task);
  g_strlcpy (attempt->text, text ? text : "no reason was given", sizeof attempt->text);
  return attempt->text;
}

/* ---- The gate ---------------------------------------------------------------------------- */

/* Folded: else each letter beyond ASCII would have spellings that are counted apart. */
static void
make_keys (struct attempt *attempt, const char *login) {
  char folded[NAME_LIMIT + 1];
  const bool sound = name_fold (login, strlen (login), folded);
  size_t length;
  const char *user = message_user_part (sound ? folded : login, &length);
  const char *address = auth_property (attempt->auth, attempt->request->stream, "peer.address");
  attempt->keys = gate_keys (attempt->auth->gate, user, length, address);
  attempt->keys.trusted = roster_trusts (attempt->roster, address);
  attempt->counted = true;
  if (!attempt->login)
    attempt->login = g_strdup (login);
}

void
attempt_failed (struct attempt *attempt) {
  if (attempt->counted)
    gate_failed (attempt->auth->gate, &attempt->keys, attempt->auth->host->monotonic_ns ());
}

void
attempt_succeeded (struct attempt *attempt) {
  if (attempt->counted)
    gate_succeeded (attempt->auth->gate, &attempt->keys, attempt->auth->host->monotonic_ns ());
}

static ptn_status
enter (struct attempt *attempt, struct ptn_task *task, const char *login) {
  const struct ptn_host *host = attempt->auth->host;
  const gint64 now_ns = host->monotonic_ns ();
  make_keys (attempt, login);
  attempt->turn_ns = gate_admit (attempt->auth->gate, &attempt->keys, now_ns);
  if (attempt->turn_ns == G_MAXINT64)
    return fail_for (attempt, PTN_E_TOO_MANY, "too many failures");
  if (attempt->turn_ns <= now_ns)
    return PTN_OK;
  host->observe (attempt->auth->waits, 1);
  host->wake_at (host->waker (task), attempt->turn_ns);
  attempt->state = ATTEMPT_WAITING;
  return PTN_PENDING;
}

/* ---- Finding the user -------------------------------------------------------------------- */

/* The shortest that a directory tells: one whose domain it is not must leave the domain in. */
static void
note_spelling (struct attempt *attempt) {
  const char *told = attempt->identity.spelling;
  if (!told || (attempt->spelling && strlen (attempt->spelling) <= strlen (told)))
    return;
  g_free (attempt->spelling);
  attempt->spelling = g_strdup (told);
}

/* Where no directory tells, the domain is taken for one of theirs. */
const char *
attempt_spelling (struct attempt *attempt) {
  if (!attempt->spelling) {
    char folded[NAME_LIMIT + 1];
    const bool sound = name_fold (attempt->login, strlen (attempt->login), folded);
    size_t length;
    const char *user = message_user_part (sound ? folded : attempt->login, &length);
    attempt->spelling = g_strndup (user, length);
  }
  return attempt->spelling;
}

/* The first directory that knows the name.  PTN_E_NOT_FOUND: none; the reason is the first one's. */
static ptn_status
find_user (struct attempt *attempt, struct ptn_task *task, const char *login) {
  const struct ptn_host *host = attempt->auth->host;
  for (; attempt->at < attempt->roster->directory_count; attempt->at++) {
    struct roster_directory *directory = &attempt->roster->directories[attempt->at];
    attempt->finding.task = task;
    attempt->identity = (struct ptn_identity){ .size = sizeof attempt->identity };
    const ptn_status status =
        directory->directory->parse_login (directory->instance, &attempt->finding, login,
                                           &attempt->identity);
    if (status == PTN_PENDING)
      return status;
    if (status == PTN_OK || status == PTN_E_NOT_FOUND)
      note_spelling (attempt);
    if (status == PTN_OK)
      return status;
    if (status != PTN_E_NOT_FOUND || attempt->at == 0)
      attempt->reason = attempt_their_reason (attempt, task);
    host->call_end (&attempt->finding);
    if (status != PTN_E_NOT_FOUND)
      return PTN_E_TEMPORARY;
  }
  attempt->at = 0;
  return PTN_E_NOT_FOUND;
}

/* The first directory whose users somebody verifies: there nobody's proof costs what a user's does.
 * Else, where one without sources comes first, unknown names alone would be told to try later. */
static size_t
first_verified (const struct roster *roster) {
  size_t at = 0;
  while (at < roster->directory_count && roster->directories[at].source_count == 0)
    at++;
  return at < roster->directory_count ? at : 0;
}

static void
note_first_reason (struct attempt *attempt) {
  g_strlcpy (attempt->first_text, attempt->reason ? attempt->reason : "unknown user",
             sizeof attempt->first_text);
}

/* "user/mailbox" that names nobody: perhaps the user is one.  Then what is told is about the user, and
 * the mailbox is wrong after the proof, as one in an authorization identity: a salt that is another
 * with a mailbox than without would tell that there is such a user. */
static ptn_status
find_alone (struct attempt *attempt, struct ptn_task *task, const char *login) {
  if (!attempt->alone && !(attempt->alone = message_without_mailbox (login)))
    return PTN_E_NOT_FOUND;
  if (attempt->candidate != attempt->alone) {
    note_first_reason (attempt);
    g_clear_pointer (&attempt->spelling, g_free);
    attempt->candidate = attempt->alone;
  }
  const ptn_status status = find_user (attempt, task, attempt->alone);
  if (status == PTN_OK)
    attempt->refusal = attempt->first_text;
  return status;
}

static ptn_status
find_candidates (struct attempt *attempt, struct ptn_task *task, const char *login,
                 const char *other) {
  ptn_status status = PTN_E_NOT_FOUND;
  if (!attempt->candidate)
    attempt->candidate = login;
  if (attempt->candidate != attempt->alone || !attempt->alone)
    status = find_user (attempt, task, attempt->candidate);
  if (status == PTN_E_NOT_FOUND && other && attempt->candidate == login) {
    attempt->candidate = other;
    status = find_user (attempt, task, other);
  }
  if (status == PTN_E_NOT_FOUND && attempt->tells && !other)
    status = find_alone (attempt, task, login);
  if (status != PTN_E_NOT_FOUND)
    return status;
  attempt->nobody = true;
  attempt->at = first_verified (attempt->roster);
  if (!attempt->alone)
    note_first_reason (attempt);
  attempt->refusal = attempt->first_text;
  attempt->identity = (struct ptn_identity){ .size = sizeof attempt->identity, .domain = "" };
  return PTN_OK;
}

/* The authorization identity: another name for the mailbox to be opened, in the same directory.
 * What is wrong with it shows only after the proof.  That of nobody is looked for as well, in the
 * first directory: an answer that comes sooner would tell that there is no such user. */
static ptn_status
find_on_behalf (struct attempt *attempt, struct ptn_task *task, const char *authzid) {
  struct roster_directory *directory = &attempt->roster->directories[attempt->at];
  struct ptn_identity *identity = &attempt->identity;
  struct ptn_identity other = { .size = sizeof other };
  attempt->on_behalf.task = task;
  const ptn_status status =
      directory->directory->parse_login (directory->instance, &attempt->on_behalf, authzid, &other);
  if (status == PTN_PENDING)
    return status;
  if (status != PTN_OK && status != PTN_E_NOT_FOUND)
    return fail_for (attempt, PTN_E_TEMPORARY, attempt_their_reason (attempt, task));
  if (attempt->nobody)
    return PTN_OK;
  if (status == PTN_E_NOT_FOUND)
    attempt->refusal = "unknown authorization identity";
  else if ((strcmp (other.authcid, other.account) != 0
            && strcmp (other.authcid, identity->authcid) != 0) /* "user/mailbox" of the same user */
           || (strcmp (identity->authcid, identity->account) != 0
               && strcmp (identity->account, other.account) != 0))
    attempt->refusal = "two mailboxes are named";
  else
    identity->authzid = identity->account = other.account;
  return PTN_OK;
}

ptn_status
attempt_find_either (struct attempt *attempt, struct ptn_task *task, const char *login,
                     const char *other, const char *authzid) {
  ptn_status status = PTN_OK;
  for (;;)
    switch (attempt->state) {
    case ATTEMPT_NEW:
      if ((status = enter (attempt, task, login)) != PTN_OK)
        return status;
      attempt->state = ATTEMPT_FINDING;
      break;
    case ATTEMPT_WAITING:
      if (attempt->auth->host->monotonic_ns () < attempt->turn_ns)
        return PTN_PENDING;
      attempt->state = ATTEMPT_FINDING;
      break;
    case ATTEMPT_FINDING:
      if ((status = find_candidates (attempt, task, login, other)) != PTN_OK)
        return status;
      attempt->state = authzid ? ATTEMPT_FINDING_ON_BEHALF : ATTEMPT_FOUND;
      break;
    case ATTEMPT_FINDING_ON_BEHALF:
      if ((status = find_on_behalf (attempt, task, authzid)) != PTN_OK)
        return status;
      attempt->state = ATTEMPT_FOUND;
      break;
    case ATTEMPT_FOUND:
      return PTN_OK;
    }
}

ptn_status
attempt_find (struct attempt *attempt, struct ptn_task *task, const char *login,
              const char *authzid) {
  return attempt_find_either (attempt, task, login, NULL, authzid);
}

/* ---- The verdict ------------------------------------------------------------------------- */

static ptn_status
refuse (struct attempt *attempt, const char *reason) {
  attempt->reason = reason;
  attempt_failed (attempt);
  return PTN_E_AUTHENTICATION;
}

ptn_status
attempt_verdict (struct attempt *attempt, struct ptn_task *task, ptn_status proof) {
  if (proof == PTN_OK && !attempt->refusal && !policy_meets_demand (attempt))
    attempt->refusal = "NTLMv1 is not allowed for this account (auth.ntlmv1)";
  switch (proof) {
  case PTN_OK:
    return attempt->refusal ? refuse (attempt, attempt->refusal) : PTN_OK;
  case PTN_E_PASSWORD_EXPIRED:
    return attempt->refusal ? refuse (attempt, attempt->refusal)
                            : fail_for (attempt, proof,
                                        attempt->reason ? attempt->reason : "password has expired");
  case PTN_E_NOT_FOUND:
  case PTN_E_UNSUPPORTED:
    if (attempt->nobody)
      return refuse (attempt, attempt->refusal);
    return refuse (attempt, attempt->reason ? attempt->reason : "nothing is stored to verify with");
  case PTN_E_AUTHENTICATION:
  case PTN_E_DISABLED:
  case PTN_E_DENIED:
    if (attempt->nobody)
      return refuse (attempt, attempt->refusal);
    return refuse (attempt, attempt->reason ? attempt->reason : "wrong password");
  case PTN_E_INVALID:
    attempt_failed (attempt);
    return fail_for (attempt, proof, attempt->reason ? attempt->reason : "malformed response");
  default:
    return fail_for (attempt, PTN_E_TEMPORARY,
                     attempt->reason ? attempt->reason : "no reason was given");
  }
}

/* ---- Proofs of others -------------------------------------------------------------------- */

/* "domain\user", the name that an adopted identity is looked up by. */
static const char *
adopted_login (struct attempt *attempt, const struct ptn_identity *proved) {
  if (attempt->login)
    return attempt->login;
  const bool bare = !proved->domain || !*proved->domain || strpbrk (proved->authcid, "@/\\");
  attempt->login =
      bare ? g_strdup (proved->authcid) : g_strconcat (proved->domain, "\\", proved->authcid, NULL);
  make_keys (attempt, attempt->login);
  return attempt->login;
}

/* A proved name is who somebody is, perhaps with a domain.  One that also says whose mailbox is wanted
 * ("user@domain/mailbox"), or of another domain than was proved, was taken from a ticket or token as it
 * stands: whom the issuer meant is the whole, and not the user that a login of this form names. */
static bool
is_one_name (const struct ptn_identity *proved) {
  const char *separator = strpbrk (proved->authcid, "/\\");
  if (!separator)
    return true;
  return !(proved->domain && *proved->domain)
         && !memchr (proved->authcid, '@', (size_t)(separator - proved->authcid))
         && !strpbrk (separator + 1, "/\\");
}

ptn_status
attempt_adopt (struct attempt *attempt, struct ptn_task *task, const struct ptn_identity *proved) {
  const char *login = adopted_login (attempt, proved);
  const char *wanted = proved->account && *proved->account ? proved->account : proved->authzid;
  if (wanted && (!*wanted || strcmp (wanted, proved->authcid) == 0))
    wanted = NULL;
  if (attempt->state == ATTEMPT_NEW) /* a proof is no guess: it does not wait */
    attempt->state = ATTEMPT_FINDING;
  const ptn_status status = attempt_find (attempt, task, login, wanted);
  if (status != PTN_OK)
    return status;
  if (!attempt->refusal && !is_one_name (proved))
    attempt->refusal = "the proved name is not one name";
  return attempt->refusal ? refuse (attempt, attempt->refusal) : PTN_OK;
}

void
attempt_claim (struct attempt *attempt, const char *claimed) {
  if (claimed && *claimed && strlen (claimed) <= MESSAGE_NAME_LIMIT)
    make_keys (attempt, claimed);
}
