#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The public headers by themselves: each compiles alone as C11 and C++17, says of each function where it
may be called, and declares just what core/libtenon.map exports."""

import pathlib
import re
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests"))

from support import tap  # noqa: E402
from support.console import Failure  # noqa: E402

ABI = TOP / "abi"
STABLE = sorted((ABI / "tenon").glob("*.h"))
INTERNAL = sorted((ABI / "tenon" / "internal").glob("*.h"))
PROGRAMS = re.compile(r"tn_\w*main$")  # entry points of the programs, which core/ declares

LANGUAGES = [("gcc", "c", "c11"), ("g++", "c++", "c++17"),
             ("clang", "c", "c11"), ("clang++", "c++", "c++17")]
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Werror"]

# A module in C++, as far as that language lets tables be written.
MODULE = """
#include "tenon/module.h"
#include "tenon/pci.h"
static const TnTypeInfo *const types[] = { nullptr };
static const TnModuleHooks hooks = { sizeof(TnModuleHooks), 0, types, nullptr, nullptr, nullptr };
TN_MODULE(hooks, TN_NOTE_NAME("cpp") TN_NOTE_VERSION("1") TN_NOTE_LICENCE("MIT"));
static void traced(int n) { TN_TRACE("cpp_traced", "%d", n); }
void call(); void call() { traced(1); }
"""


def glib_flags():
    flags = subprocess.run(["pkg-config", "--cflags", "glib-2.0"], capture_output=True, text=True,
                           check=True).stdout.split()
    return [flag.replace("-I", "-isystem", 1) for flag in flags]


def compile_text(compiler, language, standard, text, name):
    if not shutil.which(compiler):
        raise tap.Skip(f"{compiler} is not installed")
    command = [compiler, "-x", language, f"-std={standard}", *WARNINGS, f"-I{ABI}", *glib_flags(),
               "-fsyntax-only", "-"]
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if result.returncode or result.stderr:
        raise Failure(f"{name}: {' '.join(command)}\n{result.stderr}")


def alone(compiler, language, standard):
    def case():
        for header in STABLE:
            include = f'#include "tenon/{header.name}"\n'
            compile_text(compiler, language, standard, include + include + "extern int more;\n",
                         header.name)
    return case


def a_module_may_be_cpp():
    for compiler in ("g++", "clang++"):
        compile_text(compiler, "c++", "c++17", MODULE, "module")


# ---- Comments ------------------------------------------------------------------------------


def declarations(header):
    """(name, the comment that covers it) of each function: one comment serves the declarations
    below it up to a blank line or the next comment."""
    comment, lines = "", iter(header.read_text().splitlines())
    for line in lines:
        if not line.strip():
            comment = ""
        elif line.lstrip().startswith("/*"):
            comment = line
            while "*/" not in line:
                line = next(lines)
                comment += "\n" + line
        elif line.startswith("TN_API"):
            while ";" not in line:
                line += " " + next(lines).strip()
            yield re.search(r"\b(tn_\w+)\s*[(;\[]", line)[1], comment


def every_function_says_where_it_may_be_called():
    bad = [f"{header.name}: {name}" for header in STABLE for name, comment in declarations(header)
           if not re.search(r"\[(any|main|vcpu|worker)[^\]]*\]", comment)]
    if bad:
        raise Failure("no comment with a thread tag:\n" + "\n".join(bad))


def every_enumerator_has_a_value():
    for header in STABLE:
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        for body in re.findall(r"\benum\b[^{;()]*\{(.*?)\}", text, flags=re.S):
            for item in body.split(","):
                if item.strip() and "=" not in item:
                    raise Failure(f"{header.name}: {item.strip()} has no value of its own")


# ---- The linker's map ----------------------------------------------------------------------


def mapped():
    """{node: names}"""
    text = re.sub(r"#.*", "", (TOP / "core" / "libtenon.map").read_text())
    nodes = {}
    for node, body in re.findall(r"(\w[\w.]*)\s*\{(.*?)\}", text, flags=re.S):
        exported = re.search(r"global:(.*?)(local:|$)", body, flags=re.S)[1]
        nodes[node] = set(re.findall(r"[\w*]+(?=;)", exported))
    return nodes


def declared(headers):
    names = set()
    for header in headers:
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        text = re.sub(r"^#.*(\\\n.*)*$", "", text, flags=re.M)
        names |= set(re.findall(r"TN_API[^;{]*?\b(tn_\w+)\s*[(;\[]", text, flags=re.S))
    return names - {"tn_module"}


def the_map_has_what_the_headers_declare():
    nodes = mapped()
    internal = {name for name in nodes.pop("TENON_INTERNAL") if not PROGRAMS.match(name)}
    stable = set().union(*nodes.values())
    for what, have, want in (("stable", stable, declared(STABLE)),
                             ("internal", internal, declared(INTERNAL))):
        if have != want:
            raise Failure(f"core/libtenon.map, {what} tier: missing {sorted(want - have)}, "
                          f"declared nowhere {sorted(have - want)}")


CASES = [(f"/abi/headers/{compiler}-{standard}", alone(compiler, language, standard))
         for compiler, language, standard in LANGUAGES]
CASES += [("/abi/headers/" + case.__name__.replace("_", "-"), case) for case in
          (a_module_may_be_cpp, every_function_says_where_it_may_be_called,
           every_enumerator_has_a_value, the_map_has_what_the_headers_declare)]

if __name__ == "__main__":
    sys.exit(tap.run(CASES))
