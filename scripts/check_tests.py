#!/usr/bin/env python3
"""Names of tests that ctest can run.

    check_tests.py [FOLDER]     default: tests/ of this project

CMake's lists are separated by ";": a test whose name holds one is registered under half of its name, which
selects no test, and ctest reports success. A finding is printed as FILE:LINE and makes the exit code 1.
"""
import pathlib
import re
import sys

NAME = re.compile(r'\b(?:TEST_CASE(?:_METHOD)?|TEMPLATE_TEST_CASE|SCENARIO)\s*\((?:\s*\w+\s*,)?((?:\s*"(?:[^"\\\n]|\\.)*")+)')


def findings_in(text):
    """The lines of the names that hold a ";"."""
    return [text.count("\n", 0, match.start()) + 1 for match in NAME.finditer(text) if ";" in match.group(1)]


# The check itself.
assert findings_in('TEST_CASE("a; b") {') == [1]
assert findings_in('\nTEST_CASE(\n    "a "\n    "b; c", "[tag]") {') == [2]
assert findings_in('TEST_CASE_METHOD(fixture, "a; b")') == [1]
assert findings_in('TEST_CASE("a, b") { f(); auto s = "c;"; } SECTION("d; e")') == []

root = pathlib.Path(__file__).resolve().parent.parent
folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else root / "tests"
names, failures = 0, 0
for source in sorted(folder.rglob("*.[ch]pp")):
    text = source.read_text(encoding="utf-8")
    names += len(NAME.findall(text))
    for line in findings_in(text):
        print(f"{source}:{line}: a `;` in the name of a test: ctest would run nothing and report success")
        failures += 1
print(f"tests: {names} names, {failures} findings")
sys.exit(1 if failures else 0)
