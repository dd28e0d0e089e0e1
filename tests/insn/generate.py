# SPDX-License-Identifier: MIT
"""Write and build the instruction suite: forms and rows as assembly, two programs for each width."""

import dataclasses
import pathlib
import subprocess

from support import made

import values
from forms import avx, fault, integer, sse, x87
from forms.form import ALL, CLASSES, RULES

HERE = pathlib.Path(__file__).resolve().parent
LINUX, METAL = "insn-linux", "insn-metal"
SOURCES = (integer, sse, avx, x87, fault)

CFLAGS = ("-O2", "-g", "-std=gnu11", "-Wall", "-Wextra", "-ffreestanding", "-fno-pic", "-no-pie",
          "-nostdlib",
          "-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-fcf-protection=none",
          "-fno-builtin",
          "-mgeneral-regs-only", "-fno-strict-aliasing", "-static", "-Wl,--build-id=none",
          # The kernel's headers serve both widths; gcc looks for them under its own width only.
          "-idirafter", "/usr/include/x86_64-linux-gnu")


@dataclasses.dataclass(frozen=True)
class Suite:
    bits: int
    forms: list  # of Form, `count` filled in
    first_row: list  # per form, index into rows
    rows: list

    def class_range(self, group):
        """First and last form of a class; forms are ordered by class."""
        numbers = [number for number, form in enumerate(self.forms) if form.group == group]
        return (numbers[0], numbers[-1]) if numbers else None


def collect(bits):
    forms = [form for source in SOURCES for form in source.generate(bits)]
    forms.sort(key=lambda form: CLASSES.index(form.group))
    rows, base, sizes = [], {}, {}
    filled = []
    for form in forms:
        if form.kind not in base:
            made = values.rows(form.kind, bits)
            base[form.kind], sizes[form.kind] = len(rows), len(made)
            rows += made
        count = min(form.count or sizes[form.kind], sizes[form.kind])
        filled.append(dataclasses.replace(form, count=count))
    return Suite(bits, filled, [base[form.kind] for form in filled], rows)


def assembly(suite):
    lines = ['        .section .forms, "ax"']
    for number, form in enumerate(suite.forms):
        lines.append(f"f{number}: {form.code}")
        lines.append("        jmp case_exit")
    lines.append(f"f{len(suite.forms)}:")
    lines += ["        .section .rodata", "        .balign 16",
              "        .globl forms, form_count, rows", "forms:"]
    for number, form in enumerate(suite.forms):
        flags = ALL & ~form.undefined
        lines.append(f"        .long f{number}, 0, {suite.first_row[number]}")
        lines.append(f"        .short {form.count}; .byte {form.state}, {RULES.index(form.rule)}")
        lines.append(f"        .long {flags}, {form.feature_mask()}; .short {form.fsw}, 0, 0, 0")
    lines += ["form_count:", f"        .long {len(suite.forms)}", "        .balign 64", "rows:",
              '        .incbin "rows.bin"', '        .section .note.GNU-stack, "", @progbits']
    return "\n".join(lines) + "\n"


def run(command, folder):
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(str(word) for word in command)}\n{done.stderr[:4000]}")


def build(bits):
    """Build the suite of a width; returns (suite, Linux program, kernel)."""
    suite = collect(bits)
    text, rows = assembly(suite), b"".join(row.pack(bits) for row in suite.rows)
    sources = sorted([*HERE.glob("*.[chS]"), *HERE.glob("*.ld")])
    folder = made.folder("insn", made.digest(f"{bits} {CFLAGS}", text, rows, *sources),
                         lambda folder: compile_into(folder, bits, text, rows))
    return suite, folder / LINUX, folder / METAL


def compile_into(folder, bits, text, rows):
    linux, metal = folder / LINUX, folder / METAL
    folder.mkdir()
    (folder / "forms.S").write_text(text)
    (folder / "rows.bin").write_bytes(rows)
    width = f"-m{bits}"
    common = [HERE / name for name in ("suite.c", "features.c", "case.S")]
    run(["gcc", width, "-c", "forms.S", "-o", "forms.o"], folder)
    link = ["-I", HERE, *common, "forms.o", "-T", HERE / "suite.ld"]
    run(["gcc", width, *CFLAGS, *link, HERE / "linux.c", "-o", linux], folder)
    run(["gcc", width, *CFLAGS, *link, HERE / "metal.c", HERE / "metal.S", "-o", f"{metal}.elf"],
        folder)
    # Multiboot loaders take 32-bit ELF files; the 64-bit code in it starts in 32-bit mode.
    run(["objcopy", "-O", "elf32-i386", f"{metal}.elf", metal], folder)
    for rest in ("forms.S", "rows.bin", "forms.o", f"{METAL}.elf"):
        (folder / rest).unlink()
