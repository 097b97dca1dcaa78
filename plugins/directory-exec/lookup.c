/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.c - see lookup.h.  Everything but lookup_new runs on a thread of the lane. */
#include "lookup.h"

#include <stdarg.h>
#include <string.h>

static void
person_destroy (void *data) {
  struct person *person = data;
  person_free (&person);
}

static void
lookup_clear (struct errand *errand) {
  struct lookup *lookup = (struct lookup *)errand;
  g_free (lookup->user);
  g_free (lookup->mailbox);
  g_free (lookup->address);
  g_free (lookup->service);
  question_free (&lookup->question);
  answer_clear (&lookup->answer);
  person_free (&lookup->owner);
  person_free (&lookup->opened);
  g_clear_pointer (&lookup->people, g_ptr_array_unref);
  g_free (lookup->detail);
  g_strfreev (lookup->names);
  g_free (lookup->infos);
  g_free (lookup->list);
  program_unref (lookup->program);
}

struct lookup *
lookup_new (struct program *program, void (*work) (struct errand *)) {
  struct lookup *lookup = errand_new (sizeof *lookup, work, lookup_clear);
  lookup->program = program_ref (program);
  return lookup;
}

/* ---- Asking ------------------------------------------------------------------------------ */

/* What a status means where nothing special is said of it. */
static void
fail_plainly (struct lookup *lookup, const struct answer *answer) {
  static const struct {
    ptn_status status;
    const char *text;
  } meanings[] = {
    [ANSWER_OK] = { PTN_E_TEMPORARY, "the answer makes no sense" },
    [ANSWER_NOT_FOUND] = { PTN_E_NOT_FOUND, "unknown user" },
    [ANSWER_NOT_OURS] = { PTN_E_NOT_FOUND, "not a domain of ours" },
    [ANSWER_WRONG] = { PTN_E_AUTHENTICATION, "wrong password" },
    [ANSWER_EXPIRED] = { PTN_E_PASSWORD_EXPIRED, "password has expired" },
    [ANSWER_DISABLED] = { PTN_E_DISABLED, "account is disabled" },
    [ANSWER_DENIED] = { PTN_E_DENIED, "denied" },
    [ANSWER_TEMPORARY] = { PTN_E_TEMPORARY, "the program cannot tell now" },
    [ANSWER_UNSUPPORTED] = { PTN_E_UNSUPPORTED, "the program does not know the question" },
  };
  errand_fail (&lookup->errand, meanings[answer->status].status, "%s",
               *answer->text ? answer->text : meanings[answer->status].text);
}

/* false: no answer; the errand has failed. */
static bool
ask (struct lookup *lookup, program_op op, struct question *question, struct answer *answer) {
  const char *reason;
  if (program_ask (lookup->program, op, question, answer, &reason) == PTN_OK)
    return true;
  errand_fail (&lookup->errand, PTN_E_TEMPORARY, "%s", reason);
  return false;
}

/* The same with a question that is made of these texts, and freed: NAME, TEXT ..., NULL. */
static bool G_GNUC_NULL_TERMINATED
ask_with (struct lookup *lookup, program_op op, struct answer *answer, ...) {
  struct question *question = question_new ();
  va_list texts;
  va_start (texts, answer);
  for (const char *name; (name = va_arg (texts, const char *));)
    question_add (question, name, va_arg (texts, const char *));
  va_end (texts);
  const bool done = ask (lookup, op, question, answer);
  question_free (&question);
  return done;
}

static bool
nonsense (struct lookup *lookup, program_op op, const char *fault) {
  program_complain (lookup->program, op, fault);
  errand_fail (&lookup->errand, PTN_E_TEMPORARY, "%s", fault);
  return false;
}

void
lookup_ask (struct errand *errand) {
  struct lookup *lookup = (struct lookup *)errand;
  if (ask (lookup, lookup->op, lookup->question, &lookup->answer)
      && lookup->answer.status != ANSWER_OK)
    fail_plainly (lookup, &lookup->answer);
}

/* Does the answer hold one account?  The errand has failed if not. */
static bool
take_person (struct lookup *lookup, program_op op, const struct answer *answer,
             struct person **found) {
  const char *fault;
  if (answer->status == ANSWER_UNSUPPORTED)
    return nonsense (lookup, op, "the program does not know the question");
  if (answer->status != ANSWER_OK) {
    fail_plainly (lookup, answer);
    return false;
  }
  *found = person_read (json_object_get (answer->fields, "account"), &fault);
  if (!*found)
    return nonsense (lookup, op, fault);
  if (!*(*found)->address) {
    const bool whole = strchr ((*found)->name, '@') != NULL;
    g_free ((*found)->address);
    (*found)->address =
        whole ? g_strdup ((*found)->name)
              : g_strconcat ((*found)->name, "@", domains_primary (lookup->program->domains), NULL);
  }
  return true;
}

/* By account name, alias or address.  false: the errand has failed, with PTN_E_NOT_FOUND perhaps. */
static bool
find_person (struct lookup *lookup, const char *name, const char *domain, struct person **found) {
  struct answer answer;
  const char *place = domain && !strchr (name, '@') ? "domain" : NULL;
  if (!ask_with (lookup, OP_ACCOUNT, &answer, "name", name, place, domain, NULL))
    return false;
  const bool taken = take_person (lookup, OP_ACCOUNT, &answer, found);
  answer_clear (&answer);
  return taken;
}

/* ---- Logins ------------------------------------------------------------------------------ */

/* An address of a foreign domain is nobody's here. */
static bool
is_ours (struct lookup *lookup, const char *name) {
  char buffer[NAME_LIMIT + 1];
  struct address_parts parts;
  if (!strchr (name, '@')
      || (address_split (name, strlen (name), buffer, &parts)
          && domains_find (lookup->program->domains, parts.domain)))
    return true;
  errand_fail (&lookup->errand, PTN_E_NOT_FOUND, "not a domain of ours");
  return false;
}

/* The mailbox of nobody is looked for as well: a question less would tell that there is no such user. */
void
lookup_login (struct errand *errand) {
  struct lookup *lookup = (struct lookup *)errand;
  if (!is_ours (lookup, lookup->user) || (lookup->mailbox && !is_ours (lookup, lookup->mailbox)))
    return;
  const bool known = find_person (lookup, lookup->user, lookup->domain, &lookup->owner);
  if (lookup->mailbox && (known || errand->status == PTN_E_NOT_FOUND)) {
    char why[ERRAND_REASON];
    g_strlcpy (why, errand->reason, sizeof why);
    const bool told = find_person (lookup, lookup->mailbox, lookup->domain, &lookup->opened)
                      || errand->status == PTN_E_NOT_FOUND;
    if (!known && told)
      errand_fail (errand, PTN_E_NOT_FOUND, "%s", why);
  }
  if (errand->status == PTN_OK && lookup->opened
      && strcmp (lookup->opened->name, lookup->owner->name) == 0)
    person_free (&lookup->opened);
}

static bool
names_has (char **names, const char *name) {
  return g_strv_contains ((const char *const *)names, name);
}

/* What the account says of its delegates; if nothing, what the program says when asked.  false: no
 * answer. */
static bool
find_access (struct lookup *lookup) {
  const char *user = lookup->owner->name;
  const struct person *mailbox = lookup->opened;
  struct answer answer;
  if (!mailbox || names_has (mailbox->delegates, user)) {
    lookup->access = PTN_ACCESS_FULL;
    return true;
  }
  if (names_has (mailbox->readers, user)) {
    lookup->access = MAX (lookup->access, PTN_ACCESS_READ);
    return true;
  }
  if (!ask_with (lookup, OP_DELEGATE, &answer, "user", user, "account", mailbox->name, NULL))
    return false;
  if (answer.status == ANSWER_OK) {
    const char *access = json_string_value (json_object_get (answer.fields, "access"));
    const bool full = g_strcmp0 (access, "full") == 0;
    lookup->access = MAX (lookup->access, full ? PTN_ACCESS_FULL : PTN_ACCESS_READ);
  }
  const bool told = answer.status != ANSWER_TEMPORARY;
  if (!told)
    fail_plainly (lookup, &answer);
  answer_clear (&answer);
  return told;
}

void
lookup_identity (struct errand *errand) {
  struct lookup *lookup = (struct lookup *)errand;
  lookup_login (errand);
  if (errand->status == PTN_E_NOT_FOUND)
    errand_fail (errand, PTN_E_DENIED, "account is gone");
  if (errand->status != PTN_OK || !find_access (lookup))
    return;
  if (lookup->access == PTN_ACCESS_UNTOLD)
    errand_fail (errand, PTN_E_DENIED, "no delegate of this mailbox");
}

/* ---- Addresses --------------------------------------------------------------------------- */

/* The accounts of one address exactly as it stands.  PTN_OK, PTN_E_NOT_FOUND, PTN_E_UNSUPPORTED (not
 * ours), or PTN_E_TEMPORARY; all but PTN_OK as the errand's status too. */
static ptn_status
find_address (struct lookup *lookup, const char *address) {
  struct answer answer;
  lookup->errand.status = PTN_OK;
  if (!ask_with (lookup, OP_ADDRESS, &answer, "address", address, NULL))
    return lookup->errand.status;
  if (answer.status == ANSWER_UNSUPPORTED) {
    struct person *one = NULL;
    answer_clear (&answer);
    if (find_person (lookup, address, NULL, &one))
      g_ptr_array_add (lookup->people, one);
    return lookup->errand.status;
  }
  const json_t *list = json_object_get (answer.fields, "accounts");
  if (answer.status == ANSWER_NOT_OURS)
    errand_fail (&lookup->errand, PTN_E_UNSUPPORTED, "not a domain of ours");
  else if (answer.status != ANSWER_OK)
    fail_plainly (lookup, &answer);
  else if (!json_is_array (list) || json_array_size (list) > ANSWER_LIST_LIMIT)
    nonsense (lookup, OP_ADDRESS, "accounts of an address are no list, or too many");
  for (size_t i = 0; lookup->errand.status == PTN_OK && i < json_array_size (list); i++) {
    const struct answer one = { .fields = json_pack ("{s:O}", "account", json_array_get (list, i)),
                                .text = "" };
    struct person *person = NULL;
    if (take_person (lookup, OP_ADDRESS, &one, &person))
      g_ptr_array_add (lookup->people, person);
    json_decref (one.fields);
  }
  answer_clear (&answer);
  return lookup->errand.status;
}

static ptn_status
find_local (struct lookup *lookup, const char *local, const char *domain) {
  g_autofree char *address = g_strconcat (local, "@", domain, NULL);
  return find_address (lookup, address);
}

void
lookup_address (struct errand *errand) {
  struct lookup *lookup = (struct lookup *)errand;
  const struct domains *domains = lookup->program->domains;
  char buffer[NAME_LIMIT + 1];
  struct address_parts parts;
  lookup->people = g_ptr_array_new_with_free_func (person_destroy);
  lookup->detail = g_strdup ("");
  if (!address_split (lookup->address, strnlen (lookup->address, NAME_LIMIT + 1), buffer, &parts)) {
    errand_fail (errand, PTN_E_UNSUPPORTED, "not an address");
    return;
  }
  const bool postmaster = strcmp (parts.local, "postmaster") == 0;
  const char *domain = !*parts.domain && postmaster
                           ? domains_primary (domains) /* RFC 5321, 4.5.1 */
                           : domains_find (domains, parts.domain);
  if (!domain) {
    errand_fail (errand, PTN_E_UNSUPPORTED, "not a domain of ours");
    return;
  }
  ptn_status status = find_local (lookup, parts.local, domain);
  char *plus = strchr (parts.local, '+');
  if (status == PTN_E_NOT_FOUND && postmaster && lookup->program->postmaster) {
    struct person *one = NULL;
    errand->status = PTN_OK;
    if (find_person (lookup, lookup->program->postmaster, NULL, &one))
      g_ptr_array_add (lookup->people, one);
    status = errand->status;
  } else if (status == PTN_E_NOT_FOUND && plus && plus != parts.local) {
    *plus = '\0';
    status = find_local (lookup, parts.local, domain);
    g_free (lookup->detail);
    lookup->detail = g_strdup (plus + 1);
  }
  if (status == PTN_E_NOT_FOUND)
    errand_fail (errand, PTN_E_NOT_FOUND, "no such address");
}

/* Who owns the address may write as it, and their delegates. */
static bool
owns_address (struct lookup *lookup) {
  lookup_address (&lookup->errand);
  if (lookup->errand.status != PTN_OK || lookup->people->len != 1)
    return false;
  const struct person *owner = lookup->people->pdata[0];
  return strcmp (owner->name, lookup->user) == 0
         || (lookup->mailbox && strcmp (owner->name, lookup->mailbox) == 0)
         || names_has (owner->delegates, lookup->user);
}

/* In the form that the protocol promises: programs compare it as it stands.  NULL: no address. */
static char *
sender_address (struct lookup *lookup) {
  char buffer[NAME_LIMIT + 1];
  struct address_parts parts;
  if (!address_split (lookup->address, strnlen (lookup->address, NAME_LIMIT + 1), buffer, &parts))
    return NULL;
  if (*parts.domain)
    return g_strconcat (parts.local, "@", parts.domain, NULL);
  return strcmp (parts.local, "postmaster") == 0
             ? g_strconcat (parts.local, "@", domains_primary (lookup->program->domains), NULL)
             : NULL;
}

void
lookup_sender (struct errand *errand) {
  struct lookup *lookup = (struct lookup *)errand;
  struct answer answer;
  g_autofree char *address = sender_address (lookup);
  if (!address) {
    errand_fail (errand, PTN_E_DENIED, "not an address of this user");
    return;
  }
  const char *mailbox = lookup->mailbox ? lookup->mailbox : lookup->user;
  if (!ask_with (lookup, OP_SEND_AS, &answer, "user", lookup->user, "account", mailbox, "address",
                 address, NULL))
    return;
  if (answer.status != ANSWER_UNSUPPORTED && answer.status != ANSWER_OK)
    fail_plainly (lookup, &answer);
  const bool own = answer.status == ANSWER_UNSUPPORTED && owns_address (lookup);
  if (answer.status != ANSWER_OK && !own && errand->status != PTN_E_TEMPORARY)
    errand_fail (errand, PTN_E_DENIED, "not an address of this user");
  answer_clear (&answer);
}

/* ---- Listing ----------------------------------------------------------------------------- */

void
lookup_names (struct errand *errand) {
  struct lookup *lookup = (struct lookup *)errand;
  struct answer answer;
  struct question *question = question_new ();
  question_add (question, "after", lookup->user);
  question_add_json (question, "limit", G_STRINGIFY (ANSWER_LIST_LIMIT));
  const bool done = ask (lookup, OP_LIST, question, &answer);
  question_free (&question);
  if (!done)
    return;
  if (answer.status != ANSWER_OK)
    fail_plainly (lookup, &answer);
  else if (!(lookup->names = answer_strings (answer.fields, "accounts")))
    nonsense (lookup, OP_LIST, "accounts of a list are no list of names, or too many");
  else {
    const char *before = lookup->user;
    for (char **name = lookup->names; *name; before = *name++)
      if (strcmp (before, *name) >= 0 || name_fault (*name)) {
        nonsense (lookup, OP_LIST, "accounts of a list are not in order, or one can be no name");
        break;
      }
    if (errand->status == PTN_OK && !*lookup->names)
      errand->status = PTN_END;
  }
  answer_clear (&answer);
}
