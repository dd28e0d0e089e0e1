# SPDX-License-Identifier: MIT
"""Tell a difference between two outcomes of a case in words."""

import struct
import subprocess

REGISTERS = "rax rcx rdx rbx rsp rbp rsi rdi r8 r9 r10 r11 r12 r13 r14 r15".split()
FLAG_NAMES = {0: "CF", 2: "PF", 4: "AF", 6: "ZF", 7: "SF", 8: "TF", 9: "IF", 10: "DF", 11: "OF",
              16: "RF", 18: "AC", 21: "ID"}
WINDOW_AT, VECTOR_AT = 912, 1424


def flag_text(value):
    return " ".join(name for bit, name in FLAG_NAMES.items() if value >> bit & 1) or "none"


def fields(record):
    """(name, text) of everything in a record (struct outcome)."""
    words = struct.unpack_from("<18Q", record)
    for name, value in zip(REGISTERS, words):
        yield name, f"{value:#x}"
    yield "flags", flag_text(words[16])
    yield "rip", f"{words[17]:#x}"
    yield from fx_fields(record)
    for number in range(16):
        yield f"ymmh{number}", record[656 + 16 * number : 672 + 16 * number][::-1].hex()
    for at in range(0, 512, 16):
        yield f"mem{at - 128:+d}", record[WINDOW_AT + at : WINDOW_AT + at + 16].hex(" ", 4)
    vector, error, cr2 = struct.unpack_from("<3Q", record, VECTOR_AT)
    yield "fault", "none" if vector == 0xFF else f"vector {vector} error {error:#x} cr2 {cr2:#x}"


def fx_fields(record):
    cw, sw, tag = struct.unpack_from("<HHB", record, 144)
    yield "fcw", f"{cw:#x}"
    yield "fsw", f"{sw:#x}"
    yield "ftag", f"{tag:#x}"
    yield "mxcsr", f"{struct.unpack_from('<I', record, 144 + 24)[0]:#x}"
    for number in range(8):
        yield f"st{number}", record[176 + 16 * number : 186 + 16 * number][::-1].hex()
    for number in range(16):
        yield f"xmm{number}", record[304 + 16 * number : 320 + 16 * number][::-1].hex()


def input_fields(row, bits):
    record = row.pack(bits)
    return dict(fields(record + bytes(1456 - len(record))))


def disassemble(program, address, bits):
    command = ["objdump", "-d", f"--start-address={address:#x}",
               f"--stop-address={address + 40:#x}", program]
    text = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    lines = []
    for line in text.splitlines():
        if ":\t" in line:
            if "case_exit" in line:
                break
            lines.append("#     " + line.strip())
    return "\n".join(lines)


def form_address(program, number):
    text = subprocess.run(["nm", program], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        if line.endswith(f" f{number}"):
            return int(line.split()[0], 16)
    return 0


def describe(suite, number, row, host, guest, program):
    lines = [disassemble(program, form_address(program, number), suite.bits)]
    start = input_fields(suite.rows[suite.first_row[number] + row], suite.bits)
    wanted, found = dict(fields(host)), dict(fields(guest))
    shown = [name for name in REGISTERS[: 16 if suite.bits == 64 else 8]] + ["flags"]
    lines.append(f"#   row {row} in: " + " ".join(f"{name}={start[name]}" for name in shown))
    differing = [name for name in wanted if wanted[name] != found.get(name)]
    for name in differing:
        before = f"   (before {start[name]})" if name in start and name != "fault" else ""
        lines.append(f"#   {name}: expected {wanted[name]}, found {found.get(name)}{before}")
    if not differing:
        lines.append("#   the whole states are equal: the guest computed the hash wrongly, or runs differ")
    if suite.forms[number].state:
        lines.append("#   in: " + " ".join(f"{name}={start[name]}"
                                           for name in ("fcw", "fsw", "ftag", "mxcsr")))
        prefix = "st" if suite.forms[number].group == "x87" else "xmm"
        lines.append("#   in: " + " ".join(f"{prefix}{i}={start[f'{prefix}{i}']}"
                                           for i in range(4)))
        lines.append(f"#   in: (mem)={start['mem+0']} {start['mem+16']}")
    return "\n".join(lines)
