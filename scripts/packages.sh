# SPDX-License-Identifier: Apache-2.0
# packages.sh - sourced by the other scripts: which Debian packages Postern needs, and a
# function that installs those that are missing, and touches nothing when none is.

BUILD_PACKAGES="gcc meson ninja-build pkg-config libglib2.0-dev libssl-dev libkyotocabinet-dev
  libzstd-dev libsqlite3-dev libcmocka-dev libargon2-dev libjansson-dev libpam0g-dev libcrypt-dev zlib1g-dev libicu-dev libkrb5-dev libldap-dev
  libcurl4-openssl-dev libwbclient-dev scdoc python3
  curl openssl"
TEST_PACKAGES="g++ make swaks libnet-ssleay-perl fetchmail mpop isync neomutt libnss-wrapper msmtp mutt gsasl
  libsasl2-modules gss-ntlmssp winbind fail2ban libauthen-ntlm-perl libdigest-hmac-perl"
# Kerberos and Active Directory: tests/auth/real.
TEST_PACKAGES="$TEST_PACKAGES krb5-kdc krb5-admin-server krb5-user libsasl2-modules-gssapi-mit cyrus-clients
  samba-ad-dc samba samba-ad-provision samba-dsdb-modules winbind ldb-tools ldap-utils slapd iproute2"
# imapflow runs in Node.js; where npm has come from elsewhere, Debian's would get in its way.
command -v npm >/dev/null || TEST_PACKAGES="$TEST_PACKAGES nodejs npm"

# without_services AS_ROOT COMMAND...: services that come with packages are not started meanwhile (the
# tests start their own), by the word of Debian's invoke-rc.d; where the machine has a policy of its
# own, that one holds.
without_services ()
{
  local as_root="$1" policy=/usr/sbin/policy-rc.d made="" status=0
  shift
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null && made=1
    $as_root chmod 755 "$policy"
  fi
  "$@" || status=$?
  [ -z "$made" ] || $as_root rm -f "$policy"
  return $status
}

# install_packages NAME...: only what dpkg does not list as installed.  Returns 1, and says what
# to install by hand, where that cannot be done.
install_packages ()
{
  local missing="" name as_root="" log
  for name in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] \
      || missing="$missing $name"
  done
  [ -n "$missing" ] || return 0
  if ! command -v apt-get >/dev/null; then
    echo "These packages are missing (by their Debian names):$missing" >&2
    return 1
  fi
  if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "Missing, and sudo is not there to install them. As root: apt-get install$missing" >&2
      return 1
    fi
    as_root=sudo
  fi
  echo "Installing:$missing" >&2
  log=$(mktemp)
  # Lists may be old or missing: refresh them only when an installation fails.
  # shellcheck disable=SC2086
  if ! without_services "$as_root" $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y \
         --no-install-recommends $missing >"$log" 2>&1 </dev/null; then
    if ! { $as_root apt-get update \
           && without_services "$as_root" $as_root env DEBIAN_FRONTEND=noninteractive apt-get \
                install -y --no-install-recommends $missing; } >"$log" 2>&1 </dev/null; then
      tail -n 20 "$log" >&2
      rm -f "$log"
      echo "The installation failed. By hand: apt-get install$missing" >&2
      return 1
    fi
  fi
  rm -f "$log"
}
CHECK_PACKAGES="clang clang-format clang-tidy libclang-rt-14-dev cppcheck abigail-tools"
BENCH_PACKAGES="argon2 dovecot-core dovecot-pop3d dovecot-imapd dovecot-lmtpd"
