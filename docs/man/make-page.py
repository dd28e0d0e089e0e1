#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write tenon.1: the template with the options that the program prints for -h.

Arguments: the template, the program, the version, the directory of the modules. In -h's text a line that begins with a dash is an
option with its argument; when both fit, its help begins on the same line, in the column of the
indented lines that go on with it. Lines that end in a colon are headings.
"""

import pathlib
import re
import subprocess
import sys

COLUMN = 16  # where help begins


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = text.replace("][,", "]\\:[,")  # where a long line may break
    return re.sub(r"^([.'])", r"\\&\1", text)


def option(line):
    """The option with its argument, and the help that begins on its line."""
    head, rest = line, ""
    if len(line) > COLUMN and line[COLUMN - 1] == " " and line[COLUMN] != " ":
        head, rest = line[:COLUMN].rstrip(), line[COLUMN:]
    name, _, argument = head.partition(" ")
    words = f".BI {escape(name)}" + (f' " {escape(argument)}"' if argument else "")
    return [".TP", words] + ([escape(rest)] if rest else [])


def options(text):
    lines, fresh = [], False
    for line in text.splitlines()[1:]:
        if line.startswith("-"):
            lines += option(line)
            fresh = lines[-1].startswith(".BI")
        elif line.startswith(" "):
            lines += ([] if fresh else [".br"]) + [escape(line.strip())]
            fresh = False
        elif line.endswith(":"):
            lines.append(f".SS {line[:-1]}")
    return "\n".join(lines)


def main():
    template, program, version, modules = sys.argv[1:]
    listing = subprocess.run([program, "-h"], capture_output=True, text=True, check=True).stdout
    page = pathlib.Path(template).read_text(encoding="utf-8")
    page = page.replace("@VERSION@", version).replace("@OPTIONS@", options(listing))
    print(page.replace("@MODULEDIR@", escape(modules)), end="")


main()
