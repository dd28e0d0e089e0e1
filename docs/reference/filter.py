#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Print a public header with doxygen's comments in place of plain ones.

A comment on lines of its own is about what follows, the first of a file about the file, one behind
code about what stands before it on the line. Rulers between sections and licence lines are left
out. Lines indented by four more are examples; what is special to doxygen is escaped elsewhere.
"""

import pathlib
import re
import sys

COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
SPECIAL = re.compile(r"[\\@<>#%&|]")
EXAMPLE = re.compile(r"\s*\*     ")


def escape(line):
    """Inside of backquotes nothing is special."""
    if EXAMPLE.match(line):
        return line
    parts = line.split("`")
    return "`".join(part if at % 2 else SPECIAL.sub(r"\\\g<0>", part)
                    for at, part in enumerate(parts))


def lines_kept(text):
    """So many empty lines as the comment had, for the line numbers of warnings."""
    return "\n" * text.count("\n")


def convert(source):
    out, end, first = [], 0, True
    for match in COMMENT.finditer(source):
        out.append(source[end:match.start()])
        end = match.end()
        body = match.group(1)
        own_line = not source[source.rfind("\n", 0, match.start()) + 1:match.start()].strip()
        if "SPDX-License-Identifier" in body or re.match(r"\s*-{4}", body):
            out.append(lines_kept(body))
            continue
        text = "\n".join(escape(line) for line in body.split("\n"))
        inside = out and source[:match.start()].rstrip().endswith("\\")
        if inside or (not own_line and in_code(source, match.end())):
            out.append(match.group(0))
        elif first:
            newline = "" if text.strip(" ").startswith("\n") else "\n"
            out.append(f"/** @file{newline}{text}*/")
        else:
            out.append(f"/**{'' if own_line else '<'}{text}*/")
        first = False
    return "".join(out) + source[end:]


def in_code(source, at):
    """Code goes on behind the comment on its line."""
    return bool(source[at:source.find("\n", at)].strip())


print(convert(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")), end="")
