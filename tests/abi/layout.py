# SPDX-License-Identifier: Apache-2.0
"""The recorded layout: offset and size of every member of every public struct, and the value of
every public constant, are those of abi/baseline/.

usage: layout.py ABI_FOLDER [--record]

While the ABI is major 0 a change is recorded anew with --record and shows in the commit; from
major 1 on only additions at the end may.
"""

import pathlib
import platform
import re
import subprocess
import sys
import tempfile

folder = pathlib.Path(sys.argv[1])
baseline = folder / "baseline" / f"layout-{platform.machine()}.txt"
text = ""
for header in sorted((folder / "postern").glob("*.h")):
    text += re.sub(r"/\*.*?\*/", " ", header.read_text(), flags=re.S)
text = re.sub(r"^\s*#.*(\\\n.*)*$", "", text, flags=re.M)

lines = []
for name, body in re.findall(r"struct (ptn_\w+)\s*\{(.*?)\};", text, flags=re.S):
    lines.append(f'printf ("struct {name} %zu\\n", sizeof (struct {name}));')
    # Function members first become plain names, so that their parameters are out of the way.
    body = re.sub(r"\(\s*\*\s*(\w+)\s*\)\s*\((?:[^()]|\([^()]*\))*\)", r" \1 ", body)
    body = re.sub(r"PTN_PRINTF\s*\([^)]*\)", "", body)
    for declaration in body.split(";"):
        for part in declaration.split(","):
            words = re.findall(r"(\w+)\s*(?:\[[^]]*\])?\s*$", part.strip())
            if words:
                member = words[0]
                lines.append(f'printf ("  {member} %zu %zu\\n", offsetof (struct {name}, {member}), '
                             f"sizeof (((struct {name} *) 0)->{member}));")
for body in re.findall(r"enum\s*\{(.*?)\}", text, flags=re.S):
    for constant in re.findall(r"\b(PTN_\w+)\b(?=\s*(?:=|,|$))", body):
        lines.append(f'printf ("{constant} %lld\\n", (long long) {constant});')

with tempfile.TemporaryDirectory() as temporary:
    source = pathlib.Path(temporary, "layout.c")
    source.write_text("#include <postern/postern.h>\n#include <stdio.h>\nint main (void) {\n"
                      + "\n".join(lines) + "\nreturn 0;\n}\n")
    program = pathlib.Path(temporary, "layout")
    subprocess.run(["gcc", "-std=c17", "-I", folder, source, "-o", program], check=True)
    now = subprocess.run([program], capture_output=True, text=True, check=True).stdout

if "--record" in sys.argv:
    baseline.parent.mkdir(exist_ok=True)
    baseline.write_text(now)
    sys.exit(0)
if not baseline.exists():
    print(f"no layout recorded for {platform.machine()}")
    sys.exit(77)
if now != baseline.read_text():
    import difflib
    print("\n".join(difflib.unified_diff(baseline.read_text().splitlines(), now.splitlines(),
                                         "recorded", "now", lineterm="")))
    print(f"If this is meant: {sys.argv[0]} {folder} --record")
    sys.exit(1)
