#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Listing among hostile files: exit status 0, quick, all good modules there, none of them run.

The corpus has one file of each kind of bad module; then come mutated ones, 300 at a time, each made
from its number alone, so that a failure can be repeated with --first.

Each folder is listed without and with an index (tenon-modinfo lies beside the program), and both
lists must be the same. Last come mutated indexes, as they are and with sums that fit.

Every module marks its being run by making a file.
"""

import argparse
import json
import os
import pathlib
import random
import re
import shutil
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from support import index, modules, tap  # noqa: E402
from support.console import Failure  # noqa: E402

BATCH = 300
GOOD = 8
SECONDS = 1.0  # of the processor, for a batch


class Place:
    """The program, and the folder of modules that it looks into."""

    def __init__(self, program, folder):
        self.program, self.folder = program.resolve(), folder.resolve()
        self.library = self.program.parent / "core"
        self.mark = self.folder.parent / (self.folder.name + ".mark")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.folder.chmod(0o755)
        self.mark.unlink(missing_ok=True)
        code = f'#include <fcntl.h>\nstatic void mark(void) {{ creat("{self.mark}", 0600); }}'
        self.code = code + "\n__attribute__((constructor)) static void run(void) { mark(); %s }"

    def build(self, name, extra="", **more):
        return modules.build(self.folder, self.library, name, code=self.code % extra, **more)

    def write(self, name, data):
        path = self.folder / f"{name}.so"
        path.unlink(missing_ok=True)  # file systems hurry to disk what replaces a file's contents
        path.write_bytes(data)
        path.chmod(0o755)
        return path

    def list(self, *options, wrapper=()):
        """Output of a listing, with the path of modules set; it must end well and soon."""
        env = {**os.environ, "TENON_MODULE_PATH": f"{self.folder}:{self.folder}-open"}
        child = subprocess.Popen([*wrapper, self.program, *options], env=env, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        with child:
            text = child.stdout.read()
            errors = child.stderr.read()
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise Failure(f"{options}: exit status {child.returncode}\n{errors}")
        if not wrapper and used.ru_utime + used.ru_stime > SECONDS:
            raise Failure(f"{options} took {used.ru_utime + used.ru_stime:.2f} s")
        return text

    def check(self, good, strace):
        """The lists are the same without and with an index."""
        (self.folder / index.NAME).unlink(missing_ok=True)
        names = self.check_lists(good, strace)
        subprocess.run([self.program.parent / "tenon-modinfo", "--write-index", self.folder],
                       check=True, timeout=60)
        if self.check_lists(good, strace) != names:
            raise Failure("the index changes the list")
        (report,) = self.indexes()
        if report["cause"] or report["modules"] < len(good):
            raise Failure(f"the index is not used: {report}")
        return names

    def indexes(self):
        return json.loads(self.list("-module", "help,format=json"))["indexes"]

    def check_lists(self, good, strace):
        """Both lists have the good modules, and nothing of any module ran or was mapped."""
        names = set(re.findall(r'name "(test-[^"]*)"', self.list("-device", "help")))
        if not good <= names:
            raise Failure(f"not listed: {good - names}")
        json.loads(self.list("-module", "help,format=json"))
        if strace:
            self.check_maps()
        if self.mark.exists():
            raise Failure("code of a module ran")
        return names

    def check_maps(self):
        log = self.folder.parent / (self.folder.name + ".strace")
        self.list("-device", "help", wrapper=["strace", "-f", "--seccomp-bpf", "-y", "-o", log,
                                              "-e", "trace=mmap,execve"])
        mapped = [line for line in log.read_text().splitlines()
                  if "mmap(" in line and str(self.folder) in line]
        if mapped:
            raise Failure(f"mapped: {mapped[0]}")


def can_strace():
    """Whether strace is there and may trace."""
    done = subprocess.run(["strace", "--seccomp-bpf", "-f", "-e", "trace=mmap", "true"],
                          capture_output=True, check=False) if shutil.which("strace") else None
    return bool(done and done.returncode == 0)


# ---- The corpus ----------------------------------------------------------------------------


def corpus(place, whole):
    """Write one of each; the names of devices that must be listed besides the good ones."""
    listed = {"ring", "gnir", "lone", "crash", "hang", "gone", "twice-00", "twin", "linked"}
    for name, lines in (("ring", 'TN_NOTE_REQUIRES("gnir")'), ("gnir", 'TN_NOTE_REQUIRES("ring")'),
                        ("lone", 'TN_NOTE_REQUIRES("absent")')):
        place.build(name, lines=lines)
    place.build("crash", "__builtin_trap();")
    place.build("hang", "for (;;) ;")
    place.build("twin")
    place.build("twin2", device="test-twin")
    library = place.folder / "libgone.so.1"
    subprocess.run([*modules.compiler(), "-shared", "-o", library, "-x", "c", "-",
                    "-Wl,-soname,libgone.so.1"], input=b"int gone(void) { return 1; }", check=True)
    place.build("gone", options=["-Wl,--no-as-needed", library])
    library.unlink()

    def changed(name, *pairs):
        return modules.replace(whole, (b"many-000", name), *pairs)

    for percent in range(0, 100, 7):
        place.write(f"cut{percent}", whole[:len(whole) * percent // 100])
    place.write("class", whole[:4] + b"\1" + whole[5:])
    place.write("order", whole[:5] + b"\2" + whole[6:])
    place.write("arch", whole[:18] + b"\xf3\0" + whole[20:])
    place.write("future", changed(b"many-fut", (b"format=1", b"format=2")))
    place.write("abi", changed(b"many-abi", (b"abi=1.0", b"abi=2.0")))
    text = b"format=1\nabi=1.0\nname=other\n"
    place.write("two-notes", modules.with_second_note(whole, text))
    place.write("huge-note", modules.with_second_note(whole, text + b"x=y\n" * 400000))
    place.write("twice", modules.with_second_note(
        modules.replace(whole, (b"test-many-000", b"test-twice-00")), None))
    elsewhere = place.folder.parent / (place.folder.name + "-open")
    shutil.rmtree(elsewhere, ignore_errors=True)
    elsewhere.mkdir()
    shutil.copy(place.folder / "twin.so", elsewhere / "open.so")
    elsewhere.chmod(0o777)
    (place.folder / "through-open.so").symlink_to(elsewhere / "open.so")
    (place.folder / "dangling.so").symlink_to("/nowhere/at/all.so")
    (place.folder / "loop.so").symlink_to("loop.so")
    kept = place.folder / "kept"
    kept.mkdir(mode=0o755)
    place.build("linked").rename(kept / "linked.so")
    (place.folder / "linked.so").symlink_to("kept/linked.so")
    (place.folder / "folder.so").mkdir()
    os.mkfifo(place.folder / "fifo.so")
    return {f"test-{name}" for name in listed}


def the_corpus_lists_what_is_good(place, good, whole, strace):
    names = place.check(good | corpus(place, whole), strace)
    extra = {name for name in names if not name.startswith("test-many-")} & {
        "test-open", "test-fut", "test-abi", "test-other"}
    if extra:
        raise Failure(f"listed: {extra}")
    for path in place.folder.iterdir():
        if path.stem.split("-")[0] != "many":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()


def a_module_that_is_used_runs(place):
    """The mark works: without this, its absence would tell nothing."""
    place.list("-device", "test-many-000,help")
    if not place.mark.exists():
        raise Failure("a loaded module left no mark")
    place.mark.unlink()


# ---- Mutations -----------------------------------------------------------------------------

NOTE_WORDS = [b"format=", b"abi=", b"name=", b"provides=", b"alias=", b"requires=", b"guests=",
              b"|", b"\n", b"=", b"device|", b"\0", b"\xff", b"tier=internal", b"Tenon\0"]
EDGES = [0, 1, 4, 8, 0x7f, 0x80, 0xff, 0xfff, 0x7fffffff, 0x80000000, 0xffffffff,
         0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff]


def flip(data, rng):
    """Bytes of the headers and notes, where reading looks."""
    for _ in range(rng.randint(1, 12)):
        data[rng.randrange(0, 1024)] = rng.randrange(256)
    return data


def cut(data, rng):
    return data[:rng.randrange(len(data))]


def field(data, rng):
    """A field of the file header or of a program header becomes an extreme."""
    size, form = rng.choice(((2, "<H"), (4, "<I"), (8, "<Q")))
    at = rng.randrange(0, modules.PHDR + 12 * modules.PHDR_SIZE, size)
    struct.pack_into(form, data, at, rng.choice(EDGES) & (1 << 8 * size) - 1)
    return data


def note(data, rng):
    """Words of a note lie where other text was."""
    start = data.index(b"Tenon\0") - 12
    for _ in range(rng.randint(1, 6)):
        word = rng.choice(NOTE_WORDS)
        at = rng.randrange(start, start + 240)
        data[at:at + len(word)] = word
    return data


def shift(data, rng):
    """Bytes come or go: everything behind lies elsewhere."""
    at = rng.randrange(0, 1024)
    if rng.random() < 0.5:
        del data[at:at + rng.randint(1, 64)]
    else:
        data[at:at] = rng.randbytes(rng.randint(1, 64))
    return data


def segments(data, rng):
    """A program header is copied over another: overlapping and repeated notes, and their like."""
    places = [at for at, _ in modules.headers(data)]
    source, target = rng.choice(places), rng.choice(places)
    data[target:target + modules.PHDR_SIZE] = data[source:source + modules.PHDR_SIZE]
    if rng.random() < 0.7:
        struct.pack_into("<I", data, target, modules.PT_NOTE)
    return data


MUTATIONS = (flip, cut, field, note, shift, segments)


def mutated(whole, number):
    rng = random.Random(number)
    data = bytearray(whole)
    for _ in range(rng.randint(1, 3)):
        if len(data) < 2048:
            break
        try:
            data = rng.choice(MUTATIONS)(data, rng)
        except (IndexError, ValueError, struct.error):
            break  # an earlier mutation took away what this one looks for
    return bytes(data)


def mutations_list_what_is_good(place, good, whole, numbers, strace):
    for start in range(numbers.start, numbers.stop, BATCH):
        batch = range(start, min(start + BATCH, numbers.stop))
        for at, number in enumerate(batch):
            place.write(f"mutant-{at:03}", mutated(whole, number))
        try:
            place.check(good, strace)
        except Failure as failure:
            raise Failure(f"mutations {batch.start} to {batch.stop - 1}: {failure}") from None


# ---- Indexes --------------------------------------------------------------------------------


def mutated_index(whole, rng):
    data = bytearray(whole)
    for _ in range(rng.randint(1, 4)):
        what, at = rng.randrange(5), rng.randrange(0, len(data), rng.choice((1, 4, 8)))
        if what == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif what == 1:
            form, size = rng.choice((("<I", 4), ("<Q", 8)))
            struct.pack_into(form, data, min(at, len(data) - size),
                             rng.choice(EDGES) & (1 << 8 * size) - 1)
        elif what == 2:
            word = rng.choice([*NOTE_WORDS, b"/", b"../", b".so\0"])
            data[at:at + len(word)] = word
        elif what == 3 and len(data) > 128:
            del data[at:at + rng.randint(1, 64)]
        else:
            data[at:at] = data[:rng.randint(1, 64)]
    return bytes(data)


def mutated_indexes_do_no_harm(place, good, numbers, strace):
    for mutant in place.folder.glob("mutant-*"):
        mutant.unlink()
    place.check(good, strace)
    path = place.folder / index.NAME
    whole = path.read_bytes()
    for number in numbers:
        rng = random.Random(number)
        data = mutated_index(whole, rng)
        fits = number % 2
        path.unlink()
        path.write_bytes(index.sealed(data[:-index.TRAILER]) if fits and len(data) > 48 else data)
        path.chmod(0o644)
        try:
            # One whose sum fits, and whose stamp too, can lie; without that it can do nothing.
            place.check_lists(set() if fits else good, False)
        except Failure as failure:
            raise Failure(f"mutated index {number}: {failure}") from None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("program", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path, help="is emptied, and modules are made there")
    parser.add_argument("--first", type=int, default=0, help="number of the first mutation")
    parser.add_argument("--count", type=int, default=10000)
    parser.add_argument("--indexes", type=int, default=300, help="how many mutated indexes")
    options = parser.parse_args()
    place = Place(options.program, options.folder)
    whole = place.build("many-000").read_bytes()
    for number in range(1, GOOD):
        place.write(f"many-{number:03}", modules.replace(whole, (b"many-000",
                                                                 b"many-%03d" % number)))
    good = {f"test-many-{number:03}" for number in range(GOOD)}
    strace = can_strace()
    numbers = range(options.first, options.first + options.count)
    if not strace:
        print("# strace cannot trace here: mappings are not looked at", flush=True)
    return tap.run([
        ("/hostile/a-module-that-is-used-runs", lambda: a_module_that_is_used_runs(place)),
        ("/hostile/the-corpus", lambda: the_corpus_lists_what_is_good(place, good, whole, strace)),
        (f"/hostile/{options.count}-mutations",
         lambda: mutations_list_what_is_good(place, good, whole, numbers, strace)),
        (f"/hostile/{options.indexes}-mutated-indexes",
         lambda: mutated_indexes_do_no_harm(place, good, range(options.indexes), strace)),
    ])


if __name__ == "__main__":
    sys.exit(main())
