#!/usr/bin/env python3
"""Checks a Promela model exhaustively with spin.

    check_model.py MODEL.pml [--fails] [NAME[=VALUE]...]

The names are given to the model's preprocessor. Exit code 0: every state was visited and no assertion failed or, with
--fails, one did. 77: spin or a C compiler is missing (ctest shows the test as skipped). 1: otherwise.
"""
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def give_up(what, output=""):
    print(output)
    print(f"model: {what}")
    sys.exit(1)


def main():
    model = Path(sys.argv[1]).resolve()
    must_fail = "--fails" in sys.argv
    definitions = [f"-D{name}" for name in sys.argv[2:] if name != "--fails"]

    compiler = next((c for c in ("cc", "gcc", "clang", "clang-19") if shutil.which(c)), None)
    if not shutil.which("spin") or not compiler:
        print("model: skipped, " + ("no C compiler" if shutil.which("spin") else "no spin (Debian: spin)"))
        sys.exit(77)

    with tempfile.TemporaryDirectory() as folder:
        code, output = run(folder, "spin", "-a", *definitions, str(model))
        if code != 0 or not (Path(folder) / "pan.c").exists():
            give_up(f"{model.name} is no valid model", output)
        # Safety properties only; states are stored whole, so that none is taken for another.
        code, output = run(folder, compiler, "-O0" if must_fail else "-O2", "-w", "-DSAFETY", "-DNOFAIR", "-DCOLLAPSE", "-o", "pan", "pan.c")
        if code != 0:
            give_up("spin's checker does not compile", output)
        code, output = run(folder, "./pan", "-m1000000")
        errors = re.search(r"errors: (\d+)", output)
        if not errors:
            give_up("spin's checker came to no end", output)
        failed = int(errors.group(1)) > 0
        if not failed and ("Search not completed" in output or "max search depth too small" in output):
            give_up("the search was cut short", output)
        states = re.search(r"(\d+) states, stored", output)
        what = " ".join([model.stem, *definitions])
        print(f"model: {what}: {'a failure' if failed else 'no failure'} in {states.group(1) if states else '?'} states")
        if failed != must_fail:
            _, steps = run(folder, "spin", "-t", "-p", "-g", *definitions, str(model))
            give_up("expected " + ("a failure" if must_fail else "none"), output + steps if failed else output)
        if failed and "assertion violated" not in output:
            give_up("it failed for another reason than an assertion", output)


main()
