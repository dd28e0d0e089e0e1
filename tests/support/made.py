# SPDX-License-Identifier: MIT
"""What is made from other files, in the cache directory under a digest of what it is made from.

Suites of several checkouts run at the same time and share the directory: what one makes is there
whole or not at all, and is never put in the place of what another reads.
"""

import hashlib
import os
import pathlib
import shutil
import tempfile
import time

from support import debian

KEPT_SECONDS = 14 * 24 * 3600  # since it was used last


def digest(*parts):
    """Of texts, bytes, and files with their names."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, pathlib.Path):
            part = part.name.encode() + b"\0" + part.read_bytes()
        elif isinstance(part, str):
            part = part.encode()
        found.update(len(part).to_bytes(8, "little") + part)
    return found.hexdigest()[:32]


def forget_unused(kind):
    for path in kind.iterdir():
        try:
            if path.stat().st_mtime < time.time() - KEPT_SECONDS:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        except FileNotFoundError:
            continue  # another suite was faster


def folder(kind, state, make):
    """The folder KIND/STATE of the cache, which `make(folder)` fills once."""
    kind = debian.cache_dir() / kind
    target = kind / state
    if not target.exists():
        kind.mkdir(exist_ok=True)
        forget_unused(kind)
        with tempfile.TemporaryDirectory(dir=kind) as stage:
            make(pathlib.Path(stage) / state)
            try:
                os.rename(pathlib.Path(stage) / state, target)
            except OSError:
                if not target.exists():  # else another suite has made the same meanwhile
                    raise
    os.utime(target)
    return target
