# SPDX-License-Identifier: MIT
"""Drive a device without a processor: the qtest protocol over a Unix socket.

Copy this file beside the tests of your device.
"""

import os
import pathlib
import socket
import subprocess
import tempfile


class QTest:
    """A machine whose processors stand still. Use as a context manager."""

    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory()
        path = pathlib.Path(self.folder.name) / "socket"
        self.messages = open(path.with_name("messages"), "w+")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen(1)
            listener.settimeout(0.5)
            self.process = subprocess.Popen(
                [os.environ.get("TENON", "tenon"), "-nodefaults", "-display", "none",
                 "-accel", "qtest", "-qtest", f"unix:{path}", *options], stderr=self.messages)
            self.connection = self.accept(listener)
        self.connection.settimeout(30)
        self.stream = self.connection.makefile("rw", newline="\n")

    def accept(self, listener):
        while True:
            try:
                return listener.accept()[0]
            except TimeoutError:
                if self.process.poll() is not None:
                    raise self.ended() from None

    def ended(self):
        """What the emulator said before it ended, as an error to raise."""
        self.process.wait(30)
        self.messages.seek(0)
        return RuntimeError(self.messages.read().strip())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.process.terminate()
        self.process.wait(30)
        self.messages.close()
        self.folder.cleanup()

    def command(self, *words):
        """Send a command; what stands after OK in the answer, as a number if there is something."""
        try:
            print(*words, file=self.stream, flush=True)
            answer = self.stream.readline().split()
        except ConnectionError:
            answer = []
        if not answer:
            raise self.ended()
        if answer[0] != "OK":
            raise RuntimeError(f"{words} was answered with {answer}")
        return int(answer[1], 0) if len(answer) > 1 else None

    def config_read(self, slot, offset):
        """A double word of a PCI device's configuration space, by mechanism 1."""
        self.command("outl", 0xCF8, 1 << 31 | slot << 11 | offset)
        return self.command("inl", 0xCFC)

    def config_write(self, slot, offset, value):
        self.command("outl", 0xCF8, 1 << 31 | slot << 11 | offset)
        self.command("outl", 0xCFC, value)
