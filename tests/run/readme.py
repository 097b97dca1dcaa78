#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What README.md tells a newcomer to type: the lines are those that scripts/run prints, and they
work against the server that its configuration makes; every relative link leads somewhere."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "support"))
import postern


def read(*path):
    with open(os.path.join(postern.ROOT, *path), encoding="utf-8") as file:
        return file.read()


def commands(text, indent):
    """Indented commands of curl and what is piped into them; continued lines are joined."""
    block = "".join(line[indent:] for line in text.splitlines(True) if line.startswith(" " * indent))
    return re.findall(r"^(?:printf .*\|\n +)?curl .*(?:(?<=\\)\n.*)*", block, re.MULTILINE)


def readme_says_what_run_prints():
    script = read("scripts", "run").split("cat <<EOF\n")[-1].split("\nEOF\n")[0]
    script = script.replace("$state", "build-release/run-demo").replace("\\\\", "\\")
    script = re.sub(r"\$\(\(base \+ (\d+)\)\)", lambda match: str(10000 + int(match[1])), script)
    printed, told = commands(script, 2), commands(read("README.md"), 4)
    assert len(told) == 3 and printed == told, (printed, told)


def first_mail():
    """scripts/run itself, and its own lines."""
    state = tempfile.mkdtemp(prefix="postern-")
    environment = dict(os.environ, POSTERN_BUILD=postern.BUILD, POSTERN_RUN=state)
    process = subprocess.Popen([os.path.join(postern.ROOT, "scripts", "run")], text=True,
                               env=environment, stdout=subprocess.PIPE, start_new_session=True)
    try:
        text = ""
        for line in process.stdout:
            text += line
            if line.startswith("Ctrl-C"):
                break
        assert "Ctrl-C" in text, text
        results = [subprocess.run(["bash", "-c", command], check=True, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout
                   for command in commands(text, 2)]
        assert len(results) == 3 and "INBOX" in results[1], results
        assert "Subject: hello" in results[2] and "It works." in results[2], results
        process.send_signal(signal.SIGINT)
        assert "Stopped." in process.stdout.read()
        assert process.wait(postern.TIMEOUT) == 0
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(postern.TIMEOUT)
        process.stdout.close()
        shutil.rmtree(state)


def links_lead_somewhere():
    for folder, folders, files in os.walk(postern.ROOT):
        folders[:] = [name for name in folders if not name.startswith((".", "build"))]
        for name in files:
            if not name.endswith(".md"):
                continue
            path = os.path.join(folder, name)
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", read(path)):
                there = os.path.join(folder, target)
                assert os.path.exists(there), "%s: %s" % (path, target)


def settings_are_explained():
    """Every setting that --describe prints stands in the README beside it."""
    places = {name: ("host", "config") for name in ("server", "listener", "lane", "certificate",
                                                    "plugin")}
    for name in os.listdir(os.path.join(postern.ROOT, "plugins")):
        if os.path.exists(os.path.join(postern.BUILD, "plugins", name, name + ".so")):
            places[name] = ("plugins", name)
    missing = []
    for name, place in places.items():
        text = subprocess.run([postern.POSTERND, "--describe", name], check=True, text=True,
                              stdout=subprocess.PIPE, env=postern.environment()).stdout
        told = read(*place, "README.md")
        missing += ["%s: %s" % (name, setting)
                    for setting in re.findall(r"^  (\w+) .*\(.*\)$", text, re.MULTILINE)
                    if "`%s`" % setting not in told]
    assert not missing, missing


if __name__ == "__main__":
    tests = [readme_says_what_run_prints, links_lead_somewhere, settings_are_explained]
    if os.path.exists(os.path.join(postern.BUILD, "plugins", "pop3", "pop3.so")):
        tests.append(first_mail)
    postern.run(*tests)
