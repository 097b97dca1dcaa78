#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Real clients: Python's smtplib, curl and swaks send mail on every kind of listener; POP3 has it."""

import email.message
import os
import poplib
import shutil
import smtplib
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

USERS = {"alice": "secret", "bob": "pass word", "carol": {"password": "{PLAIN}x",
                                                          "quota.octets": "20kB"}}


def fetch(server, user, password):
    pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=60)
    pop.user(user)
    pop.pass_(password)
    mails = []
    for number in range(1, pop.stat()[0] + 1):
        mails.append(b"\r\n".join(pop.retr(number)[1]) + b"\r\n")
        pop.dele(number)
    pop.quit()
    return mails


def message(subject):
    mail = email.message.EmailMessage()
    mail["From"] = "alice@example.test"
    mail["To"] = "bob@example.test"
    mail["Subject"] = subject
    mail.set_content("Grüße\n.\n..\nFrom here\n")
    mail.add_attachment(bytes(range(256)) * 20, maintype="application", subtype="octet-stream",
                        filename="a.bin")
    return mail


def expect(server, subject, protocol):
    mails = fetch(server, "bob", "pass word")
    assert len(mails) == 1, mails
    mail = email.message_from_bytes(mails[0], policy=email.policy.default)
    assert mail["Subject"] == subject, mail["Subject"]
    assert " with %s" % protocol in mail["Received"], mail["Received"]
    assert mail["Return-Path"] is not None
    return mail


def with_smtplib(server):
    context = server.tls_context()
    for name, tls in (("clear", None), ("starttls", "starttls"), ("implicit", "implicit")):
        if tls == "implicit":
            client = smtplib.SMTP_SSL("localhost", server.port("submissions"), timeout=60,
                                      context=context)
        else:
            client = smtplib.SMTP("localhost", server.port("submission"), timeout=60)
        with client:
            if tls == "starttls":
                client.starttls(context=context)
            client.ehlo()
            assert client.has_extn("smtputf8") and client.has_extn("chunking")
            try:
                client.mail("alice@example.test")
            except smtplib.SMTPException:
                pass
            try:
                client.login("alice", "wrong")
                raise AssertionError("a wrong password was taken")
            except smtplib.SMTPAuthenticationError as error:
                assert error.smtp_code == 535, error
            client.login("alice", "secret")
            client.send_message(message("smtplib " + name))
            try:
                client.sendmail("alice@example.test", ["x@far.example"], b"x")
                raise AssertionError("relayed")
            except smtplib.SMTPRecipientsRefused as error:
                code, text = error.recipients["x@far.example"]
                assert code == 550 and b"does not send mail to other servers" in text, text
            try:
                client.sendmail("bob@example.test", ["bob@example.test"], b"x")
                raise AssertionError("sent as another")
            except smtplib.SMTPSenderRefused as error:
                assert error.smtp_code == 550, error
        expect(server, "smtplib " + name, "ESMTPA" if tls is None else "ESMTPSA")
    with smtplib.SMTP("localhost", server.port("smtp"), timeout=60) as client:
        client.send_message(message("received"), from_addr="far@far.example")
        try:
            client.sendmail("far@far.example", ["x@far.example"], b"x")
            raise AssertionError("relayed")
        except smtplib.SMTPRecipientsRefused as error:
            assert b"nothing is relayed" in error.recipients["x@far.example"][1]
        assert not client.has_extn("auth")
    expect(server, "received", "ESMTP")
    with smtplib.LMTP("localhost", server.port("lmtp")) as client:
        refused = client.sendmail("far@far.example",
                                  ["alice@example.test", "nobody@example.test"], b"Subject: l\r\n")
        assert list(refused) == ["nobody@example.test"], refused
    assert len(fetch(server, "alice", "secret")) == 1
    with smtplib.LMTP(server.path("lmtp-unix")) as client:
        client.sendmail("far@far.example", ["bob@example.test"], b"Subject: unix\r\n\r\nx\r\n")
    mail = expect(server, "unix", "LMTP")
    assert "(local)" in mail["Received"]


def with_smtputf8(server):
    mail = email.message.EmailMessage()
    mail["From"] = "müller@fär.example"
    mail["To"] = "bob@example.test"
    mail["Subject"] = "Grüße"
    mail.set_content("x")
    with smtplib.SMTP("localhost", server.port("smtp"), timeout=60) as client:
        client.send_message(mail)
    [stored] = fetch(server, "bob", "pass word")
    assert "Return-Path: <müller@fär.example>".encode() in stored, stored
    assert b"with UTF8SMTP" in stored


def over_quota(server):
    big = b"Subject: big\r\n\r\n" + b"x" * 15_000 + b"\r\n"
    with smtplib.SMTP("localhost", server.port("smtp"), timeout=60) as client:
        client.sendmail("far@far.example", ["carol@example.test"], big)
        try:
            client.sendmail("far@far.example", ["carol@example.test"], big)
            raise AssertionError("over quota")
        except smtplib.SMTPRecipientsRefused as error:
            code, text = error.recipients["carol@example.test"]
            assert code == 452 and text.startswith(b"4.2.2"), text
    with smtplib.LMTP("localhost", server.port("lmtp")) as client:
        client.ehlo()
        client.mail("far@far.example")
        assert client.rcpt("carol@example.test")[0] == 250 # not said how big it is
        code, text = client.data(big)
        assert code == 552 and text.startswith(b"5.2.2"), (code, text)


def with_curl(server):
    path = os.path.join(server.directory, "curl.eml")
    with open(path, "wb") as out:
        out.write(b"From: alice@example.test\r\nSubject: curl\r\n\r\nx\r\n")
    common = ["curl", "--silent", "--show-error", "--max-time", "60", "--cacert", server.ca_file,
              "--mail-from", "alice@example.test", "--mail-rcpt", "bob@example.test",
              "--upload-file", path]
    for url, more in (("smtps://localhost:%d" % server.port("submissions"), []),
                      ("smtp://localhost:%d" % server.port("submission"), ["--ssl-reqd"]),
                      ("smtp://localhost:%d" % server.port("submission"),
                       ["--login-options", "AUTH=LOGIN", "--ssl-reqd"])):
        subprocess.run(common + ["--url", url, "--user", "alice:secret"] + more, check=True)
        expect(server, "curl", "ESMTPSA")
    failed = subprocess.run(common + ["--url", "smtps://localhost:%d" % server.port("submissions"),
                                      "--user", "alice:wrong"], stderr=subprocess.DEVNULL)
    assert failed.returncode == 67, failed.returncode # login denied
    failed = subprocess.run(common + ["--url", "smtps://localhost:%d" % server.port("submissions")],
                            stderr=subprocess.DEVNULL)
    assert failed.returncode != 0
    assert fetch(server, "bob", "pass word") == []


def with_swaks(server):
    if not shutil.which("swaks"):
        print("swaks is not here")
        return
    common = ["swaks", "--from", "alice@example.test", "--to", "bob@example.test", "--timeout", "60",
              "--h-Subject", "swaks", "--body", "x", "--hide-all"]
    runs = (["--server", "localhost", "--port", server.port("submission"), "--tls", "--auth",
             "PLAIN", "--auth-user", "alice", "--auth-password", "secret"],
            ["--server", "localhost", "--port", server.port("submissions"), "--tlsc", "--auth",
             "LOGIN", "--auth-user", "alice", "--auth-password", "secret"],
            ["--server", "localhost", "--port", server.port("smtp"), "--pipeline"],
            ["--server", "localhost", "--port", server.port("lmtp"), "--protocol", "LMTP"],
            ["--socket", server.path("lmtp-unix"), "--protocol", "LMTP"])
    for more in runs:
        subprocess.run(common + [str(word) for word in more], check=True)
        [mail] = fetch(server, "bob", "pass word")
        assert b"Subject: swaks\r\n" in mail, mail


def main():
    with postern.mail_server(users=USERS) as server:
        for part in (with_smtplib, with_smtputf8, over_quota, with_curl, with_swaks):
            part(server)
            print(part.__name__)
        accepted = server.wait_log("mail.accepted", sender="far@far.example")
        assert accepted["mail"].startswith(accepted["session"]), accepted
        server.wait_log("mail.refused", recipient="x@far.example")


main()
