# SPDX-License-Identifier: Apache-2.0
"""The example plugins, built with their own Makefiles against an *installed* copy of the headers
and its pkg-config file, run in a real server: lines are echoed, and the one account of the C++
directory logs in over POP3, somebody else by the mechanism.  The conformance kit that is installed beside them holds an installed
store to its contract."""

import base64
import glob
import os
import poplib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern  # noqa: E402


def install(folder):
    """meson install into a folder; returns the pkg-config command that finds it there."""
    subprocess.run(["meson", "install", "-C", postern.BUILD, "--no-rebuild", "--quiet",
                    "--destdir", folder], check=True, stdout=subprocess.DEVNULL)
    found = glob.glob(os.path.join(folder, "**", "postern.pc"), recursive=True)
    assert len(found) == 1, found
    # The prefix is what stands before libdir.
    prefix = found[0][:found[0].index("/lib", len(folder))]
    os.environ["PKG_CONFIG_PATH"] = os.path.dirname(found[0])
    return f"pkg-config --define-variable=prefix={prefix}"


def build(folder, name, pkg_config):
    """Copies an example away from the tree, and makes it as a newcomer would."""
    copy = os.path.join(folder, name)
    shutil.copytree(os.path.join(postern.ROOT, "abi", "examples", name), copy)
    subprocess.run(["make", "-s", "-C", copy, f"PKG_CONFIG={pkg_config}"], check=True)
    return os.path.join(copy, name + ".so")


def run_echo(module):
    with postern.Server({"plugin echo": {"module": module},
                         "listener echo": {"protocol": "echo", "address": "auto",
                                           "greeting": "good day"}}) as server:
        with server.connect("echo") as sock:
            lines = sock.makefile("rb")
            assert lines.readline() == b"good day\r\n"
            sock.sendall(b"one\r\ntwo\r\n")
            assert [lines.readline(), lines.readline()] == [b"one\r\n", b"two\r\n"]


def run_directory(module):
    server = postern.mail_server(changes={
        "plugin directory-file": None,
        "plugin directory-one": {"module": module, "user": "carol", "password": "secret",
                                 "address": "carol@example.test"}})
    with server:
        pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=20)
        pop.user("carol")
        pop.pass_("secret")
        assert pop.stat() == (0, 0)
        pop.quit()
        pop = poplib.POP3("127.0.0.1", server.port("pop3"), timeout=20)
        pop.user("carol")
        try:
            pop.pass_("wrong")
        except poplib.error_proto:
            return
        raise AssertionError("a wrong password was let in")


def run_mechanism(module):
    with open(os.path.join(os.path.dirname(module), "settings"), encoding="utf-8") as lines:
        settings = dict(line.strip().split(" = ") for line in lines if " = " in line)
    server = postern.mail_server(users={"alice": {"password": "{PLAIN}other"}}, changes={
        "plugin sasl-example": {"module": module, **settings},
        "listener pop3": {"sasl_mechanisms": "X-PASSPHRASE PLAIN"}})
    with server, server.connect("pop3") as sock:
        lines = sock.makefile("rb")
        lines.readline()
        for passphrase, answer in ((b"wrong", b"-ERR"), (b"correct horse battery", b"+OK")):
            response = base64.b64encode(b"alice\0" + passphrase)
            sock.sendall(b"AUTH X-PASSPHRASE " + response + b"\r\n")
            line = lines.readline()
            assert line.startswith(answer), line


def run_conformance(destination):
    """The kit as an author of a store finds it: program, manual page, text."""
    def find(name):
        found = glob.glob(os.path.join(destination, "**", name), recursive=True)
        assert len(found) == 1, (name, found)
        return found[0]

    find("postern-conformance.1")
    find("store-conformance.md")
    kit, store = find("postern-conformance"), find("storage-memory.so")
    result = subprocess.run([kit, "store", store, "--only", "mailbox.rename"], timeout=60,
                            stdout=subprocess.PIPE)
    text = result.stdout.decode()
    assert result.returncode == 0 and "mailbox.rename.children" in text, text
    assert "0 failed" in text, text
    result = subprocess.run([kit, "store", os.path.basename(store), "--only", "mailbox.rename"],
                            cwd=os.path.dirname(store), timeout=60, stdout=subprocess.PIPE)
    assert result.returncode == 0, result.stdout
    result = subprocess.run([kit, "store", os.path.join(destination, "none.so")], timeout=60,
                            stderr=subprocess.PIPE)
    assert result.returncode == 2 and b"cannot be started" in result.stderr, result.stderr


def main():
    folder = tempfile.mkdtemp(prefix="postern-installed-")
    try:
        pkg_config = install(os.path.join(folder, "destination"))
        run_conformance(os.path.join(folder, "destination"))
        echo = build(folder, "echo", pkg_config)
        directory = build(folder, "directory-one", pkg_config)
        mechanism = build(folder, "sasl-example", pkg_config)
        run_echo(echo)
        run_mechanism(mechanism)
        run_directory(directory)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
