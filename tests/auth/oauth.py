#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""OAUTHBEARER and XOAUTH2 over POP3, IMAP4 and submission, with an identity provider on loopback:
tokens by its keys and by asking it, right and wrong ones, long ones, keys that change, a provider
that is down, or hangs."""

import base64
import hashlib
import hmac
import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import dialogue  # noqa: E402
import idp  # noqa: E402
import postern  # noqa: E402

USERS = {"alice": {"password": "{PLAIN}geheim", "alias": "al"},
         "bob": {"password": "{PLAIN}geheim", "delegates": "alice"},
         "carol": {"password": "{PLAIN}geheim"}}
FAILED = {"pop": "-ERR [AUTH] ", "imap": "NO [AUTHENTICATIONFAILED] ", "smtp": "535 5.7.8 "}
TROUBLE = {"pop": "-ERR [SYS/TEMP] ", "imap": "NO [UNAVAILABLE] ", "smtp": "454 4.7.0 "}
MECHANISMS = ("OAUTHBEARER", "XOAUTH2")


def settings(provider, **more):
    """Keys and introspection of one provider."""
    return dict({"issuer": idp.ISSUER, "audience": idp.AUDIENCE, "scope": "mail",
                 "keys_url": provider.url + "/keys",
                 "introspection_url": provider.url + "/introspect", "client_id": idp.CLIENT[0],
                 "client_secret": idp.CLIENT[1], "timeout": "10s",
                 "openid_configuration": "https://id.example.test/c"}, **more)


def mail_server(plugins):
    """plugins: {"plugin auth-oauth": settings}."""
    changes = {"listener " + name: {"sasl_mechanisms": "PLAIN OAUTHBEARER XOAUTH2"}
               for name in ("pop3", "imap", "submission", "imaps")}
    return postern.mail_server(users=USERS, changes=postern.merge(changes, plugins))


def message(mechanism, token, user=""):
    if mechanism == "XOAUTH2":
        return b"user=%s\1auth=Bearer %s\1\1" % (user.encode(), token.encode())
    name = user.encode().replace(b"=", b"=3D").replace(b",", b"=2C")
    return b"n,%s,\1host=mail.example.test\1port=143\1auth=Bearer %s\1\1" % (
        b"a=" + name if name else b"", token.encode())


def login(server, protocol, mechanism, token, user="", initial=True):
    """The last answer, and the error in between, if there was one."""
    with dialogue.open(protocol, server) as client:
        response = message(mechanism, token, user)
        if initial:
            answer = client.authenticate(mechanism, response)
        else:
            answer = client.authenticate(mechanism)
            assert answer.challenge == b"", answer
            answer = client.respond(response)
        error = None
        if answer.challenge is not None:
            error = json.loads(answer.challenge)
            answer = client.respond(b"\1" if mechanism == "OAUTHBEARER" else b"")
            assert client.serves(), answer
        if answer.good and protocol == "pop":  # or the maildrop stays in use for a moment
            client.send(b"QUIT")
            client.line()
        return answer, error


def each():
    return [(protocol, mechanism) for protocol in dialogue.PROTOCOLS for mechanism in MECHANISMS]


def right_tokens(server, provider):
    for algorithm in ("RS256", "ES256"):
        provider.keys.append(idp.Key(provider.folder, algorithm, algorithm))
    provider.opaque["opaque-1"] = {"active": True, "aud": [idp.AUDIENCE], "scope": "mail",
                                   "email": "alice@example.test", "exp": int(time.time()) + 60}
    for protocol, mechanism in each():
        with dialogue.open(protocol, server) as client:
            assert mechanism in client.mechanisms(), client.mechanisms()
        for token in (provider.token(), provider.token(key=provider.keys[2]), "opaque-1"):
            for initial in (True, False):  # False: POP3's form of two lines
                since = len(server.log)
                answer, error = login(server, protocol, mechanism, token, "alice", initial)
                assert answer.good and error is None, (protocol, mechanism, answer, error)
                line = server.wait_log("login.success", since=since)
                assert line["mechanism"] == mechanism and line["user"] == "alice", line
    assert provider.asked["/keys"] == 1 and provider.asked["/introspect"] == 1, provider.asked


def names(server, provider):
    """The token says who it is; the name beside it whose mailbox, in any form."""
    token = provider.token()
    forms = {"": "alice", "alice": "alice", "AL@example.test": "alice", "EXAMPLE\\alice": "alice",
             "bob": "bob", "bob@example.test": "bob", "alice@example.test/bob": "bob",
             "EXAMPLE\\alice\\bob": "bob", "carol": None, "nobody": None,
             "carol@example.test/bob": None, "alice/bob/carol/dave": None}
    for name, account in forms.items():
        for mechanism in MECHANISMS:
            since = len(server.log)
            answer, error = login(server, "imap", mechanism, token, name)
            assert answer.good == (account is not None) and error is None, (name, answer, error)
            if account:
                line = server.wait_log("login.success", since=since)
                assert (line["user"], line["account"]) == ("alice", account), line
            else:
                assert answer.text.startswith(FAILED["imap"]), answer
    answer, _ = login(server, "imap", "XOAUTH2", provider.token(email="dave@example.test"))
    assert answer.text.startswith(FAILED["imap"]), answer


def hmac_token(provider, secret):
    """What somebody makes who knows the public key only."""
    text = provider.token(header={"alg": "HS256"}).rpartition(".")[0].encode()
    return (text + b"." + idp.base64url(hmac.digest(secret, text, "sha256")).encode()).decode()


def wrong_tokens(server, provider):
    now = int(time.time())
    stranger = idp.Key(provider.folder, "k1-stranger")
    stranger.kid = "k1"
    jwk = json.dumps(provider.keys[0].jwk()).encode()
    good = provider.token()
    wrong = {
        "expired": provider.token(exp=now - 100),
        "not good yet": provider.token(nbf=now + 1000),
        "no end": provider.token(exp=None),
        "audience": provider.token(aud="other"),
        "issuer": provider.token(iss="https://elsewhere/"),
        "scope": provider.token(scope="openid"),
        "signature": provider.token(key=stranger),
        "algorithm": good.replace(good.split(".")[0], idp.base64url(b'{"alg":"none"}')),
        "public keys": hmac_token(provider, jwk),
        "not active": "unknown-opaque",
        "no name": provider.token(email="alice/bob"),
    }
    for word, token in wrong.items():
        for protocol, mechanism in each():
            since = len(server.log)
            answer, error = login(server, protocol, mechanism, token, "alice")
            assert answer.text.startswith(FAILED[protocol]), (word, answer)
            if mechanism == "XOAUTH2":
                assert error == {"status": "401", "schemes": "bearer", "scope": "mail"}, error
            else:
                status = "insufficient_scope" if word == "scope" else "invalid_token"
                assert error["status"] == status and error["scope"] == "mail", error
                assert error.get("openid-configuration") == "https://id.example.test/c", error
            line = server.wait_log("login.failure", since=since)
            assert word in line["reason"] and line["mechanism"] == mechanism, line
    for protocol, mechanism in each():
        answer, error = login(server, protocol, mechanism, "x y", "alice")
        assert not answer.good and error is None and "malformed" in answer.text, answer
    assert not any(token in line for line in server.raw_log for token in wrong.values())


def failures_are_one_line(server, provider):
    """However the client takes it that its token does not do: it answers, gives up, hangs up, or
    says nothing until it is cut off."""
    token = provider.token(exp=1)
    for protocol, mechanism in each():
        for end in ("answers", "gives up", "hangs up", "is silent"):
            if end == "is silent" and mechanism != "XOAUTH2":  # takes the whole login_time
                continue
            since = len(server.log)
            with dialogue.open(protocol, server) as client:
                answer = client.authenticate(mechanism, message(mechanism, token, "alice"))
                assert answer.challenge, answer
                if end == "answers":
                    answer = client.respond(b"\1")
                    assert answer.text.startswith(FAILED[protocol]), answer
                elif end == "gives up":
                    assert not client.respond(None).good
                elif end == "is silent":
                    while client.file.readline():
                        pass
            line = server.wait_log("login.failure", since=since)
            assert {name: line[name] for name in ("reason", "login", "mechanism", "service", "peer")
                    } == {"reason": "the token has expired", "login": "alice@example.test",
                          "mechanism": mechanism, "service": protocol, "peer": "127.0.0.1"}, line
            # A login that succeeds, in the same protocol, is behind all that is logged of this one.
            assert login(server, protocol, mechanism, provider.token())[0].good
            server.wait_log("login.success", since=since)
            lines = [line for line in server.log[since:] if line["event"] == "login.failure"]
            assert len(lines) == 1, lines


def hung_up():
    with idp.Provider() as provider:
        changes = {"plugin auth-oauth": settings(provider)}
        for name in dialogue.LISTENERS.values():
            changes["listener " + name] = {"login_time": "%ds" % (4 * postern.SLOW)}
        with mail_server(changes) as server:
            failures_are_one_line(server, provider)


def long_tokens(server, provider):
    """To 16 KiB in every protocol; one octet more is malformed."""
    short = len(provider.token(pad=""))
    token = provider.token(pad="x" * ((16384 - short) * 3 // 4 - 3))
    assert 16370 < len(token) <= 16384, len(token)
    token_too_long = "x" * 16385
    for protocol, mechanism in each():
        for initial in (True, False):
            answer, error = login(server, protocol, mechanism, token, "alice", initial)
            assert answer.good, (protocol, mechanism, initial, answer, error)
            answer, error = login(server, protocol, mechanism, token_too_long, "alice", initial)
            assert not answer.good and error is None, (protocol, answer, error)


def clear_is_refused():
    with idp.Provider() as provider:
        server = mail_server({"plugin auth-oauth": settings(provider)})
        server.configure({"listener imap": {"cleartext_login": False}})
        with server:
            with dialogue.open("imap", server) as client:
                assert client.mechanisms() == [], client.mechanisms()
                answer = client.authenticate("XOAUTH2", message("XOAUTH2", provider.token()))
                assert answer.text.startswith("NO [PRIVACYREQUIRED]"), answer
            with dialogue.open("imap", server, "imaps", tls=True) as client:
                answer = client.authenticate("XOAUTH2", message("XOAUTH2", provider.token()))
                assert answer.good, answer


def tokens_log_in():
    with idp.Provider() as provider:
        with mail_server({"plugin auth-oauth": settings(provider)}) as server:
            right_tokens(server, provider)
            names(server, provider)
            wrong_tokens(server, provider)
            long_tokens(server, provider)


def keys_change():
    """A new key id has the keys fetched, once a minute; a provider that is down is no bad token."""
    with idp.Provider() as provider:
        provider.down = True
        with mail_server({"plugin auth-oauth": settings(provider)}) as server:
            answer, error = login(server, "imap", "XOAUTH2", provider.token())
            assert answer.text.startswith(TROUBLE["imap"]) and error is None, (answer, error)
            server.wait_log("oauth.keys-failed")
            provider.down = False
            first = provider.token()
            wait_until(lambda: login(server, "imap", "XOAUTH2", first)[0].good)
            asked = provider.asked["/keys"]
            provider.rotate("ES256")
            # The last fetch was less than a minute ago: the new key is not known yet.
            answer, error = login(server, "imap", "XOAUTH2", provider.token())
            assert answer.text.startswith(FAILED["imap"]) and error, (answer, error)
            assert login(server, "imap", "XOAUTH2", first)[0].good
            assert provider.asked["/keys"] == asked, provider.asked
        with mail_server({"plugin auth-oauth": settings(provider, keys_time="1s")}) as server:
            assert login(server, "imap", "XOAUTH2", provider.token())[0].good
            old = provider.token()
            provider.rotate()
            time.sleep(2.5)  # twice keys_time: it waits for the new ones
            assert login(server, "imap", "XOAUTH2", provider.token())[0].good
            assert not login(server, "imap", "XOAUTH2", old)[0].good
            newest = provider.token()
            provider.down = True
            time.sleep(2.5)
            for _ in range(3):  # what is there stays
                assert login(server, "imap", "XOAUTH2", newest)[0].good
            provider.rotate()
            answer, error = login(server, "imap", "XOAUTH2", provider.token())
            assert answer.text.startswith(TROUBLE["imap"]) and error is None, (answer, error)


def wait_until(holds):
    deadline = time.monotonic() + postern.TIMEOUT
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def asking():
    """Introspection: remembered for its time, trouble when the provider is away."""
    with idp.Provider() as provider:
        more = {"keys_url": None, "issuer": None, "audience": None, "introspection_time": "1s"}
        with mail_server({"plugin auth-oauth": settings(provider, **more)}) as server:
            provider.opaque["t"] = {"active": True, "scope": "mail", "email": "alice"}
            for _ in range(5):
                assert login(server, "pop", "OAUTHBEARER", "t")[0].good
            first = provider.asked["/introspect"]
            assert first < 5, first
            del provider.opaque["t"]  # withdrawn
            time.sleep(1.2)
            answer, error = login(server, "pop", "OAUTHBEARER", "t")
            assert not answer.good and error, answer
            provider.down = True
            time.sleep(1.2)
            for protocol, mechanism in each():
                answer, error = login(server, protocol, mechanism, "t", "alice")
                assert answer.text.startswith(TROUBLE[protocol]) and error is None, answer
            server.wait_log("oauth.unreachable")
            assert provider.asked["/introspect"] <= first + 1 + 4, provider.asked
            provider.down = False
            provider.opaque["t"] = {"active": True, "scope": "mail", "email": "alice"}
            wait_until(lambda: login(server, "pop", "OAUTHBEARER", "t")[0].good)


def refused_requests_stop_nobody():
    """An issuer that answers what it thinks of a request is there: whoever sends it nonsense must not
    keep others from being asked about."""
    with idp.Provider() as provider:
        more = {"keys_url": None, "issuer": None, "introspection_time": "0"}
        with mail_server({"plugin auth-oauth": settings(provider, **more)}) as server:
            provider.opaque["t"] = {"active": True, "scope": "mail", "email": "alice",
                                    "aud": idp.AUDIENCE}
            provider.refused = {"odd-%d" % number for number in range(5)}
            for token in sorted(provider.refused):
                since = len(server.log)
                answer, error = login(server, "imap", "XOAUTH2", token)
                assert answer.text.startswith(TROUBLE["imap"]) and error is None, answer
                line = server.wait_log("login.failure", since=since)
                assert line["reason"] == "the issuer cannot be asked: the answer is HTTP 400", line
            assert login(server, "imap", "XOAUTH2", "t")[0].good
            assert not server.logged("oauth.unreachable")


def hanging_from_the_start():
    """No keys yet, and a provider that takes the request and says nothing: a login waits for one such
    request, and no longer."""
    with idp.Provider() as provider:
        provider.hang = 60
        quick = settings(provider, timeout="3s", keys_time="1s")
        with mail_server({"plugin auth-oauth": quick}) as server:
            for _ in range(2):
                begin = time.monotonic()
                answer, error = login(server, "imap", "XOAUTH2", provider.token())
                took = time.monotonic() - begin
                assert answer.text.startswith(TROUBLE["imap"]) and error is None, (answer, error)
                assert took < 12 * postern.SLOW, took
            provider.hang = 0
            wait_until(lambda: login(server, "imap", "XOAUTH2", provider.token())[0].good)
            good = provider.token()
            provider.hang = 60
            time.sleep(2.5)  # twice keys_time: it waits for newer ones, and takes those there are
            assert login(server, "imap", "XOAUTH2", good)[0].good


def other_settings_while_it_hangs():
    """A login that comes after a reload does not make do with what the old settings' request brings."""
    with idp.Provider() as first, idp.Provider() as second:
        first.hang = 60
        server = mail_server({"plugin auth-oauth": settings(first, timeout="5s")})
        with server:
            answers = []
            waiting = threading.Thread(target=lambda: answers.append(
                login(server, "imap", "XOAUTH2", first.token())[0]))
            waiting.start()
            wait_until(lambda: first.asked["/keys"] == 1)
            server.configure({"plugin auth-oauth": settings(second)})
            server.reload()
            assert login(server, "imap", "XOAUTH2", second.token())[0].good
            waiting.join()
            assert answers[0].text.startswith(TROUBLE["imap"]), answers


def hanging_provider_delays_nobody():
    with idp.Provider() as provider:
        with mail_server({"plugin auth-oauth": settings(provider, timeout="4s")}) as server:
            token = provider.token()
            assert login(server, "imap", "XOAUTH2", token)[0].good  # it has the keys
            provider.hang = 30
            results = []
            threads = [threading.Thread(target=lambda number=i: results.append(
                login(server, "imap", "XOAUTH2", "hangs-%d" % number)[0])) for i in range(40)]
            for thread in threads:
                thread.start()
            time.sleep(0.3)
            took = []
            for number in range(60):
                begin = time.monotonic()
                with dialogue.open("imap", server) as client:
                    answer = (client.authenticate("PLAIN", b"\0carol\0geheim") if number % 2 else
                              client.authenticate("XOAUTH2", message("XOAUTH2", token)))
                    assert answer.good, answer
                took.append(time.monotonic() - begin)
            for thread in threads:
                thread.join()
            assert all(answer.text.startswith(TROUBLE["imap"]) for answer in results), results[:3]
            print("    others while 40 hang: median %.1f ms, slowest %.1f ms" % (
                sorted(took)[30] * 1000, max(took) * 1000))
            assert sorted(took)[57] < 1 * postern.SLOW, sorted(took)[50:]


def several_issuers():
    with idp.Provider() as staff, idp.Provider() as partners:
        both = {"plugin auth-oauth": settings(staff, introspection_url=None),
                "plugin auth-oauth partners": settings(partners, issuer="https://partner/",
                                                       domains="example.test",
                                                       user_claim="name email")}
        with mail_server(both) as server:
            assert login(server, "imap", "XOAUTH2", staff.token())[0].good
            assert login(server, "imap", "XOAUTH2", partners.token(iss="https://partner/"))[0].good
            named = partners.token(iss="https://partner/", name="carol")
            assert login(server, "imap", "XOAUTH2", named)[0].good
            server.wait_log("login.success", user="carol")
            foreign = partners.token(iss="https://partner/", email="alice@elsewhere.test")
            assert not login(server, "imap", "XOAUTH2", foreign)[0].good
            # Signed by one, in the name of the other.
            assert not login(server, "imap", "XOAUTH2", partners.token())[0].good
            partners.opaque["p"] = {"active": True, "scope": "mail", "email": "carol",
                                    "aud": idp.AUDIENCE}
            assert login(server, "imap", "XOAUTH2", "p")[0].good
            assert not server.logged("plugin.provide-refused")


def tokens_go_to_whom_they_name():
    """An issuer that does not say whom it speaks for is shown no token that names another one, also
    where its section comes first."""
    with idp.Provider() as staff, idp.Provider() as partners:
        both = {"plugin auth-oauth": settings(partners, issuer=None, keys_url=None),
                "plugin auth-oauth staff": settings(staff, introspection_url=None)}
        with mail_server(both) as server:
            assert login(server, "imap", "XOAUTH2", staff.token())[0].good
            answer, error = login(server, "imap", "XOAUTH2", staff.token(exp=1))
            assert not answer.good and error, answer
            assert partners.asked["/introspect"] == 0, partners.asked
            # One that names neither.
            unknown = partners.token(iss="https://partner/")
            partners.opaque[unknown] = {"active": True, "scope": "mail", "email": "carol",
                                        "aud": idp.AUDIENCE}
            assert login(server, "imap", "XOAUTH2", unknown)[0].good
            assert partners.asked["/introspect"] == 1, partners.asked


def keys_by_https():
    server = mail_server({})
    pair = (os.path.join(server.directory, "server.crt"), os.path.join(server.directory, "server.key"))
    with idp.Provider(tls=pair) as provider:
        server.configure({"plugin auth-oauth": settings(provider, ca_file=pair[0])})
        with server:
            provider.opaque["t"] = {"active": True, "scope": "mail", "email": "alice",
                                    "aud": idp.AUDIENCE}
            assert login(server, "imap", "XOAUTH2", provider.token())[0].good
            assert login(server, "imap", "XOAUTH2", "t")[0].good
    # A certificate that leads nowhere.
    server = mail_server({})
    with idp.Provider(tls=(pair_for(server.directory))) as provider:
        server.configure({"plugin auth-oauth": settings(provider)})
        with server:
            answer, error = login(server, "imap", "XOAUTH2", provider.token())
            assert answer.text.startswith(TROUBLE["imap"]) and error is None, answer
            assert "certificate" in server.wait_log("oauth.keys-failed")["error"]
            assert provider.asked["/keys"] == 0


def pair_for(directory):
    return postern.make_certificate(directory, "other")


if __name__ == "__main__":
    if not postern.built("auth-oauth"):
        postern.skip("auth-oauth is not built")
    postern.run(tokens_log_in, hung_up, clear_is_refused, keys_change, asking,
                refused_requests_stop_nobody, hanging_from_the_start,
                other_settings_while_it_hangs, hanging_provider_delays_nobody, several_issuers,
                tokens_go_to_whom_they_name, keys_by_https)
