# SPDX-License-Identifier: Apache-2.0
"""Two servers on one store: the second refuses and says who holds it; the first goes on; after a
kill -9 of the first its lock is no obstacle."""

import os
import smtplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402


def deliver(server):
    with smtplib.LMTP("127.0.0.1", server.port("lmtp"), timeout=20) as lmtp:
        lmtp.sendmail("a@example.test", ["alice@example.test"], b"Subject: x\r\n\r\nx\r\n")


def main():
    with postern.mail_server(store="kyoto") as first:
        store = os.path.join(first.directory, "store")
        first.stop()
        first.configure({"plugin storage-kyoto": {"path": store}})
        first.start()
        deliver(first)
        second = postern.mail_server(store="kyoto",
                                     changes={"plugin storage-kyoto": {"path": store}})
        try:
            second.start(wait=False)
            assert second.wait_exit(60) != 0, "a second server runs on the same store"
            text = "\n".join(second.raw_log)
            assert "storage-kyoto" in text and str(first.worker_pid) in text, text
            deliver(first)
            first.kill9()
            second.start()
            deliver(second)
        finally:
            second.close()


if __name__ == "__main__":
    main()
