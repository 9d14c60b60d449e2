#!/usr/bin/env python3
"""Code in the documentation is code that compiles, and what it refers to exists.

A C++ block that follows a line `<!-- from PATH -->` must stand in that file, line for line (blank lines and the block's
own order count). Every C++ block of README.md must have such a line, and everywhere each that is a whole program or a part
of its top: one with a `main` or an `#include`.

A link to a file must lead to one, and a file that is named in the text (`room/x_test.cpp`, `tandem/x.hpp`) must be there.
In a table whose last column is headed `program`, every row names there the section of a program that shows it,
[`program.section`](PATH): a function of that name in that file. Every program of the folder that such rows lead to is
named by one of them. README.md names every program of examples/.
"""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent
failures = 0


def report(document, line, what):
    global failures
    print(f"{document.relative_to(root)}:{line}: {what}")
    failures += 1


def check_blocks(document, text):
    checked = 0
    for block in re.finditer(r"(?:<!-- from (\S+) -->\n+)?```cpp\n(.*?)```", text, re.S):
        source, code = block.group(1), block.group(2)
        line = text.count("\n", 0, block.start()) + 1
        if source is None:
            if document.name == "README.md" or re.search(r"^(int main\(|#include)", code, re.M):
                report(document, line, "a C++ block without `<!-- from PATH -->`")
            continue
        checked += 1
        if code.rstrip() not in (root / source).read_text(encoding="utf-8"):
            report(document, line, f"this block is not in {source}")
    return checked


def links_of(text):
    """What the links of a piece of Markdown show and lead to, those into the web excepted."""
    links = re.findall(r"\[([^\]]*)\]\(([^)\s]+)\)", text)
    return [(shown, target.partition("#")[0]) for shown, target in links if not re.match(r"[a-z]+:|#", target)]


def has_function(source, name):
    return re.search(rf"^[\w:<>,&\s]*[\s>]{name}\(", source.read_text(encoding="utf-8"), re.M) is not None


def check_links(document, text):
    """Links and the rows of program tables; gives the number of such rows."""
    rows, shown_programs, in_code, table, before = 0, set(), False, False, ""
    for number, line in enumerate(text.splitlines(), 1):
        in_code ^= line.startswith("```")
        if in_code:
            continue
        for _, target in links_of(line):
            if not (document.parent / target).exists():
                report(document, number, f"no such file: {target}")
        for name in re.findall(r"`((?!boost/)(?:[\w.-]+/)+[\w-]+\.(?:cpp|hpp|py|sh|pml))`", line):
            if not any((root / folder / name).exists() for folder in ("", "tests", "include", "include/tandem", "lib")):
                report(document, number, f"no such file: {name}")
        if not line.startswith("|"):
            table = False
        elif re.fullmatch(r"[|\s:-]+", line):
            table = before.rstrip("| ").endswith("program")
        elif table:
            rows += 1
            sections = links_of(re.split(r"(?<!\\)\|", line.rstrip("| "))[-1])
            if not sections:
                report(document, number, "a row without a program that shows it")
            for shown, target in sections:
                source = document.parent / target
                program, _, section = shown.strip("`").partition(".")
                shown_programs.add(source.resolve())
                if source.exists() and (program != source.stem or not has_function(source, section)):
                    report(document, number, f"{target} has no {shown}")
        before = line
    for folder in {source.parent for source in shown_programs}:
        named = {(document.parent / target).resolve() for _, target in links_of(text)}
        for source in sorted(set(folder.glob("*.cpp")) - named):
            report(document, 1, f"no row leads to {source.relative_to(root)}")
    return rows


blocks, rows = 0, 0
for document in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
    text = document.read_text(encoding="utf-8")
    blocks += check_blocks(document, text)
    rows += check_links(document, text)
readme = root / "README.md"
for source in sorted((root / "examples").glob("*.cpp")):
    if not re.search(rf"(`|examples/){source.stem}\b", readme.read_text(encoding="utf-8")):
        report(readme, 1, f"does not name the example {source.stem}")
print(f"documentation: {blocks} blocks compared with their sources, {rows} rows with their programs, {failures} findings")
sys.exit(1 if failures else 0)
