# SPDX-License-Identifier: Apache-2.0
"""Every public header stands alone, in C99 to C17 and C++11 to C++17, without hidden padding.

usage: headers.py ABI_FOLDER
"""

import pathlib
import subprocess
import sys
import tempfile

folder = pathlib.Path(sys.argv[1])
WARNINGS = ["-Wall", "-Wextra", "-pedantic", "-Wpadded", "-Werror", "-fsyntax-only"]
failed = 0
with tempfile.TemporaryDirectory() as temporary:
    for header in sorted((folder / "postern").glob("*.h")):
        for compiler, standards, ending in (("gcc", ["c99", "c11", "c17"], "c"),
                                            ("g++", ["c++11", "c++14", "c++17"], "cc")):
            source = pathlib.Path(temporary, f"alone.{ending}")
            # Twice: the include guard is part of it.
            source.write_text(f"#include <postern/{header.name}>\n" * 2)
            for standard in standards:
                run = subprocess.run([compiler, f"-std={standard}", *WARNINGS, "-I", folder, source],
                                     capture_output=True, text=True, check=False)
                if run.returncode:
                    failed += 1
                    print(f"{header.name} as {standard}:\n{run.stderr}")
sys.exit(1 if failed else 0)
