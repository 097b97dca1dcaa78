# SPDX-License-Identifier: Apache-2.0
"""slapd.py - a private OpenLDAP server on loopback, for tests.

    with slapd.Server() as directory:
        directory.uri, directory.ldaps_uri, directory.ca_file   # ldap://127.0.0.1:PORT ...
        directory.settings()                 # of [plugin directory-ldap], with what to override
        directory.modify("uid=bob", "replace: userPassword\\nuserPassword: new")
        directory.pause(), directory.resume()                   # it hangs: SIGSTOP
        directory.stop(), directory.start()                     # on the same port

Everything lies in a temporary folder and ends with the server, which is ended by its own process id.
Needs no root; without the packages slapd and ldap-utils, or where
directory-ldap is not built, the test is skipped.

Who is there (below ou=people,dc=example,dc=test): alice, bob (alice is his delegate, carol may read),
carol, u00001 ... (password pw-00001), and one for each thing that can be wrong: see PEOPLE. The
password policy locks after five failures, for a minute.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import postern  # noqa: E402

BASE = "dc=example,dc=test"
READER, READER_PASSWORD = "cn=reader," + BASE, "reader-pw"
ADMIN, ADMIN_PASSWORD = "cn=admin," + BASE, "admin-pw"

ATTRIBUTES = ["mailAlternateAddress", "mailHost", "mailQuota", "mailDelegate", "mailReader",
              "mailProtocols", "mailNtHash", "mailScram", "mailRetention"]
SCHEMA = "".join(
    "attributetype ( 1.3.6.1.4.1.99999.1.%d NAME '%s' EQUALITY caseIgnoreMatch "
    "SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )\n" % (number, name)
    for number, name in enumerate(ATTRIBUTES, 1)) + (
    "objectclass ( 1.3.6.1.4.1.99999.2.1 NAME 'mailUser' SUP top AUXILIARY MAY ( %s ) )\n"
    "objectclass ( 1.3.6.1.4.1.99999.2.2 NAME 'mailGroup' SUP top AUXILIARY MAY ( mail ) )\n"
    % " $ ".join(ATTRIBUTES))

CONFIGURATION = """include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
include %(folder)s/mail.schema
pidfile %(folder)s/run.pid
argsfile %(folder)s/run.args
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
TLSCertificateFile %(certificate)s
TLSCertificateKeyFile %(key)s
TLSCACertificateFile %(certificate)s
sizelimit 500
security simple_bind=%(security)d
database mdb
suffix "%(base)s"
rootdn "%(admin)s"
rootpw %(admin_password)s
directory %(folder)s/db
maxsize 268435456
dbnosync
index objectClass,uid,mail,mailAlternateAddress,memberOf eq
overlay memberof
overlay ppolicy
ppolicy_default "cn=policy,%(base)s"
ppolicy_use_lockout
limits dn.exact="%(reader)s" size.prtotal=unlimited size.pr=100
access to attrs=userPassword,mailNtHash,mailScram by self write by dn.exact="%(reader)s" read by anonymous auth by * none
access to * by * read
"""

PEOPLE = {
    "alice": ("Al1ce-Pw", ["mailAlternateAddress: a.liddell@example.test",
                           "mailQuota: 1000", "mailRetention: keep 30d"]),
    "bob": ("B0b-Pw", ["mailDelegate: uid=alice,ou=people," + BASE,
                       "mailReader: uid=carol,ou=people," + BASE]),
    "carol": ("Car0l-Pw", []),
    "moved": ("M0ved-Pw", ["mailHost: other"]),
    "popless": ("P0p-Pw", ["mailProtocols: imap smtp"]),
    "expired": ("Exp1red-Pw", ["pwdPolicySubentry: cn=short," + BASE,
                               "pwdChangedTime: 20200101000000Z"]),
    "reset": ("Res3t-Pw", ["pwdPolicySubentry: cn=must," + BASE, "pwdReset: TRUE"]),
    "locked": ("L0cked-Pw", ["pwdAccountLockedTime: 000001010000Z"]),
    "nopassword": (None, []),
    "guest": ("Gu3st-Pw", []),
}


def program(name, package):
    """The path of a program, also of those that are not in everybody's path."""
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        postern.skip(f"{name} (package {package}) is not installed")
    return found


class Server:
    """One slapd.  users: how many u00001 ... there are.  security: the strength of encryption that
    a simple bind needs (128: refused in clear).  more: {uid: (password, [lines])}."""

    def __init__(self, users=1000, security=0, more=None):
        if not postern.built("directory-ldap"):
            postern.skip("directory-ldap is not built")
        self.slapd, self.slapadd = program("slapd", "slapd"), program("slapadd", "slapd")
        self.client = program("ldapmodify", "ldap-utils")
        self.users, self.people = users, {**PEOPLE, **(more or {})}
        self.folder = tempfile.mkdtemp(prefix="postern-slapd-")
        self.ca_file, key = postern.make_certificate(self.folder)
        self.port, self.tls_port = postern.free_port(), postern.free_port()
        self.socket = os.path.join(self.folder, "ldapi")
        self.process = None
        os.mkdir(self.path("db"))
        self.write("mail.schema", SCHEMA)
        self.write("slapd.conf", CONFIGURATION % {
            "folder": self.folder, "certificate": self.ca_file, "key": key, "base": BASE,
            "admin": ADMIN, "admin_password": ADMIN_PASSWORD, "reader": READER,
            "security": security})

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as out:
            out.write(text)

    @property
    def uri(self):
        return "ldap://127.0.0.1:%d" % self.port

    @property
    def ldaps_uri(self):
        return "ldaps://127.0.0.1:%d" % self.tls_port

    @property
    def ldapi_uri(self):
        return "ldapi://" + self.socket.replace("/", "%2F")

    def settings(self, **override):
        """What a server needs to use this directory."""
        settings = {"servers": self.uri, "preset": "inetorgperson", "base": BASE,
                    "domains": "example.test", "nt_domains": "EXAMPLE", "bind_dn": READER,
                    "bind_password": READER_PASSWORD, "ca_file": self.ca_file, "timeout": "10s",
                    "page_size": 100,
                    "retry": "1s", "server_attribute": "mailHost", "quota_attribute": "mailQuota",
                    "quota_unit": "1 KiB", "delegate_attributes": "mailDelegate",
                    "reader_attributes": "mailReader", "protocols_attribute": "mailProtocols",
                    "attributes": "pop3.retention=mailRetention", "node": "mail"}
        settings.update(override)
        return settings

    def ldif(self):
        yield f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example"
        for unit in ("people", "groups"):
            yield f"dn: ou={unit},{BASE}\nobjectClass: organizationalUnit\nou: {unit}"
        yield (f"dn: {READER}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n"
               f"cn: reader\nuserPassword: {READER_PASSWORD}")
        for name, more in (("policy", ""), ("short", "\npwdMaxAge: 60"),
                           ("must", "\npwdMustChange: TRUE")):
            yield (f"dn: cn={name},{BASE}\nobjectClass: device\nobjectClass: pwdPolicy\ncn: {name}\n"
                   "pwdAttribute: userPassword\npwdLockout: TRUE\npwdMaxFailure: 5\n"
                   f"pwdLockoutDuration: 60{more}")
        for uid, (password, lines) in self.people.items():
            yield self.person(uid, password, lines)
        for number in range(1, self.users + 1):
            yield self.person("u%05d" % number, "pw-%05d" % number, [])

    @staticmethod
    def person(uid, password, lines):
        entry = [f"dn: uid={uid},ou=people,{BASE}", "objectClass: inetOrgPerson",
                 "objectClass: mailUser", f"uid: {uid}", f"cn: {uid}", f"sn: {uid}",
                 f"mail: {uid}@example.test"] + lines
        if password:
            entry.append(f"userPassword: {password}")
        return "\n".join(entry)

    def __enter__(self):
        self.write("init.ldif", "\n\n".join(self.ldif()) + "\n")
        done = subprocess.run([self.slapadd, "-q", "-f", self.path("slapd.conf"), "-l",
                               self.path("init.ldif")], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            shutil.rmtree(self.folder)
            raise postern.Failed("slapadd: " + done.stderr)
        try:
            self.start()
            self.change(f"dn: cn=staff,ou=groups,{BASE}\nchangetype: add\n"
                        "objectClass: groupOfNames\nobjectClass: mailGroup\ncn: staff\n"
                        "mail: staff@example.test\n"
                        f"member: uid=alice,ou=people,{BASE}\nmember: uid=bob,ou=people,{BASE}\n")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        self.close()

    def close(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        listeners = "ldap://127.0.0.1:%d ldaps://127.0.0.1:%d %s" % (self.port, self.tls_port,
                                                                     self.ldapi_uri)
        with open(self.path("slapd.out"), "ab") as out:
            self.process = subprocess.Popen(
                [self.slapd, "-d", "0", "-f", self.path("slapd.conf"), "-h", listeners],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        deadline = time.monotonic() + postern.TIMEOUT
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.tls_port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
            if self.process.poll() is not None:
                break
        with open(self.path("slapd.out"), encoding="utf-8", errors="replace") as out:
            raise postern.Failed("slapd does not serve: " + out.read()[-2000:])

    def stop(self):
        if self.process is None:
            return
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    def pause(self):
        """It accepts connections (the kernel does) and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)
        tasks = "/proc/%d/task" % self.process.pid
        deadline = time.monotonic() + postern.TIMEOUT
        while time.monotonic() < deadline:
            states = set()
            for task in os.listdir(tasks):
                with open(os.path.join(tasks, task, "stat"), encoding="utf-8") as stat:
                    states.add(stat.read().rpartition(")")[2].split()[0])
            if states == {"T"}:
                return
            time.sleep(0.01)
        raise postern.Failed("slapd does not stop")

    def resume(self):
        self.process.send_signal(signal.SIGCONT)

    def change(self, ldif):
        """An LDIF as the administrator."""
        done = subprocess.run([self.client, "-x", "-H", self.ldaps_uri, "-D", ADMIN, "-w",
                               ADMIN_PASSWORD], input=ldif, capture_output=True, text=True,
                              check=False, env=dict(os.environ, LDAPTLS_CACERT=self.ca_file))
        assert done.returncode == 0, done.stderr

    def modify(self, name, lines):
        self.change(f"dn: {name},ou=people,{BASE}\nchangetype: modify\n{lines}\n")
