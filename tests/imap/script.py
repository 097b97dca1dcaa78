# SPDX-License-Identifier: Apache-2.0
"""script.py - reads a script of commands and responses into steps (README.md has the format)."""

import re
import shlex

from pattern import BadScript

# A line of a conversation: connection, sign, text.
_SAID = re.compile(r"(?P<who>[A-Z]?)(?P<sign>>&|~>|\+>|>|<\.\.\.|<%|<\?|<!|<)(?: (?P<text>.*)|)$")
_SAID_EXACT = re.compile(r"(?P<who>[A-Z]?)(?P<sign>\+>|\+<|~>)(?P<text>.*)$")
_SETUP = ("user", "group", "config", "only", "pending")
_DEEDS = ("connect", "login", "tls", "deflate", "close", "closed", "nothing", "deliver", "put",
          "ctl", "sleep", "restart", "reload", "set", "logged", "fill")


def split(line):
    """Words as a shell divides them, but a backslash is a backslash (\\Seen)."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split, lexer.escape, lexer.commenters = True, "", ""
    words, depth = [], 0
    for word in lexer:      # what stands in parentheses is one word
        if depth > 0:
            words[-1] += " " + word
        else:
            words.append(word)
        depth += word.count("(") - word.count(")")
    return words


class Step:
    """One line of a script: `sign` is how a conversation's line begins, or "do"."""

    def __init__(self, number, sign, who="", text="", words=None):
        self.number, self.sign, self.who, self.text = number, sign, who, text
        self.words = words or []
        self.block = None      # octets of its | lines
        self.more = None       # the +> or +< line behind the block


class Case:
    """What stands below one "==" line."""

    def __init__(self, title, number):
        self.title, self.number, self.steps = title, number, []


class Script:
    """A file: its setup and its cases."""

    def __init__(self, path):
        self.path = path
        self.users, self.groups, self.config = {}, {}, {}
        self.stores, self.pending = None, 30
        self.cases = []
        with open(path, encoding="utf-8", newline="\n") as file:
            self._read(_unroll(list(enumerate(file.read().split("\n"), 1)), self))

    def fail(self, number, why):
        """Ends with file and line."""
        raise BadScript("%s:%d: %s" % (self.path, number, why))

    @property
    def exchanges(self):
        """How many commands clients give."""
        return len({step.number for case in self.cases for step in case.steps
                    if step.sign in (">", ">&") or (step.sign == "do" and step.words[0] == "login")})

    def _read(self, lines):
        last = None
        for number, line in lines:
            stripped = line.strip()
            if stripped.startswith("|") and line != line.lstrip():
                if last is None or last.sign == "do" and last.words[0] not in ("deliver", "put"):
                    self.fail(number, "a | line belongs to nothing")
                text = line.lstrip()[1:]
                octets = (text[1:] if text.startswith(" ") else text).encode() + b"\r\n"
                last.block = (last.block or b"") + octets
                continue
            if not stripped or stripped.startswith("#"):
                continue
            if stripped.startswith("== "):
                self.cases.append(Case(stripped[3:].strip(), number))
                last = None
                continue
            step = self._step(number, line.rstrip(" \t") if line[:1].islower() else line, last)
            if step is not None:
                last = step

    def _step(self, number, line, last):
        exact = _SAID_EXACT.match(line)
        said = _SAID.match(line)
        if exact and exact["sign"] in ("+>", "+<"):
            if last is None or last.sign == "do":
                self.fail(number, "nothing to go on with")
            while last.more:
                last = last.more
            last.more = Step(number, exact["sign"], exact["who"], exact["text"])
            return last.more
        if exact or said:
            found = exact or said
            text = found["text"] or ""
            if exact and text.startswith(" "):
                text = text[1:]
            if not self.cases:
                self.fail(number, "a conversation before the first '== title'")
            step = Step(number, found["sign"], found["who"] or "A", text)
            self.cases[-1].steps.append(step)
            return step
        try:
            words = split(line)
        except ValueError as error:
            self.fail(number, str(error))
        if words[0] in _SETUP:
            if self.cases:
                self.fail(number, "%s stands before the first '== title'" % words[0])
            self._setup(number, words, line)
            return None
        if words[0] not in _DEEDS:
            self.fail(number, "what is '%s'?" % words[0])
        if not self.cases:
            self.fail(number, "%s stands below a '== title'" % words[0])
        step = Step(number, "do", words=words)
        self.cases[-1].steps.append(step)
        return step

    def _setup(self, number, words, line):
        if words[0] == "user":
            keys = dict(word.split("=", 1) for word in words[2:])
            self.users[words[1]] = {"password": "{PLAIN}secret", **keys}
        elif words[0] == "group":
            self.groups[words[1]] = words[2:]
        elif words[0] == "only":
            self.stores = words[1:]
        elif words[0] == "pending":
            self.pending = int(words[1])
        elif words[0] == "config":
            found = re.fullmatch(r"config ([^:]+): *([\w.]+) *= *(.*)", line.strip())
            if not found:
                self.fail(number, "config SECTION: KEY = VALUE")
            self.config.setdefault(found[1], {})[found[2]] = found[3]


def _unroll(lines, script):
    """repeat N ... end: the lines N times, with <i> as the number of the round."""
    result, at = [], 0
    while at < len(lines):
        number, line = lines[at]
        found = re.fullmatch(r"\s*repeat (\d+)\s*", line)
        if not found:
            result.append((number, line))
            at += 1
            continue
        end = next((index for index in range(at, len(lines)) if lines[index][1].strip() == "end"),
                   None)
        if end is None:
            script.fail(number, "repeat without end")
        for turn in range(1, int(found[1]) + 1):
            result += [(n, text.replace("<i>", str(turn))) for n, text in lines[at + 1:end]]
        at = end + 1
    return result
