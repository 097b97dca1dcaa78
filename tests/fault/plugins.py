# SPDX-License-Identifier: Apache-2.0
"""Modules that cannot be plugins - missing, not a library, without the symbol, of another ABI,
with damaged tables, refusing, failing in configure and start - in the real server: one that is not
required is left out, told of in the log, the metrics and posternctl, and mail goes on; one that is
required keeps the server from starting, by name.  (What hangs and crashes: tests/run/crash.py.)"""

import os
import poplib
import smtplib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402

# Module, and a word of what has to be said about it.
BROKEN = (
    ("nowhere.so", "nowhere.so"),
    ("text.so", "text.so"),
    ("probe_no_symbol.so", "postern_plugin_entry"),
    ("probe_wrong_major.so", "ABI"),
    ("probe_size_0.so", ""),
    ("probe_null_start.so", "start"),
    ("probe_null_step.so", "close"),
    ("probe_refuses.so", ""),
    ("probe_fail_configure.so", "configure"),
    ("probe_fail_start.so", "start"),
    ("probe_crash_configure.so", "crash"),
)


def broken(server, module, required):
    if module == "text.so":
        module = os.path.join(server.directory, module)
        with open(module, "w", encoding="ascii") as text:
            text.write("this is not a library\n")
    return {"plugin probe": {"module": module, "required": required}}


def mail_goes_on(server):
    mail = b"Subject: x\r\n\r\nx\r\n"
    with smtplib.LMTP("127.0.0.1", server.port("lmtp"), timeout=30) as lmtp:
        lmtp.sendmail("far@far.example", ["alice@example.test"], mail)
    pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=30)
    pop.user("alice")
    pop.pass_("secret")
    assert pop.stat()[0] == 1, pop.stat()
    pop.dele(1)
    pop.quit()


def not_required():
    server = postern.mail_server()
    try:
        for module, word in BROKEN:
            server.configure(broken(server, module, False))
            seen = len(server.log)
            server.start()
            mail_goes_on(server)
            row = next(row for row in server.posternctl("plugins", json=True)
                       if row["plugin"] == "probe")
            assert row["state"] in ("failed", "left out"), (module, row)
            assert word.lower() in row["reason"].lower() and row["reason"], (module, row)
            metrics = server.posternctl("metrics").stdout
            assert 'postern_plugin_up{plugin="probe"} 0' in metrics, module
            events = {line["event"] for line in server.log[seen:] if line.get("name") == "probe"}
            assert events & {"plugin.failed", "plugin.left-out", "plugin.crashed"}, (module, events)
            server.stop()
    finally:
        server.close()


def required():
    server = postern.mail_server()
    try:
        for module, word in BROKEN:
            server.configure(broken(server, module, True))
            seen = len(server.raw_log)
            server.start(wait=False)
            code = server.wait_exit()
            said = "\n".join(server.raw_log[seen:])
            assert code != 0, (module, said)
            assert "probe" in said and word.lower() in said.lower(), (module, said)
    finally:
        server.close()


if __name__ == "__main__":
    postern.run(not_required, required)
