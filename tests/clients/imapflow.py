# SPDX-License-Identifier: Apache-2.0
"""imapflow, the IMAP client of many Node.js programs: reads mail of every shape, changes, and is told
of changes, with CONDSTORE, QRESYNC, COMPRESS, IDLE and OBJECTID, over TLS and STARTTLS.

The package is installed from imapflow/package-lock.json into the build folder, once; without a registry
the test is skipped."""

import hashlib
import json
import os
import poplib
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "imapflow")
PLACE = os.path.join(postern.BUILD, "tests", "clients", "imapflow")


def install():
    """imapflow, as the lock file says; skips where it cannot be had."""
    if not shutil.which("node") or not shutil.which("npm"):
        postern.skip("node and npm (packages nodejs, npm) are not installed")
    with open(os.path.join(HERE, "package-lock.json"), "rb") as lock:
        wanted = hashlib.sha256(lock.read()).hexdigest()
    mark = os.path.join(PLACE, "installed")
    if os.path.exists(mark):
        with open(mark, encoding="ascii") as file:
            if file.read() == wanted:
                return
    os.makedirs(PLACE, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(os.path.join(HERE, name), os.path.join(PLACE, name))
    try:
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=PLACE,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=120, check=False)
    except subprocess.TimeoutExpired:
        postern.skip("npm ci does not end: the registry cannot be reached?")
    if done.returncode:
        postern.skip("npm ci could not install imapflow:\n" + done.stdout[-1000:])
    with open(mark, "w", encoding="ascii") as file:
        file.write(wanted)


def play(server, user, listener):
    settings = {"port": server.port(listener), "secure": listener == "imaps",
                "ca": server.ca_file, "user": user, "pass": "secret", "modules": PLACE}
    done = subprocess.run(["node", os.path.join(HERE, "client.mjs"), json.dumps(settings)],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def main():
    install()
    mails = list(corpus.messages(big=6_000_000))
    users = {"alice": "secret", "bob": "secret"}
    with postern.mail_server(users=users) as server:
        for user, listener in (("alice", "imaps"), ("bob", "imap")):
            corpus.deliver(server, user + "@example.test", [octets for _, octets in mails])
            result = play(server, user, listener)
            stored = stored_digests(server, user, mails)
            for number, (name, _) in enumerate(mails, 1):
                assert result["hashes"][str(number)] == stored[number - 1], name
            assert result["exists"] == len(mails), result
            for word in ("CONDSTORE", "QRESYNC", "COMPRESS=DEFLATE", "IDLE", "OBJECTID"):
                assert word in result["capabilities"], (word, result["capabilities"])
            assert "QRESYNC" in result["enabled"], result["enabled"]
            assert result["compressed"], "COMPRESS was not used"
            for use in ("\\Sent", "\\Drafts", "\\Trash", "\\Junk", "\\Archive", "\\Inbox"):
                assert use in result["special"], (use, result["special"])
    print(len(mails), "mails, 2 ways")


def stored_digests(server, user, mails):
    """What is stored, by POP3: the mails with their trace fields, each checked to be what was sent."""
    client = poplib.POP3("localhost", server.port("pop3"), timeout=60)
    client.user(user)
    client.pass_("secret")
    found = []
    for number, (name, octets) in enumerate(mails, 1):
        stored = retrieve(client, number)
        assert corpus.as_sent(stored) == octets, name
        found.append(hashlib.sha256(stored).hexdigest())
    client.quit()
    return found


def retrieve(client, number):
    """RETR with every octet as it is: poplib itself divides lines at bare LF."""
    client._putcmd("RETR %d" % number)
    client._getresp()
    lines = []
    while True:
        line = client.file.readline()
        while not line.endswith(b"\r\n"):
            line += client.file.readline()
        if line == b".\r\n":
            return b"".join(lines)
        lines.append(line[1:] if line.startswith(b".") else line)


if __name__ == "__main__":
    main()
