# SPDX-License-Identifier: MIT
"""Runs a plan of kernels natively or in an emulator, and measures from outside and inside.

The guest program waits for a line before its clock starts, so that the emulator's processor time
can be read at exactly that moment. A kernel's result is a Sample: seconds by the guest's clock,
seconds of processor time on the host, and the sum of what it computed.
"""

import dataclasses
import os
import pathlib
import shutil
import sys
import time

from support import debian, emulator
from support.console import Console, Failure

import guest

KERNEL_SECONDS = 900
BOOT_SECONDS = 600
NANO = 1e-9
# How far the guest's clock may be from the host's before the run is of no use.
CLOCK_TOLERANCE = (0.1, 0.25)  # of the time, seconds

EVENT = r"bench-(begin|end|skip|fail|done)(?: ([^\n]*))?\n"


@dataclasses.dataclass
class Sample:
    wall: float
    cpu: float
    sum: str


def cpu_seconds(pid):
    """Processor time that the process's threads have used."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except (OSError, IndexError):
            continue  # a thread that has ended
    return total * NANO


def collect(console, boot, native):
    """Sample of every kernel that ran; those that could not are told of and left out."""
    found = {}
    seconds = boot
    while True:
        event = console.expect(EVENT, seconds)
        what, rest = event.group(1), event.group(2)
        seconds = KERNEL_SECONDS
        if what == "done":
            return found
        if what == "begin":
            cpu, start = cpu_seconds(console.process.pid), time.monotonic()
            console.send("\n")
        elif what == "end":
            elapsed = time.monotonic() - start
            name, wall, inside, total = rest.split()
            wall = int(wall) * NANO
            cpu = int(inside) * NANO if native else cpu_seconds(console.process.pid) - cpu
            check_clock(console, name, wall, elapsed)
            found[name] = Sample(wall, cpu, total)
        elif what == "fail":
            print(f"# {console.command[0]}: {rest}", file=sys.stderr)


def check_clock(console, name, wall, elapsed):
    share, fixed = CLOCK_TOLERANCE
    if wall > elapsed * (1 + share) + fixed:
        print(f"# {console.command[0]}: {name}: {wall:.2f} s by the guest's clock, {elapsed:.2f} s "
              "by the host's", file=sys.stderr)


class Native:
    label = "native"
    stats = {}

    def run(self, kernels, scale, folder, _smp):
        plan = folder / "plan"
        plan.write_text(guest.plan(kernels, scale))
        with Console([guest.program(), plan]) as console:
            return collect(console, 60, True)


class Emulator:
    def __init__(self, label, command, more=(), cpu="max"):
        self.label = label
        self.command = [*command, *more]
        self.cpu = cpu
        self.stats = {}  # the last text by number of processors

    def options(self, image, smp):
        return ["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio",
                "-m", "1024", "-cpu", self.cpu, "-smp", smp, "-kernel", debian.kernel("cloud"),
                "-initrd", image, "-append", "console=ttyS0 quiet tenon.run=bench"]

    def run(self, kernels, scale, folder, smp):
        image = guest.image(folder / "initramfs", guest.plan(kernels, scale))
        with Console([*self.command, *self.options(image, smp)]) as console:
            found = collect(console, BOOT_SECONDS, False)
            try:
                console.wait(60)
            except Failure as failure:
                print(f"# {self.label}: {failure}", file=sys.stderr)
            _, _, text = console.text()[console.seen:].partition("translation statistics\n")
            self.stats[smp] = text
            return found


def tenon_command(path):
    """The command of a program, or of a build folder's program."""
    path = pathlib.Path(path)
    return [str(path / "tenon-system-x86_64" if path.is_dir() else path)]


def with_accel(words, setting):
    """The options `words` with one more setting of the accelerator."""
    words = list(words)
    if "-accel" not in words:
        return [*words, "-accel", f"tcg,{setting}"]
    words[words.index("-accel") + 1] += f",{setting}"
    return words


def tenons(paths, more):
    """Emulators of the option --tenon, with more options; each may be LABEL=PATH."""
    if not paths:
        return [Emulator("tenon", emulator.command(), more)]
    found = []
    for number, text in enumerate(paths):
        label, equals, path = text.rpartition("=")
        if not equals:
            label = "tenon" if number == 0 else f"tenon-{number + 1}"
        found.append(Emulator(label, tenon_command(path), more))
    return found


def qemu():
    """Debian's QEMU, or nothing where it is not installed."""
    path = shutil.which("qemu-system-x86_64")
    if not path or os.environ.get("TENON"):
        return []
    return [Emulator("qemu", [path, "-accel", "tcg"])]
