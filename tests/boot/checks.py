# SPDX-License-Identifier: MIT
"""What the boot tests look at in a running Linux guest, each one function of the guest."""

import os
import re
import time

from boot.guest import warnings

# Functions of the bare `pc` machine (-nodefaults): i440FX, PIIX3 ISA, PIIX4 PM; the PIIX3's IDE
# controller where that module is there.
PC_FUNCTIONS = {
    "0000:00:00.0 0x8086:0x1237 0x060000 0x1af4:0x1100",
    "0000:00:01.0 0x8086:0x7000 0x060100 0x1af4:0x1100",
    "0000:00:01.3 0x8086:0x7113 0x068000 0x1af4:0x1100",
}
IDE_FUNCTION = "0000:00:01.1 0x8086:0x7010 0x010180 0x1af4:0x1100"

# RAM of the tests' machine, and how much of its end the firmware may keep for its tables.
MEMORY, TABLES_MOST = 256 << 20, 256 << 10

# What Debian's kernels say at warning level on this machine under QEMU 7.2 too.
ALLOWED_WARNINGS = (
    r"acpi PNP0A03:00: fail to add MMCONFIG information",
    r"acpi resource window .* ignored, not CPU addressable",
    r"pci_bus 0000:00: Unknown NUMA node; performance will be reduced",
    r" *#\d+$",  # processors as they come up, where nodes break the line
    r"L1TF: Kernel not compiled for PAE",
    r"mce: Unable to init MCE device",
    r"mtrr: your CPUs had inconsistent ",
    r"tsc: Unable to calibrate against PIT",
    r"Unstable clock detected, switching default tracing clock",
    r"If you want to keep using the local clock, then add:",
    r"  \"trace_clock=local\"",
    r"on the kernel command line",
    r"GDS: Unknown: Dependent on hypervisor status",
    r"(MDS|MMIO Stale Data|TAA|RETBleed|Spectre V2|ITS|VMSCAPE).*",
)

# A host with more work than processors delays the guest between two readings of its clocks, and
# keeps timer interrupts waiting. On a quiet host these count.
BUSY_WARNINGS = (
    r"hpet: Lost \d+ RTC interrupts",
    r"APIC calibration not consistent with PM-Timer",
    r"tsc: PIT calibration deviates from HPET",
    r"clocksource: ",
    r"TSC found unstable after boot",
)

# /proc/cpuinfo shows these from the kernel's own knowledge, not from CPUID bits.
SYNTHETIC_FLAGS = frozenset(
    "cpuid rep_good nopl extd_apicid constant_tsc nonstop_tsc tsc_known_freq arch_perfmon "
    "xtopology amd_dcm art up pti ibrs ibpb stibp ssbd vmmcall tsc_reliable hwp_epp k8 "
    "kaiser spec_ctrl retpoline rsb_ctxsw extd_apicid ospke ht amd_lbr_v2".split()
)

# QEMU's documented models, as feature names of /proc/cpuinfo, without the synthetic ones. What
# an emulator cannot offer (svm) is allowed to lack.
MODEL_FLAGS = {
    "qemu64": (
        "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr "
        "sse sse2 syscall nx lm pni cx16 hypervisor lahf_lm"
    ),
    "qemu32": "fpu de pse tsc msr pae mce cx8 apic sep pge cmov mmx fxsr sse sse2 pni hypervisor",
    "pentium3": (
        "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pse36 mmx fxsr sse hypervisor"
    ),
}
OPTIONAL_FLAGS = frozenset("svm cmp_legacy 3dnowprefetch vme abm".split())

# The whole of what the emulator has: `-cpu max` shows at least these.
MAX_FLAGS = (
    "fpu de pse tsc msr pae mce cx8 apic sep mtrr pge mca cmov pat pse36 clflush mmx fxsr sse "
    "sse2 syscall nx pdpe1gb rdtscp lm pni pclmulqdq monitor ssse3 fma cx16 pcid sse4_1 sse4_2 "
    "x2apic movbe popcnt tsc_deadline_timer aes xsave avx f16c rdrand hypervisor lahf_lm abm "
    "fsgsbase bmi1 avx2 smep bmi2 erms invpcid rdseed adx smap clflushopt clwb sha_ni xsaveopt "
    "xgetbv1 umip pku rdpid la57"
)


def flags(lines):
    for line in lines:
        if line.startswith("flags"):
            return set(line.partition(":")[2].split())
    return set()


def cpu_model(model):
    def check(guest):
        found = flags(guest.script("cpuinfo")) - SYNTHETIC_FLAGS
        if model == "max":
            missing, extra = set(MAX_FLAGS.split()) - found, set()
        else:
            want = set(MODEL_FLAGS[model].split())
            missing, extra = want - found, found - want - OPTIONAL_FLAGS
        if missing or extra:
            guest.fail(f"-cpu {model}: missing {sorted(missing)}, not of the model {sorted(extra)}")

    return "cpuinfo", check


def clean_dmesg(guest):
    busy = os.getloadavg()[0] > os.cpu_count()
    allowed = ALLOWED_WARNINGS + (BUSY_WARNINGS if busy else ())
    bad = [
        line
        for line in warnings(guest.script("dmesg"))
        if not any(re.match(pattern, line) for pattern in allowed)
    ]
    if bad:
        guest.fail("the kernel warns:\n" + "\n".join("  " + line for line in bad))


def pci_listing(guest):
    found = {line.strip() for line in guest.script("pci") if line.strip()}
    if found - {IDE_FUNCTION} != PC_FUNCTIONS:
        guest.fail("PCI functions differ from the PC's:\n" + "\n".join(sorted(found)))


def rtc_reads_now(guest):
    lines = "\n".join(guest.script("rtc"))
    found = re.search(r"rtc (\S+).* epoch (\d+)", lines)
    if not found or not found.group(1).startswith("rtc_cmos"):
        guest.fail("no CMOS clock")
    drift = int(found.group(2)) - time.time()
    if abs(drift) > 60:
        guest.fail(f"the RTC is {drift:.0f} s away from the host's clock")


def clocks(guest):
    lines = "\n".join(guest.script("clock"))
    available = re.search(r"available (.*)", lines).group(1).split()
    for name in ("hpet", "acpi_pm"):
        if name not in available:
            guest.fail(f"clocksource {name} is missing: {available}")
    if not re.search(r"hpet0: \d comparators, 64-bit 100.000000 MHz counter", lines):
        guest.fail("the HPET is not the 100 MHz one of the PC")
    before, after = re.search(r"slept (\S+) (\S+)", lines).groups()
    if not 1.5 < float(after) - float(before) < 5:
        guest.fail(f"sleep 2 took {float(after) - float(before):.2f} s of guest time")


def numa(expected):
    """Lines of the script; of a node's memory the kernel keeps some for itself, at most 8 %."""
    def check(guest):
        lines = set()
        for line in guest.script("numa"):
            found = re.search(r"MiB (\d+) ", line)
            if found:
                gib = -(-int(found.group(1)) // 1024) * 1024
                near = gib if int(found.group(1)) > 0.92 * gib else int(found.group(1))
                line = line.replace(found.group(), f"MiB {near} ")
            lines.add(line.strip())
        if expected - lines:
            guest.fail(f"missing {sorted(expected - lines)} in {sorted(lines)}")

    return "numa", check


def processors(count):
    def check(guest):
        lines = guest.script("smp")
        online = "online 0" if count == 1 else f"online 0-{count - 1}"
        if online not in lines:
            guest.fail(f"not all of {count} processors are online: {lines[:1]}")
        ran = {line for line in lines if line.startswith("ran on")}
        if ran != {f"ran on {cpu}" for cpu in range(count)}:
            guest.fail(f"programs did not run on every processor: {sorted(ran)}")

    return "smp", check


def memory_map(guest):
    lines = "\n".join(guest.script("memory"))
    if "memory stable" not in lines:
        guest.fail("a file in memory changed between two reads")
    found = re.search(r"\[mem 0x0000000000100000-(0x[0-9a-f]+)\] usable", lines)
    tables = MEMORY - 1 - int(found.group(1), 16) if found else -1
    if not 0 <= tables <= TABLES_MOST:
        guest.fail("the firmware's map does not hold the 256 MiB less ACPI tables")


# Name of the guest's script -> check.
COMMON = {
    "dmesg": clean_dmesg,
    "pci": pci_listing,
    "rtc": rtc_reads_now,
    "clock": clocks,
    "memory": memory_map,
}
