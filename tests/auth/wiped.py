#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""No password stays in the memory of the server: not in buffers of streams, lines, SASL responses and
jobs, nor where these grew or were freed.

Every password of this test begins and ends with the same random letters, so that one look through the
worker's memory finds any of them, whole or cut in two, in UTF-8, in UTF-16 (NT hashes are made of
that) and in base64 at each of its three alignments.  Names of users are found in the same way, and so
is a password that is still waited for: it is the looking that would fail otherwise, not the server."""

import base64
import hashlib
import itertools
import os
import random
import socket
import string
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import dialogue  # noqa: E402
import memory  # noqa: E402
import people  # noqa: E402
import postern  # noqa: E402

EXAMPLE = os.path.join(postern.ROOT, "plugins", "directory-exec", "examples", "directory.py")
LETTERS = string.ascii_letters + string.digits


def letters(count):
    return "".join(random.SystemRandom().choice(LETTERS) for _ in range(count))


HEAD, TAIL, NAME = letters(8), letters(8), letters(8).lower()
_passwords = 0


def new_password(size=24):
    """Its number stands behind HEAD, for whoever has to look where it came from."""
    global _passwords
    _passwords += 1
    return "%s%03d%s%s" % (HEAD, _passwords, letters(size - 19), TAIL)


def forms(what, text):
    """What the text looks like in memory: {name: octets}."""
    octets = text.encode()
    result = {what: octets, what + " in UTF-16": text.encode("utf-16-le")}
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + octets)
        first, end = (before * 8 + 5) // 6, (before + len(octets)) * 8 // 6
        result["%s in base64, %d" % (what, before)] = encoded[first:end]
    return result


PASSWORDS = {**forms("head", HEAD), **forms("tail", TAIL)}


def ssha512(password):
    salt = os.urandom(8)
    return "{SSHA512}" + base64.b64encode(
        hashlib.sha512(password.encode() + salt).digest() + salt).decode()


def crypt(password):
    done = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password + "\n", text=True,
                          stdout=subprocess.PIPE, check=True)
    return "{CRYPT}" + done.stdout.strip()


def scram_keys(password):
    return people.scram_keys("SCRAM-SHA-256", "sha256", password)


# --- the ways in: each leaves the connection where the answer left it ---------------------------


def command(client, user, password):
    return client.password(user, password)


def quoted(client, user, password):
    client.send(client.tagged(b'LOGIN "%s" "%s"' % (user, password)))
    return client.answer()


def escaped(client, user, password):
    client.send(client.tagged(b'LOGIN %s "\\\\%s"' % (user, password)))
    return client.answer()


def atoms(client, user, password):
    client.send(client.tagged(b"LOGIN %s %s" % (user, password)))
    return client.answer()


def pipelined(client, user, password):
    """What is behind the LOGIN is in the buffer when somebody is logged in."""
    client.sock.sendall(client.tagged(b"LOGIN %s %s\r\nx NOOP\r\n" % (user, password)))
    answer = client.answer()
    assert client.line().startswith("x OK")
    return answer


def literal_that_waits(client, user, password):
    client.send(client.tagged(b"LOGIN %s {%d}" % (user, len(password))))
    assert client.line().startswith("+ ")
    client.send(password)
    return client.answer()


def plain(client, user, password):
    return client.authenticate("PLAIN", b"\0%s\0%s" % (user, password))


def plain_line(client, user, password):
    assert client.authenticate("PLAIN").challenge is not None
    return client.respond(b"\0%s\0%s" % (user, password))


def login(client, user, password):
    assert client.authenticate("LOGIN").challenge is not None
    assert client.respond(user).challenge is not None
    return client.respond(password)


def in_pieces(client, user, password):
    """The line comes octet by octet, and the buffer moves and grows under it."""
    message = base64.b64encode(b"\0%s\0%s" % (user, password))
    assert client.authenticate("PLAIN").challenge is not None
    for at in range(0, len(message), 7):
        client.sock.sendall(message[at:at + 7])
        time.sleep(0.001)
    client.send(b"")
    return client.answer()


WAYS = {
    "pop": (command, plain, plain_line, login, in_pieces),
    "imap": (literal_that_waits, plain, plain_line, login, command, escaped, atoms, quoted, pipelined),
    "smtp": (plain, plain_line, login),
}


def ways():
    for protocol, functions in WAYS.items():
        for tls in (False, True):
            for way in functions:
                yield protocol, tls, way


# --- lines that are no login --------------------------------------------------------------------


def with_lines(*lines, answers=None):
    """PASSWORD and BASE64 in the lines are replaced; one answer is read for each line."""
    def way(client):
        password = new_password().encode()
        encoded = base64.b64encode(b"\0somebody\0" + password)
        for line in lines:
            client.sock.sendall(line.replace(b"PASSWORD", password).replace(b"BASE64", encoded))
        for _ in range(len(lines) if answers is None else answers):
            client.line()
    return way


LONG = b"x" * 9000  # more than the first buffer of a stream
NO_LOGINS = {
    "pop": (
        with_lines(b"PASS PASSWORD\r\n"),
        with_lines(b"USER nobody\r\n", b"PASS PASSWORD\r\n"),
        with_lines(b"USER nobody\r\nPASS PASSWORD\r\nCAPA\r\n", answers=3),
        with_lines(b"PASSWD PASSWORD\r\n"),
        with_lines(b"APOP nobody PASSWORD\r\n"),
        with_lines(b"AUTH PLAIN BASE64!\r\n"),
        with_lines(b"AUTH PLAIN BASE64 BASE64\r\n"),
        with_lines(b"AUTH PLAIN\r\n", b"BASE64=\r\n"),
        with_lines(b"AUTH UNKNOWN BASE64\r\n"),
        with_lines(b"PASS PASSWORD" + LONG + b"PASSWORD\r\n"),
        with_lines(b"AUTH PLAIN BASE64" + LONG * 8 + b"BASE64\r\n"),
    ),
    "imap": (
        with_lines(b"a LOGIN nobody PASSWORD more\r\n"),
        with_lines(b'a LOGIN nobody "PASSWORD\r\n'),
        with_lines(b"a LOGIN nobody {99999}\r\n"),
        with_lines(b"a LOGIN nobody PASSWORD {99999}\r\n"),
        with_lines(b"a LOGIN nobody PASSWORD {99999+}\r\n" + b"PASSWORD".join([LONG] * 3) + b"\r\n"),
        with_lines(b"a LOGIN nobody {9000+}\r\n" + LONG + b" PASSWORD {3+}\r\nabc {4+}\r\nmore\r\n"),
        with_lines(b"a LOGON nobody PASSWORD\r\n"),
        with_lines(b"a AUTHENTICATE PLAIN BASE64!\r\n"),
        with_lines(b"a AUTHENTICATE PLAIN\r\n", b"!BASE64\r\n"),
        with_lines(b"a AUTHENTICATE UNKNOWN BASE64\r\n"),
        with_lines(b"a LOGIN nobody PASSWORD" + LONG * 8 + b"PASSWORD\r\n"),
        with_lines(b"PASSWORD\r\n"),
    ),
    "smtp": (
        with_lines(b"AUTH PLAIN BASE64!\r\n"),
        with_lines(b"AUTH PLAIN\r\n", b"BASE64=\r\n"),
        with_lines(b"AUTH LOGIN\r\n", b"PASSWORD?\r\n"),
        with_lines(b"AUTH UNKNOWN BASE64\r\n"),
        with_lines(b"PASS PASSWORD\r\n"),
        with_lines(b"AUTH PLAIN BASE64" + LONG * 8 + b"BASE64\r\n"),
    ),
}

# The beginning of a line that is still waited for, and its end.
UNFINISHED = {
    "pop": ((b"PASS ", b"\r\n"), (b"AUTH PLAIN ", b"\r\n")),
    "imap": ((b"a LOGIN nobody ", b"\r\n"), (b"a LOGIN nobody {200+}\r\n", None),
             (b"a AUTHENTICATE PLAIN ", b"\r\n")),
    "smtp": ((b"AUTH PLAIN ", b"\r\n"),),
}

# --- looking ------------------------------------------------------------------------------------


def processes():
    return [server.process.pid] + server.children()


def look(needles):
    return [found for pid in processes() for found in memory.find(pid, needles)]


def look_for_none(what):
    """A lane wipes its copy behind the answer, and a connection is closed behind its last octet: what
    is found has a while to go away."""
    ends = time.monotonic() + 3 * postern.TIMEOUT
    while True:
        found = look(PASSWORDS)
        if not found:
            return
        if time.monotonic() > ends:
            raise postern.Failed("%s: %d copies of passwords are left\n%s" % (
                what, len(found), "\n".join("  %r" % one for one in found[:60])))
        time.sleep(0.2)


def names_are_found():
    found = {one.name for one in look(forms("name", NAME))}
    assert "name" in found, found


# --- the tests ----------------------------------------------------------------------------------

clients = []
accounts = {}


def open_client(protocol, tls):
    client = dialogue.open(protocol, server, dialogue.LISTENERS[protocol] + "s" * tls, tls)
    clients.append(client)
    return client


def close_clients():
    while clients:
        with clients.pop():
            pass


def people_of_the_test():
    """One for each way, with every kind of hash in turn; some by posternctl."""
    makers = (ssha512, crypt, None, scram_keys)
    by_hand, typed = {}, []
    for number, key in enumerate(ways()):
        user, password = "%s-%d" % (NAME, number), new_password()
        accounts[key] = (user, password)
        stored = "\\" + password if key[2] is escaped else password
        make = makers[number % len(makers)]
        if make:
            by_hand[user] = {"password": make(stored)}
        else:
            typed.append((user, stored))
    people.write(server.users_file, by_hand)
    server.restart()
    for user, password in typed:
        server.posternctl("user", "add", user, input=password + "\n")
    look_for_none("posternctl")


def app_password():
    """It is drawn in the server and shown once."""
    user = next(iter(accounts.values()))[0]
    rows = server.posternctl("user", "app-password", "add", user, "phone", json=True)
    shown = rows[0]["password"]
    PASSWORDS.update(forms("app password", shown))
    look_for_none("posternctl user app-password add")
    for protocol in WAYS:
        assert plain(open_client(protocol, False), user.encode(), shown.encode()).good
    close_clients()
    look_for_none("app password")


def logins():
    for (protocol, tls), keys in itertools.groupby(ways(), lambda key: key[:2]):
        for key in keys:
            user, password = accounts[key]
            answer = key[2](open_client(protocol, tls), user.encode(), password.encode())
            assert answer.good, (key, answer)
        look_for_none("logins by " + protocol)  # before another reuses what it gave back
    names_are_found()
    assert all(client.serves() for client in clients)
    look_for_none("after logins")


def logins_again():
    """After UNAUTHENTICATE it is as before the first."""
    for tls in (False, True):
        client = open_client("imap", tls)
        for _ in range(3):
            for way in (quoted, plain):
                user, password = accounts["imap", tls, way]
                answer = way(client, user.encode(), password.encode())
                assert answer.good, (tls, way, answer)
                client.send(client.tagged(b"UNAUTHENTICATE"))
                assert client.answer().good
    look_for_none("UNAUTHENTICATE")


def wrong_passwords():
    for key in ways():
        protocol, tls, way = key
        for user in (accounts[key][0], "nobody"):
            answer = way(open_client(protocol, tls), user.encode(), new_password().encode())
            assert not answer.good and answer.challenge is None, (key, answer)
    look_for_none("wrong passwords")


def no_logins():
    for protocol, functions in NO_LOGINS.items():
        for tls in (False, True):
            for way in functions:
                way(open_client(protocol, tls))
    look_for_none("lines that are no login")


def unfinished():
    """They are in the buffers now, and not any more when the rest has come, or the peer has gone."""
    waiting = []
    for protocol, lines in UNFINISHED.items():
        for tls in (False, True):
            for begins, ends in lines:
                for leaves in (False, True):
                    password = new_password().encode()
                    if b"PLAIN" in begins:
                        password = base64.b64encode(b"\0nobody\0" + password)
                    client = open_client(protocol, tls)
                    client.sock.sendall(begins + password)
                    waiting.append((client, None if leaves else ends))
    ends = time.monotonic() + postern.TIMEOUT
    while len(look({"head": HEAD.encode()})) < sum(b"PLAIN" not in line[0] for lines in
                                                   UNFINISHED.values() for line in lines) * 4:
        assert time.monotonic() < ends, "passwords that were sent are not found"
        time.sleep(0.1)
    for client, rest in waiting:
        if rest:
            client.sock.sendall(rest)
            client.line()
        else:
            client.__exit__()
            clients.remove(client)
    look_for_none("unfinished lines")


def the_end():
    close_clients()
    look_for_none("all are gone")


def program_of_directory_exec():
    """What is asked of it, and what it answers: its example, with passwords of ours."""
    passwords = {"wonderland": new_password(), "builder": new_password()}
    with open(EXAMPLE, encoding="utf-8") as source:
        text = source.read()
    for old, new in passwords.items():
        text = text.replace(old, new)
    program = subprocess.Popen([sys.executable, "-", os.path.join(server.directory, "socket")],
                               stdin=subprocess.PIPE, text=True)
    try:
        program.stdin.write(text)
        program.stdin.close()
        ends = time.monotonic() + postern.TIMEOUT
        while True:  # the name is there a little before somebody listens
            with socket.socket(socket.AF_UNIX) as probe:
                if probe.connect_ex(os.path.join(server.directory, "socket")) == 0:
                    break
            assert time.monotonic() < ends and program.poll() is None
            time.sleep(0.05)
        for user, password, good in (("alice", passwords["wonderland"], True),
                                     ("bob", passwords["builder"], True),
                                     ("alice", new_password(), False),
                                     ("nobody", new_password(), False)):
            for protocol, tls, way in ways():
                if way is escaped:
                    continue
                answer = way(open_client(protocol, tls), user.encode(), password.encode())
                assert answer.good == good, (user, way, answer)
                if protocol == "pop":  # nobody else opens the maildrop meanwhile
                    close_clients()
        look_for_none("directory-exec")
    finally:
        program.terminate()
        program.wait()


if __name__ == "__main__":
    changes = people.listeners(sasl_mechanisms="PLAIN LOGIN", login_time="0")  # looking takes a while
    # AddressSanitizer keeps what was freed, 256 MiB of it: less is looked through in less time.
    os.environ["ASAN_OPTIONS"] = os.environ.get(
        "ASAN_OPTIONS", "detect_leaks=0") + ":quarantine_size_mb=48"
    with postern.mail_server(changes=changes) as server:
        try:
            look(PASSWORDS)
        except PermissionError:
            postern.skip("who runs the test may not read the memory of the server")
        postern.run(people_of_the_test, app_password, logins, logins_again, wrong_passwords,
                    no_logins, unfinished, the_end)
    changes.update({"plugin directory-file": None,
                    "plugin directory-exec": {"socket": "socket", "domains": "example.test"}})
    with postern.mail_server(users=None, changes=changes) as server:
        postern.run(program_of_directory_exec)
