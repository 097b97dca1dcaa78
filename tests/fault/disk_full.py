# SPDX-License-Identifier: Apache-2.0
"""A full disk: deliveries are refused as temporary (452), nothing acknowledged is lost, reading and
deleting go on, and mail goes on once there is space again, without a restart.

The store lives on a small tmpfs; who may not mount skips the test.
"""

import os
import poplib
import smtplib
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402

BODY = b"Subject: full\r\n\r\n" + (b"x" * 70 + b"\r\n") * 2000  # 144 kB


def fill(lmtp, limit=2000):
    """Delivers until one is refused; returns how many were taken, and the refusal."""
    for count in range(limit):
        try:
            lmtp.sendmail("full@example.test", ["alice@example.test"],
                          b"X-Number: %d\r\n" % count + BODY)
        except smtplib.SMTPResponseException as refusal:
            return count, (refusal.smtp_code, refusal.smtp_error)
        except smtplib.SMTPRecipientsRefused as refusal:
            return count, refusal.recipients["alice@example.test"]
    raise AssertionError("the disk never became full")


def messages(server):
    pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=60)
    pop.user("alice")
    pop.pass_("secret")
    return pop, pop.stat()[0]


def scenario(server, disk):
    lmtp = smtplib.LMTP("127.0.0.1", server.port("lmtp"), timeout=60)
    taken, (code, text) = fill(lmtp)
    assert code == 452, f"a full disk is answered with {code} {text!r}"
    assert text.startswith(b"4.3.1"), text
    assert taken > 5, taken
    pop, count = messages(server)
    assert count == taken, f"{taken} were acknowledged, {count} are there"
    for number in (1, count):
        octets = b"".join(line + b"\r\n" for line in pop.retr(number)[1])
        assert octets.endswith(BODY), f"message {number} is not what was sent"
    # Deleting works on the full disk.
    pop.dele(1)
    pop.quit()
    pop, left = messages(server)
    assert left == count - 1, f"{left} are left of {count}"
    pop.quit()
    # The service goes on for those who come while the disk is full.
    taken_again, (code, _text) = fill(lmtp)
    assert code == 452
    os.unlink(os.path.join(disk, "ballast"))
    lmtp.sendmail("full@example.test", ["alice@example.test"], BODY)
    pop, now = messages(server)
    assert now == left + taken_again + 1, f"{now} are there, not {left + taken_again + 1}"
    pop.quit()
    server.restart()
    pop, after = messages(server)
    assert after == now, f"{after} are there after a restart, {now} before"
    pop.quit()


def main():
    server = postern.mail_server(store="kyoto", users={"alice": "secret"})
    disk = os.path.join(server.directory, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", disk], check=False,
                      stderr=subprocess.DEVNULL).returncode:
        server.close()
        postern.skip("a tmpfs cannot be mounted here")
    try:
        with open(os.path.join(disk, "ballast"), "wb") as ballast:
            ballast.write(b"\0" * (16 << 20))
        server.configure({"plugin storage-kyoto": {
            "path": os.path.join(disk, "store"), "shards": 2, "segment_size": "4 MiB",
            "reserve": "2 MiB", "compression": "none"}})
        with server:
            scenario(server, disk)
    finally:
        subprocess.run(["umount", "-l", disk], check=False)


if __name__ == "__main__":
    main()
