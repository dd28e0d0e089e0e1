#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the table of all that the modules of this tree provide, from their sources.

The sources and not the built files, since a build may leave modules out, and the program shall tell
a name that it knows from one that it never heard of.

Arguments: the top of the tree, the header to write, the file of dependencies to write.
"""

import pathlib
import re
import sys

FOLDERS = ("targets", "machines", "modules", "ui", "audio")
KINDS = {"DEVICE": "device", "INTERNAL_DEVICE": "device", "MACHINE": "machine",
         "CHARDEV": "chardev", "TARGET": "target", "ACCEL": "accel", "OBJECT": "object"}
LINE = re.compile(r'TN_NOTE_(\w+)\s*(?:\(\s*("[^"]*"|[^")]*)(?:\s*,\s*("[^"]*"|[^",)]*))?)?')


def literal(word, path):
    if not word or word[0] != '"':
        sys.exit(f"{path}: a name in TN_MODULE(...) is not a literal string: {word}")
    return word[1:-1]


def providers(path):
    """(kind, name, module) of each line of a module's note; nothing for other sources."""
    found = re.search(r"^TN_MODULE\((.*?)\);", path.read_text(encoding="utf-8"), re.M | re.S)
    if not found:
        return
    lines = LINE.findall(found[1])
    module = next(literal(first, path) for macro, first, _ in lines if macro == "NAME")
    for macro, first, second in lines:
        if macro in KINDS:
            yield KINDS[macro], literal(first, path), module
        elif macro in ("PROVIDES", "ALIAS"):
            yield literal(first, path), literal(second, path), module


def main():
    top, header, dependencies = (pathlib.Path(word) for word in sys.argv[1:])
    folders = [folder for name in FOLDERS for folder in sorted(top.glob(f"{name}/**/"))]
    sources = [path for folder in folders for path in sorted(folder.glob("*.c"))]
    rows = sorted(row for path in sources for row in providers(path))
    header.write_text("".join(f'{{ "{kind}", "{name}", "{module}" }},\n'
                              for kind, name, module in rows), encoding="utf-8")
    # A folder changes when a file comes or goes.
    known = " ".join(str(path).replace(" ", "\\ ") for path in [*folders, *sources])
    dependencies.write_text(f"{header}: {known}\n", encoding="utf-8")


main()
