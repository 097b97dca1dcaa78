#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Bash completes posternctl's commands, their second words, arguments that are one of some words,
and options, as `help` lists them; everything else is a file."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

SCRIPT = os.path.join(postern.ROOT, "host", "ctl", "posternctl.bash")
# Completion asks `posternctl help`; here it gets this, in the form that main.c prints.
HELP = """Usage: posternctl [--config FILE] [--socket PATH] [--json] COMMAND [ARGUMENT]...

Commands:
  help
      Prints this.
  backup DIR [--since SEQUENCE]
      Copies --the-store.
  export ACCOUNT PATH [--mailbox NAME] [--format maildir|mbox]
      Writes.
  restore DIR... [--replace]
      Reads.
  store compact [SHARD]
      Gives back.
  store verify
      Compares.
  user add NAME [--no-password]
      Adds.
  user alias NAME ADDRESS [--remove]
      Adds another.
  user app-password add|list|revoke [USER] [LABEL] [--ntlm]
      Makes one.
  log-level [debug|info]
      Shows it.
  mailbox allow ACCOUNT RIGHTS|none
      Lets in.

Commands that need no server also run while none is there.
"""


def complete(*words, text=HELP):
    """What is offered for the last word."""
    quoted = " ".join("'%s'" % word for word in ("posternctl",) + words)
    done = subprocess.run(
        ["bash", "-c", """
         source "$0"
         posternctl () { printf '%%s\\n' "$*" >&2; printf '%%s' "$TEXT"; }
         COMP_WORDS=(%s)
         COMP_CWORD=%d
         _posternctl
         printf '%%s\\n' "${COMPREPLY[@]}"
         """ % (quoted, len(words)), SCRIPT],
        env=dict(os.environ, TEXT=text), stdout=subprocess.PIPE, text=True, check=True,
        stderr=subprocess.PIPE)
    return done.stdout.split()


def names():
    assert complete("") == ["backup", "export", "help", "log-level", "mailbox", "restore", "store",
                            "user"], complete("")
    assert complete("s") == ["store"]
    assert complete("store", "") == ["compact", "verify"], complete("store", "")
    assert complete("store", "v") == ["verify"]
    assert complete("--config", "x", "user", "a") == ["add", "alias", "app-password"]
    assert complete("user", "app-password", "") == ["add", "list", "revoke"]
    assert complete("user", "app-password", "r") == ["revoke"]
    assert complete("log-level", "d") == ["debug"]
    assert complete("user", "app-password", "add", "r") != ["revoke"]  # an account, no choice
    assert "none" not in complete("mailbox", "allow", "ann", "")  # rights, or this word


def options():
    assert "--socket" in complete("--")
    assert complete("backup", "-") == ["--since", "--json", "--help"], complete("backup", "-")
    assert complete("backup", "folder", "--s") == ["--since"]
    assert complete("restore", "a", "b", "--r") == ["--replace"]
    assert complete("export", "ann", "f", "--") == ["--mailbox", "--format", "--json", "--help"]
    assert complete("user", "add", "-") == ["--no-password", "--json", "--help"]
    assert complete("user", "alias", "x", "--rem") == ["--remove"]
    assert complete("user", "app-password", "add", "x", "--n") == ["--ntlm"]
    assert complete("store", "verify", "--") == ["--json", "--help"]
    assert complete("unknown", "--") == ["--json", "--help"]


def files():
    here = os.path.join(postern.ROOT, "host", "ctl", "posternctl")
    assert here + ".bash" in complete("backup", here + ".b"), complete("backup", here)
    assert here + ".bash" in complete("--config", here + ".b")
    assert complete("store", "", text="") != ["verify"]  # no server, no plugins


def real_help():
    """The form of the text above is the real one."""
    with postern.mail_server() as server:
        text = server.posternctl("help").stdout
    assert "export" in complete("", text=text), text
    assert "--mailbox" in complete("export", "--", text=text), text
    assert "--no-password" in complete("user", "add", "x", "--", text=text), text
    assert complete("user", "app-password", "", text=text) == ["add", "list", "revoke"], text


if __name__ == "__main__":
    postern.run(names, options, files, real_help)
