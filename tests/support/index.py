# SPDX-License-Identifier: MIT
"""Indexes of module directories, good and bad ones: the form of core/module/index.h, written anew.

An Entry's fields are what the file says, true or not.
"""

import dataclasses
import os
import struct

NAME = "modules.index"
MAGIC, VERSION, NOTE_FORMAT = b"TenonIdx", 1, 1
FACTOR, MASK = 0x9e3779b97f4a7c15, (1 << 64) - 1
HEADER, RECORD, TRAILER = "<8sIIIIQ", "<QQqqIIBBHIII", 8


@dataclasses.dataclass
class Entry:
    file: str
    inode: int = 1
    size: int = 1
    mtime_ns: int = 0
    ctime_ns: int = 0
    elf: tuple = (2, 1, 62)  # class, data, machine
    note: bytes = b""

    def stamped(self, path):
        """The same as an entry that is true of the file at `path`."""
        st = os.stat(path, follow_symlinks=False)
        return dataclasses.replace(self, inode=st.st_ino, size=st.st_size, mtime_ns=st.st_mtime_ns,
                                   ctime_ns=st.st_ctime_ns)


def checksum(data):
    total = len(data)
    for (word,) in struct.iter_unpack("<Q", data):
        total = (total ^ word) * FACTOR & MASK
        total ^= total >> 32
    return total


def sealed(data):
    """A body with header, its size and sum made to fit: what is malformed in it stays so."""
    data = bytearray(data[:len(data) // 8 * 8])
    struct.pack_into("<Q", data, 24, len(data) + TRAILER)
    return bytes(data) + struct.pack("<Q", checksum(data))


def encode(entries, version=VERSION, note_format=NOTE_FORMAT, count=None):
    out = bytearray(struct.pack(HEADER, MAGIC, version, note_format,
                                len(entries) if count is None else count, 0, 0))
    for entry in entries:
        name = os.fsencode(entry.file) + b"\0"
        (mtime, mtime_ns), (ctime, ctime_ns) = (divmod(ns, 10**9) for ns in
                                                (entry.mtime_ns, entry.ctime_ns))
        out += struct.pack(RECORD, entry.inode, entry.size, mtime, ctime, mtime_ns, ctime_ns,
                           *entry.elf, len(name), len(entry.note), 0)
        out += name + entry.note
        out += bytes(-len(out) % 8)
    return sealed(out)


def decode(data):
    """The entries of a good index."""
    magic, version, note_format, count, _, size = struct.unpack_from(HEADER, data)
    assert (magic, version, note_format, size) == (MAGIC, VERSION, NOTE_FORMAT, len(data))
    assert checksum(data[:-TRAILER]) == struct.unpack("<Q", data[-TRAILER:])[0]
    at, entries = struct.calcsize(HEADER), []
    for _ in range(count):
        (inode, length, mtime, ctime, mtime_ns, ctime_ns, *elf, name_size, note_size,
         _) = struct.unpack_from(RECORD, data, at)
        at += struct.calcsize(RECORD)
        name, note = data[at:at + name_size - 1], data[at + name_size:at + name_size + note_size]
        at += (name_size + note_size + 7) // 8 * 8
        entries.append(Entry(os.fsdecode(name), inode, length, mtime * 10**9 + mtime_ns,
                             ctime * 10**9 + ctime_ns, tuple(elf), note))
    assert at == len(data) - TRAILER
    return entries
