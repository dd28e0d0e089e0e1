# SPDX-License-Identifier: MIT
"""Completion in real shells: keys are typed into a terminal, and what appears is looked at."""

import re

from support import tap
from support.console import Console, Failure

TAB, CLEAR_LINE, PROMPT = "\t", "\x15", "complete> "

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], f"""
        PS1='{PROMPT}'; bind 'set show-all-if-ambiguous on'; bind 'set completion-query-items 0'
        bind 'set page-completions off'; bind 'set bell-style none'; bind 'set enable-bracketed-paste off'
        . /usr/share/bash-completion/bash_completion"""),
    "zsh": (["zsh", "-f", "-i"], f"""
        PS1='{PROMPT}'; fpath=($PREFIX/share/zsh/site-functions $fpath); unsetopt beep
        LISTMAX=9999; autoload -U compinit; compinit -u -D; setopt no_list_ambiguous"""),
}

# What is typed before the tab, and what must then be on the screen: the line when there is one way
# to go on, else some of the names offered.
CASES = [
    ("an option", "tenon -nogr", ["tenon -nographic"]),
    ("options", "tenon -no", ["-nodefaults", "-no-reboot", "-nographic"]),
    ("the other program", "tenon-system-i386 -cpu 48", ["tenon-system-i386 -cpu 486"]),
    ("a device", "tenon -device ed", ["tenon -device edu"]),
    ("devices", "tenon -device isa-", ["isa-debugcon", "isa-debug-exit", "isa-serial"]),
    ("a property", "tenon -device edu,dm", ["tenon -device edu,dma_mask="]),
    ("properties", "tenon -device edu,rom", ["rombar", "romfile"]),
    ("a second property", "tenon -device edu,addr=4,multi", ["edu,addr=4,multifunction="]),
    ("a switch", "tenon -device edu,rombar=of", ["tenon -device edu,rombar=off"]),
    ("a machine", "tenon -machine isa", ["tenon -machine isapc"]),
    ("a machine's property", "tenon -M pc,smbios", ["tenon -M pc,smbios-entry-point-type="]),
    ("a property's values", "tenon -M pc,smbios-entry-point-type=3",
     ["tenon -M pc,smbios-entry-point-type=32"]),
    ("a CPU", "tenon -cpu Skylake-S", ["tenon -cpu Skylake-Server"]),
    ("a CPU's feature", "tenon -cpu max,-avx512vb", ["tenon -cpu max,-avx512vbmi"]),
    ("an accelerator", "tenon -accel tc", ["tenon -accel tcg"]),
    ("its property", "tenon -accel tcg,one", ["tenon -accel tcg,one-insn-per-tb="]),
    ("a chardev", "tenon -chardev std", ["tenon -chardev stdio"]),
    ("its property's value", "tenon -chardev stdio,mux=of", ["tenon -chardev stdio,mux=off"]),
    ("a log item", "tenon -d in_asm,nocha", ["tenon -d in_asm,nochain"]),
    ("a key of another option", "tenon -boot orde", ["tenon -boot order="]),
    ("a file", "tenon -kernel metro", ["tenon -kernel metronome-kernel"]),
    ("a tool's option", "tenon-modinfo --wri", ["tenon-modinfo --write-index"]),
    ("another's", "tenon-modcheck --acc", ["tenon-modcheck --accesses"]),
    ("a module", "tenon-modinfo a-mod", ["tenon-modinfo a-module.so"]),
    ("a directory", "tenon-modinfo --check-index b-mod", ["tenon-modinfo --check-index b-modules/"]),
]


def shell(installed, name):
    words, setup = SHELLS[name]
    if installed.command("which", name, check=False).returncode != 0:
        raise tap.Skip(f"{name} is not installed")
    (installed.folder / "setup").write_text(setup)
    for name in ("metronome-kernel", "a-module.so", "a-module.c", "b-module.so"):
        (installed.folder / name).touch()
    (installed.folder / "b-modules").mkdir(exist_ok=True)
    with Console(installed.wrapped("env", "TERM=dumb", "COLUMNS=200", *words)) as console:
        console.send(" PS1=; stty cols 200; . ./setup\n")
        console.expect(PROMPT, 30)
        for what, typed, wanted in CASES:
            start = console.seen
            console.send(typed + TAB)
            for text in wanted:
                console.seen = start
                try:
                    console.expect(re.escape(text), 20)
                except Failure as reason:
                    raise Failure(f"completing {what}: {reason}") from None
            console.send(CLEAR_LINE + "echo next\n")
            console.expect(r"\nnext\n", 20)
            console.expect(PROMPT, 20)

