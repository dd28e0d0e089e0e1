#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Kept translations (-accel tcg,cache=DIR): guests that find them, and files that are no good.

The guest is the CPU suite of tests/guest, which must come out the same with any file; how many
blocks were taken from the file is read from the statistics (-accel tcg,stats=on).
"""

import argparse
import os
import pathlib
import random
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from guest import suite as guest
from support import debian, emulator, initramfs, tap
from support.console import Console, Failure

SUFFIX = ".tenon-cache"
HEADER = struct.Struct("<8sII32sQIIQ") # magic, version, slot bits, digest, size, entries, 0, sum
SLOT = struct.Struct("<II")
ENTRY_SIZE = struct.Struct("<QI") # checksum, size
SECONDS = 120
NOBODY = 65534


class Run:
    """One run of the CPU suite to its end."""

    def __init__(self, folder, *options, accel="", bits=64, model="max"):
        kernel = guest.compile_guest(f"cpu{bits}", bits, guest.cpu_sources(bits))
        with tempfile.NamedTemporaryFile() as log:
            command = emulator.command(
                *guest.BARE, *guest.EXIT_DEVICE, "-cpu", model, "-kernel", kernel, "-D", log.name,
                "-accel", f"tcg,stats=on,cache={folder}{accel}", *options,
                target="x86_64" if bits == 64 else "i386")
            done = subprocess.run(command, capture_output=True, text=True, check=False,
                                  timeout=SECONDS, stdin=subprocess.DEVNULL)
            self.log = pathlib.Path(log.name).read_text(encoding="latin-1")
        self.said = done.stderr
        self.status = done.returncode
        self.cases = list(guest.parse(done.stdout))
        bad = [title for good, title, _ in self.cases if not good and model == "max"]
        if bad or "guest-done" not in done.stdout:
            raise Failure(f"status {self.status}, failed: {bad}\n{done.stdout[-500:]}\n{self.said}")

    def count(self, name):
        match = re.search(rf"^{name}: (\d+)$", self.log, re.M)
        return int(match.group(1)) if match else 0

    @property
    def taken(self):
        return self.count("cache, blocks taken from it")

    @property
    def translated(self):
        return self.count("blocks translated")


def want(good, text):
    if not good:
        raise Failure(text)


def only_file(folder):
    files = sorted(pathlib.Path(folder).glob(f"*{SUFFIX}"))
    want(len(files) == 1, f"{len(files)} files, not one")
    return files[0]


def fresh():
    """A folder to be removed."""
    return tempfile.TemporaryDirectory(prefix="tenon-cache-")


FILLED = {}


def filled(folder):
    """A copy of what a first run leaves; its file."""
    if not FILLED:
        keep = fresh()
        Run(pathlib.Path(keep.name) / "cache")
        FILLED["folder"] = keep
    source = pathlib.Path(FILLED["folder"].name) / "cache"
    shutil.copytree(source, folder)
    os.chmod(folder, 0o700)
    return only_file(folder)


# ---- Good files ----------------------------------------------------------------------------


def check_second_run():
    for bits in (32, 64):
        with fresh() as top:
            folder = f"{top}/cache"
            first, second = Run(folder, bits=bits), Run(folder, bits=bits)
            want(os.stat(folder).st_mode & 0o777 == 0o700, "the folder's mode is not 0700")
            want(first.taken == 0, f"the first run took {first.taken} blocks")
            want(second.taken > 2 * second.translated,
                 f"{bits} bits: {second.taken} taken, {second.translated} translated")


def entries_of(file):
    """The back end's parts by mode, pc and code."""
    data = file.read_bytes()
    found = {}
    at = HEADER.size + 8 * (1 << HEADER.unpack_from(data)[2])
    while at < len(data):
        size, kept = struct.unpack_from("<II", data, at + 8)
        n_bytes, _, _, n_fields = struct.unpack_from("<HHBB", data, at + 40)
        head = 48 + (n_bytes + 7 & ~7) + (n_fields + 1 & ~1) * 4
        found[data[at + 16:at + head]] = data[at + head:at + head + kept]
        at += size
    return found


def check_no_addresses():
    """Two processes lie at different addresses, and make the same entries."""
    with fresh() as one, fresh() as two:
        for folder in (one, two):
            Run(f"{folder}/cache")
        first, second = (entries_of(only_file(f"{folder}/cache")) for folder in (one, two))
        both = first.keys() & second.keys()
        bad = [key for key in both if first[key] != second[key]]
        want(len(both) > 1000, f"only {len(both)} entries in both")
        want(not bad, f"{len(bad)} of {len(both)} entries differ")


def boot(folder):
    """Boots Debian's cloud kernel to a shell and off; its log and the translator's."""
    with tempfile.NamedTemporaryFile() as log, tempfile.TemporaryDirectory() as images:
        image = initramfs.write("amd64", pathlib.Path(images) / "initramfs")
        command = emulator.command(
            "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-m", "512",
            "-cpu", "max", "-kernel", debian.kernel("cloud"), "-initrd", image, "-append",
            "console=ttyS0", "-D", log.name, "-accel", f"tcg,stats=on,cache={folder}")
        with Console(command) as console:
            console.expect("tenon-guest# ", SECONDS)
            status = pathlib.Path(f"/proc/{console.process.pid}/status").read_text()
            yield console
            console.send("echo $((6*7)); uname -m\n")
            console.expect("42", SECONDS)
            console.expect("x86_64", SECONDS)
            console.send("poweroff\n")
            console.wait(SECONDS)
            text = console.text()
        run = Run.__new__(Run)
        run.log = pathlib.Path(log.name).read_text(encoding="latin-1")
        run.peak = int(re.search(r"VmHWM:\s+(\d+)", status).group(1))
        bad = re.findall(r".*(?:BUG|WARNING|Oops|Call Trace|segfault).*", text)
        want(not bad, f"the kernel says {bad[:3]}")
        yield run


def booted(folder):
    return list(boot(folder))[-1]




def check_kernel():
    """Its code lies elsewhere in every boot (KASLR)."""
    with fresh() as top:
        first, second = booted(f"{top}/cache"), booted(f"{top}/cache")
        want(second.taken > 9 * second.translated,
             f"{second.taken} taken, {second.translated} translated")
        want(second.translated * 9 < first.translated, "the second boot translates too much")
        want(second.peak < 1.1 * first.peak, f"{second.peak} KiB at most, {first.peak} without")


def check_processors():
    """Each vCPU takes from one file."""
    with fresh() as top:
        filled(f"{top}/cache")
        run = Run(f"{top}/cache", "-smp", "2")
        want(run.taken > run.translated, f"{run.taken} taken, {run.translated} translated")


def check_separate():
    """What translations depend on has a file of its own."""
    with fresh() as top:
        folder = f"{top}/cache"
        filled(folder)
        for number, settings in enumerate(({"model": "max,-avx2,-bmi1"}, {"model": "qemu64"},
                                           {"accel": ",opt-dead-flags=off"}), 2):
            run = Run(folder, **settings)
            want(run.taken == 0, f"{settings} took {run.taken} blocks")
            files = len(list(pathlib.Path(folder).glob(f"*{SUFFIX}")))
            want(files == number, f"{files} files, not {number}")


# ---- Bad files -----------------------------------------------------------------------------


def spoiled(name, spoil, taken=False):
    """A case: after `spoil(file)` a run must go well; `taken` where it may still find blocks."""

    def case():
        with fresh() as top:
            file = filled(f"{top}/cache")
            spoil(file)
            run = Run(f"{top}/cache")
            want(taken or run.taken == 0, f"{run.taken} blocks taken from it")
            again = Run(f"{top}/cache")
            want(taken or again.taken > again.translated, "it was not replaced")

    return f"/cache/file/{name}", case


def cut(share):
    def spoil(file):
        os.truncate(file, int(file.stat().st_size * share))
    return spoil


def flip(first, last, count):
    """Flips bits of random bytes between two shares of the file."""
    def spoil(file):
        data = bytearray(file.read_bytes())
        draw = random.Random(f"{first} {last}")
        low, high = (int(share * len(data)) if share else 0 for share in (first, last))
        for _ in range(count):
            data[draw.randrange(low, high)] ^= 1 << draw.randrange(8)
        file.write_bytes(data)
    return spoil


def patch(offset, value):
    def spoil(file):
        with file.open("r+b") as stream:
            stream.seek(offset)
            stream.write(value)
    return spoil


def slots_of(data):
    bits = HEADER.unpack_from(data)[2]
    return [HEADER.size + 8 * number for number in range(1 << bits)]


def wild_slots(file):
    """Offsets that lead anywhere: behind the end, into other entries, into the table."""
    data = bytearray(file.read_bytes())
    draw = random.Random("slots")
    for at in slots_of(data):
        offset, tag = SLOT.unpack_from(data, at)
        if offset:
            SLOT.pack_into(data, at, draw.choice([1, offset + 1, len(data) // 8, 2**32 - 1]), tag)
    file.write_bytes(data)


def wild_sizes(file):
    data = bytearray(file.read_bytes())
    draw = random.Random("sizes")
    for at in slots_of(data):
        offset = SLOT.unpack_from(data, at)[0] * 8
        if offset:
            struct.pack_into("<I", data, offset + 8, draw.choice([0, 8, 2**18, 2**31, 2**32 - 8]))
    file.write_bytes(data)


def refused(name, spoil, message):
    """A case: the run must say that it does not use what `spoil(folder, file)` made, and why."""

    def case():
        with fresh() as top:
            folder = pathlib.Path(top) / "cache"
            spoil(folder, filled(folder))
            run = Run(folder)
            want(run.taken == 0, f"{run.taken} blocks taken")
            want(re.search(message, run.said), f"it says: {run.said!r}")

    return f"/cache/refused/{name}", case


def as_link(folder, file):
    file.rename(folder / "elsewhere")
    file.symlink_to("elsewhere")


def as_pipe(folder, file):
    file.unlink()
    os.mkfifo(file)


def as_folder(folder, file):
    file.unlink()
    file.mkdir()


def foreign(folder, file):
    if os.geteuid() != 0:
        raise tap.Skip("only root can give files away")
    os.chown(file, NOBODY, NOBODY)


def foreign_folder(folder, file):
    if os.geteuid() != 0:
        raise tap.Skip("only root can give files away")
    os.chown(folder, NOBODY, NOBODY)


def check_no_folder():
    run = Run("/dev/null/cache")
    want("cannot be made" in run.said, run.said)


def check_cut_while_read():
    """What is gone is as if it were damaged."""
    with fresh() as top:
        booted(f"{top}/cache")
        steps = boot(f"{top}/cache")
        next(steps)
        os.truncate(only_file(f"{top}/cache"), 5000)
        want(next(steps).taken > 0, "the second boot took nothing")


def bare_guest(folder):
    """The command of the 64-bit guest suite with a cache."""
    kernel = guest.compile_guest("cpu64", 64, guest.cpu_sources(64))
    return emulator.command(*guest.BARE, *guest.EXIT_DEVICE, "-cpu", "max", "-kernel", kernel,
                            "-accel", f"tcg,cache={folder}")


def check_together():
    """Several write at once: the file is whole afterwards."""
    with fresh() as top:
        folder = f"{top}/cache"
        command = bare_guest(folder)
        runs = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                 stdin=subprocess.DEVNULL, text=True) for _ in range(4)]
        for run in runs:
            _, said = run.communicate(timeout=SECONDS)
            want(not said, said)
        want(sorted(os.listdir(folder)) == [only_file(folder).name], f"{os.listdir(folder)}")
        run = Run(folder)
        want(run.taken > 2 * run.translated and not run.count("cache, entries damaged"),
             f"{run.taken} taken, {run.translated} translated")


def check_killed():
    """A writer is killed at any moment: what is there before or after is whole."""
    with fresh() as top:
        folder = f"{top}/cache"
        command = bare_guest(folder)
        for number in range(8):
            with Console(command) as console:
                console.expect("guest-done", SECONDS)
                time.sleep(number / 40)
                os.killpg(console.process.pid, signal.SIGKILL)
        pathlib.Path(folder, "new").write_bytes(b"left behind")
        Run(folder)
        run = Run(folder)
        want(run.taken > 2 * run.translated and not run.count("cache, entries damaged"),
             f"{run.taken} taken, {run.translated} translated")


def check_full_disk():
    with fresh() as top:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "none", top],
                              capture_output=True, check=False)
        if done.returncode:
            raise tap.Skip("cannot mount a small file system")
        try:
            run = Run(f"{top}/cache")
            want("No space left" in run.said, run.said)
            want(os.listdir(f"{top}/cache") == [], "something is left of the file")
        finally:
            subprocess.run(["umount", top], check=True)


def check_size():
    """Old files go first, then what was not used for longest."""
    with fresh() as top:
        file = filled(f"{top}/cache")
        old = file.with_name("0" * 64 + SUFFIX)
        old.write_bytes(bytes(1 << 20))
        os.utime(old, (0, 0))
        Run(f"{top}/cache", model="max,-bmi1", accel=",cache-size=1")
        want(not old.exists(), "the old file is still there")
        size = sum(one.stat().st_size for one in pathlib.Path(f"{top}/cache").iterdir())
        want(size <= 1 << 20, f"{size} bytes")


def check_options():
    for accel, message in (("backend=interp", "backend=interp"), ("check=on", "check=on"),
                           ("one-insn-per-tb=on", "one-insn-per-tb=on")):
        done = subprocess.run(emulator.command("-accel", f"tcg,cache=/nowhere,{accel}", "-display",
                                               "none"), capture_output=True, text=True,
                              check=False, timeout=SECONDS)
        want(done.returncode == 1 and message in done.stderr, done.stderr)


CASES = [
    ("/cache/second-run-takes-its-blocks", check_second_run),
    ("/cache/second-boot-takes-its-blocks-wherever-the-kernel-lies", check_kernel),
    ("/cache/two-processors", check_processors),
    ("/cache/nothing-of-a-process-is-kept", check_no_addresses),
    ("/cache/other-processor-other-file", check_separate),
    *[spoiled(f"cut-at-{share}", cut(share))
      for share in (0, 0.00001, 0.0001, 0.01, 0.1, 0.5, 0.9, 0.999999)],
    spoiled("bits-of-the-header", flip(0, 0.00005, 3)),
    spoiled("bits-of-the-table", flip(0.0001, 0.03, 500), taken=True),
    spoiled("bits-of-the-entries", flip(0.05, 1, 5000), taken=True),
    spoiled("bits-anywhere", flip(0.0001, 1, 20000), taken=True),
    spoiled("zeros", lambda file: file.write_bytes(bytes(file.stat().st_size))),
    spoiled("noise", lambda file: file.write_bytes(
        random.Random("noise").randbytes(file.stat().st_size))),
    spoiled("another-version", patch(8, b"\xff")),
    spoiled("of-another-build", patch(16, bytes(32))),
    spoiled("table-too-large", patch(12, b"\x1a")),
    spoiled("offsets-that-lead-anywhere", wild_slots, taken=True),
    spoiled("sizes-of-anything", wild_sizes, taken=True),
    refused("symbolic-link", as_link, "symbolic link"),
    refused("pipe", as_pipe, "not a regular file"),
    refused("folder-in-its-place", as_folder, "not a regular file"),
    refused("file-of-another-user", foreign, "another user"),
    refused("folder-of-another-user", foreign_folder, "another user"),
    refused("file-that-others-write", lambda _, file: file.chmod(0o666), "others .* may write"),
    refused("folder-that-others-write", lambda folder, _: folder.chmod(0o777),
            "others .* may write"),
    ("/cache/refused/no-folder", check_no_folder),
    ("/cache/cut-while-it-is-read", check_cut_while_read),
    ("/cache/four-write-at-once", check_together),
    ("/cache/killed-while-writing", check_killed),
    ("/cache/full-disk", check_full_disk),
    ("/cache/size-is-kept-to", check_size),
    ("/cache/options-that-do-not-go-with-it", check_options),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wanted", nargs="?", help="an expression: the cases to run")
    return tap.run(CASES, parser.parse_args().wanted)


if __name__ == "__main__":
    sys.exit(main())
