#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real mail clients x mechanisms x protocols x sources: whatever a client can do (the table of
matrix.py in tests/auth/README.md), it does with each source that verifies the mechanism. A login
counts if the server's log names the mechanism, and every one asks the source: verdicts are not
remembered here. How many there were is compared with the README; `by_source.py --write` writes it.
Names of sources as arguments: those alone. A source that cannot be started here is left out."""

import contextlib
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, ".."), os.path.join(HERE, "..", "real"),
                os.path.join(HERE, "..", "..", "support")]
import dialogue  # noqa: E402
import ldap_ad  # noqa: E402
import ldap_secrets  # noqa: E402
import ntlm_client  # noqa: E402
import pam  # noqa: E402
import people  # noqa: E402
import postern  # noqa: E402
import programs  # noqa: E402
import samba  # noqa: E402
import slapd  # noqa: E402
import sources  # noqa: E402

README = os.path.join(HERE, "..", "README.md")
CLIENTS = "<!-- clients: written by clients/matrix.py --write -->\n", "<!-- end of clients -->\n"
COUNTS = ("<!-- by source: written by clients/by_source.py --write -->\n",
          "<!-- end of by source -->\n")
WORDS = {"POP3": "pop", "IMAP4": "imap", "SMTP": "smtp"}
PASSWORD = "secret7"
BY_PASSWORD = ("password", "PLAIN", "LOGIN")


def section(marks):
    with open(README, encoding="utf-8") as file:
        return file.read().partition(marks[0])[2].partition(marks[1])[0]


def cells(line):
    return re.split(r" *\| *", line.strip())[1:-1]


def what_clients_can_do():
    """{mechanism: [(client, protocol)]}"""
    head, _, *rows = section(CLIENTS).splitlines()
    found = {name: [] for name in cells(head)[1:-1]}
    for client, *row in map(cells, rows):
        for mechanism, cell in zip(found, row):
            found[mechanism] += [(client, WORDS[word]) for word in cell.split() if word in WORDS]
    return found


# ---- The sources: a server, and who logs in: name, password, Windows domain ------------------------------------


def changes_of(source):
    changes = people.listeners(sasl_mechanisms=people.MECHANISMS, ntlmv1=True,
                               integrated_windows_authentication=True)
    changes["plugin auth"] = {"cache_entries": "0", "failure_delay": "0"}
    for section_name, keys in source.items():
        changes[section_name] = keys and {**changes.get(section_name, {}), **keys}
    return changes


@contextlib.contextmanager
def by_exec(told):
    if not postern.built("directory-exec"):
        postern.skip("directory-exec is not built")
    with tempfile.TemporaryDirectory(prefix="postern-") as folder:
        path = os.path.join(folder, "socket")
        program = sources.program(path, told, {"auth.ntlmv1": "yes"})
        try:
            with postern.mail_server(changes=changes_of({
                    "plugin directory-file": None,
                    "plugin directory-exec": {"socket": path, "domains": "example.test",
                                              "nt_domains": "EXAMPLE", "schemes": " ".join(told)
                                              or None}})) as server:
                yield server, "alice", sources.SECRET, "EXAMPLE"
        finally:
            program.shutdown()
            program.server_close()


@contextlib.contextmanager
def by_openldap(person, **override):
    with slapd.Server(users=0, more={"dora": person}) as directory, postern.mail_server(
            changes=changes_of({"plugin directory-file": None,
                                "plugin directory-ldap": directory.settings(
                                    attributes="auth.ntlmv1=mailRetention", **override)})) as server:
        yield server, "dora", PASSWORD, "EXAMPLE"


@contextlib.contextmanager
def by_pam():
    if not postern.built("directory-pam"):
        postern.skip("directory-pam is not built")
    server = pam.wrapped_server()
    server.configure(changes_of({}))
    with server:
        yield server, "alice", "geheim", "EXAMPLE"


def simple_password(domain):
    """bob's: one that needs no quotes in anybody's settings."""
    subprocess.run(["samba-tool", "user", "setpassword", "bob", "--newpassword=Simple7word", "-s",
                    domain.smb_config], env=domain.environment(), check=True,
                   stdout=subprocess.DEVNULL)
    return "bob", "Simple7word"


@contextlib.contextmanager
def by_active_directory(domain):
    user, password = simple_password(domain)
    with postern.mail_server(changes=changes_of({
            "plugin directory-file": None,
            "plugin directory-ldap": ldap_ad.settings(domain)})) as server:
        yield server, user, password, "CONTOSO"


@contextlib.contextmanager
def by_winbind(domain):
    if not postern.built("auth-winbind"):
        postern.skip("auth-winbind is not built")
    user, password = simple_password(domain)
    server = postern.mail_server(changes=changes_of({
        "plugin directory-file": {"nt_domains": "CONTOSO"}, "plugin auth-winbind": {},
        "plugin auth": {"credentials": "directory-file:auth-winbind"}}))
    people.write(server.users_file, {user: {"auth.ntlmv1": "yes"}})
    with server:
        yield server, user, password, "CONTOSO"


SECRETS = {"PLAIN": sources.SECRET, "NT": ntlm_client.nt_hash(sources.SECRET).hex(),
           "SCRAM-SHA-1": sources.KEYS[0].replace("{SCRAM-SHA-1}", "SCRAM-SHA-1$"),
           "SCRAM-SHA-256": sources.KEYS[1].replace("{SCRAM-SHA-256}", "SCRAM-SHA-256$")}
ALL = BY_PASSWORD + tuple(people.MECHANISMS.split()[2:])


@contextlib.contextmanager
def nothing():
    yield ()


# What several sources need, and each of them: its name, a server with it, mechanisms.
GROUPS = (
    (nothing, (("directory-exec, every secret", lambda: by_exec(SECRETS), ALL),
               ("directory-exec, passwords", lambda: by_exec({}), BY_PASSWORD))),
    (nothing, (("directory-ldap (OpenLDAP), every secret", lambda: by_openldap(
        (PASSWORD, ["mailRetention: yes"]), verify="compare", nt_attribute="mailNtHash",
        scram_attribute="mailScram"), ALL),
               ("directory-ldap (OpenLDAP), bind",
                lambda: by_openldap((ldap_secrets.ssha(PASSWORD), [])), BY_PASSWORD))),
    (nothing, (("directory-pam", by_pam, BY_PASSWORD),)),
    (samba.Domain, (("directory-ldap (Active Directory), bind", by_active_directory, BY_PASSWORD),
                    ("auth-winbind", by_winbind, BY_PASSWORD + ("NTLM",)))),
)

# ---- Measuring --------------------------------------------------------------------------------------


def log_in(server, client, protocol, mechanism, user, password, nt_domain):
    """Fails if the log does not name the mechanism."""
    since = len(server.log)
    case = programs.Case(server, protocol, mechanism, user, password, dialogue.LISTENERS[protocol],
                         mechanism.endswith("-PLUS"))
    case.domain = nt_domain
    try:
        said = programs.CLIENTS[client](case)
    finally:
        case.close()
    try:
        server.wait_log("login.success", since=since, mechanism=mechanism, service=protocol,
                        user=user)
        opened = server.wait_log("session.open", since=since)
        server.wait_log("session.close", since=since, session=opened["session"])  # POP3's lock
    except postern.Failed as failed:
        raise AssertionError("%s, %s, %s: %s\n%s" % (client, mechanism, protocol, said[-2000:],
                                                     failed)) from None


def measure(name, source, mechanisms, able):
    """How many logins there were by each mechanism; None for those that the source cannot verify."""
    row = []
    with source as (server, *person):
        for mechanism, pairs in able.items():
            if mechanism not in mechanisms:
                for protocol in dialogue.PROTOCOLS:
                    with dialogue.open(protocol, server) as client:
                        assert mechanism not in client.mechanisms(), (name, mechanism)
                row.append(None)
                continue
            pairs = [pair for pair in pairs if programs.installed(pair[0])]
            for client, protocol in pairs:
                log_in(server, client, protocol, mechanism, *person)
            row.append(len(pairs))
    return row


def as_line(name, row):
    return "| %s | %s |" % (name, " | ".join("-" if count is None else str(count) for count in row))


def main():
    able = what_clients_can_do()
    wanted = [word for word in sys.argv[1:] if not word.startswith("-")]
    lines = []
    for surroundings, members in GROUPS:
        members = [member for member in members
                   if not wanted or any(word in member[0] for word in wanted)]
        try:
            with surroundings() if members else nothing() as place:
                for name, source, mechanisms in members:
                    row = measure(name, source(*[place] * bool(place)), mechanisms, able)
                    lines.append(as_line(name, row))
                    print(lines[-1], flush=True)
        except SystemExit as skipped:  # postern.skip has said why
            if skipped.code != 77:
                raise
    table = ["| source | %s |" % " | ".join(able), "|---" * (len(able) + 1) + "|"] + lines
    if "--write" in sys.argv:
        with open(README, encoding="utf-8") as file:
            text = file.read()
        head, _, rest = text.partition(COUNTS[0])
        with open(README, "w", encoding="utf-8") as file:
            file.write(head + COUNTS[0] + "\n".join(table) + "\n" + COUNTS[1]
                       + rest.partition(COUNTS[1])[2])
    elif all(map(programs.installed, programs.CLIENTS)):
        written = section(COUNTS).splitlines()
        wrong = [line for line in lines if line not in written]
        assert not wrong, "README.md has other numbers than these:\n" + "\n".join(wrong)
    if not lines:
        postern.skip("none of the sources could be started")


if __name__ == "__main__":
    main()
