# SPDX-License-Identifier: Apache-2.0
"""samba.py - a private Active Directory domain controller (Samba) for tests.

    with samba.Domain() as domain:
        domain.address, domain.ldap_uri, domain.ldaps_uri   # LDAP; certificate of domain.ca_file
        domain.base                                         # DC=contoso,DC=example
        domain.users["alice"]                               # passwords
        domain.keytab, domain.krb5_config                   # imap, pop, smtp, HTTP of domain.host
        domain.tickets("alice")                             # an environment for clients
        domain.smb_config                                   # SMB_CONF_PATH for wbinfo ...

Enter it on the main thread. It runs in a network namespace joined by a veth pair, in a process
namespace that ends with the thread, with all its state in a temporary folder. Provisioning takes some 10 s; the result is kept in
the build folder (samba-domain.tar) for the tests that follow, which start in 1 or 2 s.

winbindd's socket, /run/samba/winbindd/pipe, is compiled into libwbclient: there is one domain a
machine. A lock makes tests wait for each other; a machine that runs a winbindd of its own is left
alone. Skipped without root or without the packages samba-ad-dc samba samba-ad-provision winbind
samba-dsdb-modules ldb-tools iproute2 util-linux openssl.

Who is there: alice (groups Staff; alias a.liddell), bob (alice is his delegate), svc-mail (who has
the services' names), carol (disabled), dave (account expired), erin (must change her password),
grace (in 1,000 groups), Guest (disabled, as always), Administrator.
"""

import contextlib
import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import postern  # noqa: E402

LOCK = "/run/lock/postern-samba"
NAMESPACE = "postern-ad"
OURS, ADDRESS = "198.18.77.1", "198.18.77.2"  # RFC 2544: nobody's network
WINBIND = "/run/samba/winbindd"
REALM, DOMAIN, BASE = "CONTOSO.EXAMPLE", "CONTOSO", "DC=contoso,DC=example"
HOST = "mail.contoso.example"
PASSWORDS = {"Administrator": "Adm1n-Pw#2026", "alice": "Al1ce-Pw#2026", "bob": "B0b-Pw#2026",
             "carol": "Car0l-Pw#2026", "dave": "Dav3-Pw#2026", "erin": "Er1n-Pw#2026",
             "grace": "Grac3-Pw#2026", "svc-mail": "Svc-Pw#2026"}
FILL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "samba_fill.py")

OPTIONS = """
\ttls enabled = yes
\ttls keyfile = %(folder)s/dc.key
\ttls certfile = %(folder)s/dc.pem
\ttls cafile = %(folder)s/ca.pem
\tpid directory = %(folder)s/run
\tncalrpc dir = %(folder)s/run/ncalrpc
\twinbindd socket directory = %(winbind)s
\tntp signd socket directory = %(folder)s/run/ntp
\tlog file = %(folder)s/log.%%m
\trpc server port = 0
\trpc server dynamic port range = 49152-49252
\tntlm auth = ntlmv1-permitted
\twinbind use default domain = no
\tload printers = no
\tdisable spoolss = yes
"""
KRB5 = """[libdefaults]
 default_realm = %(realm)s
 dns_lookup_realm = false
 dns_lookup_kdc = false
 dns_canonicalize_hostname = false
 rdns = false
 qualify_shortname = ""
[realms]
 %(realm)s = {
  kdc = %(address)s
  kpasswd_server = %(address)s
 }
[domain_realm]
 .contoso.example = %(realm)s
 contoso.example = %(realm)s
 localhost = %(realm)s
"""


def _needs():
    if os.geteuid() != 0:
        postern.skip("a Samba domain needs root")
    for name, package in (("samba", "samba-ad-dc"), ("samba-tool", "samba"), ("ldbadd", "ldb-tools"),
                          ("wbinfo", "winbind"), ("ip", "iproute2"), ("setpriv", "util-linux"),
                          ("unshare", "util-linux"), ("openssl", "openssl")):
        if not shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin"):
            postern.skip(f"{name} (package {package}) is not installed")
    for path, package in (("/usr/share/samba/setup/provision.ldif", "samba-ad-provision"),
                          ("/usr/lib/python3/dist-packages/samba", "python3-samba")):
        if not os.path.exists(path):
            postern.skip(f"package {package} is not installed")


def _run(*command, environment=None, check=True, timeout=600):
    done = subprocess.run(command, env=environment, text=True, errors="replace", timeout=timeout,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if check and done.returncode != 0:
        raise postern.Failed("%s: exit code %d\n%s" % (" ".join(command), done.returncode,
                                                       done.stdout[-3000:]))
    return done.stdout


def _answers(path):
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as sock:
        try:
            sock.connect(path)
            return True
        except OSError:
            return False


def _version():
    """What the kept state depends on."""
    digest = hashlib.sha256(_run("samba", "--version").encode())
    for path in (__file__, FILL):
        with open(path, "rb") as source:
            digest.update(source.read())
    return digest.hexdigest()


class Domain:
    """The domain CONTOSO (contoso.example).  options: lines for smb.conf's [global];
    privileged_group: the gid that may ask winbindd about NTLM responses."""

    def __init__(self, options=(), privileged_group=None):
        _needs()
        self.options, self.privileged_group = tuple(options), privileged_group
        self.address, self.host, self.realm = ADDRESS, HOST, REALM
        self.domain, self.base, self.users = DOMAIN, BASE, dict(PASSWORDS)
        self.ldap_uri, self.ldaps_uri = f"ldap://{ADDRESS}", f"ldaps://{ADDRESS}"
        self.process = self.lock = self.folder = None
        self.made_winbind = False
        self.caches = 0

    # --- life -------------------------------------------------------------------------------

    def __enter__(self):
        self._take_lock()
        try:
            if _answers(os.path.join(WINBIND, "pipe")):
                postern.skip("this machine runs a winbindd of its own")
            self.folder = tempfile.mkdtemp(prefix="postern-ad-")
            os.chmod(self.folder, 0o755)
            self._network()
            self._fetch_state()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            sys.stderr.write(self.tail())
        self.close()

    def _take_lock(self):
        self.lock = open(LOCK, "w", encoding="ascii")
        ends = time.monotonic() + 900
        while True:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() > ends:
                    self.lock.close()
                    postern.skip("other tests have had the Samba domain for 15 minutes")
                time.sleep(0.2)

    def close(self):
        """Ends the controller, takes away its network and state, lets the next one in."""
        self.stop()
        _run("ip", "netns", "del", NAMESPACE, check=False)
        _run("ip", "link", "del", NAMESPACE, check=False)
        if self.made_winbind:
            shutil.rmtree(WINBIND, ignore_errors=True)
        if self.folder and not os.environ.get("POSTERN_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        if self.lock:
            self.lock.close()
            self.lock = None

    def _network(self):
        _run("ip", "netns", "del", NAMESPACE, check=False)  # of a test that was killed
        _run("ip", "link", "del", NAMESPACE, check=False)
        if "Operation not permitted" in _run("ip", "netns", "add", NAMESPACE, check=False):
            postern.skip("no network namespace can be made here")
        _run("ip", "link", "add", NAMESPACE, "type", "veth", "peer", "name", "eth0", "netns",
             NAMESPACE)
        _run("ip", "addr", "add", OURS + "/30", "dev", NAMESPACE)
        _run("ip", "link", "set", NAMESPACE, "up")
        for words in (("addr", "add", ADDRESS + "/30", "dev", "eth0"),
                      ("link", "set", "eth0", "up"), ("link", "set", "lo", "up")):
            _run("ip", "-n", NAMESPACE, *words)

    # --- the state --------------------------------------------------------------------------

    @property
    def smb_config(self):
        return os.path.join(self.folder, "dc", "etc", "smb.conf")

    @property
    def krb5_config(self):
        return os.path.join(self.folder, "krb5.conf")

    @property
    def keytab(self):
        return os.path.join(self.folder, "mail.keytab")

    @property
    def ca_file(self):
        return os.path.join(self.folder, "ca.pem")

    def _fetch_state(self):
        """From the build folder, else new.  Paths of the folder it was made in stand in smb.conf
        alone."""
        kept, version = os.path.join(postern.BUILD, "samba-domain.tar"), _version()
        if os.path.exists(kept):
            with tarfile.open(kept) as tar:
                if tar.pax_headers.get("version") == version:
                    tar.extractall(self.folder)
                    self._configure(tar.pax_headers["folder"])
                    return
        self._provision()
        fresh = f"{kept}.{os.getpid()}"
        headers = {"version": version, "folder": self.folder}
        try:
            with tarfile.open(fresh, "w", format=tarfile.PAX_FORMAT, pax_headers=headers) as tar:
                tar.add(self.folder, arcname=".")
            os.rename(fresh, kept)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(fresh)
        self._configure(self.folder)

    def _provision(self):
        empty = os.path.join(self.folder, "empty.conf")
        with open(empty, "w", encoding="ascii") as out:
            out.write("[global]\n")
        _run("samba-tool", "domain", "provision", "--targetdir=" + os.path.join(self.folder, "dc"),
             "--realm=" + REALM, "--domain=" + DOMAIN, "--server-role=dc", "--dns-backend=NONE",
             "--adminpass=" + PASSWORDS["Administrator"], "--host-name=dc1",
             "--host-ip=" + ADDRESS, "--option=interfaces = lo eth0",
             "--option=bind interfaces only = yes",
             environment=dict(os.environ, SMB_CONF_PATH=empty))
        _run("/usr/bin/python3", FILL, self.smb_config, self.keytab, HOST,
             *[f"{user}={password}" for user, password in PASSWORDS.items()
               if user != "Administrator"])
        self._certificates()

    def _certificates(self):
        def path(name):
            return os.path.join(self.folder, name)

        with open(path("extensions"), "w", encoding="ascii") as out:
            out.write("subjectAltName=DNS:dc1.contoso.example,DNS:contoso.example,DNS:localhost,"
                      f"IP:{ADDRESS}\n")
        _run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3650", "-keyout",
             path("ca.key"), "-out", path("ca.pem"), "-subj", "/CN=test CA")
        _run("openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", path("dc.key"), "-out",
             path("dc.csr"), "-subj", "/CN=dc1.contoso.example")
        _run("openssl", "x509", "-req", "-in", path("dc.csr"), "-CA", path("ca.pem"), "-CAkey",
             path("ca.key"), "-CAcreateserial", "-days", "3650", "-extfile", path("extensions"),
             "-out", path("dc.pem"))
        os.chmod(path("dc.key"), 0o600)

    def _configure(self, made_in):
        with open(self.smb_config, encoding="utf-8") as config:
            lines = config.read().replace(made_in, self.folder).splitlines()
        lines = [line for line in lines if not line.strip().startswith("server services")]
        more = OPTIONS % {"folder": self.folder, "winbind": WINBIND}
        more += "\tserver services = s3fs, rpc, ldap, cldap, kdc, winbindd\n"
        more += "".join(f"\t{line}\n" for line in self.options)
        lines.insert(lines.index("[global]") + 1, more)
        with open(self.smb_config, "w", encoding="utf-8") as config:
            config.write("\n".join(lines) + "\n")
        with open(self.krb5_config, "w", encoding="ascii") as config:
            config.write(KRB5 % {"realm": REALM, "address": ADDRESS})

    # --- the controller ---------------------------------------------------------------------

    def start(self):
        """Starts the controller, and waits until it answers."""
        privileged = os.path.join(self.folder, "dc", "state", "winbindd_privileged")
        os.makedirs(privileged, exist_ok=True)
        os.chmod(privileged, 0o750)
        if self.privileged_group is not None:
            os.chown(privileged, 0, self.privileged_group)
        for name in ("run/ncalrpc", "run/ntp", "dc/cache"):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        if not os.path.isdir(WINBIND):
            os.makedirs(WINBIND, 0o755)
            self.made_winbind = True
        libc = ctypes.CDLL(None)

        def end_with_parent():
            libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG

        with open(os.path.join(self.folder, "samba.out"), "ab") as out:
            self.process = subprocess.Popen(
                ["ip", "netns", "exec", NAMESPACE, "unshare", "--pid", "--fork",
                 "--kill-child=KILL", "samba", "-F", "-s", self.smb_config, "--no-process-group"],
                env=dict(os.environ, KRB5_CONFIG=self.krb5_config), stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, preexec_fn=end_with_parent)
        ends = time.monotonic() + 60 * postern.SLOW
        while not self._serves():
            if self.process.poll() is not None or time.monotonic() > ends:
                raise postern.Failed("the domain controller does not start\n" + self.tail())
            time.sleep(0.1)

    def _serves(self):
        for port in (389, 636, 88):
            try:
                socket.create_connection((ADDRESS, port), 1).close()
            except OSError:
                return False
        if not _answers(os.path.join(WINBIND, "pipe")):
            return False
        done = subprocess.run(["wbinfo", "-p"], env=self.environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        return done.returncode == 0

    def stop(self):
        """Ends the controller at once (the state stays until close): a server that is gone."""
        if self.process:
            self.process.kill()  # and with it its process namespace
            self.process.wait()
            self.process = None

    def tail(self):
        """The end of its log, for messages."""
        text = ""
        for name in ("samba.out", "log.samba"):
            path = os.path.join(self.folder or "", name)
            if os.path.exists(path):
                with open(path, encoding="utf-8", errors="replace") as log:
                    text += "".join("  | " + line for line in log.readlines()[-15:])
        return text

    # --- for clients --------------------------------------------------------------------------

    def environment(self):
        """For programs of Samba and OpenLDAP."""
        return dict(os.environ, SMB_CONF_PATH=self.smb_config, KRB5_CONFIG=self.krb5_config,
                    LDAPTLS_CACERT=self.ca_file)

    def tickets(self, user, password=None):
        """Logs in with kinit; returns an environment with the tickets for a client."""
        self.caches += 1
        environment = dict(self.environment(), KRB5CCNAME=f"FILE:{self.folder}/cache{self.caches}")
        if not shutil.which("kinit"):
            postern.skip("kinit (package krb5-user) is not installed")
        done = subprocess.run(["kinit", f"{user}@{REALM}"], env=environment, text=True,
                              input=(password or self.users[user]) + "\n", timeout=60,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        if done.returncode != 0:
            raise postern.Failed("kinit: " + done.stdout)
        return environment
