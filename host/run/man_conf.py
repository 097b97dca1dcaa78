#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""man_conf.py TEMPLATE POSTERND OUTPUT - puts what `posternd --describe SECTION --man` says of the
host's own settings in the places @SECTION@ of postern.conf(5), so that there is one truth."""
import re
import subprocess
import sys

template, posternd, output = sys.argv[1:]


def describe(match):
    text = subprocess.run([posternd, "--describe", match.group(1), "--man"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    return re.split(r"^# SETTINGS OF .*\n+", text, flags=re.MULTILINE)[1].strip()


with open(template, encoding="utf-8") as file:
    page = re.sub(r"^@(\w+)@$", describe, file.read(), flags=re.MULTILINE)
with open(output, "w", encoding="utf-8") as file:
    file.write(page)
