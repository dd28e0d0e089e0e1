#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The interface is the golden file's, and the check that says so sees what it is for: each case below
patches a copy of the headers or of the library as a careless change would.

Argument: the built libtenon.so.
"""

import contextlib
import io
import lzma
import pathlib
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests"))

import check  # noqa: E402
import describe  # noqa: E402
from support import tap  # noqa: E402
from support.console import Failure  # noqa: E402

LIBRARY = pathlib.Path(sys.argv[1]).resolve()
GOLDEN = pathlib.Path(__file__).resolve().parent / "golden"
IDENTICAL, CHANGED, INCOMPATIBLE = 0, 4, 8  # abidiff's exit status, as bits


def run_check(*arguments):
    """(exit status, output) of the check's program."""
    output, old = io.StringIO(), sys.argv
    sys.argv = ["check.py", *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(output):
            return check.main(), output.getvalue()
    finally:
        sys.argv = old


@contextlib.contextmanager
def patched(header, old, new):
    """A copy of abi/ where one header has a text replaced."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch) / "abi"
        shutil.copytree(TOP / "abi", folder)
        path = folder / "tenon" / header
        text = path.read_text()
        if text.count(old) != 1:
            raise Failure(f"{header} has {text.count(old)} times: {old}")
        path.write_text(text.replace(old, new))
        yield folder


def expect(folder, *messages, library=LIBRARY):
    status, output = run_check("--headers", folder, library)
    if status != 1 or not all(message in output for message in messages):
        raise Failure(f"status {status}, expected {messages}:\n{output}")


def the_interface_is_the_golden_one():
    status, output = run_check(LIBRARY)
    if status:
        raise Failure(output)


def libabigail_finds_no_incompatible_change():
    if not shutil.which("abidiff"):
        raise tap.Skip("abidiff (abigail-tools) is not installed")
    with tempfile.TemporaryDirectory() as scratch:
        before = pathlib.Path(scratch) / "libtenon-1.abi"
        before.write_bytes(lzma.decompress((GOLDEN / "libtenon-1.abi.xz").read_bytes()))
        result = subprocess.run(
            ["abidiff", "--headers-dir2", TOP / "abi" / "tenon", "--drop-private-types",
             "--suppressions", GOLDEN.parent / "abidiff.suppr", before, LIBRARY],
            capture_output=True, text=True, check=False)
    print(tap.comment(result.stdout or "abidiff: no change"), flush=True)
    if result.returncode & ~CHANGED:
        raise Failure(f"abidiff ends with {result.returncode}\n{result.stderr}")


# ---- Careless changes ----------------------------------------------------------------------


def a_reordered_member_is_caught():
    with patched("device.h", """    const char *name;
    const TnRegister *registers;
""", """    const TnRegister *registers;
    const char *name;
""") as folder:
        expect(folder, "breach: struct TnRegisterBank: member name moved from offset 8 to 16",
               "breach: struct TnRegisterBank: member registers moved from offset 16 to 8")


def a_changed_enum_value_is_caught():
    with patched("clock.h", "TN_CLOCK_HOST = 2", "TN_CLOCK_HOST = 3") as folder:
        expect(folder, "breach: enum TnClock: TN_CLOCK_HOST was 2, and is 3")


def a_removed_symbol_is_caught():
    with tempfile.TemporaryDirectory() as scratch:
        library = pathlib.Path(scratch) / "libtenon.so"
        shutil.copy(LIBRARY, library)
        with open(library, "r+b") as file:
            elf = describe.ELFFile(file)
            names = elf.get_section_by_name(".dynstr")["sh_offset"]
            symbol = elf.get_section_by_name(".dynsym").get_symbol_by_name("tn_timer_when")[0]
            file.seek(names + symbol["st_name"])
            file.write(b"xx")
        expect(TOP / "abi", "breach: symbol tn_timer_when was removed",
               "addition: symbol xx_timer_when was added", library=library)


def a_removed_declaration_is_caught():
    with patched("clock.h", "TN_API int64_t tn_timer_when(const TnTimer *timer);", "") as folder:
        expect(folder, "breach: function tn_timer_when was removed")


def a_grown_by_value_struct_is_caught():
    with patched("memory.h", "    bool writable;      /*",
                 "    uint64_t more;\n    bool writable;      /*") as folder:
        expect(folder, "breach: struct TnMemorySpan is passed by value and may not grow: member more "
               "was added")


def a_member_in_the_padding_is_caught():
    with patched("chardev.h", "uint8_t data_bits, stop_bits;",
                 "uint8_t data_bits, stop_bits, flow;") as folder:
        expect(folder, "breach: struct TnSerialParams: member flow was added at offset 11, inside of "
               "the 12 bytes that older modules have")


def a_struct_that_loses_its_size_is_caught():
    with patched("memory.h", """    uint32_t size_of; /* sizeof(TnRegionOps) */
""", """    uint32_t what;
""") as folder:
        expect(folder, "breach: struct TnRegionOps: member size_of was removed",
               "breach: struct TnRegionOps was sized, and is frozen")


def a_changed_signature_is_caught():
    with patched("clock.h", "tn_timer_set(TnTimer *timer, int64_t when)",
                 "tn_timer_set(TnTimer *timer, uint32_t when)") as folder:
        expect(folder, "breach: function tn_timer_set was 'void (TnTimer *, int64_t)', and is "
               "'void (TnTimer *, uint32_t)'")


def a_changed_callback_is_caught():
    with patched("irq.h", "typedef void (*TnIrqFn)(void *opaque, unsigned line, int level)",
                 "typedef void (*TnIrqFn)(void *opaque, int level)") as folder:
        expect(folder, "breach: type TnIrqFn was")


def a_changed_text_is_caught():
    with patched("pci.h", '#define TN_TYPE_PCI_DEVICE "pci-device"',
                 '#define TN_TYPE_PCI_DEVICE "pci-function"') as folder:
        expect(folder, 'breach: macro TN_TYPE_PCI_DEVICE was \'"pci-device"\', and is '
               '\'"pci-function"\'')


# ---- Approving -----------------------------------------------------------------------------


def an_appended_member_passes_once_it_is_approved():
    with patched("device.h", "    uint32_t state_version; /*",
                 "    uint32_t state_version;\n    void (*more)(TnObject *dev); /*") as folder:
        golden = folder.parent / "golden.txt"
        shutil.copy(check.TEXT, golden)
        arguments = ("--headers", folder, "--golden", golden, LIBRARY)
        status, output = run_check(*arguments)
        if status != 1 or "addition: struct TnDeviceOps: member more was appended" not in output:
            raise Failure(output)
        if run_check("--approve", *arguments)[0] or run_check(*arguments)[0]:
            raise Failure("approving does not help")


def a_breach_is_not_approved():
    with patched("clock.h", "TN_CLOCK_HOST = 2", "TN_CLOCK_HOST = 3") as folder:
        golden = folder.parent / "golden.txt"
        shutil.copy(check.TEXT, golden)
        status, _ = run_check("--approve", "--headers", folder, "--golden", golden, LIBRARY)
        if status != 1 or golden.read_text() != check.TEXT.read_text():
            raise Failure("a changed value was approved")


CASES = [the_interface_is_the_golden_one, libabigail_finds_no_incompatible_change,
         a_reordered_member_is_caught, a_changed_enum_value_is_caught, a_removed_symbol_is_caught,
         a_removed_declaration_is_caught, a_grown_by_value_struct_is_caught,
         a_member_in_the_padding_is_caught, a_struct_that_loses_its_size_is_caught,
         a_changed_signature_is_caught, a_changed_callback_is_caught, a_changed_text_is_caught,
         an_appended_member_passes_once_it_is_approved, a_breach_is_not_approved]

sys.exit(tap.run([("/abi/" + case.__name__.replace("_", "-"), case) for case in CASES]))
