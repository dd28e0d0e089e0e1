#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Boot Debian's kernels under many machine options and look at what they find."""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from boot import checks
from boot.guest import Guest
from support import tap


def examine(kernel, options, *extra, common=True):
    """Boot, run every common check and the `extra` (script, check) pairs, power off."""

    def case():
        work = {**(checks.COMMON if common else {}), **dict(extra)}
        with Guest(kernel, options, run=tuple(work)) as guest:
            guest.boot()
            for check in work.values():
                check(guest)
            guest.ends()

    return case


def shell_works(kernel, *options):
    def case():
        with Guest(kernel, options) as guest:
            guest.boot()
            guest.prompt()
            guest.send("echo sum $((6 * 7))\n")
            guest.expect("sum 42", 20)
            guest.prompt()
            guest.send("poweroff\n")
            guest.ends()

    return case


def reboots(kernel, *options):
    def case():
        with Guest(kernel, options) as guest:
            for _ in range(2):
                guest.boot()
                guest.prompt()
                guest.send("reboot\n")
            guest.boot()
            guest.prompt()
            guest.send("poweroff\n")
            guest.ends()

    return case


def many_processors(count):
    """All come up and run a program. Slow: their timers tick on a handful of host processors."""

    def case():
        options = ("-m", "1G", "-smp", count)
        with Guest("cloud", options, run=("smp",), slow=5) as guest:
            guest.boot()
            checks.processors(count)[1](guest)
            guest.ends()

    return case


def sees_code_written_elsewhere():
    """What one processor's loop stores into an instruction, another executes in the end."""

    def case():
        with Guest("cloud", ("-smp", "2"), run=("cross",), program="cross") as guest:
            guest.boot()
            lines = guest.script("cross", 120)
            guest.ends()
        if not lines or any(not line.endswith(" last 1") for line in lines):
            guest.fail("code was executed that was overwritten before:\n" + "\n".join(lines))

    return case


def no_reboot_ends(kernel):
    def case():
        with Guest(kernel, ("-no-reboot",)) as guest:
            guest.boot()
            guest.prompt()
            guest.send("reboot\n")
            guest.ends()

    return case


def repeated(kernel, count, *options):
    def case():
        for number in range(count):
            with Guest(kernel, options, run=("rtc",)) as guest:
                guest.boot()
                guest.script("rtc")
                guest.ends()

    return case


STATISTICS = (
    "blocks translated", "nanoseconds translating", "blocks invalidated", "TLB misses",
    "TLB flushes, whole", "unwound, fault", "interrupts and requests taken",
    "exits, next block not found or not to be entered",
)


def tells_statistics(kernel):
    """What -accel tcg,stats=on writes when the machine ends."""

    def case():
        with Guest(kernel, ("-accel", "tcg,stats=on"), run=("rtc",)) as guest:
            guest.boot()
            guest.expect("translation statistics\n", 60)
            guest.ends()
            lines = guest.text()[guest.seen :].strip().splitlines()
        found = {name: float(value) for name, value in (line.split(": ") for line in lines)}
        none = [name for name in STATISTICS if found[name] <= 0]
        if none or found["guest instructions translated"] <= found["blocks translated"]:
            guest.fail(f"counted nothing of {none}")

    return case


def check_agrees(kernel):
    """Interpreter and host code agree in every block of a boot; it takes minutes."""

    def case():
        options = ("-accel", "tcg,check=on,stats=on", "-cpu", "max")
        with Guest(kernel, options, run=("cpuinfo",), slow=5) as guest:
            guest.boot()
            compared = guest.expect(r"block runs compared: (\d+)\n", 600).group(1)
            guest.ends()
            if "differ in the block" in guest.text() or int(compared) < MOST_OF_A_BOOT:
                guest.fail(f"{compared} block runs compared")

    return case


MOST_OF_A_BOOT = 10_000_000  # block runs

# Node 1 begins below the PCI hole and goes on behind it.
NUMA = (
    "-m", "4G", "-smp", "4,sockets=4",
    "-object", "memory-backend-ram,id=m0,size=1G", "-object", "memory-backend-ram,id=m1,size=3G",
    "-numa", "node,nodeid=0,memdev=m0", "-numa", "node,nodeid=1,memdev=m1,cpus=1",
    "-numa", "cpu,node-id=0,socket-id=0", "-numa", "cpu,node-id=1,socket-id=2",
    "-numa", "cpu,node-id=1,socket-id=3,core-id=0",
    "-numa", "dist,src=0,dst=1,val=15",
)
NUMA_FOUND = {
    "node0 cpus 0 MiB 1024 distance 10 15", "node1 cpus 1-3 MiB 3072 distance 15 10",
    "SRAT: PXM 0 -> APIC 0x00 -> Node 0", "SRAT: PXM 1 -> APIC 0x01 -> Node 1",
    "SRAT: PXM 1 -> APIC 0x02 -> Node 1", "SRAT: PXM 1 -> APIC 0x03 -> Node 1",
    "ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x0009ffff]",
    "ACPI: SRAT: Node 0 PXM 0 [mem 0x00100000-0x3fffffff]",
    "ACPI: SRAT: Node 1 PXM 1 [mem 0x40000000-0xbfffffff]",
    "ACPI: SRAT: Node 1 PXM 1 [mem 0x100000000-0x13fffffff]",
}
BACKEND = (
    "-object", "memory-backend-memfd,id=ram,size=256M", "-machine", "memory-backend=ram",
)
MAX = ("-cpu", "max")
MAX_CHECKED = checks.cpu_model("max")

# (name, group, function). `quick` is what every change runs, `full` adds the rest.
CASES = (
    ("/linux/cloud/shell-answers-and-poweroff-exits-with-0", "quick", shell_works("cloud")),
    ("/linux/cloud/reboot-boots-again", "quick", reboots("cloud")),
    ("/linux/cloud/no-reboot-ends-at-a-reboot", "full", no_reboot_ends("cloud")),
    ("/linux/cloud/cpu-max", "quick", examine("cloud", MAX, MAX_CHECKED, checks.processors(1))),
    ("/linux/cloud/cpu-qemu64", "quick",
     examine("cloud", ("-cpu", "qemu64"), checks.cpu_model("qemu64"))),
    ("/linux/cloud/stats-are-told-at-the-end", "full", tells_statistics("cloud")),
    ("/linux/cloud/check-finds-no-difference", "full", check_agrees("cloud")),
    ("/linux/cloud/smp-2", "quick", examine("cloud", ("-smp", "2"), checks.processors(2))),
    ("/linux/cloud/smp-2-code-written-elsewhere", "quick", sees_code_written_elsewhere()),
    ("/linux/cloud/smp-8-cpu-max", "full",
     examine("cloud", (*MAX, "-smp", "8"), checks.processors(8))),
    ("/linux/cloud/smp-2-thread-single", "full",
     examine("cloud", ("-accel", "tcg,thread=single", "-smp", "2"), checks.processors(2))),
    ("/linux/cloud/numa-nodes-have-their-cpus-and-memory", "full",
     examine("cloud", NUMA, ("dmesg", checks.clean_dmesg), checks.numa(NUMA_FOUND),
             common=False)),
    ("/linux/cloud/memory-backend-is-the-ram", "full", examine("cloud", BACKEND)),
    ("/linux/cloud/backend-interp", "full",
     examine("cloud", ("-accel", "tcg,backend=interp"))),
    ("/linux/generic/shell-answers-and-poweroff-exits-with-0", "quick", shell_works("generic")),
    ("/linux/generic/smp-2-cpu-max", "quick",
     examine("generic", (*MAX, "-smp", "2"), MAX_CHECKED, checks.processors(2))),
    ("/linux/686/shell-answers-and-poweroff-exits-with-0", "quick", shell_works("686")),
    ("/linux/686/cpu-qemu32", "quick",
     examine("686", ("-cpu", "qemu32"), checks.cpu_model("qemu32"))),
    ("/linux/686/cpu-pentium3", "full",
     examine("686", ("-cpu", "pentium3"), checks.cpu_model("pentium3"))),
    ("/linux/686/reboot-boots-again", "full", reboots("686")),
    ("/linux/cloud/smp-64", "soak", many_processors(64)),
    ("/linux/cloud/smp-255", "soak", many_processors(255)),
    ("/linux/cloud/20-boots-in-a-row", "soak", repeated("cloud", 20)),
    ("/linux/cloud/20-boots-in-a-row-smp-2", "soak", repeated("cloud", 20, "-smp", "2")),
    ("/linux/686/20-boots-in-a-row", "soak", repeated("686", 20)),
)
GROUPS = {"quick": {"quick"}, "full": {"quick", "full"}, "soak": {"soak"}}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--group", choices=GROUPS, default="quick")
    parser.add_argument("--list", action="store_true", help="print the names and end")
    parser.add_argument("wanted", nargs="?", help="regular expression of case names, any group")
    options = parser.parse_args()
    groups = GROUPS[options.group] if not options.wanted else {"quick", "full", "soak"}
    cases = [(name, function) for name, group, function in CASES if group in groups]
    if options.list:
        print("\n".join(name for name, _ in cases))
        return 0
    return tap.run(cases, options.wanted)


if __name__ == "__main__":
    sys.exit(main())
