#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The installed program, without the checkout: its files, a guest, and what an author of modules
does with it. Nothing is installed on this machine; see support/installed.py.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import completion  # noqa: E402
from support import debian, initramfs, tap  # noqa: E402
from support.console import Console, Failure  # noqa: E402
from support.emulator import TOP  # noqa: E402
from support.installed import Installed  # noqa: E402

BUILD = pathlib.Path(os.environ.get("TENON_BUILD", TOP / "build"))
PROGRAMS = ("tenon", "tenon-system-x86_64", "tenon-system-i386", "tenon-modinfo", "tenon-modcheck")


def equal(found, expected, what):
    if found != expected:
        raise Failure(f"{what}: found {found!r}, expected {expected!r}")


def run(installed, *words, status=0, seconds=300):
    """The output of a command that must end with `status`."""
    done = installed.command(*words, check=False, seconds=seconds)
    if done.returncode != status:
        raise Failure(f"{words}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def the_files_lie_where_distributions_want_them(installed):
    library = f"{installed.prefix}/{installed.libdir}"
    share = f"{installed.prefix}/share"
    expected = [f"{installed.prefix}/bin/{name}" for name in PROGRAMS]
    expected += [f"{library}/{name}" for name in (
        "libtenon.so.1", "libtenon.so", "pkgconfig/tenon.pc", "pkgconfig/tenon-module.pc",
        "tenon/modules/machine-pc.so", "tenon/modules/edu.so")]
    expected += [f"{share}/man/man1/{name}.1" for name in PROGRAMS]
    expected += [f"{share}/bash-completion/completions/{name}" for name in PROGRAMS]
    expected += [f"{share}/zsh/site-functions/_tenon", f"{share}/zsh/site-functions/_tenon-modinfo",
                 f"{share}/tenon/catalog.d/tenon.json",
                 f"{share}/doc/tenon/module-authors.md",
                 f"{share}/doc/tenon/examples/module-template/metronome.c"]
    headers = [path.name for path in (TOP / "abi" / "tenon").glob("*.h")]
    expected += [f"{installed.prefix}/include/tenon/{name}" for name in headers]
    found = installed.files()
    equal(sorted(set(expected) - set(found)), [], "files that are missing")
    outside = [path for path in found if not path.startswith(installed.prefix + "/")]
    equal(outside, [], "files outside of the prefix")
    equal([path for path in found if "internal" in path], [], "files of the internal tier")


def pkg_config_tells_what_a_module_needs(installed):
    library = f"{installed.prefix}/{installed.libdir}"
    for package in ("tenon", "tenon-module"):
        found = run(installed, "pkg-config", "--variable=moduledir", package).strip()
        equal(found, f"{library}/tenon/modules", f"moduledir of {package}")
        header = (TOP / "abi/tenon/module.h").read_text(encoding="utf-8")
        numbers = [re.search(rf"define TN_ABI_{part} (\d+)", header).group(1)
                   for part in ("MAJOR", "MINOR")]
        found = run(installed, "pkg-config", "--variable=abi", package).strip()
        equal(found, ".".join(numbers), f"abi of {package}")
    flags = run(installed, "pkg-config", "--cflags", "--libs", "tenon-module").split()
    for flag in ("-Wl,-z,defs", "-ltenon"):
        equal(flag in flags, True, f"{flag} in {flags}")


def every_module_is_usable(installed):
    listing = json.loads(run(installed, "tenon", "-module", "help,format=json"))
    states = [module["state"] for module in listing["modules"]]
    built = len(list((BUILD / "modules").glob("*.so")))
    equal(states, ["usable"] * built, "states of the modules")
    equal([entry["cause"] for entry in listing["catalogue"]], [None], "causes of catalogue files")
    equal(str(TOP) in str(listing), False, "the checkout in the list")


def the_manual_page_has_every_option(installed):
    page = pathlib.Path(f"{installed.root}{installed.prefix}/share/man/man1/tenon.1").read_text()
    options = re.findall(r"^-(\S+)", run(installed, "tenon", "-h"), re.MULTILINE)
    for name in options:
        shown = ".BI \\-" + name.replace("-", "\\-")
        if shown not in page:
            raise Failure(f"-{name} is not in tenon.1")


def it_boots_a_debian_kernel(installed):
    kernel, image = debian.kernel("cloud"), installed.folder / "initramfs"
    initramfs.write("amd64", image)
    installed.copy(kernel, "vmlinuz")
    command = installed.wrapped(
        "tenon-system-x86_64", "-nodefaults", "-display", "none", "-serial", "stdio", "-m", "256",
        "-kernel", "vmlinuz", "-initrd", image, "-append", "console=ttyS0 quiet")
    with Console(command) as console:
        console.expect("tenon-guest: Linux .* x86_64", 240)
        console.expect("tenon-guest# ", 60)
        console.send("poweroff\n")
        console.wait(60)


# ---- The template ---------------------------------------------------------------------------

BUILD_SYSTEMS = {
    "make": "make check && make install DESTDIR=$PWD/stage",
    "meson": "meson setup build && meson test -C build --print-errorlogs"
             " && meson install -C build --destdir $PWD/stage",
    "cmake": "cmake -S . -B build && cmake --build build"
             " && ctest --test-dir build --output-on-failure --no-tests=error"
             " && DESTDIR=$PWD/stage cmake --install build",
}


def template(installed, system):
    """Builds, passes its tests and tenon-modcheck, installs, and is listed."""
    folder = installed.folder / f"template-{system}"
    run(installed, "sh", "-ec", "cp -r $(pkg-config --variable=templatedir tenon-module) "
        f"{folder}; cd {folder}; {BUILD_SYSTEMS[system]}")
    modules = f"{folder}/stage{installed.prefix}/{installed.libdir}/tenon/modules"
    listing = run(installed, "tenon", "-module", f"dir={modules}", "-device", "help")
    equal('name "metronome", bus PCI' in listing, True, "metronome in the list of devices")


# ---- The guide ------------------------------------------------------------------------------

BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def the_guide_does_what_it_says(installed):
    """Its blocks in order: parts of files are added to them, commands are run."""
    text = (TOP / "docs/module-authors.md").read_text(encoding="utf-8")
    blocks = BLOCK.findall(text)
    equal(len(blocks), text.count("\n```") // 2, "blocks that the test understands")
    folder = installed.folder / "guide"
    folder.mkdir()
    for language, name, body in blocks:
        if name:
            with open(folder / name, "a", encoding="utf-8") as file:
                file.write(body if body.startswith("/* SPDX") else "\n" + body)
        elif language == "sh":
            run(installed, "sh", "-ec", f"cd {folder}\n{body}")
        else:
            raise Failure(f"a block of {language} that is neither a file nor commands")


def the_guides_package_is_the_templates(installed):
    """The indented block of the guide stands in the template, but for the device's name."""
    text = (TOP / "docs/module-authors.md").read_text(encoding="utf-8")
    control = (TOP / "contrib/module-template/debian/control").read_text(encoding="utf-8")
    present = {line.strip().rstrip(",") for line in control.splitlines()}
    shown = [line.strip().replace("dice", "metronome") for line in text.splitlines()
             if line.startswith("    ") and ": " in line and line[4].isupper()]
    fields = [line for line in shown if not line.startswith("Build-Depends")]
    equal([line for line in fields if line not in present], [], "lines that differ")
    (needs,) = (line.partition(": ")[2] for line in shown if line.startswith("Build-Depends"))
    equal([name for name in needs.split(", ") if name not in control], [], "missing needs")


CASES = [
    ("files", the_files_lie_where_distributions_want_them),
    ("pkg-config", pkg_config_tells_what_a_module_needs),
    ("modules", every_module_is_usable),
    ("manual-page", the_manual_page_has_every_option),
    ("guide", the_guide_does_what_it_says),
    ("guide-package", the_guides_package_is_the_templates),
    ("boot", it_boots_a_debian_kernel),
]
for name in BUILD_SYSTEMS:
    CASES.append((f"template-{name}", lambda installed, system=name: template(installed, system)))
for name in completion.SHELLS:
    CASES.append((f"completion-{name}", lambda installed, shell=name: completion.shell(installed, shell)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("expression", nargs="?", help="run the cases whose name matches")
    options = parser.parse_args()
    try:
        with Installed(BUILD) as installed:
            cases = [(name, lambda function=function: function(installed))
                     for name, function in CASES]
            return tap.run(cases, options.expression)
    except tap.Skip as reason:
        print(f"1..0 # SKIP {reason}")
        return 0


if __name__ == "__main__":
    sys.exit(main())
