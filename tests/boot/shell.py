#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Boot Debian's cloud kernel to a shell in this terminal; arguments go to the emulator."""

import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support import debian, emulator, initramfs


def main():
    image = initramfs.kept("amd64")
    command = emulator.command(
        "-m", "512", "-nographic", "-kernel", debian.kernel("cloud"), "-initrd", image,
        "-append", "console=ttyS0", *sys.argv[1:],
    )
    print("$", " ".join(command), flush=True)
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
