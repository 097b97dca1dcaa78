# SPDX-License-Identifier: Apache-2.0
"""Our own directories keep the contract: directory-file, directory-exec with the example of 40 lines,
and the example in C++.

    suite.py KIT SOURCE-ROOT DIRECTORY-FILE [DIRECTORY-EXEC]
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import people

SEEDS = ["0", "1", "2"]  # 0: kind


def run(kit, module, options, cannot=()):
    """With each seed; rules that could not run must be known."""
    for seed in SEEDS:
        command = [kit, "directory", module, "--seed", seed] + options
        result = subprocess.run(command, stdout=subprocess.PIPE, timeout=600)
        text = result.stdout.decode()
        if result.returncode:
            print(text)
            sys.exit("%s, seed %s: %d" % (module, seed, result.returncode))
        skipped = [line.split()[2] for line in text.splitlines()
                   if line.startswith("  cannot run")]
        if sorted(skipped) != sorted(cannot):
            sys.exit("%s: rules that could not run: %s" % (module, " ".join(sorted(skipped))))
    print("%s: %s" % (os.path.basename(module), text.splitlines()[-1]))


def exec_options(path):
    return people.options(["socket=" + path] + people.SETTINGS,
                          [("alice", "wonderland"), ("bob", "builder")],
                          domain=["example.test", "example.org"], nt_domain="EXAMPLE",
                          delegate="bob:alice")


def directory_exec(kit, module, root, folder):
    path = os.path.join(folder, "socket")
    example = os.path.join(root, "plugins", "directory-exec", "examples", "directory.py")
    program = subprocess.Popen([sys.executable, example, path])
    try:
        ends = time.monotonic() + 20
        while True:
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(path)
                break
            except OSError:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.02)
        run(kit, module, exec_options(path),
            ["authorize.disabled", "authorize.reader", "password.disabled", "password.expired",
             "sender.reader"])
    finally:
        program.terminate()
        program.wait()


def directory_one(kit, root, folder):
    """Built as its author would; skipped where there is no compiler of C++."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if not compiler:
        print("directory-one: no compiler of C++, skipped")
        return
    module = os.path.join(folder, "directory-one.so")
    subprocess.run([compiler, "-O1", "-I" + os.path.join(root, "abi"), "-fPIC", "-shared",
                    "-fvisibility=hidden", "-o", module,
                    os.path.join(root, "abi", "examples", "directory-one", "directory-one.cc")],
                   check=True, timeout=600)
    run(kit, module, people.options(
        ["user=alice", "password=secret", "address=alice@example.test"], [("alice", "secret")],
        domain="example.test", nt_domain="example.test"),
        ["authorize.authzid", "authorize.delegate", "authorize.disabled", "authorize.foreign",
         "authorize.granted", "authorize.reader", "password.disabled", "password.expired",
         "resolve.detail", "sender.other", "sender.reader"])


def main():
    kit, root, directory_file = sys.argv[1:4]
    with tempfile.TemporaryDirectory() as folder:
        run(kit, directory_file, people.of_file(people.write(folder)))
        for module in filter(None, sys.argv[4:]):
            directory_exec(kit, module, root, folder)
        directory_one(kit, root, folder)


if __name__ == "__main__":
    main()
