# SPDX-License-Identifier: MIT
"""An initramfs written from Python: the kernel's `newc` cpio archive, with no need of root.

Format: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
"""

import pathlib
import stat

from support import debian, made

INIT = pathlib.Path(__file__).resolve().parent.parent / "boot" / "init"
FOLDERS = ("bin", "dev", "proc", "sys", "tmp", "test")


class Archive:
    def __init__(self):
        self.data = bytearray()
        self.inode = 0

    def add(self, name, mode, body=b"", device=(0, 0)):
        self.inode += 1
        fields = [self.inode, mode, 0, 0, 1, 0, len(body), 0, 0, *device, len(name) + 1, 0]
        self.data += b"070701" + b"".join(b"%08X" % field for field in fields)
        self.data += name.encode() + b"\0"
        self.pad()
        self.data += body
        self.pad()

    def pad(self):
        self.data += bytes(-len(self.data) % 4)

    def folder(self, name):
        self.add(name, stat.S_IFDIR | 0o755)

    def program(self, name, body):
        self.add(name, stat.S_IFREG | 0o755, body)

    def character_device(self, name, major, minor):
        self.add(name, stat.S_IFCHR | 0o600, device=(major, minor))

    def finish(self):
        self.add("TRAILER!!!", 0)
        return bytes(self.data)


def build(architecture, extra=None, folders=()):
    """The archive's bytes; `extra` maps a path in the guest to a program's bytes."""
    archive = Archive()
    for folder in (*FOLDERS, *folders):
        archive.folder(folder)
    archive.character_device("dev/console", 5, 1)
    archive.program("bin/busybox", debian.busybox(architecture).read_bytes())
    archive.program("init", INIT.read_bytes())
    for script in sorted((INIT.parent / "guest").iterdir()):
        archive.program(f"test/{script.name}", script.read_bytes())
    for name, body in (extra or {}).items():
        archive.program(name, body)
    return archive.finish()


def kept(architecture, extra=None, folders=()):
    """Path of such an archive, made once."""
    body = build(architecture, extra, folders)

    def make(folder):
        folder.mkdir()
        (folder / "initramfs").write_bytes(body)

    return made.folder("initramfs", made.digest(body), make) / "initramfs"


def write(architecture, path, extra=None, folders=()):
    pathlib.Path(path).write_bytes(build(architecture, extra, folders))
    return path
