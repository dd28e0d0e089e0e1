# SPDX-License-Identifier: MIT
"""Debian's kernels, firmware and tools, fetched into a cache and never installed.

Packages come through apt's own client with a private state directory and package list, so
that the host's sources, architectures and installed packages are neither used nor changed,
and no privilege is needed. Files are unpacked with `dpkg -x`.
"""

import fcntl
import os
import pathlib
import re
import subprocess

MIRROR = os.environ.get("TENON_DEBIAN_MIRROR", "http://deb.debian.org/debian")
SUITE = "bookworm"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# Name used by the tests -> meta package whose dependency is the kernel.
KERNELS = {
    "cloud": "linux-image-cloud-amd64:amd64",
    "generic": "linux-image-amd64:amd64",
    "686": "linux-image-686:i386",
    "686-pae": "linux-image-686-pae:i386",
}


def cache_dir():
    root = os.environ.get("TENON_CACHE")
    if not root:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        root = os.path.join(base, "tenon")
    path = pathlib.Path(root)
    path.mkdir(parents=True, exist_ok=True)
    return path


class Apt:
    """apt with its state below the cache directory; knows amd64 and i386."""

    def __init__(self, root):
        self.root = root
        for folder in ("state/lists/partial", "archives/partial"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "sources.list").write_text(f"deb [signed-by={KEYRING}] {MIRROR} {SUITE} main\n")

    def options(self):
        settings = {
            "Dir::State": self.root / "state",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": self.root,
            "Dir::Etc::SourceList": self.root / "sources.list",
            "Dir::Etc::SourceParts": "/dev/null",
            "APT::Sandbox::User": "root",
            "APT::Architectures::": "amd64",
            "Acquire::Languages": "none",
            "Acquire::Retries": "3",
        }
        pairs = [f"-o{key}={value}" for key, value in settings.items()]
        return pairs + ["-oAPT::Architectures::=i386"]

    def run(self, tool, *arguments, cwd=None):
        command = [tool, *self.options(), *arguments]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{tool} {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def update(self):
        self.run("apt-get", "update", "-q")

    def dependency(self, meta):
        """The package that a kernel's meta package stands for."""
        listing = self.run("apt-cache", "depends", meta)
        names = re.findall(r"Depends: (linux-image-\S+)", listing)
        if not names:
            raise RuntimeError(f"{meta} depends on no kernel package")
        architecture = meta.partition(":")[2]
        return names[0] if ":" in names[0] else f"{names[0]}:{architecture}"


def fetch(key, package, keep, meta=False):
    """Unpack the folder `keep` of `package` as the cache's `key`, once; returns that folder."""
    cache = cache_dir()
    target = cache / key
    with open(cache / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            download(cache, package, keep, target, meta)
    return target


def download(cache, package, keep, target, meta):
    apt = Apt(cache / "apt")
    apt.update()
    name = apt.dependency(package) if meta else package
    stage = cache / "stage"
    subprocess.run(["rm", "-rf", stage], check=True)
    stage.mkdir()
    apt.run("apt-get", "download", "-q", name, cwd=stage)
    for archive in stage.glob("*.deb"):
        subprocess.run(["dpkg", "-x", archive, stage / "root"], check=True)
    (stage / "root" / keep).rename(target)
    subprocess.run(["rm", "-rf", stage], check=True)


def only(folder, pattern):
    found = sorted(folder.glob(pattern))
    if not found:
        raise RuntimeError(f"no {pattern} in {folder}")
    return found[-1]


def kernel(name):
    """Path of the bzImage of a kernel named in KERNELS."""
    return only(fetch(f"linux-{name}", KERNELS[name], "boot", meta=True), "vmlinuz-*")


def busybox(architecture):
    """Path of a static busybox for `amd64` or `i386`."""
    package = f"busybox-static:{architecture}"
    return fetch(f"busybox-{architecture}", package, "bin") / "busybox"


def memtest(variant="x64"):
    """Path of memtest86+ in the form that boots as a Linux kernel: `x64` or `ia32`."""
    return only(fetch("memtest86+", "memtest86+:amd64", "boot"), f"memtest86+{variant}.bin")
