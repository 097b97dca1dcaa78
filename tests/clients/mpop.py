# SPDX-License-Identifier: Apache-2.0
"""mpop fetches mail of every shape over TLS and STLS into a Maildir, by UIDL only what is new."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402

# mpop adds its own Received field, which a mail without header cannot take.
LEFT_OUT = {"no header", "not a header", "one empty line", "no body", "NUL octets", "bare CR",
            "bare LF"}


def fetch(server, maildir, listener, *options):
    run = subprocess.run(
        ["mpop", "--host=localhost", f"--port={server.port(listener)}", "--user=alice",
         "--passwordeval=echo secret", "--auth=plain", f"--tls-trust-file={server.ca_file}",
         "--tls=on", "--keep=on", "--received-header=off",
         f"--uidls-file={server.directory}/uidls", f"--delivery=maildir,{maildir}", *options],
        env=dict(os.environ, HOME=server.directory), text=True, errors="replace",
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False)
    assert run.returncode == 0, run.stdout
    found = []
    for entry in os.listdir(os.path.join(maildir, "new")):
        path = os.path.join(maildir, "new", entry)
        with open(path, "rb") as mail:
            found.append(mail.read())
        os.unlink(path)
    return found


def main():
    if not shutil.which("mpop"):
        postern.skip("mpop is not installed")
    mails = [octets for name, octets in corpus.messages(big=3_000_000) if name not in LEFT_OUT]
    with postern.mail_server(users={"alice": "secret"}) as server:
        corpus.deliver(server, "alice@example.test", mails)
        maildir = os.path.join(server.directory, "maildir")
        for part in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(maildir, part))
        found = fetch(server, maildir, "pop3s", "--tls-starttls=off")
        expected = sorted(octets.replace(b"\r\n", b"\n") for octets in mails)
        got = sorted(corpus.as_sent(octets.replace(b"\n", b"\r\n")).replace(b"\r\n", b"\n")
                     for octets in found)
        assert len(found) == len(mails), f"{len(found)} of {len(mails)} mails"
        for ours, theirs in zip(got, expected):
            assert ours == theirs, (ours[:200], theirs[:200])
        assert fetch(server, maildir, "pop3", "--tls-starttls=on") == [], "UIDLs have changed"
        corpus.deliver(server, "alice@example.test", mails[:1])
        assert len(fetch(server, maildir, "pop3", "--tls-starttls=on")) == 1
    print(len(mails), "mails")


if __name__ == "__main__":
    main()
