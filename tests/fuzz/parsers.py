#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libFuzzer on what reads files that anyone may have made or damaged: modules' notes, indexes of
them, lists of packages, kept translations.

Each target runs for --seconds, from seeds made here. --keep FOLDER keeps the inputs that were found
for the next run; a long run is

    tests/fuzz/parsers.py --seconds 3600 --keep ~/.cache/tenon/fuzz note

An input that fails is named, shown in Base64, and with --keep lies beside the others.
"""

import argparse
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parent.parent
sys.path.insert(0, str(HERE.parent))

from support import index, modules, tap  # noqa: E402
from support.console import Failure  # noqa: E402

NOTE = b"""format=1
abi=1.0
name=seed
version=1.0
licence=MIT
vendor=Nobody
tier=internal
internal-hash=0123
guests=x86_64,i386
requires=other
provides=device|seed|PCI|misc|u|A seed | with a bar
alias=device|grain|seed
"""


def elf(text, segments=1):
    """A 64-bit shared object of nothing but notes."""
    note = modules.note_of(text)
    count = struct.pack("<HHHHHH", 64, 56, segments, 64, 0, 0)
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQI", 3, 62, 1, 0, 64, 0, 0) + count
    at = len(head) + 56 * segments
    segment = struct.pack("<IIQQQQQQ", modules.PT_NOTE, 4, at, at, at, len(note), len(note), 4)
    return head + segment * segments + note


def shared_object():
    """A small one with a symbol of its own, one of libc's and its version."""
    with tempfile.NamedTemporaryFile(suffix=".so") as file:
        subprocess.run([*modules.compiler(), "-shared", "-nostartfiles", "-Wl,-z,max-page-size=512",
                        "-Wl,-z,noseparate-code", "-Wl,-rpath,$ORIGIN", "-s", "-x", "c", "-",
                        "-o", file.name], input=b"int puts(const char *); int f(void)"
                                                b"{ return puts(\"\"); }", check=True)
        return pathlib.Path(file.name).read_bytes()


def far_name(file):
    """The same file with the name of its first library far beyond the string table."""
    dynamic, needed = 6, 1
    table, = struct.unpack_from("<Q", file, 40)
    count, = struct.unpack_from("<H", file, 60)
    data = bytearray(file)
    for at in range(table, table + 64 * count, 64):
        kind, = struct.unpack_from("<I", file, at + 4)
        place, size = struct.unpack_from("<QQ", file, at + 24)
        for entry in range(place, place + size, 16) if kind == dynamic else ():
            if struct.unpack_from("<Q", file, entry)[0] == needed:
                struct.pack_into("<Q", data, entry + 8, (1 << 64) - 4096)
                return bytes(data)
    raise ValueError("the compiler's shared object needs no library")


PACKAGES = (
    b'{"format": 1, "install": "apt install", "provides": [{"kind": "device", "name": "edu", '
    b'"module": "edu", "packages": ["a", "b"]}, {"kind": "x", "name": "\\u00e9\\ud83d\\ude00", '
    b'"packages": ["\\n"]}]}', b'{"format": 1, "provides": []}', b'[1, -2, true, false, null, {}]')

def translations():
    """A file of kept translations with two entries, one of which has a field."""
    slots, entries, first = [(0, 0)] * 4, b"", 72 + 4 * 8
    for pc, code, fields in ((0x1000, b"\x90" * 20, b""),
                             (0x2000, b"\xb8\0\0\0\x80", b"\1\0\1\0")):
        count = len(fields) // 4
        body = struct.pack("<QQIHHQHHBBH", 0, 0, 1, 64, 0, pc, len(code), 1, 1, count, 0)
        for part in (code, fields, b"kept"):
            body += part + bytes(-len(part) % 8)
        slots[count] = ((first + len(entries)) // 8, 0)
        entries += struct.pack("<QII", 0, 16 + len(body), 4) + body
    table = b"".join(struct.pack("<II", *slot) for slot in slots)
    return struct.pack("<8sII32sQIIQ", b"TnCache\n", 1, 1, bytes(32), 0, 2, 0, 0) + table + entries


# Name -> sources of the core that it is made of, seeds, words for the dictionary.
TARGETS = {
    "note": (("module/elf.c", "module/note.c", "module/problem.c"),
             (elf(NOTE), elf(NOTE, 2), elf(b"format=2\n")),
             ("Tenon", "format=", "abi=", "provides=device|", "alias=device|", "requires=")),
    "index": (("module/elf.c", "module/index.c", "module/note.c", "module/problem.c"),
              (index.encode([]), index.encode([index.Entry("a.so", note=NOTE),
                                               index.Entry("b.so", note=b"format=1\nabi=1.0\nname=b\n")])),
              ("TenonIdx", "a.so\\x00", ".so\\x00", "format=", "name=")),
    "dynamic": (("module/dynamic.c", "module/problem.c"), (),
                ("GLIBC_2.2.5", "\\x7fELF")),
    "packages": (("module/packages.c", "module/problem.c", "option/json.c"), PACKAGES,
                 ('\\"format\\"', '\\"provides\\"', '\\"packages\\"', '\\"kind\\"', '\\"name\\"',
                  '\\\\u')),
    "cache": (("translate/cache/format.c", "translate/cache/window.c", "module/problem.c"),
              (translations(),), ("TnCache",)),
}


def compile_target(folder, name):
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "glib-2.0"], capture_output=True,
                           text=True, check=True).stdout.split()
    target = folder / f"fuzz-{name}"
    subprocess.run(["clang", "-g", "-O1", "-D_GNU_SOURCE", "-std=gnu11",
                    "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all",
                    f"-I{TOP / 'abi'}", f"-I{TOP / 'core'}", HERE / f"fuzz-{name}.c",
                    *(TOP / "core" / source for source in TARGETS[name][0]), *flags,
                    "-o", target], check=True)
    return target


def fuzz(folder, name, seconds):
    target = compile_target(folder, name)
    corpus, failed = folder / name, folder / f"failed-{name}-"
    corpus.mkdir(exist_ok=True)
    _, seeds, words = TARGETS[name]
    for number, seed in enumerate(seeds or [shared_object(), far_name(shared_object())]):
        (corpus / f"seed-{number}").write_bytes(seed)
    (folder / f"{name}.dict").write_text("".join(f'"{word}"\n' for word in words))
    done = subprocess.run([target, corpus, f"-max_total_time={seconds}", "-max_len=8192",
                           "-timeout=10", "-rss_limit_mb=1024", f"-dict={folder / name}.dict",
                           f"-artifact_prefix={failed}", "-print_final_stats=1"],
                          capture_output=True, text=True, check=False, errors="replace")
    if done.returncode:
        raise Failure(f"{name}: exit status {done.returncode}\n{done.stderr[-4000:]}")
    runs = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    print(f"# {name}: {' '.join(runs)}, {len(list(corpus.iterdir()))} inputs", flush=True)


def can_fuzz():
    """Whether clang is there and has libFuzzer's library."""
    if not shutil.which("clang"):
        return False
    done = subprocess.run(["clang", "-fsanitize=fuzzer,address", "-x", "c", "-", "-o", "/dev/null"],
                          input=b"int LLVMFuzzerTestOneInput(const char *d, unsigned long n)"
                                b"{ return d && n > 9; }", capture_output=True, check=False)
    return done.returncode == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--keep", type=pathlib.Path, help="folder of inputs, kept and used again")
    parser.add_argument("wanted", nargs="?", help="an expression: the targets to run")
    options = parser.parse_args()
    here = can_fuzz()

    def case(folder, name):
        if not here:
            raise tap.Skip("clang or its libFuzzer is not installed")
        fuzz(folder, name, options.seconds)

    with tempfile.TemporaryDirectory() as temporary:
        folder = options.keep or pathlib.Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return tap.run([(f"/fuzz/{name}", lambda name=name: case(folder, name))
                        for name in TARGETS], options.wanted)


if __name__ == "__main__":
    sys.exit(main())
