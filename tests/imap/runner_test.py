# SPDX-License-Identifier: Apache-2.0
"""The player of scripts against a server of a few fixed answers: what is right passes, and each kind of
mistake is found, with its line."""

import os
import socket
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import run  # noqa: E402
from pattern import BadScript, Pattern, Response, outgoing  # noqa: E402
from script import Script  # noqa: E402


def response(text, *literals):
    """As Connection makes one: {} stands for the next literal."""
    made = Response()
    for number in range(len(literals)):
        text = text.replace("{}", "{\x00%d\x01}" % number, 1)
    made.text, made.literals = text.encode(), list(literals)
    return made


def patterns():
    for pattern, answer, kept in (
            ("* 3 EXISTS", response("* 3 EXISTS"), {}),
            ("* OK [UIDNEXT <uid:n>] <any>", response("* OK [UIDNEXT 7] x"), {"n": b"7"}),
            ("* FLAGS <(\\Seen \\Draft)>", response("* FLAGS (\\Draft \\Seen)"), {}),
            ('* X <"a b">', response('* X "a b"'), {}),
            ('* X <"a b">', response("* X {}", b"a b"), {}),
            ('* 1 FETCH (BODY[] {"a\\r\\n"})', response("* 1 FETCH (BODY[] {})", b"a\r\n"), {}),
            ("* 1 FETCH (BODY[] {<any:b>})", response("* 1 FETCH (BODY[] {})", b"q"), {"b": b"q"}),
            ("* X <n+1> <n>", response("* X 6 5"), {"n": b"5"})):
        names = {"n": b"5"} if "<n+1>" in pattern else {}
        assert Pattern(pattern).match(answer, names), pattern
        assert names == kept, (pattern, names)
    for pattern, answer in (
            ("* 3 EXISTS", response("* 3 EXISTS ")), ("* 3 EXISTS", response("* 13 EXISTS")),
            ("* <number> EXISTS", response("* x EXISTS")),
            ("* FLAGS <(\\Seen)>", response("* FLAGS (\\Seen \\Seen)")),
            ('* X {"a"}', response("* X {}", b"b")), ('* X {"a"}', response('* X "a"')),
            ("* X {<2>}", response("* X {}", b"abc")), ("* 3 exists", response("* 3 EXISTS"))):
        assert not Pattern(pattern).match(answer, {}), pattern
    assert outgoing('a {"bc"} {+"d"} <n>', {"n": b"1"}) == [
        (b"a {2}\r\n", True), (b"bc {1+}\r\n", False), (b"d 1", False)]
    try:
        outgoing("<unknown>", {})
    except BadScript:
        return
    raise AssertionError("an unknown name was sent")


def serve(listener, answers):
    """One connection: the greeting, then an answer for each line."""
    sock = listener.accept()[0]
    with sock, sock.makefile("rb") as lines:
        sock.sendall(b"* OK hello\r\n")
        for _ in lines:
            sock.sendall(answers.pop(0))
            if not answers:
                return


def play(text, answers):
    """Failures of a script, against a server with these answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            tempfile.NamedTemporaryFile("w", suffix=".imap") as file:
        file.write("== x\nconnect A\nA< * OK hello\n" + text)
        file.flush()
        thread = threading.Thread(target=serve, args=(listener, list(answers)), daemon=True)
        thread.start()
        options = type("Options", (), {"seed": 1, "only": None, "verbose": False, "log": False,
                                       "server": "127.0.0.1:%d" % listener.getsockname()[1]})
        failures = run.play_script(Script(file.name), "memory", options)
        thread.join(5)
        return failures


def plays():
    two = b"* 1 EXISTS\r\na OK done\r\n"
    right = "A> a NOOP\nA< * 1 EXISTS\nA< a OK done\nclosed A\n"
    assert play(right, [two]) == []
    assert play("A> a NOOP\nA<% a OK done\nA<% * <number> EXISTS\nclosed A\n", [two]) == []
    assert play("A> a NOOP\nA<? * 9 RECENT\nA<...\nA< a OK done\nclosed A\n", [two]) == []
    for wrong, line in (
            ("A> a NOOP\nA< * 2 EXISTS\nA< a OK done\n", 5),      # another number
            ("A> a NOOP\nA< a OK done\n", 5),                     # one more than expected
            ("A> a NOOP\nA< * 1 EXISTS\nA< a OK done\nA< * 2 EXISTS\n", 7),  # it closed
            ("A> a NOOP\nA<! * 1 EXISTS\nA<...\nA< a OK done\n", 7),         # was not to come
            ("A> a NOOP\nA< * 1 EXISTS\nclosed A\n", 6)):         # it has more to say
        failures = play(wrong, [two])
        assert len(failures) == 1, (wrong, failures)
        assert ".imap:%d: in 'x'" % line in failures[0], (line, failures[0])
    assert len(play("A> a NOOP\nA< a OK x\nclosed A\n", [b"a OK x\n"])) == 1  # no CR


def main():
    patterns()
    plays()
    print("ok")


if __name__ == "__main__":
    main()
