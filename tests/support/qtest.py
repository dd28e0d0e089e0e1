# SPDX-License-Identifier: MIT
"""Drive devices without a processor: the qtest protocol over a Unix socket."""

import pathlib
import socket
import subprocess
import tempfile

from support.console import Failure
from support.emulator import program


class Died(Failure):
    """The emulator ended or closed the connection."""


class QTest:
    """One emulator with `-accel qtest`. Use as a context manager."""

    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="tenon-qtest-")
        path = pathlib.Path(self.folder.name) / "socket"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
        listener.listen(1)
        listener.settimeout(60)
        self.log = open(pathlib.Path(self.folder.name) / "log", "w+", encoding="utf-8")
        command = [*program(), "-nodefaults", "-display", "none", "-accel", "qtest",
                   "-qtest", f"unix:{path}", *options]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log,
                                        stderr=subprocess.STDOUT)
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            raise Died("no connection from the emulator:\n" + self.output()) from None
        finally:
            listener.close()
        connection.settimeout(60)
        self.connection = connection
        self.stream = connection.makefile("rw", encoding="ascii", newline="\n")
        self.irqs = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failure("the emulator does not end on SIGTERM") from None
        finally:
            self.log.close()
            self.folder.cleanup()

    def output(self):
        """What it printed, and how it ended if it did."""
        try:
            ended = f"[exit status {self.process.wait(5)}]"
        except subprocess.TimeoutExpired:
            ended = "[still running]"
        text = pathlib.Path(self.log.name).read_text(encoding="utf-8", errors="replace")
        return text[-4000:] + ended

    def command(self, *words):
        """Send a command, note IRQ lines on the way, return the answer's words after OK."""
        line = " ".join(hex(word) if isinstance(word, int) else word for word in words)
        try:
            self.stream.write(line + "\n")
            self.stream.flush()
            while True:
                answer = self.stream.readline()
                if not answer:
                    raise Died(f"connection lost after '{line}':\n" + self.output())
                fields = answer.split()
                if fields[0] != "IRQ":
                    break
                self.irqs[int(fields[2])] = fields[1] == "raise"
        except OSError as reason:
            raise Died(f"{reason} after '{line}':\n" + self.output()) from None
        if fields[0] != "OK":
            raise Failure(f"'{line}' answered '{answer.strip()}'")
        return fields[1:]

    def value(self, *words):
        return int(self.command(*words)[0], 0)

    # Ports and memory, named by size
    def outb(self, port, value):
        self.command("outb", port, value)

    def outw(self, port, value):
        self.command("outw", port, value)

    def outl(self, port, value):
        self.command("outl", port, value)

    def inb(self, port):
        return self.value("inb", port)

    def inw(self, port):
        return self.value("inw", port)

    def inl(self, port):
        return self.value("inl", port)

    def writel(self, address, value):
        self.command("writel", address, value)

    def writeq(self, address, value):
        self.command("writeq", address, value)

    def readl(self, address):
        return self.value("readl", address)

    def readq(self, address):
        return self.value("readq", address)

    def read(self, address, size):
        return bytes.fromhex(self.command("read", address, size)[0][2:])

    def write(self, address, data):
        self.command("write", address, len(data), "0x" + data.hex())

    def step(self, nanoseconds=None):
        """Let time pass: so many nanoseconds, or to the next timer."""
        words = [] if nanoseconds is None else [str(nanoseconds)]
        return int(self.command("clock_step", *words)[0])

    # PCI configuration mechanism 1
    def pci_read(self, slot, function, offset, size=4):
        self.outl(0xCF8, 1 << 31 | slot << 11 | function << 8 | offset & 0xFC)
        return {1: self.inb, 2: self.inw, 4: self.inl}[size](0xCFC + (offset & 3))

    def pci_write(self, slot, function, offset, value, size=4):
        self.outl(0xCF8, 1 << 31 | slot << 11 | function << 8 | offset & 0xFC)
        {1: self.outb, 2: self.outw, 4: self.outl}[size](0xCFC + (offset & 3), value)
