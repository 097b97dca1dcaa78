#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""auth-winbind: NTLM and passwords of a real domain, by curl and by a client that makes every choice;
disabled, expired and locked accounts, Guest, names that mean somebody else, and a winbindd that is
gone or hangs."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
import dialogue  # noqa: E402
import ntlm_client  # noqa: E402
import postern  # noqa: E402
import programs  # noqa: E402
import samba  # noqa: E402

# Who they are; the domain knows their passwords.  "rabbit" is an alias of bob here, and svc-mail is
# an alias of alice: the domain has an account of this name, which is somebody else.
USERS = """
[alice]
alias = svc-mail
auth.ntlmv1 = yes
[bob]
alias = rabbit
auth.ntlmv1 = yes
delegates = alice
[carol]
[dave]
[erin]
[local]
password = {PLAIN}local
[nowhere]
"""
IWA = {"integrated_windows_authentication": "yes", "ntlmv1": "yes", "cleartext_login": "yes"}
CHANGES = {
    "plugin directory-file": {"nt_domains": "CONTOSO", "domains": "contoso.example"},
    "plugin auth-winbind": {"timeout": "6s"},
    "plugin auth": {"failure_delay": "0", "cache_entries": "0",
                    "credentials": "directory-file:directory-file+auth-winbind"},
    "listener pop3": IWA, "listener imap": IWA, "listener submission": IWA,
}
DENIED = {"pop": "-ERR [AUTH]", "imap": "NO [AUTHENTICATIONFAILED]", "smtp": "535 5.7.8"}
UNAVAILABLE = {"pop": "-ERR [SYS/TEMP]", "imap": "NO [UNAVAILABLE]", "smtp": "454 4.7.0"}
README = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "README.md")
WORDS = {"pop": "POP3", "imap": "IMAP4", "smtp": "SMTP"}
SCHEMES = {"pop": "pop3", "imap": "imap", "smtp": "smtp"}


def ntlm(user, password=None, protocol="imap", **choices):
    """The answer, and the line of the log."""
    if password is None:
        password = domain.users.get(user, "wrong")
    since = len(server.log)
    with dialogue.open(protocol, server) as connection:
        answer = ntlm_client.login(connection, ntlm_client.Client(user, password, **choices))
        connection.leave()  # POP3 locks the mailbox as long as it is open
    return answer, server.wait_log("login.success" if answer.good else "login.failure", since=since)


def plain(user, password=None, protocol="imap"):
    if password is None:
        password = domain.users.get(user, "wrong")
    since = len(server.log)
    with dialogue.open(protocol, server) as connection:
        answer = connection.authenticate("PLAIN", f"\0{user}\0{password}".encode())
        connection.leave()
    return answer, server.wait_log("login.success" if answer.good else "login.failure", since=since)


def curl(protocol, user, password):
    url = f"{SCHEMES[protocol]}://127.0.0.1:{server.port(dialogue.LISTENERS[protocol])}/"
    more = ["--request", "NOOP"] if protocol == "smtp" else []
    done = subprocess.run(["curl", "--silent", "--show-error", "--max-time", "30", "--login-options",
                           "AUTH=NTLM", "--user", f"{user}:{password}", *more, url],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    return done.returncode


def with_curl():
    for protocol in dialogue.PROTOCOLS:
        since = len(server.log)
        assert curl(protocol, "CONTOSO\\alice", domain.users["alice"]) == 0, protocol
        line = server.wait_log("login.success", since=since)
        assert (line["mechanism"], line["detail"]) == ("NTLM", "NTLMv2"), line
        assert curl(protocol, "alice", domain.users["alice"]) == 0, protocol
        since = len(server.log)
        assert curl(protocol, "CONTOSO\\alice", "wrong") == 67, protocol
        assert server.wait_log("login.failure", since=since)["reason"] == "wrong password"


def choices_of_clients():
    for choices in ({}, {"domain": "CONTOSO"}, {"domain": "contoso"}, {"mic": True},
                    {"mic": True, "domain": "CONTOSO"}, {"mic": True, "exchange": True},
                    {"lm": False}, {"charset": "ascii", "header": 64},
                    {"version": "v1"}, {"version": "session"}, {"version": "v1", "lm": False},
                    {"version": "v1", "domain": "WORKSTATION7"}):
        for protocol in dialogue.PROTOCOLS:
            answer, line = ntlm("alice", protocol=protocol, **choices)
            assert answer.good, (choices, line)
    assert ntlm("bob")[0].good
    assert ntlm("alice@contoso.example", domain.users["alice"])[0].good
    answer, line = ntlm("alice/bob", domain.users["alice"], version="v1", domain="CONTOSO")
    assert answer.good and line["account"] == "bob" and line["user"] == "alice", line


def only_the_nt_response_counts():
    """An LM response says nothing of what stands under the proof (the integrity code, the channel):
    a domain that took one would be told whatever somebody between the two likes in the other."""
    class Forged(ntlm_client.Client):
        def _responses(self):
            lm, nt, key = super()._responses()
            return lm, bytes(len(nt)) if len(nt) == 24 else bytes(16) + nt[16:], key

    for choices in ({}, {"domain": "CONTOSO"}, {"version": "v1"}):
        since = len(server.log)
        with dialogue.open("imap", server) as connection:
            answer = ntlm_client.login(connection,
                                       Forged("alice", domain.users["alice"], **choices))
        assert answer.text.startswith(DENIED["imap"]), (choices, answer)
        assert server.wait_log("login.failure", since=since)["reason"] == "wrong password"


def real_clients():
    """Every client that knows NTLM, by the domain's judgement: the table in tests/auth/README.md."""
    simple = "Secret7word"  # needs no quotes in anybody's settings
    subprocess.run(["samba-tool", "user", "setpassword", "bob", "--newpassword=" + simple, "-s",
                    domain.smb_config], env=domain.environment(), check=True,
                   stdout=subprocess.DEVNULL)
    for name, program in programs.CLIENTS.items():
        found = []
        for protocol in dialogue.PROTOCOLS if programs.installed(name) else ():
            since = len(server.log)
            case = programs.Case(server, protocol, "NTLM", "bob", simple,
                                 dialogue.LISTENERS[protocol])
            case.domain = "CONTOSO"
            try:
                said = program(case)
            except programs.Cannot:
                continue
            finally:
                case.close()
            opened = server.wait_log("session.open", since=since)
            server.wait_log("session.close", since=since, session=opened["session"])
            lines = server.logged("login.success", since=since, mechanism="NTLM")
            assert lines, (name, protocol, said)
            found.append((lines[0]["detail"], protocol))
        if found:
            row = "| %s | %s: %s |" % (name, found[0][0], " ".join(WORDS[word] for _, word in found))
            with open(README, encoding="utf-8") as readme:
                assert row in readme.read().splitlines(), "README.md has it otherwise: " + row


def passwords():
    for protocol in dialogue.PROTOCOLS:
        assert plain("alice", protocol=protocol)[0].good
        assert plain("CONTOSO\\alice", domain.users["alice"], protocol)[0].good
        answer, line = plain("alice", "wrong", protocol)
        assert answer.text.startswith(DENIED[protocol]) and line["reason"] == "wrong password", line
    assert plain("local", "local")[0].good  # verified here
    assert plain("rabbit", domain.users["bob"])[1]["account"] == "bob"
    assert not plain("alice", domain.users["alice"] + "\0x")[0].good


def refusals():
    for protocol in dialogue.PROTOCOLS:
        for attempt in (ntlm, plain):
            answer, line = attempt("carol", protocol=protocol)
            assert answer.text.startswith(DENIED[protocol]), answer
            assert line["reason"] == "account is disabled", line
            answer, line = attempt("dave", protocol=protocol)
            assert answer.text.startswith(DENIED[protocol]), answer
            assert line["reason"] == "account has expired", line
            answer, line = attempt("erin", protocol=protocol)
            expired = "NO [EXPIRED]" if protocol == "imap" else DENIED[protocol]
            assert answer.text.startswith(expired), answer
            assert line["reason"] == "password must be changed", line
            answer, line = attempt("erin", "wrong", protocol=protocol)
            assert answer.text.startswith(DENIED[protocol]), answer
            assert line["reason"] == "wrong password", line
            for user in ("nowhere", "nobody", "guest", "anonymous"):
                answer, line = attempt(user, "x", protocol=protocol)
                assert answer.text.startswith(DENIED[protocol]), (user, answer)


def somebody_else():
    """The domain proves the client's words; the mailbox is the directory's. They must agree."""
    answer, line = ntlm("svc-mail", domain="CONTOSO")
    assert answer.text.startswith(DENIED["imap"]), answer
    assert "CONTOSO\\svc-mail" in line["reason"], line
    answer, line = plain("svc-mail", domain.users["svc-mail"])  # alice's mailbox: her password
    assert not answer.good, line
    assert plain("svc-mail", domain.users["alice"])[1]["account"] == "alice"


def refusals_take_the_same_time():
    taken = {"bob": [], "nobody": []}
    for _ in range(12):  # in turns, and the best of each: others use the machine too
        for user, times in taken.items():
            started = time.monotonic()
            assert not ntlm(user, "wrong")[0].good
            times.append(time.monotonic() - started)
    known, unknown = (min(times) for times in taken.values())
    print("refusals: known %.1f ms, unknown %.1f ms" % (1000 * known, 1000 * unknown))
    assert abs(known - unknown) < 0.02 * postern.SLOW, (known, unknown)


def without_privileges():
    """Passwords are anybody's question; responses need the group of the privileged pipe."""
    other = postern.mail_server(users={}, user="daemon", changes=postern.merge(CHANGES, {
        "plugin auth": {"credentials": "directory-file:auth-winbind"}}))
    with open(other.users_file, "w", encoding="utf-8") as users:
        users.write("[alice]\n")
    daemon = pwd.getpwnam("daemon")
    for folder, _, files in os.walk(other.directory):
        for name in [folder] + [os.path.join(folder, name) for name in files]:
            os.chown(name, daemon.pw_uid, daemon.pw_gid)
    with other, dialogue.open("imap", other) as connection:
        client = ntlm_client.Client("alice", domain.users["alice"])
        answer = ntlm_client.login(connection, client)
        assert answer.text.startswith(UNAVAILABLE["imap"]), answer
        assert "winbindd_privileged" in other.wait_log("login.failure")["reason"]
        said = f"\0alice\0{domain.users['alice']}".encode()
        assert connection.authenticate("PLAIN", said).good
        connection.leave()


def speed():
    started, count = time.monotonic(), 0
    while time.monotonic() < started + 2:
        assert ntlm("alice")[0].good
        count += 1
    print("%.0f logins a second by pass-through, one after the other" % (count / 2))


def hanging():
    """A winbindd that is stopped: answers in time, and others are served."""
    found = subprocess.run(["ps", "-eo", "pid,args"], stdout=subprocess.PIPE, text=True, check=True)
    children = descendants(domain.process.pid)
    pids = [int(line.split()[0]) for line in found.stdout.splitlines()[1:]
            if "winbind" in line and int(line.split()[0]) in children]
    assert pids, found.stdout
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        for number, protocol in enumerate(dialogue.PROTOCOLS + dialogue.PROTOCOLS):
            started = time.monotonic()
            answer, line = ntlm("alice", protocol=protocol)
            taken = time.monotonic() - started
            assert answer.text.startswith(UNAVAILABLE[protocol]), (answer, line)
            assert taken < (20 if number < 2 else 5), (number, taken)
            assert plain("local", "local", protocol)[0].good
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    ends = time.monotonic() + postern.TIMEOUT
    while not ntlm("alice")[0].good:
        assert time.monotonic() < ends
        time.sleep(0.5)


def descendants(pid):
    found = {pid}
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", encoding="utf-8", errors="replace") as stat:
                parents[int(name)] = int(stat.read().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            pass
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def answers(path):
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(path)
            return True
        except OSError:
            return False


def gone():
    """Without winbindd nobody is told that a password is wrong, and nobody waits."""
    domain.stop()
    ends = time.monotonic() + postern.TIMEOUT
    while answers(os.path.join(samba.WINBIND, "pipe")):
        assert time.monotonic() < ends
        time.sleep(0.05)
    since = len(server.log)
    for protocol in dialogue.PROTOCOLS:
        for attempt in (ntlm, plain):
            for user in ("alice", "carol") + (("nobody",) if attempt is ntlm else ()):
                started = time.monotonic()
                answer, line = attempt(user, "wrong", protocol=protocol)
                assert answer.text.startswith(UNAVAILABLE[protocol]), (user, answer)
                assert line["level"] == "warning", line
                assert time.monotonic() - started < 5
        assert plain("local", "local", protocol)[0].good
    assert server.wait_log("winbind.down", since=since)
    domain.start()
    assert ntlm("alice")[0].good
    server.wait_log("winbind.up", since=since)


def main():
    global domain, server
    postern.reachable_build()
    if not postern.built("auth-winbind"):
        postern.skip("auth-winbind is not built")
    if not shutil.which("curl"):
        postern.skip("curl is not installed")
    with samba.Domain() as domain:
        server = postern.mail_server(users={}, changes=CHANGES)
        with open(server.users_file, "w", encoding="utf-8") as users:
            users.write(USERS)
        with server:
            for test in (with_curl, choices_of_clients, only_the_nt_response_counts, passwords, refusals, somebody_else,
                         refusals_take_the_same_time, without_privileges, speed, real_clients, hanging, gone):
                test()
                print(test.__name__)


if __name__ == "__main__":
    main()
