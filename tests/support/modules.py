# SPDX-License-Identifier: MIT
"""Modules made for tests: compiled once from a few lines of C, and copied under other names."""

import os
import pathlib
import struct
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent

SOURCE = r"""
#include "tenon/device.h"
#include "tenon/module.h"
%(code)s
static const TnTypeInfo type = { .size = sizeof(TnTypeInfo), .name = "%(type)s",
                                 .parent = TN_TYPE_DEVICE, .description = "made for the test" };
static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types, %(hooks)s };
TN_MODULE(hooks, TN_NOTE_NAME("%(name)s") TN_NOTE_VERSION("1") TN_NOTE_LICENCE("MIT") %(lines)s
          TN_NOTE_DEVICE("%(device)s", "", "misc", "made for the test"));
"""


PHDR, PHDR_SIZE, PT_NOTE, PT_GNU_STACK = 64, 56, 4, 0x6474e551  # of 64-bit ELF files


def compiler():
    return os.environ.get("CC", "cc").split()


def build(folder, library, name, device=None, code="", hooks="", lines="", type_name=None,
          options=()):
    """Compile FOLDER/NAME.so with the device test-NAME, against abi/ and the libtenon in LIBRARY."""
    device = device or "test-" + name
    text = SOURCE % {"name": name, "device": device, "type": type_name or device, "code": code,
                     "hooks": hooks, "lines": lines}
    glib = subprocess.run(["pkg-config", "--cflags", "glib-2.0"], capture_output=True, text=True,
                          check=True).stdout.split()
    target = folder / f"{name}.so"
    subprocess.run([*compiler(), "-shared", "-fPIC", "-fvisibility=hidden",
                    "-DTN_INTERNAL_HASH=\"0\"", f"-I{TOP / 'abi'}", *glib, "-x", "c", "-",
                    "-x", "none", "-o", target, f"-L{library}", "-ltenon", *options],
                   input=text, text=True, check=True)
    target.chmod(0o755)
    return target


def replace(data, *pairs):
    """The bytes of a file with texts in place of others of the same length."""
    for old, new in pairs:
        assert old in data and len(old) == len(new), (old, new)
        data = data.replace(old, new)
    return data


def many(folder, library, count):
    """COUNT modules many-000.so... with devices test-many-000..., from one compilation."""
    first = build(folder, library, "many-000")
    data = first.read_bytes()
    for number in range(1, count):
        path = folder / f"many-{number:03}.so"
        path.write_bytes(replace(data, (b"many-000", b"many-%03d" % number)))
        path.chmod(0o755)


def headers(data):
    """(offset, type) of each program header of a 64-bit file."""
    count = struct.unpack_from("<H", data, 56)[0]
    return [(PHDR + i * PHDR_SIZE, struct.unpack_from("<I", data, PHDR + i * PHDR_SIZE)[0])
            for i in range(count)]


def note_of(text):
    """The bytes of a Tenon note."""
    text += b"\0" * (-len(text) % 4)
    return struct.pack("<III", 6, len(text), 1) + b"Tenon\0\0\0" + text


def with_second_note(data, text):
    """PT_GNU_STACK made a PT_NOTE of the note `text` behind the file; None: of the first note."""
    data = bytearray(data)
    first = next(at for at, kind in headers(data) if kind == PT_NOTE)
    spare = next(at for at, kind in headers(data) if kind == PT_GNU_STACK)
    data[spare:spare + PHDR_SIZE] = data[first:first + PHDR_SIZE]
    if text is not None:
        note = note_of(text)
        struct.pack_into("<Q", data, spare + 8, len(data))  # p_offset
        struct.pack_into("<Q", data, spare + 32, len(note))  # p_filesz
        data += note
    return bytes(data)
