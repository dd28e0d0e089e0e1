#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tenon-modinfo: what it reads, of whose files, and each reason why a module would not load.

Arguments: the program, and a folder for the modules that are made here.
"""

import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests"))

from support import tap  # noqa: E402
from support.console import Failure  # noqa: E402

PROGRAM, FOLDER = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
LIBRARY = PROGRAM.parent / "core"

SOURCE = r"""
#include "tenon/device.h"
#include "tenon/module.h"
%(code)s
static const TnTypeInfo type = { .size = sizeof(TnTypeInfo), .name = "test-%(name)s",
                                 .parent = TN_TYPE_DEVICE, .description = "made for the test" };
static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };
TN_MODULE(hooks, TN_NOTE_NAME("%(name)s") TN_NOTE_VERSION("1.2") TN_NOTE_LICENCE("MIT")
          TN_NOTE_VENDOR("Example \"Ltd\"") %(lines)s
          TN_NOTE_DEVICE("test-%(name)s", "PCI", "misc", "made for the test")
          TN_NOTE_ALIAS("device", "tested-%(name)s", "test-%(name)s"));
"""
NOTE = b"format=1\nabi=1.0\nname=far\nversion=1\nlicence=MIT\nprovides=device|far|PCI|misc|u|Far away\n"


def build(name, code="", lines="", flags=()):
    glib = subprocess.run(["pkg-config", "--cflags", "glib-2.0"], capture_output=True, text=True,
                          check=True).stdout.split()
    target = FOLDER / f"{name}.so"
    subprocess.run([*os.environ.get("CC", "cc").split(), "-shared", "-fPIC", "-fvisibility=hidden", "-w",
                    '-DTN_INTERNAL_HASH="0"', f"-I{TOP / 'abi'}", *glib, "-x", "c", "-", "-x", "none",
                    "-o", target, f"-L{LIBRARY}", "-ltenon", *flags],
                   input=SOURCE % {"name": name, "code": code, "lines": lines}, text=True, check=True)
    target.chmod(0o755)
    return target


def foreign(name, is64, order, machine):
    """The least ELF file that has our note, of any class and byte order."""
    note = struct.pack(order + "III", 6, len(NOTE), 1) + b"Tenon\0\0\0" + NOTE
    header_size, segment_size = (64, 56) if is64 else (52, 32)
    at = header_size + segment_size
    ident = bytes([0x7F, *b"ELF", 2 if is64 else 1, 1 if order == "<" else 2, 1]) + bytes(9)
    word = "Q" if is64 else "I"
    header = ident + struct.pack(f"{order}HHI{word}{word}{word}IHHHHHH", 3, machine, 1, 0, header_size, 0,
                                 0, header_size, segment_size, 1, 0, 0, 0)
    if is64:
        segment = struct.pack(order + "IIQQQQQQ", 4, 4, at, 0, 0, len(note), len(note), 4)
    else:
        segment = struct.pack(order + "IIIIIIII", 4, at, 0, 0, len(note), len(note), 4, 4)
    path = FOLDER / f"{name}.so"
    path.write_bytes(header + segment + note)
    path.chmod(0o755)
    return path


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, "TENON_MODULE_PATH": ""})


def read(path):
    result = run("--json", path)
    if result.stderr:
        raise Failure(result.stderr)
    return json.loads(result.stdout)["modules"][0]


def expect_problems(path, *words):
    """Just so many problems, each with its words; the exit code of --check tells of them."""
    problems = read(path)["problems"]
    if len(problems) != len(words) or not all(w in p for w, p in zip(words, problems)):
        raise Failure(f"{problems} instead of {words}")
    if run(path).returncode or run("--check", path).returncode != (3 if words else 0):
        raise Failure("exit codes")


def copy(source, name, old, new):
    data = source.read_bytes()
    assert old in data and len(old) == len(new)
    path = FOLDER / f"{name}.so"
    path.write_bytes(data.replace(old, new))
    path.chmod(0o755)
    return path


# ---- Cases ---------------------------------------------------------------------------------


def a_good_module_is_told_whole():
    path = build("good")
    module = read(path)
    expected = {"path": str(path), "name": "good", "version": "1.2", "licence": "MIT",
                "vendor": 'Example "Ltd"', "abi": "1.0", "tier": "stable", "internal-hash": None,
                "host": os.uname().machine, "guests": None, "requires": [], "loads": True, "problems": [],
                "provides": [{"kind": "device", "name": "test-good", "aliases": ["tested-good"],
                              "bus": "PCI", "category": "misc", "user": True,
                              "description": "made for the test"}]}
    if module != expected:
        raise Failure(f"{module}")
    text = run(path).stdout
    for line in ("vendor:        Example \"Ltd\"", "abi:           1.0", "loads:         yes",
                 "provides:      device test-good, alias tested-good, bus PCI, category misc: made for"):
        if line not in text:
            raise Failure(f"no line {line!r} in:\n{text}")


def modules_of_other_hosts_are_read():
    for name, is64, order, machine, host in (("riscv", True, "<", 243, "riscv64"),
                                             ("ppc", True, ">", 21, "ppc64"),
                                             ("arm", False, "<", 40, "arm"),
                                             ("mips", False, ">", 8, "mips")):
        path = foreign(name, is64, order, machine)
        module = read(path)
        if module["host"] != host or module["provides"][0]["description"] != "Far away":
            raise Failure(str(module))
        expect_problems(path, f"it was built for {host} hosts")


def each_reason_is_told():
    good = build("base")
    expect_problems(copy(good, "abi9", b"abi=1.0", b"abi=9.0"), "it needs ABI 9.0, this program has 1.")
    expect_problems(copy(good, "abi17", b"abi=1.0", b"abi=1.7"), "it needs ABI 1.7, this program has 1.")
    expect_problems(build("tier", lines="TN_NOTE_INTERNAL"), "built with another version")
    expect_problems(build("lone", lines='TN_NOTE_REQUIRES("nowhere")'),
                    "it requires the module 'nowhere', which is not installed")
    build("floor")
    expect_problems(build("beside", lines='TN_NOTE_REQUIRES("floor")'))
    expect_problems(build("future", code="extern void tn_from_the_future(void);\n"
                          "void *use = (void *)tn_from_the_future;"),
                    "it uses tn_from_the_future, which this program does not have")


def a_missing_library_is_told():
    stub = FOLDER / "libtest-gone.so"
    subprocess.run(["cc", "-shared", "-Wl,-soname,libtest-gone.so", "-o", stub, "-x", "c", "-"],
                   input="int gone;", text=True, check=True)
    path = build("gone", code="extern int gone; int *use = &gone;", flags=[f"-L{FOLDER}", "-ltest-gone"])
    beside = build("origin", code="extern int gone; int *use = &gone;",
                   flags=[f"-L{FOLDER}", "-ltest-gone", "-Wl,-rpath,$ORIGIN"])
    expect_problems(beside)
    stub.unlink()
    expect_problems(path, "it needs the library libtest-gone.so, which is not installed")


def a_file_that_others_can_write_is_told():
    path = build("open")
    path.chmod(0o777)
    problems = read(path)["problems"]
    if len(problems) != 1 or "writ" not in problems[0]:
        raise Failure(str(problems))


def what_is_no_module_is_an_error():
    path = FOLDER / "text.so"
    path.write_text("not a library\n")
    result = run(build("fine"), path, FOLDER / "absent.so")
    if result.returncode != 1 or "name:          fine" not in result.stdout:
        raise Failure(f"{result.returncode}: {result.stdout}")
    for words in ("text.so: it is not an ELF file", "absent.so: it cannot be opened"):
        if words not in result.stderr:
            raise Failure(result.stderr)
    if run("--check", path).returncode != 1 or read(path)["problems"] != ["it is not an ELF file"]:
        raise Failure("--check or --json")


def a_wrong_command_line_is_told():
    for arguments in ([], ["--no-such"], ["--json"]):
        result = run(*arguments)
        if result.returncode != 2 or not result.stderr.startswith("tenon-modinfo: "):
            raise Failure(f"{arguments}: {result.returncode} {result.stderr}")
    if run("--help").returncode or "Exit code" not in run("--help").stdout:
        raise Failure("--help")


def nothing_of_a_module_runs():
    path = build("trap", code="__attribute__((constructor)) static void die(void) { __builtin_trap(); }")
    expect_problems(path)


def changed_files_do_no_harm():
    numbers, good, paths = random.Random(4), build("whole").read_bytes(), []
    for i in range(400):
        data = bytearray(good if i % 8 else good[:numbers.randrange(64, len(good))])
        for _ in range(numbers.randrange(1, 12)):
            # the header, the tables at both ends, anywhere
            at = numbers.choice((numbers.randrange(64), numbers.randrange(len(data)),
                                 len(data) - 1 - numbers.randrange(min(2048, len(data)))))
            data[at] = numbers.choice((0, 1, 0x7F, 0x80, 0xFF, numbers.randrange(256)))
        paths.append(FOLDER / f"changed{i}.so")
        paths[-1].write_bytes(data)
    result = run("--json", *paths)
    if result.returncode not in (0, 1) or len(json.loads(result.stdout)["modules"]) != len(paths):
        raise Failure(f"{result.returncode}: {result.stderr}")


CASES = [a_good_module_is_told_whole, modules_of_other_hosts_are_read, each_reason_is_told,
         a_missing_library_is_told, a_file_that_others_can_write_is_told, what_is_no_module_is_an_error,
         a_wrong_command_line_is_told, nothing_of_a_module_runs, changed_files_do_no_harm]

shutil.rmtree(FOLDER, ignore_errors=True)
FOLDER.mkdir(parents=True)
FOLDER.chmod(0o755)
sys.exit(tap.run([("/modinfo/" + case.__name__.replace("_", "-"), case) for case in CASES]))
