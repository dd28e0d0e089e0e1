#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The binary that a vendor built with the first SDK (sdk-1.0/sample.so) in this build: listed, checked, and
driven at its registers.

Arguments: tenon, tenon-modinfo, tenon-modcheck, and a folder for a copy of the binary.
"""

import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests"))

from support import tap  # noqa: E402
from support.console import Failure  # noqa: E402
from support.qtest import QTest  # noqa: E402

PROGRAM, MODINFO, MODCHECK, FOLDER = (pathlib.Path(argument).resolve() for argument in sys.argv[1:5])
BINARY = pathlib.Path(__file__).resolve().parent / "sdk-1.0" / "sample.so"
ENVIRONMENT = {**os.environ, "TENON_MODULE_PATH": ""}

SLOT, BAR, PORTS, ECHO = 5, 0xE0000000, 0xC800, 0x2F0
COMMAND, BAR0, BAR2 = 0x04, 0x10, 0x18
ENABLE, INTERRUPT_STATUS = 0x07, 1 << 19
START, STATUS, DELAY, SOURCE, TARGET, LENGTH, COPIES = 0x04, 0x08, 0x0C, 0x10, 0x18, 0x20, 0x24
COPY, IRQ, DONE, ERROR = 1, 2, 1, 2


def make_copy():
    """A checkout's own folders may be writable by others, and modules from there are refused."""
    if platform.machine() != "x86_64":
        raise tap.Skip("the binary is for x86_64 hosts")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    FOLDER.chmod(0o755)
    copy = shutil.copy(BINARY, FOLDER / "sample.so")
    copy.chmod(0o644)
    return copy


def run(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True, env=ENVIRONMENT,
                          timeout=120, check=False)


def equal(found, expected, what):
    if found != expected:
        raise Failure(f"{what}: found {found!r}, expected {expected!r}")


def sample(*more):
    q = QTest("-machine", "pc", "-module", f"dir={make_copy().parent}", *more)
    q.pci_write(SLOT, 0, BAR0, BAR)
    q.pci_write(SLOT, 0, BAR2, PORTS)
    q.pci_write(SLOT, 0, COMMAND, ENABLE, 2)
    return q


def it_is_usable():
    copy = make_copy()
    module = json.loads(run(MODINFO, "--json", copy).stdout)["modules"][0]
    equal(module["problems"], [], "problems")
    equal(module["abi"], "1.0", "ABI")
    equal([provide["name"] for provide in module["provides"]], ["sdk-sample", "sdk-sample-isa"], "names")


def it_is_listed():
    directory = f"dir={make_copy().parent}"
    result = run(PROGRAM, "-module", directory, "-device", "help")
    for words in ('name "sdk-sample", bus PCI', 'alias "sdk-copier"', 'name "sdk-sample-isa", bus ISA'):
        if words not in result.stdout:
            raise Failure(f"no {words!r} in:\n{result.stdout}{result.stderr}")
    result = run(PROGRAM, "-module", directory, "-device", "sdk-sample,help")
    for words in ("mode=", "what becomes of the bytes", "limit="):
        if words not in result.stdout:
            raise Failure(f"no {words!r} in:\n{result.stdout}{result.stderr}")


def it_keeps_the_rules():
    result = run(MODCHECK, make_copy())
    if result.returncode or "SKIP" in result.stdout or not result.stdout.startswith("1..17\n"):
        raise Failure(result.stdout + result.stderr)


def it_copies_and_interrupts():
    with sample("-device", f"sdk-sample,addr={SLOT:x}") as q:
        equal(q.pci_read(SLOT, 0, 0), 0x5D101234, "vendor and device")
        equal(q.readl(BAR), 0x5D4B0100, "ID")
        q.write(0x10000, bytes(range(64)))
        q.writeq(BAR + SOURCE, 0x10000)
        q.writeq(BAR + TARGET, 0x20000)
        q.writel(BAR + LENGTH, 64)
        q.writel(BAR + START, COPY | IRQ)
        q.step(9 * 1000)
        equal(q.readl(BAR + STATUS), 0, "status too early")
        q.step(2 * 1000)
        equal(q.readl(BAR + STATUS), DONE, "status")
        equal(q.read(0x20000, 64), bytes(255 - n for n in range(64)), "copy")
        equal(q.readl(BAR + COPIES), 1, "copies")
        equal(q.pci_read(SLOT, 0, COMMAND) & INTERRUPT_STATUS, INTERRUPT_STATUS, "interrupt")
        q.writel(BAR + STATUS, DONE)
        equal(q.pci_read(SLOT, 0, COMMAND) & INTERRUPT_STATUS, 0, "interrupt after acknowledging")


def its_properties_count():
    with sample("-device", f"sdk-copier,addr={SLOT:x},mode=plain,limit=16,label=x") as q:
        q.write(0x10000, b"0123456789abcdefg")
        q.writeq(BAR + SOURCE, 0x10000)
        q.writeq(BAR + TARGET, 0x20000)
        for length, status in ((16, DONE), (17, ERROR)):
            q.writel(BAR + LENGTH, length)
            q.writel(BAR + START, COPY)
            q.step(11 * 1000)
            equal(q.readl(BAR + STATUS), status, f"status of {length} bytes")
            q.writel(BAR + STATUS, status)
        equal(q.read(0x20000, 17), b"0123456789abcdef\0", "copy")
    result = run(PROGRAM, "-module", f"dir={FOLDER}", "-display", "none", "-S", "-device",
                 "sdk-sample,mode=sideways")
    if result.returncode != 1 or "sideways" not in result.stderr or "invert" not in result.stderr:
        raise Failure(result.stderr)


def its_ports_keep_bytes():
    with sample("-device", f"sdk-sample,addr={SLOT:x}") as q:
        q.outl(PORTS + 4, 0x12345678)
        equal(q.inb(PORTS + 5), 0x56, "byte")
        equal(q.inw(PORTS + 6), 0x1234, "word")


def its_isa_device_echoes():
    make_copy()
    log = FOLDER / "echo.log"
    with sample("-chardev", f"file,id=c,path={log}", "-device", "sdk-sample-isa,chardev=c,irq=7") as q:
        for byte in b"echo":
            q.outb(ECHO, byte)
        equal(q.inb(ECHO), ord("o"), "last byte")
    equal(log.read_bytes(), b"echo", "what the chardev got")


CASES = [it_is_usable, it_is_listed, it_keeps_the_rules, it_copies_and_interrupts, its_properties_count,
         its_ports_keep_bytes, its_isa_device_echoes]

sys.exit(tap.run([("/abi/sdk-1.0/" + case.__name__.replace("_", "-"), case) for case in CASES]))
