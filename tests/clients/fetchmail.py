# SPDX-License-Identifier: Apache-2.0
"""fetchmail fetches mail of every shape, in clear, with STLS and over implicit TLS, keeps it the
first two times and deletes it the third; what it hands on is what was sent."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402

# Not what it is for: fetchmail rewrites line ends, cannot carry a NUL, and breaks lines of more
# than its buffer's 8 kB (RFC 5322 section 2.1.1 allows 998).
LEFT_OUT = {"NUL octets", "bare CR", "bare LF", "no header", "not a header", "one empty line",
            "no body", "8-bit"}


def fetch(server, name, listener, options, keep):
    """Runs fetchmail once; returns the messages it handed to its delivery agent, and its output."""
    inbox = os.path.join(server.directory, name)
    os.mkdir(inbox)
    agent = inbox + ".sh"
    with open(agent, "w", encoding="ascii") as script:
        script.write(f"#!/bin/sh\nexec cat > $(mktemp {inbox}/XXXXXX)\n")
    os.chmod(agent, 0o755)
    rc = inbox + ".rc"
    with open(rc, "w", encoding="ascii") as config:
        config.write(f"""set no bouncemail
poll localhost protocol pop3 port {server.port(listener)} auth password
  user "alice" password "secret" {options} {keep}
  no rewrite no mimedecode fetchall mda "{agent}"
""")
    os.chmod(rc, 0o600)
    environment = dict(os.environ, HOME=server.directory, FETCHMAILHOME=server.directory,
                       LC_ALL="C")
    run = subprocess.run(["fetchmail", "-f", rc, "-i", inbox + ".ids", "--nosyslog", "-v"],
                         env=environment, text=True, errors="replace", stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, timeout=300, check=False)
    assert run.returncode in (0, 1), run.stdout[-3000:]  # 1: there was no mail
    found = []
    for entry in os.listdir(inbox):
        with open(os.path.join(inbox, entry), "rb") as mail:
            found.append(mail.read())
    return found, run.stdout


def body_of(octets):
    """Body with LF line ends: what survives any mail path."""
    return octets.replace(b"\r\n", b"\n").partition(b"\n\n")[2].rstrip(b"\n")


def main():
    if not shutil.which("fetchmail"):
        postern.skip("fetchmail is not installed")
    mails = [octets for name, octets in corpus.messages(big=3_000_000)
             if name not in LEFT_OUT and max(map(len, octets.split(b"\r\n"))) < 8000]
    with postern.mail_server(users={"alice": "secret"}) as server:
        corpus.deliver(server, "alice@example.test", mails)
        trusted = f"sslproto tls1.2+ sslcertfile {server.ca_file} sslcertck"
        expected = sorted(body_of(octets) for octets in mails)
        for name, listener, options, keep in (
                ("clear", "pop3", "sslproto ''", "keep"), ("stls", "pop3", trusted, "keep"),
                ("tls", "pop3s", "ssl " + trusted, "no keep")):
            found, text = fetch(server, name, listener, options, keep)
            assert len(found) == len(mails), f"{name}: {len(found)} of {len(mails)}\n{text[-3000:]}"
            for ours, theirs in zip(sorted(body_of(octets) for octets in found), expected):
                assert ours == theirs, (name, len(ours), len(theirs), ours[:99], theirs[:99])
            assert ("STLS" in text) == (name == "stls"), text[-3000:]
        assert fetch(server, "again", "pop3", "sslproto ''", "keep")[0] == [], "not deleted"
    print(len(mails), "mails, three ways")


if __name__ == "__main__":
    main()
