# SPDX-License-Identifier: Apache-2.0
"""curl reads mail of every shape over IMAP, in clear, with STARTTLS and over implicit TLS, octet for
octet; uploads, lists, searches, sets flags, and logs in with each mechanism."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402


def curl(server, url, *options, password="secret"):
    return subprocess.run(["curl", "--silent", "--show-error", "--max-time", "120", "--cacert",
                           server.ca_file, "--user", "alice:" + password, *options, url],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def good(server, url, *options):
    done = curl(server, url, *options)
    assert done.returncode == 0, (url, options, done)
    return done.stdout


def main():
    if not shutil.which("curl"):
        postern.skip("curl is not installed")
    mails = list(corpus.messages(big=6_000_000))
    with postern.mail_server(users={"alice": "secret"}) as server:
        corpus.deliver(server, "alice@example.test", [octets for _, octets in mails])
        clear = "imap://localhost:%d/" % server.port("imap")
        tls = "imaps://localhost:%d/" % server.port("imaps")
        ways = ((clear, ()), (clear, ("--ssl-reqd",)), (tls, ()),
                (tls, ("--login-options", "AUTH=PLAIN")), (tls, ("--login-options", "AUTH=LOGIN")),
                (tls, ("--sasl-ir",)))
        for way, (url, options) in enumerate(ways):
            found = good(server, url + "INBOX?ALL", *options)
            numbers = found.strip().split()[2:]
            assert numbers == [b"%d" % n for n in range(1, len(mails) + 1)], found
            for number, (name, octets) in enumerate(mails, 1):
                if way > 2 and number > 3:
                    break
                got = corpus.as_sent(good(server, url + "INBOX;MAILINDEX=%d" % number, *options))
                assert hashlib.sha256(got).digest() == hashlib.sha256(octets).digest(), (
                    name, got[:300])
        assert b"Subject: plain\r\n" in good(
            server, tls + "INBOX;UID=1;SECTION=HEADER.FIELDS%20(SUBJECT)")
        assert curl(server, tls + "INBOX", password="wrong").returncode == 67  # login denied
        assert curl(server, tls + "INBOX;MAILINDEX=999").returncode != 0
        assert curl(server, tls + "None;MAILINDEX=1").returncode != 0
        good(server, tls, "--request", "CREATE Uploads")
        assert b'"Uploads"' in good(server, tls).replace(b" Uploads\r", b' "Uploads"\r')
        upload(server, tls, mails)
        good(server, tls + "INBOX", "--request", "STORE 1 +FLAGS (\\Deleted)")
        good(server, tls + "INBOX", "--request", "EXPUNGE")
        found = good(server, tls + "INBOX?ALL").strip().split()[2:]
        assert len(found) == len(mails) - 1, found
    print(len(mails), "mails,", len(ways), "ways")


def upload(server, url, mails):
    """Each mail by APPEND, and read again as it was; IMAP's literals hold no NUL."""
    mails = [octets for name, octets in mails if name != "NUL octets"]
    with tempfile.TemporaryDirectory() as folder:
        for number, octets in enumerate(mails, 1):
            path = os.path.join(folder, "mail")
            with open(path, "wb") as out:
                out.write(octets)
            good(server, url + "Uploads", "--upload-file", path)
            got = good(server, url + "Uploads;MAILINDEX=%d" % number)
            assert got == octets, (number, len(got), got[:300], octets[:300])


if __name__ == "__main__":
    main()
