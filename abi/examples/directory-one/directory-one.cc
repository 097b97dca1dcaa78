// SPDX-License-Identifier: MIT
// directory-one.cc - the smallest directory plugin, in C++: one account, from its settings.
//
// A directory provides "postern.directory/1" (who is who) and, if it can check passwords,
// "postern.credentials/1" (postern/auth.h).  `postern-conformance directory` says whether it keeps
// their contracts.  All functions may be called from several threads at
// once; this one never changes after `configure`, so it needs no lock.  No exception may leave
// a function that the host calls.
#include <postern/postern.h>

#include <cstring>
#include <new>
#include <string>

namespace {

struct Instance {
  const ptn_host *host;
  std::string user, password, address, domain;
  const char *account;
  ptn_account_info info;
  const ptn_account_info *infos[1];
};

// Names are compared without case; ours are in lower case already.
bool
same (const char *text, std::size_t size, const std::string &name) {
  if (size != name.size ())
    return false;
  for (std::size_t i = 0; i < size; i++) {
    const char octet =
        text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char> (text[i] + 32) : text[i];
    if (octet != name[i])
      return false;
  }
  return true;
}

bool
same (const char *text, const std::string &name) {
  return text && same (text, std::strlen (text), name);
}

// A piece of a login name.
struct Piece {
  const char *text;
  std::size_t size;
};

bool
is_user (const Instance *self, Piece piece) {
  return same (piece.text, piece.size, self->user) || same (piece.text, piece.size, self->address);
}

bool
has_domain (Piece piece) {
  return std::memchr (piece.text, '@', piece.size) != nullptr;
}

// All forms of "Names of a login" in abi/README.md: '/' and '\\' divide a name into pieces.  The mail
// domain stands in the place of a Windows domain here.  Results must live until call_end: these point
// into the instance, which lives longer.
ptn_status
parse_login (void *instance, ptn_call *, const char *login, ptn_identity *identity) {
  auto *self = static_cast<Instance *> (instance);
  Piece pieces[3];
  std::size_t count = 0;
  for (const char *at = login;; at++) {
    if (count == 3)
      return PTN_E_NOT_FOUND;
    pieces[count++] = Piece{ at, std::strcspn (at, "/\\") };
    at += pieces[count - 1].size;
    if (!*at)
      break;
  }
  bool known = is_user (self, pieces[0]); // user, or user@domain/mailbox
  if (count == 2 && has_domain (pieces[0]))
    known = known && is_user (self, pieces[1]);
  else if (count > 1) // DOMAIN\user, DOMAIN\user\mailbox
    known = same (pieces[0].text, pieces[0].size, self->domain) && is_user (self, pieces[1])
            && (count == 2 || is_user (self, pieces[2]));
  if (!known)
    return PTN_E_NOT_FOUND;
  identity->authcid = identity->authzid = identity->account = self->account;
  identity->domain = count > 1 && !has_domain (pieces[0]) ? self->domain.c_str () : "";
  return PTN_OK;
}

ptn_status
authorize (void *instance, ptn_call *, const ptn_sasl_request *, ptn_identity *identity) {
  auto *self = static_cast<Instance *> (instance);
  return same (identity->authcid, self->user) && same (identity->account, self->user)
             ? PTN_OK
             : PTN_E_DENIED;
}

ptn_status
resolve (void *instance, ptn_call *, const char *address, const ptn_account_info *const **accounts,
         size_t *count) {
  auto *self = static_cast<Instance *> (instance);
  const char *domain = std::strrchr (address, '@');
  if (!domain || !same (domain + 1, self->domain))
    return PTN_E_UNSUPPORTED; // another server's mail
  if (!same (address, self->address))
    return PTN_E_NOT_FOUND;
  *accounts = self->infos;
  *count = 1;
  return PTN_OK;
}

ptn_status
may_send_as (void *instance, ptn_call *, const ptn_identity *, const char *address) {
  return same (address, static_cast<Instance *> (instance)->address) ? PTN_OK : PTN_E_DENIED;
}

ptn_status
list_accounts (void *instance, ptn_call *, const char *after, ptn_strings *accounts) {
  auto *self = static_cast<Instance *> (instance);
  if (std::strcmp (after, self->account) >= 0)
    return PTN_END;
  accounts->items = &self->account;
  accounts->count = 1;
  return PTN_OK;
}

// The comparison looks at every octet: its time must not tell how many were right.
bool
equal (const std::string &secret, ptn_bytes guess) {
  const auto *octets = static_cast<const unsigned char *> (guess.data);
  unsigned difference = secret.size () != guess.size;
  for (size_t i = 0; i < guess.size && !secret.empty (); i++)
    difference |= octets[i] ^ static_cast<unsigned char> (secret[i % secret.size ()]);
  return difference == 0;
}

ptn_status
verify_password (void *instance, ptn_call *, const ptn_sasl_request *, const char *,
                 const char *user, ptn_bytes password) {
  auto *self = static_cast<Instance *> (instance);
  bool right = equal (self->password, password);
  // user NULL: the caller wants the same work done for nobody.
  return right && same (user, self->user) ? PTN_OK : PTN_E_AUTHENTICATION;
}

std::string
lower (std::string text) {
  for (char &octet : text)
    if (octet >= 'A' && octet <= 'Z')
      octet = static_cast<char> (octet + 32);
  return text;
}

ptn_directory
make_directory () {
  ptn_directory table = {};
  table.size = sizeof table;
  table.parse_login = parse_login;
  table.authorize = authorize;
  table.resolve = resolve;
  table.may_send_as = may_send_as;
  table.list_accounts = list_accounts;
  return table;
}

ptn_credentials
make_credentials () {
  ptn_credentials table = {};
  table.size = sizeof table;
  table.schemes = "";
  table.verify_password = verify_password;
  return table;
}

ptn_setting
setting (const char *name, ptn_setting_type type, const char *help) {
  ptn_setting one = {};
  one.name = name;
  one.type = type;
  one.required = 1;
  one.help = help;
  return one;
}

ptn_status
configure (const ptn_host *host, const ptn_config *config, void **instance) {
  static const ptn_directory directory = make_directory ();
  static const ptn_credentials credentials = make_credentials ();
  try {
    auto *self = new Instance ();
    self->host = host;
    self->user = lower (host->text (config, "user"));
    self->password = host->text (config, "password");
    self->address = lower (host->text (config, "address"));
    self->domain = self->address.substr (self->address.find ('@') + 1);
    self->account = self->user.c_str ();
    self->info.size = sizeof self->info;
    self->info.account = self->account;
    self->info.address = self->address.c_str ();
    self->info.detail = "";
    self->infos[0] = &self->info;
    *instance = self;
  } catch (const std::bad_alloc &) {
    return PTN_E_NO_MEMORY;
  }
  ptn_status status =
      host->provide (host, PTN_DIRECTORY_ID, "directory-one", &directory, *instance);
  if (status == PTN_OK)
    status = host->provide (host, PTN_CREDENTIALS_ID, "directory-one", &credentials, *instance);
  if (status != PTN_OK) // destroy does not run after a configure that failed
    delete static_cast<Instance *> (*instance);
  return status;
}

ptn_status
start (void *) {
  return PTN_OK;
}

void
destroy (void *instance) {
  delete static_cast<Instance *> (instance);
}

}

extern "C" PTN_PUBLIC const ptn_plugin *
postern_plugin_entry (uint32_t host_abi_major, uint32_t) {
  static const ptn_setting settings[] = {
    setting ("user", PTN_SETTING_STRING, "The name of the one account."),
    setting ("password", PTN_SETTING_SECRET, "Its password."),
    setting ("address", PTN_SETTING_STRING, "Its mail address."),
  };
  static ptn_plugin plugin = {};
  if (host_abi_major != PTN_ABI_MAJOR)
    return nullptr;
  plugin.size = sizeof plugin;
  plugin.abi_major = PTN_ABI_MAJOR;
  plugin.abi_minor = PTN_ABI_MINOR;
  plugin.name = "directory-one";
  plugin.version = "1";
  plugin.summary = "one account, from the configuration";
  plugin.settings = settings;
  plugin.setting_count = sizeof settings / sizeof *settings;
  plugin.setting_size = sizeof *settings;
  plugin.configure = configure;
  plugin.start = start;
  plugin.destroy = destroy;
  return &plugin;
}
