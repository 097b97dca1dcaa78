#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""`meson install` into a folder: everything is where a package wants it, the installed
configuration passes --check, as it is and with all that it shows switched on, and serves: LMTP of
this machine, and POP3, IMAP4 and submission only when they are switched on."""
import glob
import os
import re
import shutil
import smtplib
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern

PROGRAMS = ["sbin/posternd", "bin/posternctl", "include/postern/postern.h",
            "share/bash-completion/completions/posternctl", "share/doc/postern/abi/README.md",
            "share/doc/postern/abi/examples/echo/echo.c"]
NETWORK = ["imap", "imaps", "pop3", "pop3s", "smtp", "submission", "submissions"]
PAGES = ["man1/posternctl.1", "man8/posternd.8", "man5/postern.conf.5", "man5/postern-accounts.5"]


def find(folder, name):
    found = glob.glob(os.path.join(folder, "**", name), recursive=True)
    assert len(found) == 1, (name, found)
    return found[0]


def run(*arguments, **more):
    return subprocess.run(arguments, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, **more)


def is_complete(folder):
    prefix = os.path.dirname(os.path.dirname(find(folder, "posternd")))
    with_man = shutil.which("scdoc") is not None
    for name in PROGRAMS + ["share/man/" + page for page in PAGES if with_man]:
        assert os.path.exists(os.path.join(prefix, name)), name
    return prefix


def plugins_are_found(folder, prefix):
    """pkg-config, and the default that is compiled in, name the folder they were installed to."""
    package = find(folder, "postern.pc")
    plugins = run("pkg-config", "--variable=plugindir", "postern",
                  env=dict(os.environ, PKG_CONFIG_PATH=os.path.dirname(package))).stdout.strip()
    assert os.path.dirname(find(folder, "pop3.so")) == folder + plugins, plugins
    text = run(os.path.join(prefix, "sbin", "posternd"), "--describe", "server").stdout
    assert plugins in text, text
    return folder + plugins


def all_on(text):
    """With the listeners that are off and the settings that are shown behind a '#'."""
    text = re.sub(r"^enabled = no$", "enabled = yes", text, flags=re.MULTILINE)
    return re.sub(r"^#(?=\[|\w+ = )", "", text, flags=re.MULTILINE)


def is_right(posternd, path, folder):
    done = run(posternd, "--check", "--config", path)
    lines = [line for line in done.stdout.splitlines() if "there is no user postern" not in line]
    assert done.returncode == 0 and not lines, done.stdout
    with open(path, encoding="utf-8") as file:
        text = all_on(file.read())
    assert text.count("\nenabled = yes") >= 6, text
    certificate, key = postern.make_certificate(folder)
    text = re.sub(r"^certificate = .*", "certificate = " + certificate, text, flags=re.MULTILINE)
    text = re.sub(r"^key = .*", "key = " + key, text, flags=re.MULTILINE)
    secret = os.path.join(folder, "ldap-password")
    with open(secret, "w", encoding="utf-8") as file:
        file.write("secret\n")
    os.chmod(secret, 0o600)
    text = re.sub(r"file:\S*ldap-password", "file:" + secret, text)
    other = os.path.join(folder, "all.conf")
    with open(other, "w", encoding="utf-8") as file:
        file.write(text)
    done = run(posternd, "--check", "--config", other)
    assert done.returncode == 0 and "error" not in done.stdout, done.stdout


def answering(ports):
    """On which somebody listens."""
    found = []
    for name, port in ports.items():
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                found.append(name)
    return sorted(found)


def serves(prefix, path, plugins):
    """The installed programs and plugins with the installed file; conf.d names other places."""
    server = postern.Server({}, tls=True)
    socket_path = os.path.join(server.run, "lmtp.sock")
    keep = server.configuration["server"]
    shutil.copy(path, server.config)
    os.mkdir(server.config_d)
    # The ports that the file names are not ours to take; whether they are on is the file's word.
    ports = {name: postern.free_port() for name in NETWORK}
    changes = {"listener " + name: {"address": "127.0.0.1:%d" % ports[name]} for name in NETWORK}
    postern.write_configuration(os.path.join(server.config_d, "10-test.conf"), dict(changes, **{
        "server": dict(keep, plugin_directory=plugins),
        "listener lmtp": {"address": "unix:" + socket_path}}))
    posternctl = [os.path.join(prefix, "bin", "posternctl"), "--config", server.config]
    done = run(*posternctl, "user", "add", "alice", input="secret\n")  # before the first start
    assert done.returncode == 0, done.stdout
    process = subprocess.Popen([os.path.join(prefix, "sbin", "posternd"), "--config",
                                server.config], stderr=subprocess.PIPE, text=True)
    try:
        for line in process.stderr:
            if '"server.serving"' in line:
                break
        with smtplib.LMTP(socket_path) as client:
            client.sendmail("", ["alice@example.org"], "Subject: hello\r\n\r\nIt works.\r\n")
        done = run(*posternctl, "mailbox", "list", "alice")
        assert "INBOX" in done.stdout, done.stdout
        assert not answering(ports), answering(ports)
        for name in ("imaps", "pop3", "submission"):
            postern.write_configuration(os.path.join(server.config_d, "20-%s.conf" % name), {
                "listener " + name: {"enabled": "yes"}})
        done = run(*posternctl, "reload")
        assert done.returncode == 0, done.stdout
        assert answering(ports) == ["imaps", "pop3", "submission"], answering(ports)
    finally:
        process.terminate()
        process.communicate(timeout=postern.TIMEOUT)
        server.close()


def installed():
    folder = tempfile.mkdtemp(prefix="postern-")
    try:
        destination = os.path.join(folder, "destination")
        subprocess.run(["meson", "install", "-C", postern.BUILD, "--no-rebuild", "--quiet",
                        "--destdir", destination], check=True, stdout=subprocess.DEVNULL)
        prefix = is_complete(destination)
        plugins = plugins_are_found(destination, prefix)
        path = find(os.path.join(destination), "etc/postern/postern.conf")
        assert os.path.isdir(os.path.join(os.path.dirname(path), "conf.d"))
        os.environ["POSTERN_PLUGIN_DIRECTORY"] = plugins
        is_right(os.path.join(prefix, "sbin", "posternd"), path, folder)
        if os.path.exists(os.path.join(plugins, "storage-kyoto.so")):
            serves(prefix, path, plugins)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    if shutil.which("meson") is None:
        postern.skip("meson is not there to install")
    postern.run(installed)
