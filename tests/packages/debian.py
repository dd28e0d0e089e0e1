#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Debian's packages: built from a copy of this checkout, looked at by lintian, installed into a
fresh Debian, and used there as their users would: a guest, optional modules, a vendor's module, a
newer core below an old module.

Needs root, for chroot and mounts in a mount namespace of its own. The base system is kept in the
cache; nothing is installed on this machine.
"""

import argparse
import fcntl
import glob
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from support import debian, initramfs  # noqa: E402
from support.console import Console, Failure  # noqa: E402
from support.emulator import TOP  # noqa: E402
from support.mounts import run_apart  # noqa: E402

# What a Debian has for the packages' dependencies, and for building modules.
BASE = ("seabios libglib2.0-dev libffi8 liburcu8 libcapstone4 gcc libc6-dev make meson ninja-build "
        "cmake pkg-config python3 debhelper dpkg-dev build-essential").split()
TEMPLATE = "$(pkg-config --variable=templatedir tenon-module)"
VENDOR = "tenon-module-metronome"
NEWER = "0.2.0"
MODULES = "/usr/lib/*/tenon/modules"


def sh(*words, cwd=None, env=None, seconds=1200):
    """The output of a command, which must succeed."""
    done = subprocess.run([str(word) for word in words], cwd=cwd, env=env, check=False, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds)
    if done.returncode != 0:
        last = "\n".join(line[:300] for line in done.stdout.splitlines()[-40:])
        raise Failure(f"{' '.join(map(str, words))}: exit status {done.returncode}\n{last}")
    return done.stdout


def edit(path, pattern, text):
    old = path.read_text(encoding="utf-8")
    new = re.sub(pattern, text, old, count=1, flags=re.MULTILINE)
    if new == old:
        raise Failure(f"{path} has no {pattern}")
    path.write_text(new, encoding="utf-8")


# ---- Packages -------------------------------------------------------------------------------


class Source:
    """A copy of the checkout at a place that stays, so that a compiler cache helps."""

    def __init__(self):
        self.folder = debian.cache_dir() / "packages" / "tenon"
        self.output = self.folder.parent

    def copy(self):
        self.output.mkdir(exist_ok=True)
        self.lock = open(self.output.with_suffix(".lock"), "w", encoding="ascii")
        fcntl.flock(self.lock, fcntl.LOCK_EX)  # until this process ends
        shutil.rmtree(self.output, ignore_errors=True)
        unwanted = shutil.ignore_patterns("build*", ".git", "__pycache__")
        shutil.copytree(TOP, self.folder, ignore=unwanted, symlinks=True)
        shutil.copytree(TOP / "contrib" / "debian", self.folder / "debian", symlinks=True)

    def bump(self):
        """Make it the next minor of the interface."""
        edit(self.folder / "abi/tenon/module.h", r"(TN_ABI_MINOR) \d+$", r"\1 1")
        edit(self.folder / "meson.build", r"version: '0.1.0'", f"version: '{NEWER}'")
        edit(self.folder / "debian/changelog", r"\(0.1.0-1\)", f"({NEWER}-1)")
        (self.folder / "debian/debhelper-build-stamp").unlink()

    def build(self, *options):
        env = {**os.environ, "DEB_BUILD_OPTIONS": f"nocheck noautodbgsym parallel={os.cpu_count()}"}
        sh("dpkg-buildpackage", "-us", "-uc", "-b", *options, cwd=self.folder, env=env)

    def packages(self, version="0.1.0"):
        found = sorted(self.output.glob(f"*_{version}-1_*.deb"))
        return {path.name.split("_")[0]: path for path in found}


# ---- A Debian to install into ---------------------------------------------------------------


def base_system():
    """A Debian with BASE, made once."""
    digest = hashlib.sha256(" ".join(BASE).encode()).hexdigest()[:12]
    base = debian.cache_dir() / f"debian-{digest}"
    if not base.exists():
        stage = base.with_suffix(".stage")
        shutil.rmtree(stage, ignore_errors=True)
        sh("debootstrap", "--variant=minbase", f"--include={','.join(BASE)}", debian.SUITE, stage,
           debian.MIRROR)
        stage.rename(base)
    return base


class System:
    """A fresh Debian, in memory above the base; gone with this process's mount namespace."""

    def __init__(self, scratch):
        self.root = scratch / "root"
        layer = scratch / "layer"
        for folder in (self.root, layer):
            folder.mkdir()
        sh("mount", "-t", "tmpfs", "none", layer)
        for folder in ("upper", "work"):
            (layer / folder).mkdir()
        sh("mount", "-t", "overlay", "overlay", "-o",
           f"lowerdir={base_system()},upperdir={layer}/upper,workdir={layer}/work", self.root)
        sh("mount", "-t", "proc", "proc", self.root / "proc")
        sh("mount", "--rbind", "/dev", self.root / "dev")
        (self.root / "packages").mkdir()

    def wrapped(self, *words):
        return ["env", "-i", "HOME=/root", "LC_ALL=C.UTF-8", "DEB_BUILD_OPTIONS=noautodbgsym",
                "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "chroot", self.root, *words]

    def run(self, script):
        return sh(*self.wrapped("sh", "-ec", script))

    def install(self, *paths):
        names = [shutil.copy(path, self.root / "packages") for path in paths]
        inside = ["/" + str(pathlib.Path(name).relative_to(self.root)) for name in names]
        self.run("dpkg -i " + " ".join(inside))

    def boots(self, *options, run="", wanted="tenon-guest: Linux"):
        """Boot Debian's kernel with the installed program; `wanted` must appear."""
        command = self.wrapped(
            "tenon-system-x86_64", "-nographic", "-m", "256",
            "-kernel", "/vmlinuz", "-initrd", "/initramfs",
            "-append", f"console=ttyS0 quiet {run}", *options)
        with Console(command) as console:
            console.expect(wanted, 240)


class Test:
    def __init__(self, scratch):
        self.scratch = pathlib.Path(scratch)
        self.source = Source()
        self.system = None

    def listed(self, name):
        return f'name "{name}"' in self.system.run("tenon -device help")

    def expect_listed(self, name, wanted):
        if self.listed(name) != wanted:
            raise Failure(f"-device help {'lacks' if wanted else 'still has'} {name}")

    def expect_missing(self, name, package):
        message = self.system.run(f"tenon -machine pc -display none -device {name} 2>&1 || true")
        if f"apt install {package}" not in message:
            raise Failure(f"the message does not tell to install {package}: {message}")

    # -- cases, in order; each goes on from the one before

    def packages_build(self):
        self.source.copy()
        self.source.build()

    def lintian_finds_nothing(self):
        (changes,) = self.source.output.glob("*.changes")
        # There is no bug report that asks for the package.
        found = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning",
                                "--suppress-tags", "initial-upload-closes-no-bugs", changes],
                               capture_output=True, text=True, check=False)
        if found.returncode != 0:
            raise Failure(found.stdout + found.stderr)

    def the_core_alone_boots_a_guest(self):
        self.system = System(self.scratch)
        packages = self.source.packages()
        program = self.scratch / "metronome-guest"
        sh("gcc", "-O2", "-Wall", "-Wextra", "-static", "-o", program,
           TOP / "tests/packages/metronome-guest.c")
        shutil.copy(debian.kernel("cloud"), self.system.root / "vmlinuz")
        initramfs.write("amd64", self.system.root / "initramfs",
                        {"test/metronome": program.read_bytes()})
        self.system.install(packages["libtenon1"], packages["tenon"])
        self.system.boots()

    def an_absent_device_names_its_package(self):
        self.expect_listed("edu", False)
        self.expect_missing("edu", "tenon-modules-misc")

    def installing_and_removing_shows_at_once(self):
        self.system.install(self.source.packages()["tenon-modules-misc"])
        self.expect_listed("edu", True)
        provides = self.system.run("dpkg-query -W -f '${Tenon-Provides}' tenon-modules-misc")
        for entry in provides.split(", "):
            kind, name = entry.split()
            if kind == "device":
                self.expect_listed(name, True)
        self.system.run("dpkg -r tenon-modules-misc")
        self.expect_listed("edu", False)
        self.expect_missing("edu", "tenon-modules-misc")

    def expect_index(self, name, wanted):
        """The triggers have run: the index is there, and tells of the device if it is wanted."""
        self.system.run(f"tenon-modinfo --check-index {MODULES}")
        if wanted != bool(self.system.run(f"grep -c 'device|{name}|' {MODULES}/modules.index || :")
                          .strip("0\n")):
            raise Failure(f"the index {'lacks' if wanted else 'still has'} {name}")

    def an_index_is_kept(self):
        """As long as tenon-utils is there."""
        self.system.install(self.source.packages()["tenon-utils"])
        self.expect_index("edu", False)
        self.system.install(self.source.packages()["tenon-modules-misc"])
        self.expect_index("edu", True)
        self.expect_listed("edu", True)
        self.system.run("tenon -module help | grep -A1 modules.index | grep -q describes")
        self.system.run("dpkg -r tenon-modules-misc")
        self.expect_index("edu", False)
        self.expect_listed("edu", False)
        self.system.run(f"dpkg -r tenon-utils && test ! -e {MODULES}/modules.index")

    def authors_packages_install(self):
        packages = self.source.packages()
        names = ("libtenon-dev", "tenon-utils", "tenon-doc", "dh-tenon")
        self.system.install(*(packages[name] for name in names))

    def template_builds(self, commands):
        """tenon-modcheck is one of its tests, and with it saving and loading."""
        self.system.run(f"rm -rf /tmp/t && cp -r {TEMPLATE} /tmp/t && cd /tmp/t && {commands}")

    def a_vendors_package_builds(self):
        self.template_builds("dpkg-buildpackage -us -uc -b")
        fields = self.system.run(f"dpkg-deb -f /tmp/{VENDOR}_*.deb Depends Tenon-Provides")
        for text in ("tenon-abi-1.0", "libtenon1", "Tenon-Provides: device metronome\n"):
            if text not in fields:
                raise Failure(f"no '{text}' in\n{fields}")
        self.expect_listed("metronome", False)
        self.system.run(f"dpkg -i /tmp/{VENDOR}_*.deb")
        self.expect_listed("metronome", True)

    def the_vendors_device_works(self):
        self.system.boots("-device", "metronome", run="tenon.run=metronome",
                          wanted="metronome: works")

    def the_vendors_device_keeps_the_rules(self):
        self.system.run("tenon-modcheck /usr/lib/*/tenon/modules/metronome.so")

    def a_replaced_package_shows_at_once(self):
        self.template_builds(
            "rm /tmp/*.deb; sed -i 's/Beats in time/Beats faster/' metronome.c"
            " && sed -i '1s/(1.0)/(1.1)/' debian/changelog && dpkg-buildpackage -us -uc -b"
            f" && dpkg -i /tmp/{VENDOR}_1.1_*.deb")
        if 'desc "Beats faster"' not in self.system.run("tenon -device help"):
            raise Failure("-device help shows the old description")

    def a_newer_core_runs_older_modules(self):
        """The vendor's package and an optional one stay as they are."""
        self.system.install(self.source.packages()["tenon-modules-misc"])
        (sums,) = glob.glob(f"{self.system.root}/var/lib/dpkg/info/{VENDOR}.md5sums")
        before = pathlib.Path(sums).read_text(encoding="utf-8")
        self.source.bump()
        self.source.build("-nc")
        packages = self.source.packages(NEWER)
        self.system.install(*(packages[name] for name in (
            "libtenon1", "tenon", "libtenon-dev", "tenon-utils")))
        if NEWER not in self.system.run("tenon -version"):
            raise Failure("the core is not the newer one")
        abi = self.system.run("pkg-config --variable=abi tenon-module").strip()
        if abi != "1.1":
            raise Failure(f"the newer core's interface is {abi}")
        if pathlib.Path(sums).read_text(encoding="utf-8") != before:
            raise Failure("the vendor's package changed")
        self.system.run("cd / && dpkg -V && md5sum -c --quiet "
                        f"/var/lib/dpkg/info/{VENDOR}.md5sums")
        self.expect_listed("edu", True)
        self.the_vendors_device_keeps_the_rules()
        self.the_vendors_device_works()

    def a_removed_package_is_gone_at_once(self):
        self.expect_index("metronome", True)
        self.system.run(f"dpkg -r {VENDOR}")
        self.expect_index("metronome", False)
        self.expect_listed("metronome", False)

    def what_is_removed_leaves_nothing(self):
        self.system.run("dpkg -P tenon-modules-misc tenon && dpkg --triggers-only --pending")
        self.system.run("test ! -e /usr/lib/*/tenon")

    def cases(self):
        builds = {
            "meson": "meson setup build && meson test -C build --print-errorlogs",
            "cmake": "cmake -S . -B build && cmake --build build"
                     " && ctest --test-dir build --output-on-failure --no-tests=error",
            "make": "make check",
        }
        functions = [
            self.packages_build, self.lintian_finds_nothing, self.the_core_alone_boots_a_guest,
            self.an_absent_device_names_its_package, self.installing_and_removing_shows_at_once,
            self.an_index_is_kept, self.authors_packages_install,
        ]
        cases = [(function.__name__.replace("_", "-"), function) for function in functions]
        for name, commands in builds.items():
            cases.append((f"template-builds-with-{name}",
                          lambda commands=commands: self.template_builds(commands)))
        functions = [
            self.a_vendors_package_builds, self.the_vendors_device_works,
            self.the_vendors_device_keeps_the_rules, self.a_replaced_package_shows_at_once,
            self.a_newer_core_runs_older_modules, self.a_removed_package_is_gone_at_once,
            self.what_is_removed_leaves_nothing,
        ]
        return cases + [(function.__name__.replace("_", "-"), function) for function in functions]


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    if os.geteuid() != 0:
        print("1..0 # SKIP chroot needs root")
        return 0
    return run_apart("debian", lambda scratch: Test(scratch).cases())


if __name__ == "__main__":
    sys.exit(main())
