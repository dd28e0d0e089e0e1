# SPDX-License-Identifier: MIT
"""A program in a pseudo-terminal, spoken to as a person would: expect some text, send some."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

# Ended from outside, a driver still ends the program that it started.
signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))

LAST_LINES = 15
# Terminal control: CSI and charset sequences, and the cursor keys of firmware menus.
ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>c])")


class Failure(Exception):
    """A test that did not see what it wanted; the text says what."""


def plain(data):
    text = data.decode("latin-1")
    return ESCAPES.sub("", text).replace("\r", "")


class Console:
    def __init__(self, command, log=None):
        self.command = [str(word) for word in command]
        self.log = log
        self.raw = bytearray()
        self.seen = 0
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            self.command, stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def text(self):
        return plain(bytes(self.raw))

    def last_lines(self):
        lines = [line.rstrip() for line in self.text().split("\n") if line.strip()]
        return "\n".join("  | " + line for line in lines[-LAST_LINES:])

    def fail(self, reason):
        raise Failure(f"{reason}\n{self.last_lines()}\n  $ {' '.join(self.command)}")

    def pump(self, seconds):
        """Read what has come; False when the program has closed its side."""
        ready, _, _ = select.select([self.master], [], [], max(0, seconds))
        if not ready:
            return True
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.raw += data
        if self.log:
            self.log.write(data)
            self.log.flush()
        return bool(data)

    def expect(self, pattern, seconds):
        """Wait for a match after the last one; the text up to its end counts as seen."""
        limit = time.monotonic() + seconds
        expression = re.compile(pattern)
        alive = True
        while True:
            match = expression.search(self.text(), self.seen)
            if match:
                self.seen = match.end()
                return match
            if not alive:
                self.fail(f"ended (status {self.process.wait()}) before /{pattern}/ came")
            if time.monotonic() > limit:
                self.fail(f"no /{pattern}/ within {seconds:g} s")
            alive = self.pump(min(0.5, limit - time.monotonic()))

    def send(self, text):
        os.write(self.master, text.encode())

    def wait(self, seconds, status=0):
        """Wait for the program's end; `status` is the exit code wanted."""
        limit = time.monotonic() + seconds
        while self.pump(0.2) and time.monotonic() < limit:
            pass
        try:
            found = self.process.wait(max(0.1, limit - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.fail(f"still runs after {seconds:g} s")
        if found != status:
            self.fail(f"exit status {found}, not {status}")

    def close(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.master)
