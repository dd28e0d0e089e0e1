#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the program says of each kind of missing or unusable device, against messages.txt.

In the texts, FOLDER stands for the folder of the modules. --write makes the file anew.
"""

import argparse
import difflib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support import modules, tap  # noqa: E402
from support.console import Failure  # noqa: E402

GOLDEN = HERE / "messages.txt"

REFUSE = """
static bool refuse(GError **error)
{ g_set_error(error, TN_ERROR, TN_ERROR_FAILED, "no hardware here"); return false; }"""

# What is asked for -> name of the device, further options.
ASKED = {
    "unknown": ("test-god", []),
    "known, and there is no module yet": ("virtio-net-pci", []),
    "not installed": ("test-elsewhere", []),
    "not installed, and how": ("test-shop", []),
    "denied": ("test-good", ["-module", "deny=good"]),
    "other ABI": ("test-abi9", []),
    "other host": ("test-arch", []),
    "other build": ("test-tier", []),
    "other guest": ("test-guest", []),
    "library missing": ("test-needs", []),
    "symbol missing": ("test-link", []),
    "init failed": ("test-fail", []),
    "no type": ("test-liar", []),
    "type of another": ("test-twin", []),
    "requires what is absent": ("test-lone", []),
    "requires what can be installed": ("test-shopper", []),
    "requires itself": ("test-ring", []),
    "truncated": ("sample-cut", []),
    "future note": ("sample-future", []),
    "no note": ("sample-plain", []),
    "two notes": ("sample-double", []),
    "no ELF file": ("sample-text", []),
    "all can write": ("sample-open", []),
}


def make(folder, library):
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "catalog.d").mkdir(parents=True)
    folder.chmod(0o755)

    def build(name, **more):
        return modules.build(folder, library, name, **more)

    def write(name, data):
        (folder / f"{name}.so").write_bytes(data)

    good = build("good").read_bytes()
    build("tier", lines="TN_NOTE_INTERNAL")
    build("guest", lines='TN_NOTE_GUESTS("pdp11,vax")')
    gone = folder / "libgone.so.1"
    subprocess.run([*modules.compiler(), "-shared", "-o", gone, "-x", "c", "-",
                    "-Wl,-soname,libgone.so.1"], input=b"int gone(void) { return 1; }", check=True)
    build("needs", options=["-Wl,--no-as-needed", gone])
    gone.unlink()
    build("link", code="extern void tn_nowhere(void);", hooks=".fini = tn_nowhere")
    build("fail", code=REFUSE, hooks=".init = refuse")
    build("liar", type_name="something-else")
    build("twin", type_name="device")
    build("lone", lines='TN_NOTE_REQUIRES("absent")')
    build("shopper", lines='TN_NOTE_REQUIRES("shop")')
    build("ring", lines='TN_NOTE_REQUIRES("gnir")')
    build("gnir", lines='TN_NOTE_REQUIRES("ring")')
    write("abi9", modules.replace(good, (b"good", b"abi9"), (b"abi=1.0", b"abi=9.0")))
    arch = bytearray(modules.replace(good, (b"good", b"arch")))
    arch[18:20] = b"\xf3\0"  # e_machine: RISC-V
    write("arch", arch)
    write("sample-cut", good[:len(good) // 2])
    write("sample-future", modules.replace(good, (b"format=1", b"format=2")))
    write("sample-plain", modules.replace(good, (b"Tenon\0", b"Other\0")))
    write("sample-text", b"not a library\n")
    write("sample-double", modules.with_second_note(good, b"format=1\nname=other\n"))
    write("sample-open", good)
    (folder / "sample-open.so").chmod(0o777)
    (folder / "catalog.d" / "test.json").write_text(json.dumps({"format": 1, "provides": [
        {"kind": "device", "name": "test-elsewhere", "module": "elsewhere",
         "packages": ["tenon-more"]}]}))
    (folder / "catalog.d" / "vendor.json").write_text(json.dumps({
        "format": 1, "install": "apt install", "provides": [
            {"kind": "device", "name": "test-shop", "module": "shop", "packages": ["a", "b"]}]}))


def ask(program, folder, name, options):
    command = [program, *options, "-machine", "none", "-display", "none", "-S", "-device", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60,
                          env={**os.environ, "TENON_MODULE_PATH": str(folder)})
    if done.returncode != 1:
        raise Failure(f"{name}: exit status {done.returncode}\n{done.stderr}")
    return re.sub(r"are [0-9a-f]+, this program's [0-9a-f]+", "are HASH, this program's HASH",
                  done.stderr.replace(str(folder), "FOLDER"))


def each_has_its_message(program, folder, write):
    found = {about: ask(program, folder, *what) for about, what in ASKED.items()}
    text = "".join(f"# {about}\n{message}\n" for about, message in found.items())
    if write:
        GOLDEN.write_text(text, encoding="utf-8")
    golden = GOLDEN.read_text(encoding="utf-8")
    if text != golden:
        raise Failure("".join(difflib.unified_diff(
            golden.splitlines(True), text.splitlines(True), "expected", "found")))
    # Told apart by words, not by the name that was asked for.
    bare = {re.sub(r"'[^']*'|FOLDER\S*", "X", message) for message in found.values()}
    if len(bare) < len(found):
        raise Failure(f"{len(found) - len(bare)} messages are like others: {sorted(bare)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path, help="is emptied, and modules are made there")
    parser.add_argument("--write", action="store_true", help="make messages.txt anew")
    options = parser.parse_args()
    program, folder = options.program.resolve(), options.folder.resolve()
    make(folder, program.parent / "core")
    return tap.run([("/messages/each-has-its-own",
                     lambda: each_has_its_message(program, folder, options.write))])


if __name__ == "__main__":
    sys.exit(main())
