#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The RPM packages: built from the spec and a copy of this checkout with Debian's rpm, installed
into a fresh Debian, and used there: optional modules, messages, the index that triggers renew.

Debian's rpm has no macros for Meson, and knows no packages: those are given here, and dependencies
are not looked at. Needs root, for chroot and mounts in a mount namespace of its own.
"""

import argparse
import os
import pathlib
import re
import shutil
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from packages.debian import System, sh  # noqa: E402
from support import debian  # noqa: E402
from support.console import Failure  # noqa: E402
from support.emulator import TOP  # noqa: E402
from support.mounts import run_apart  # noqa: E402

LIBDIR = "/usr/lib/x86_64-linux-gnu"
MODULES = f"{LIBDIR}/tenon/modules"
SPEC = TOP / "contrib/rpm/tenon.spec"
# What Fedora's package of Meson has in macros.meson, in short.
MACROS = f"""
%_libdir {LIBDIR}
%_vpath_builddir redhat-linux-build
%debug_package %{{nil}}
%meson meson setup --prefix=%{{_prefix}} --libdir=%{{_libdir}} --buildtype=plain --wrap-mode=nodownload \
-Doptimization=2 %{{_vpath_builddir}}
%meson_build ninja -C %{{_vpath_builddir}}
%meson_install env DESTDIR=%{{buildroot}} meson install -C %{{_vpath_builddir}} --no-rebuild
%meson_test meson test -C %{{_vpath_builddir}} --no-rebuild
"""


class Test:
    def __init__(self, scratch):
        self.scratch = pathlib.Path(scratch)
        self.folder = debian.cache_dir() / "packages-rpm"  # stays, so that a compiler cache helps
        self.system = None

    def packages(self):
        found = (self.folder / "RPMS").glob("*/*.rpm")
        return {re.sub(r"-[^-]*-[^-]*$", "", path.name): path for path in found}

    def rpm(self, *words):
        return sh("rpm", "--root", self.system.root, *words)

    def install(self, *names):
        self.rpm("--force-debian", "--nodeps", "--upgrade", *(self.packages()[name] for name in names))

    def listed(self):
        return set(re.findall('name "([^"]*)"', self.system.run("tenon -device help")))

    # -- cases, in order; each goes on from the one before

    def packages_build(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "SOURCES").mkdir(parents=True)
        (name,) = re.findall(r"^Version: *(.*)$", SPEC.read_text(encoding="utf-8"), re.MULTILINE)
        sh("tar", "-C", TOP, "-cJf", self.folder / f"SOURCES/tenon-{name}.tar.xz", "--exclude=./.git",
           "--exclude=./build*", "--exclude=__pycache__", f"--transform=s,^\\.,tenon-{name},", ".")
        macros = self.folder / "macros"
        macros.write_text(MACROS, encoding="utf-8")
        sh("rpmbuild", "-bb", "--nodeps", "--nocheck", f"--load={macros}",
           "--define", f"_topdir {self.folder}", SPEC)

    def each_module_is_in_one_package(self):
        files = {name: sh("rpm", "-qlp", path).split() for name, path in self.packages().items()}
        modules = [file for names in files.values() for file in names if file.endswith(".so")
                   and file.startswith(MODULES)]
        if len(modules) < 20 or len(modules) != len(set(modules)):
            raise Failure(str(sorted(modules)))
        if f"{MODULES}/edu.so" not in files["tenon-modules-misc"]:
            raise Failure("edu.so is not in tenon-modules-misc")
        needs = sh("rpm", "-qp", "--requires", self.packages()["tenon-modules-misc"])
        if "libtenon.so.1()(64bit)" not in needs or "tenon-abi >= 1.0" not in needs:
            raise Failure(needs)

    def an_absent_device_names_its_package(self):
        self.system = System(self.scratch)
        self.install("tenon-core", "tenon")
        message = self.system.run("tenon -machine pc -display none -device edu 2>&1 || true")
        if "edu" in self.listed() or "dnf install tenon-modules-misc" not in message:
            raise Failure(message)

    def expect_index(self, name, wanted):
        self.system.run(f"tenon-modinfo --check-index {MODULES}")
        there = f"device|{name}|".encode() in (
            self.system.root / MODULES[1:] / "modules.index").read_bytes()
        if there != wanted or (name in self.listed()) != wanted:
            raise Failure(f"the index {'has' if there else 'lacks'} {name}")

    def an_index_is_kept(self):
        self.install("tenon-utils")
        self.expect_index("edu", False)
        self.install("tenon-modules-misc")
        self.expect_index("edu", True)
        if "describes" not in self.system.run("tenon -module help | grep -A1 modules.index"):
            raise Failure("it is not used")
        self.rpm("--nodeps", "--erase", "tenon-modules-misc")
        self.expect_index("edu", False)
        self.rpm("--verify", "--nodeps", "tenon", "tenon-core", "tenon-utils")

    def what_is_removed_leaves_nothing(self):
        self.rpm("--nodeps", "--erase", "tenon-utils")
        if (self.system.root / MODULES[1:] / "modules.index").exists():
            raise Failure("the index is still there")
        self.rpm("--nodeps", "--erase", "tenon", "tenon-core")
        if (self.system.root / LIBDIR[1:] / "tenon").exists():
            raise Failure(f"{LIBDIR}/tenon is still there")

    def cases(self):
        functions = [self.packages_build, self.each_module_is_in_one_package,
                     self.an_absent_device_names_its_package, self.an_index_is_kept,
                     self.what_is_removed_leaves_nothing]
        return [(function.__name__.replace("_", "-"), function) for function in functions]


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    if os.geteuid() != 0 or not shutil.which("rpmbuild"):
        print("1..0 # SKIP chroot needs root, and rpmbuild must be installed")
        return 0
    return run_apart("rpm", lambda scratch: Test(scratch).cases())


if __name__ == "__main__":
    sys.exit(main())
