# SPDX-License-Identifier: Apache-2.0
"""curl fetches mail of every shape, in clear, with STLS and over implicit TLS, octet for octet;
lists, deletes, and logs in with each mechanism; a wrong password is known as one."""

import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import corpus  # noqa: E402
import postern  # noqa: E402


def curl(server, url, *options, password="secret"):
    return subprocess.run(["curl", "--silent", "--show-error", "--max-time", "120", "--cacert",
                           server.ca_file, "--user", "alice:" + password, *options, url],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)


def main():
    if not shutil.which("curl"):
        postern.skip("curl is not installed")
    # curl ends a message at the first line with a dot alone, after any line end: what holds bare
    # ones is for clients that read octets (tests/pop3/session.py).
    mails = [(name, octets) for name, octets in corpus.messages(big=6_000_000)
             if name not in ("bare CR", "bare LF")]
    with postern.mail_server(users={"alice": "secret"}) as server:
        corpus.deliver(server, "alice@example.test", [octets for _, octets in mails])
        ways = (("pop3://localhost:%d/" % server.port("pop3"), ()),
                ("pop3://localhost:%d/" % server.port("pop3"), ("--ssl-reqd",)),
                ("pop3s://localhost:%d/" % server.port("pop3s"), ()),
                ("pop3s://localhost:%d/" % server.port("pop3s"), ("--login-options", "AUTH=PLAIN")),
                ("pop3s://localhost:%d/" % server.port("pop3s"), ("--login-options", "AUTH=LOGIN")),
                ("pop3s://localhost:%d/" % server.port("pop3s"), ("--sasl-ir",)))
        for way, (url, options) in enumerate(ways):
            listed = curl(server, url, *options)
            assert listed.returncode == 0, listed
            sizes = [line.split() for line in listed.stdout.splitlines()]
            assert [int(number) for number, _ in sizes] == list(range(1, len(mails) + 1)), sizes
            for number, (name, octets) in enumerate(mails, 1):
                if way > 2 and number > 3:
                    break
                got = curl(server, url + str(number), *options)
                assert got.returncode == 0, (name, got.stderr)
                assert len(got.stdout) == int(sizes[number - 1][1]), (name, len(got.stdout))
                assert corpus.as_sent(got.stdout) == octets, (name, got.stdout[:200])
        url = ways[2][0]
        assert curl(server, url, password="wrong").returncode == 67  # login denied
        assert curl(server, url + "999").returncode != 0
        assert curl(server, url + "1", "--request", "DELE", "--list-only").returncode == 0
        listed = curl(server, url)
        assert len(listed.stdout.splitlines()) == len(mails) - 1, listed
    print(len(mails), "mails,", len(ways), "ways")


if __name__ == "__main__":
    main()
