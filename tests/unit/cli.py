#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The command line as a user meets it: exit codes, lists, and messages. Argument: the program."""

import ctypes
import pathlib
import re
import subprocess
import sys
import tempfile
import time

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


def checking_mode_needs_one_processor_and_two_back_ends():
    refused(*NONE, "-accel", "tcg,check=on,backend=interp",
            message="backend=interp is the interpreter")
    refused("-machine", "pc", "-display", "none", "-smp", "2", "-accel", "tcg,check=on",
            message="check=on is for one CPU, not for -smp 2 or more")


def code_mappings(split, forbid=False):
    """Where host code may lie: the permissions and names of mappings, or the program's complaint."""
    def forbid_gaining_exec():
        PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1
        if ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) != 0:
            raise OSError("the host has no PR_SET_MDWE")

    options = ["-machine", "pc", "-nodefaults", "-display", "none", "-S",
               "-accel", f"tcg,split-wx={split}"]
    process = subprocess.Popen([PROGRAM, *options], text=True, stderr=subprocess.PIPE,
                               preexec_fn=forbid_gaining_exec if forbid else None)
    try:
        while process.poll() is None:
            maps = pathlib.Path(f"/proc/{process.pid}/maps").read_text()
            if "rwxp" in maps or maps.count("tenon-code") == 2:
                return maps
            time.sleep(0.02)
        return process.stderr.read()
    finally:
        process.kill()
        process.wait(30)


def code_memory_is_split_where_asked_for():
    assert "tenon-code" not in code_mappings("off") and "tenon-code" not in code_mappings("auto")
    assert "rwxp" not in code_mappings("on")
    refused(*NONE, "-accel", "tcg,split-wx=maybe", message="is not one of auto, on, off")
    try:
        assert "rwxp" not in code_mappings("auto", forbid=True)
    except subprocess.SubprocessError:
        return # an older host, which cannot forbid it
    assert "(split-wx=off): Permission denied" in code_mappings("off", forbid=True)


def accelerators_fall_through():
    result = run("-machine", "none,accel=kvm:xen", "-accel", "tgc", "-display", "none")
    assert result.returncode == 1
    assert result.stderr.count("trying the next accelerator") == 2, result.stderr
    answers = qtest(["inb 0x70"], "-accel", "tcg")
    assert answers == ["OK 0x00ff"], answers


def a_cpu_model_lists_its_properties():
    def values(model, *options):
        result = run(*options, "-cpu", f"{model},help")
        assert result.returncode == 0 and not result.stderr, result
        lines = result.stdout.splitlines()
        assert lines[0] == model.split(",")[0] + " options:", lines[0]
        assert lines[1:] == sorted(lines[1:]), "not sorted"
        return {line.split("=")[0].strip(): line.rpartition("(default: ")[2].rstrip(")")
                for line in lines[1:]}

    old, new = values("486"), values("max")
    assert (old["fpu"], old["sse"], old["lm"], old["family"]) == ("on", "off", "off", "4"), old
    assert (new["avx2"], new["lm"], new["check"]) == ("on", "on", "on"), new
    assert set(old) == set(new)
    assert values("max,-avx2,family=6")["avx2"] == "off"
    assert values("max", "-target", "i386")["lm"] == "off"
    refused("-cpu", "nonesuch,help", message="unable to find CPU model 'nonesuch'")
    refused("-cpu", "max,+nonesuch,help", message="no feature or property is called 'nonesuch'")


def lost_ticks_are_made_up_for_with_slew():
    commands = ["outb 0x70 0x0b", "outb 0x71 0x42", "outb 0x70 0x0c", "clock_step 10000000",
                "inb 0x71", "clock_step 244200", "inb 0x71"]
    rtc = "clock=vm,base=2026-01-01T00:00:00" # no second ends meanwhile
    assert qtest(commands, "-rtc", rtc)[4:] == ["OK 0x00c0", "OK 10244200", "OK 0x0000"]
    assert qtest(commands, "-rtc", f"{rtc},driftfix=slew")[6] == "OK 0x00c0"
    by_global = ["-rtc", rtc, "-global", "mc146818rtc.lost_tick_policy=slew"]
    assert qtest(commands, *by_global)[6] == "OK 0x00c0"


def ram(name, size="64M", kind="ram", *more):
    return ["-object", ",".join([f"memory-backend-{kind}", f"id={name}", f"size={size}", *more])]


def objects_are_checked():
    listing = run("-object", "help").stdout
    for kind in ("ram", "file", "memfd"):
        assert f"memory-backend-{kind}" in listing, listing
    assert "mem-path=<str>" in run("-object", "memory-backend-file,help").stdout
    for text, message in {
        "memory-backend-ram,size=64M": "the parameter 'id' is missing",
        "memory-backend-ram,id=a": "the parameter 'size' is missing",
        "memory-backend-ram,id=1a,size=64M": "'1a' is no id",
        "memory-backend-ram,id=a,size=5000": "size=5000 is no multiple of 4096",
        "memory-backend-ram,id=a,size=64M,sharp=on": "did you mean 'share'?",
        "memory-backend-rom,id=a": "did you mean 'memory-backend-ram'?",
        "memory-backend-file,id=a,size=64M": "the parameter 'mem-path' is missing",
        "memory-backend-file,id=a,size=64M,mem-path=/nowhere/x": "mem-path=/nowhere/x: No such",
        "memory-backend-memfd,id=a,size=64M,hugetlb=on,hugetlbsize=3M": "a power of two",
        "edu,id=a": "no object 'edu'", "id=a": "the type of an object is missing",
    }.items():
        refused(*NONE, "-object", text, message=message)
    refused(*NONE, *ram("a"), *ram("a"), message="the id 'a' is taken")
    refused("-M", "pc,memory-backend=a", message="there is no object (-object) 'a'")
    refused("-M", "pc,memory-backend=a", "-m", "32M", *ram("a"),
            message="it has 64M, and the machine's RAM (-m) is 32M")


def a_memory_backend_is_the_ram():
    with tempfile.NamedTemporaryFile() as file:
        options = [*ram("a", "2M", "file", f"mem-path={file.name}", "share=on"),
                   "-M", "pc,memory-backend=a"]
        answers = qtest(["writel 0x1ff000 0x12345678", "readl 0x1ff000", "readl 0x200000"], *options)
        assert answers[1:] == ["OK 0x0000000012345678", "OK 0x00000000ffffffff"], answers
        content = pathlib.Path(file.name).read_bytes()
        assert len(content) == 2 << 20 and content[0x1ff000:0x1ff004] == b"\x78\x56\x34\x12"
        options = [*ram("a", "2M", "file", f"mem-path={file.name}"), "-M", "pc,memory-backend=a"]
        assert qtest(["readl 0x1ff000", "writel 0x1ff000 0"], *options)[0] == answers[1]
        assert pathlib.Path(file.name).read_bytes() == content, "a private mapping reached the file"


def numa_nodes_are_checked():
    two = ["-numa", "node", "-numa", "node"]
    for options, message in (
        (("nod",), "'node', 'dist' or 'cpu' has to come first"),
        (("node,cpus=0-1",), "'1' is out of range: 0 to 0 is valid"),
        (("node,cpus=0", "node,cpus=0"), "the CPU 0 is assigned to the node 0 already"),
        (("node,nodeid=0", "node,nodeid=0"), "the node 0 is given twice"),
        (("node,nodeid=0", "node,nodeid=2"), "the node 1 is missing"),
        (("node,nodeid=128",), "'128' is out of range: 0 to 127 is valid"),
        (("node,mem=100M",), "the nodes' RAM adds up to 100M, and the machine's (-m) is 128M"),
        (("node,memdev=x",), "there is no object (-object) 'x' to be the memory back end"),
        (("node,mem=64,memdev=x",), "either mem= or memdev="),
        (("node,initiator=0",), "HMAT"), (("hmat-lb,initiator=0",), "HMAT"),
        (("node,node=1",), "did you mean 'nodeid'?"),
        (("cpu,node-id=0",), "-numa node,nodeid=0 has to come before"),
        (("node", "cpu,node-id=0,socket-id=1"), "no CPU of the topology (-smp) is there"),
        (("node", "cpu,node-id=0,cluster-id=0"), "has no such level"),
        (("dist,src=0,dst=0,val=10",), "there is no node 0"),
    ):
        refused(*[word for text in options for word in ("-numa", text)], message=message)
    for text, message in {
        "src=0,dst=1,val=9": "'9' is out of range: 10 to 255", "src=0,dst=1": "'val' is missing",
        "src=1,dst=1,val=11": "a node's distance from itself is 10",
        "src=0,dst=2,val=20": "there is no node 2",
    }.items():
        refused(*two, "-numa", "dist," + text, message=message)
    three = [*two, "-numa", "node"]
    one_way = ["-numa", "dist,src=0,dst=1,val=15", "-numa", "dist,src=0,dst=2,val=15"]
    refused(*three, *one_way, message="between the nodes 1 and 2 is missing")
    refused(*three, *one_way, "-numa", "dist,src=1,dst=2,val=15", "-numa",
            "dist,src=1,dst=0,val=16", message="from node 2 to 0 is missing")
    refused("-M", "isapc", "-numa", "node", message="the machine 'isapc' has no NUMA nodes")
    refused(*ram("a"), "-m", "64M", *two[:2], "-numa", "node,memdev=a",
            message="node 0 has no memdev=")
    refused("-M", "pc,memory-backend=a", *ram("a"), "-numa", "node,memdev=a",
            message="only one of both")


def ram_of_numa_nodes_lies_in_a_row():
    options = [*ram("a", "4M"), *ram("b", "2M"), "-m", "6M", "-numa", "node,memdev=a", "-numa",
               "node,memdev=b"]
    commands = ["writeq 0x3ffffc 0x1122334455667788", "readl 0x400000", "readl 0x5ffffc",
                "readl 0x600000"]
    assert qtest(commands, *options)[1:] == [
        "OK 0x0000000011223344", "OK 0x0000000000000000", "OK 0x00000000ffffffff"]


def a_global_that_meets_nothing_is_told():
    process = subprocess.Popen([PROGRAM, *NONE, "-global", "nothing.x=1"], stderr=subprocess.PIPE,
                               text=True)
    line = process.stderr.readline()
    process.terminate()
    process.wait(30)
    assert "-global nothing.x=1: the machine has no 'nothing'" in line, line


def logged(folder, ranges):
    """Where the blocks begin that -d tells of; the firmware jumps to code that ends the program."""
    rom, log = folder / "rom", folder / "log"
    code = bytearray(b"\xf4" * 0x10000)  # hlt
    code[-0x10:-0x0e] = b"\xeb\x80"  # 0xfffffff0: jmp 0xffffff72
    code[-0x8e:-0x8a] = b"\xb0\x00\xe6\xf4"  # mov $0, %al; out %al, $0xf4
    rom.write_bytes(code)
    result = run("-nodefaults", "-display", "none", "-bios", rom, "-device",
                 "isa-debug-exit,iobase=0xf4,iosize=4", "-D", log, "-d",
                 "in_asm,op,op_opt,out_asm,exec", "-dfilter", ranges)
    assert result.returncode == 1, result
    text = log.read_text()
    first = re.findall(r"^IN: .*\n0x0000(....):", text, re.M)
    assert [pc[-4:] for pc in re.findall(r"^Trace .*/0{12}(....)/", text, re.M)] == first, text
    for title in ("OP:", "OP after optimisation:", "OUT:"):
        found = len(re.findall(rf"^{title}", text, re.M))
        assert found == len(first) or "after" in title and not found, f"{title} {found} times"
    return first


def the_log_is_of_a_filters_addresses():
    both = ["fff0", "ff72"]  # what follows OUT may run before the end: it is left out
    with tempfile.TemporaryDirectory() as folder:
        for ranges, wanted in {
            "0..0xffffff75,0xffffff80..0xffffffffffffffff": both,
            "0xfffffff0+1": both[:1], "0xffffffef+1": [], "0xfffffff1-1": both[:1],
            "0xfffffff0-1": [], "0xffffff60..0xffffff71": [], "0xffffff75+1": both[1:],
            "4294967282-2,0xffffff76-4": both, "1..2,0xfffffff0+2,0xffffff72-0x2": both[:1],
        }.items():
            found = logged(pathlib.Path(folder), ranges)
            assert found == wanted, f"{ranges}: {found}"


def ranges_of_a_filter_are_checked():
    for ranges in ("", "5", "x..5", "1..", "5..4", "1...2", "5+0", "5-0", "5-6", "1+2+3", "-1+2",
                   "0xffffffffffffffff+2", "0x10000000000000000+1"):
        refused(*NONE, "-dfilter", ranges, message=f"'{ranges}' is no range")
    refused(*NONE, "-dfilter", "1+1,", message="-dfilter 1+1,: '' is no range")


CASES = [lists_and_help_end_with_zero, what_is_not_known_gets_a_suggestion_and_exit_code_1,
         what_cannot_be_is_explained, accelerators_fall_through,
         checking_mode_needs_one_processor_and_two_back_ends, code_memory_is_split_where_asked_for,
         the_log_is_of_a_filters_addresses, ranges_of_a_filter_are_checked, objects_are_checked,
         a_memory_backend_is_the_ram, numa_nodes_are_checked,
         ram_of_numa_nodes_lies_in_a_row, lost_ticks_are_made_up_for_with_slew,
         a_cpu_model_lists_its_properties, a_global_that_meets_nothing_is_told]

sys.exit(tap.run([("/cli/" + case.__name__.replace("_", "-"), case) for case in CASES]))
