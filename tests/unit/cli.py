#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command line as a user meets it: exit codes, lists, and messages. Argument: the program."""

import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(TOP / "tests"))

from support import tap  # noqa: E402

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
NONE = ["-machine", "none", "-display", "none"]
QTEST = ["-machine", "pc", "-display", "none", "-accel", "qtest", "-qtest", "stdio"]


def run(*options, stdin="", seconds=30):
    return subprocess.run([PROGRAM, *options], input=stdin, capture_output=True, text=True,
                          timeout=seconds)


def qtest(commands, *options):
    """Answers of the device model to a few commands; the program ends with its input."""
    process = subprocess.Popen([PROGRAM, *QTEST, *options], stdin=subprocess.PIPE, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        answers = []
        for command in commands:
            process.stdin.write(command + "\n")
            process.stdin.flush()
            answers.append(process.stdout.readline().strip())
        return answers
    finally:
        process.terminate()
        process.wait(30)


def refused(*options, message):
    result = run(*options)
    assert result.returncode == 1, f"{options}: exit code {result.returncode}"
    assert message in result.stderr, f"{options}: {result.stderr}"
    assert result.stderr.startswith("tenon: "), result.stderr


def lists_and_help_end_with_zero():
    for options, part in {
        ("-h",): "Standard options", ("-version",): "Tenon version",
        ("-device", "help"): 'name "edu", bus PCI', ("-machine", "help"): "pc ",
        ("-accel", "help"): "tcg", ("-chardev", "help"): "stdio", ("-target", "help"): "i386",
        ("-cpu", "help"): "qemu64", ("-module", "help"): "machine-pc", ("-d", "help"): "in_asm",
        ("-L", "help"): "/usr/share/seabios", ("-device", "edu,help"): "dma_mask=<uint64>",
        ("-M", "pc,help"): "hpet=<bool>", ("-accel", "tcg,help"): "thread=<multi/single>",
        ("-display", "help"): "none",
    }.items():
        result = run(*options)
        assert result.returncode == 0 and part in result.stdout, f"{options}: {result}"


def what_is_not_known_gets_a_suggestion_and_exit_code_1():
    refused("-kernal", "x", message="did you mean '-kernel'?")
    refused("-machine", "pcc", message="did you mean 'pc'?")
    refused("-accel", "tgc", *NONE, message="did you mean 'tcg'?")
    refused(*NONE, "-device", "ed", message="did you mean 'edu'?")
    refused(*NONE, "-chardev", "stdoi,id=x", message="did you mean 'stdio'?")
    refused("-M", "pc,hpte=off", message="did you mean 'hpet'?")
    refused(*NONE, "-accel", "tcg,thread=mutli", message="did you mean 'multi'?")
    refused(*NONE, "-target", "x86_65", message="did you mean 'x86_64'?")
    refused("-smp", "4,coers=2", message="did you mean 'cores'?")


def what_cannot_be_is_explained():
    refused("-display", "none", "-initrd", "x", message="-initrd needs -kernel")
    refused("-M", "isapc", "-display", "none", "-smp", "2", message="takes up to 1")
    refused("-display", "none", "-bios", "nowhere.bin", message="'nowhere.bin' is in none of")
    refused("-display", "none", "-kernel", "/nowhere", message="-kernel /nowhere")
    refused(*NONE, "-device", "edu", message="plugged into a bus of type 'pci-bus'")
    refused("-display", "none", "-device", "edu,bus=isa.9", message="no object called 'isa.9'")
    refused("-display", "none", "-device", "edu,id=1x", message="'1x' is no id")
    refused("-display", "none", "-device", "edu,id=a", "-device", "edu,id=a",
            message="the id 'a' is taken by edu")
    refused("-display", "none", "-device", "ioapic", message="made by its machine only")
    refused("-display", "none", "-global", "edu.colour=red", "-device", "edu",
            message="-global edu.colour=red: edu has no property 'colour'")
    refused(*NONE, "-serial", "nowhere", message="-serial nowhere")
    refused(*NONE, *["-serial", "null"] * 5, message="4 times at most")
    refused(*NONE, "-qtest-log", "x", message="-qtest-log needs -qtest")
    refused(*NONE, "-d", "nothing-such", message="'nothing-such' is no log item")
    refused(*NONE, "-D", "/nowhere/log", "-d", "int", message="/nowhere/log")
    refused(*NONE, "-rtc", "base=tomorrow", message="utc, localtime")


def accelerators_fall_through():
    result = run("-machine", "none,accel=kvm:xen", "-accel", "tgc", "-display", "none")
    assert result.returncode == 1
    assert result.stderr.count("trying the next accelerator") == 2, result.stderr
    answers = qtest(["inb 0x70"], "-accel", "tcg")
    assert answers == ["OK 0x00ff"], answers


def lost_ticks_are_made_up_for_with_slew():
    commands = ["outb 0x70 0x0b", "outb 0x71 0x42", "outb 0x70 0x0c", "clock_step 10000000",
                "inb 0x71", "clock_step 244200", "inb 0x71"]
    assert qtest(commands, "-rtc", "clock=vm")[4:] == ["OK 0x00c0", "OK 10244200", "OK 0x0000"]
    assert qtest(commands, "-rtc", "clock=vm,driftfix=slew")[6] == "OK 0x00c0"
    by_global = ["-rtc", "clock=vm", "-global", "mc146818rtc.lost_tick_policy=slew"]
    assert qtest(commands, *by_global)[6] == "OK 0x00c0"


def a_global_that_meets_nothing_is_told():
    process = subprocess.Popen([PROGRAM, *NONE, "-global", "nothing.x=1"], stderr=subprocess.PIPE,
                               text=True)
    line = process.stderr.readline()
    process.terminate()
    process.wait(30)
    assert "-global nothing.x=1: the machine has no 'nothing'" in line, line


CASES = [lists_and_help_end_with_zero, what_is_not_known_gets_a_suggestion_and_exit_code_1,
         what_cannot_be_is_explained, accelerators_fall_through,
         lost_ticks_are_made_up_for_with_slew, a_global_that_meets_nothing_is_told]

sys.exit(tap.run([("/cli/" + case.__name__.replace("_", "-"), case) for case in CASES]))
