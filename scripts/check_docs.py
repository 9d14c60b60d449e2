#!/usr/bin/env python3
"""Code in the documentation is code that compiles.

A C++ block that follows a line `<!-- from PATH -->` must stand in that file, line for line (blank lines and the block's
own order count). Every C++ block of README.md must have such a line.
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
failures = 0
checked = 0
for document in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
    text = document.read_text(encoding="utf-8")
    for block in re.finditer(r"(?:<!-- from (\S+) -->\n+)?```cpp\n(.*?)```", text, re.S):
        source, code = block.group(1), block.group(2)
        line = text.count("\n", 0, block.start()) + 1
        if source is None:
            if document.name == "README.md":
                print(f"{document.name}:{line}: a C++ block without `<!-- from PATH -->`")
                failures += 1
            continue
        checked += 1
        if code.rstrip() not in (root / source).read_text(encoding="utf-8"):
            print(f"{document.name}:{line}: this block is not in {source}")
            failures += 1
print(f"documentation: {checked} blocks compared with their sources, {failures} findings")
sys.exit(1 if failures else 0)
