# SPDX-License-Identifier: Apache-2.0
"""krb5.py - a private Kerberos realm (MIT) on loopback, for tests.

    with krb5.Realm(users={"alice": "secret"}) as realm:
        server.environment["KRB5_CONFIG"] = realm.config    # before the server starts
        realm.keytab                                        # keys of imap, pop, smtp, HTTP
        subprocess.run([...], env=realm.tickets("alice", "secret"))
        realm.admin("addprinc -pw secret -pwexpire 2020-01-01 old")

Everything lies in a temporary folder and ends with the realm. Needs no root; where the packages
krb5-kdc, krb5-admin-server and krb5-user are missing the test is skipped.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import postern  # noqa: E402

CONFIG = """[libdefaults]
 default_realm = %(realm)s
 dns_lookup_realm = false
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
 qualify_shortname = ""
[realms]
 %(realm)s = {
  kdc = 127.0.0.1:%(port)d
 }
[domain_realm]
%(hosts)s
"""
KDC_CONFIG = """[kdcdefaults]
 kdc_listen = 127.0.0.1:%(port)d
 kdc_tcp_listen = 127.0.0.1:%(port)d
[realms]
 %(realm)s = {
  database_name = %(folder)s/principal
  key_stash_file = %(folder)s/stash
  acl_file = %(folder)s/acl
  max_life = 10h
  supported_enctypes = aes256-cts:normal aes128-cts:normal
 }
[logging]
 kdc = FILE:%(folder)s/kdc.log
"""


def program(name, package):
    """The path of a program, also of those that are not in everybody's path."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        postern.skip(f"{name} (package {package}) is not installed")
    return found


class Realm:
    """A realm with its KDC.  users: {name: password}; hosts: whose services have keys in
    `keytab`."""

    def __init__(self, users=None, name="EXAMPLE.TEST", hosts=("localhost", "mail.example.test"),
                 services=("imap", "pop", "smtp", "HTTP")):
        self.name, self.hosts, self.services = name, hosts, services
        self.users = dict(users or {"alice": "secret"})
        self.programs = {"kdb5_util": program("kdb5_util", "krb5-kdc"),
                         "krb5kdc": program("krb5kdc", "krb5-kdc"),
                         "kadmin.local": program("kadmin.local", "krb5-admin-server"),
                         "kinit": program("kinit", "krb5-user")}
        self.folder = tempfile.mkdtemp(prefix="postern-krb5-")
        self.config = os.path.join(self.folder, "krb5.conf")
        self.keytab = os.path.join(self.folder, "mail.keytab")
        self.environment = dict(os.environ, KRB5_CONFIG=self.config,
                                KRB5_KDC_PROFILE=os.path.join(self.folder, "kdc.conf"))
        self.process = None
        self.caches = 0

    def __enter__(self):
        try:
            self._write()
            self._run("kdb5_util", "create", "-s", "-r", self.name, "-P", "master")
            self.admin(*[f"addprinc -pw {password} {user}"
                         for user, password in self.users.items()],
                       *[line for service in self.services for host in self.hosts
                         for line in (f"addprinc -randkey {service}/{host}",
                                      f"ktadd -k {self.keytab} {service}/{host}")])
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def _write(self):
        self.port = postern.free_port()
        values = {"realm": self.name, "port": self.port, "folder": self.folder,
                  "hosts": "".join(f" {host} = {self.name}\n" for host in self.hosts)}
        for path, text in ((self.config, CONFIG), (self.environment["KRB5_KDC_PROFILE"],
                                                   KDC_CONFIG)):
            with open(path, "w", encoding="ascii") as out:
                out.write(text % values)

    def _run(self, name, *arguments, text=None, environment=None):
        done = subprocess.run([self.programs[name], *arguments], input=text or "",
                              env=environment or self.environment, text=True, timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise postern.Failed(f"{name}: {done.stdout}")
        return done.stdout

    def _start(self):
        with open(os.path.join(self.folder, "kdc.out"), "wb") as out:
            self.process = subprocess.Popen([self.programs["krb5kdc"], "-n"], env=self.environment,
                                            stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.STDOUT)
        ends = time.monotonic() + postern.TIMEOUT
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > ends:
                    with open(os.path.join(self.folder, "kdc.out"), encoding="utf-8") as out:
                        raise postern.Failed("the KDC does not run: " + out.read()) from None
                time.sleep(0.02)

    def admin(self, *lines):
        """Commands of kadmin.local; returns what it said.  What it refuses is an error."""
        said = self._run("kadmin.local", "-r", self.name, text="\n".join(lines) + "\n")
        for line in said.splitlines():
            if " while " in line and "no policy specified" not in line:
                raise postern.Failed("kadmin.local: " + line)
        return said

    def tickets(self, user, password=None, options=()):
        """Logs in with kinit; returns an environment with the tickets for a client."""
        self.caches += 1
        environment = dict(os.environ, KRB5_CONFIG=self.config,
                           KRB5CCNAME=f"FILE:{self.folder}/cache{self.caches}")
        self._run("kinit", *options, f"{user}@{self.name}",
                  text=(self.users[user] if password is None else password) + "\n",
                  environment=environment)
        return environment

    def close(self):
        """Ends the KDC and removes its folder."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
        shutil.rmtree(self.folder, ignore_errors=True)
