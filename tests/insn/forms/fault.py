# SPDX-License-Identifier: MIT
"""Forms that fault: vector, error code, address, instruction pointer and every register after it.

The user program of the bare machine has the segments, pages and control bits of a Linux process,
so that the processor raises the same faults there as natively.
"""

from forms.form import AF, CF, INTEL, OF, PF, SF, STATE_FX, STATE_YMM, ZF, Form, Mode, reg
from values import ABSENT_BASE, EDGE_BASE, PAGE, RDONLY_BASE

EDGE_END = EDGE_BASE + PAGE

STATUS = CF | OF | SF | ZF | AF | PF


def form(code, **settings):
    settings.setdefault("count", 2)
    return Form(code=code, group="fault", **settings)


def undefined_opcodes(mode):
    texts = ["ud2", ".byte 0x0f, 0xb9, 0xc0", ".byte 0x0f, 0xff, 0xc0", ".byte 0x0f, 0x04",
             ".byte 0x0f, 0x0a",
             ".byte 0xfe, 0xd0", ".byte 0xff, 0xf8", ".byte 0x8f, 0xc8", ".byte 0xc6, 0xc8, 0x00",
             ".byte 0xc7, 0xc8, 0, 0, 0, 0", ".byte 0x0f, 0xba, 0xc0, 0x01",
             ".byte 0x0f, 0xc7, 0xc8",
             # LOCK where it is not allowed: register operand, CMP, MOV, loads.
             ".byte 0xf0, 0x01, 0xc8", ".byte 0xf0, 0x39, 0x03", ".byte 0xf0, 0x89, 0x03",
             ".byte 0xf0, 0x03, 0x03",
             ".byte 0xf0, 0x90", ".byte 0xf0, 0x0f, 0xa3, 0x0b", ".byte 0xf0, 0xa4",
             ".byte 0xf0, 0xff, 0x33",
             # LEA and far pointers want memory.
             ".byte 0x8d, 0xc0", ".byte 0xff, 0xd8", ".byte 0xff, 0xe8", ".byte 0x0f, 0xb2, 0xc0",
             # MOV to CS, and segment registers that do not exist.
             ".byte 0x8e, 0xc8", ".byte 0x8e, 0xf0", ".byte 0x8c, 0xf0",
             # VEX with 66, F2, F3, LOCK or REX before it; with VVVV where none is allowed.
             ".byte 0x66, 0xc5, 0xf8, 0x58, 0xc0", ".byte 0xf3, 0xc5, 0xf8, 0x58, 0xc0",
             ".byte 0xf2, 0xc5, 0xf8, 0x58, 0xc0", ".byte 0xf0, 0xc5, 0xf8, 0x58, 0xc0",
             ".byte 0xc5, 0xf0, 0x5b, 0xc1", ".byte 0xc5, 0xf0, 0x2e, 0xc1",
             ".byte 0xc4, 0xe2, 0x74, 0x58, 0xc1",
             ".byte 0xc5, 0xfc, 0x58", ".byte 0x0f, 0x01, 0xc6", ".byte 0x0f, 0x0f, 0xc0, 0x00",
             # 66 or F2 before an instruction that has no such form.
             ".byte 0x66, 0x0f, 0x12, 0xc1", ".byte 0xf2, 0x0f, 0x5b, 0xc1",
             ".byte 0x66, 0x0f, 0x16, 0xc1"]
    if mode.long:
        texts += [f".byte {opcode}" for opcode in
                  ("0x06", "0x07", "0x0e", "0x16", "0x17", "0x1e", "0x1f", "0x27", "0x2f", "0x37",
                   "0x3f", "0x60",
                   "0x61", "0x82, 0xc0, 1", "0xce", "0xd4, 10", "0xd5, 10", "0xd6", "0x9a", "0xea",
                   "0x62, 0xc0")]
        texts += [".byte 0x48, 0xc5, 0xf8, 0x58, 0xc0"]
        texts.remove(".byte 0xc5, 0xfc, 0x58")
    else:
        texts += [".byte 0x0f, 0x05", ".byte 0x62, 0xc0", ".byte 0x63, 0x03"]
        texts = [text for text in texts if text not in (".byte 0x63, 0x03", ".byte 0x0f, 0x05",
                                                        ".byte 0xc5, 0xfc, 0x58",
                                                        ".byte 0x62, 0xc0")]
    for text in texts:
        yield form(text)


def privileged(mode):
    texts = ["hlt", "cli", "sti", "in $0x60, %al", "out %al, $0x80", "inb %dx, %al",
             "outl %eax, %dx", "wbinvd", "invd",
             "clts", "wrmsr", "rdmsr", f"mov %cr0, {mode.ax}", f"mov {mode.ax}, %cr3",
             f"mov %cr4, {mode.ax}",
             f"mov {mode.ax}, %db7", f"mov %db6, {mode.ax}", f"lgdt {mode.mem}", f"lidt {mode.mem}",
             "lldt %ax", "ltr %ax",
             "lmsw %ax", f"invlpg {mode.mem}", "xor %ecx, %ecx; xsetbv", "int $0x20", "int $0x0d",
             "int $0xff", "int $2",
             "rep insb", "rep outsb", "sysexit"]
    if mode.long:
        texts += ["sysretq", "swapgs", f"mov %cr8, {mode.ax}"]
        texts.remove("sysexit")
    else:
        texts.remove("sysexit")
    for text in texts:
        undefined = CF | OF | SF | ZF | AF | PF if "xor" in text else 0
        yield form(text, undefined=undefined)
    for text in ("int3", ".byte 0xcd, 3") + ((".byte 0xf1",) if INTEL else ()):
        yield form(text)
    if not mode.long:
        yield form("into", count=0)
        for low, high in ((0, 10), (5, 2), (-3, 3)):
            yield form(f"movl ${low}, (%ebx); movl ${high}, 4(%ebx); mov $4, %eax; bound %eax, (%ebx)", count=1)
            yield form(f"movw ${low}, (%ebx); movw ${high}, 2(%ebx); mov $4, %eax; boundw %ax, (%ebx)", count=1)


def page_faults(mode):
    """Every kind of access to an absent page, to a read-only one, and across an edge."""
    ops = ["mov (B), %eax", "mov %eax, (B)", "movb %cl, (B)", "add %eax, (B)", "add (B), %eax",
           "cmp %eax, (B)",
           "test %eax, (B)", "xchg %eax, (B)", "lock xadd %eax, (B)", "cmpxchg %ecx, (B)",
           "cmpxchg8b (B)", "incl (B)",
           "notl (B)", "shll $3, (B)", "shll %cl, (B)", "shll $0, (B)", "bts %ecx, (B)",
           "btl $3, (B)", "sete (B)",
           "push (B)", "pop (B)", "jmp *(B)", "call *(B)", "imul (B), %eax", "mull (B)", "divl (B)",
           "cmovne (B), %eax",
           "cmove (B), %eax", "movzbl (B), %eax", "lea (B), %eax", "mov %ss, (B)", "prefetcht0 (B)",
           "nopl (B)",
           "shld $3, %eax, (B)", "setne (B)", "movnti %eax, (B)", "clflush (B)",
           "fstps (B)", "fstl (B)", "fstpt (B)", "fistps (B)", "fisttpll (B)", "fldt (B)",
           "fildl (B)", "faddl (B)", "fnstcw (B)"]
    for place in (ABSENT_BASE + 0x128, RDONLY_BASE + 0x200, EDGE_END - 1, EDGE_END - 4):
        for op in ops:
            text = op.replace("(B)", f"({mode.bp})").replace("push (",
                    f"push{'q' if mode.long else 'l'} (")
            undefined = CF | OF | SF | ZF | AF | PF if any(word in op
                                                           for word in ("div", "mul", "sh",
                                                                   "bt")) else 0
            if "*(" in op and place in (RDONLY_BASE + 0x200, EDGE_END - 4):
                continue  # a jump to whatever lies there
            if op.startswith("divl") and place == RDONLY_BASE + 0x200:
                undefined = 0
            yield form(f"mov ${place}, {mode.bp}; {text}", undefined=undefined)
    for size in mode.wide[1:]:
        for at in (EDGE_END - 1, EDGE_END - size // 8 + 1):
            d = reg("d", size)
            for op in (f"mov {d}, ({mode.bp})", f"mov ({mode.bp}), {d}", f"add {d}, ({mode.bp})"):
                yield form(f"mov ${at}, {mode.bp}; {op}; nop")
    # What was stored before the edge must not be visible after the fault.
    yield form(f"mov ${EDGE_END - 2}, {mode.bp}; movw $0x1111, ({mode.bp}); "
               f"mov %edx, ({mode.bp})")


def string_faults(mode):
    """Strings that run into an absent page: the registers tell how far they came."""
    for size in mode.sizes:
        s = {8: "b", 16: "w", 32: "l", 64: "q"}[size]
        step = size // 8
        for name, registers in (("movs", (mode.di, mode.si)), ("stos", (mode.di,)),
                                ("lods", (mode.si,)),
                                ("repe cmps", (mode.di, mode.si)), ("repne scas", (mode.di,))):
            prefix = "" if " " in name else "rep "
            # Others than Intel give the flags of the last comparison at a fault: the same then.
            before = "" if INTEL else {"repe cmps": "cmp %eax, %eax; ",
                                       "repne scas": "cmp $0, %eax; "}.get(name, "")
            for moving in registers:
                for flag, start in (("cld", EDGE_END - 3 * step), ("cld", EDGE_END - 3 * step - 1),
                                    ("std", EDGE_BASE + 3 * step)):
                    other = f"lea 0({mode.bx}), {mode.si if moving == mode.di else mode.di}; "
                    # Comparing goes on while the operands are equal: fill both with zeros.
                    equal = "" if "cmps" not in name else (
                        f"movl $0, -16({mode.bx}); movl $0, -12({mode.bx}); movl $0, -8({mode.bx}); movl $0, -4({mode.bx}); "
                        f"movl $0, ({mode.bx}); movl $0, 4({mode.bx}); movl $0, 8({mode.bx}); movl $0, 12({mode.bx}); "
                        f"movl $0, 16({mode.bx}); movl $0, 20({mode.bx}); movl $0, 24({mode.bx}); ")
                    clean = f"push %{mode.bx[1:]}; mov ${EDGE_END - 32}, {mode.bx}; " + "".join(
                        f"movl $0, {4 * i}({mode.bx}); "
                        for i in range(8)) + f"mov ${EDGE_BASE}, {mode.bx}; " + "".join(
                        f"movl $0, {4 * i}({mode.bx}); " for i in range(8)) + f"pop {mode.bx}; "
                    yield form(f"{clean}{equal}{other}mov ${start}, {moving}; mov $10, {mode.cx}; mov $0x55, %eax; {flag}; "
                               f"{before}{prefix}{name}{s}; cld", count=1)


def addresses(mode):
    if mode.long:
        for value in ("0x800000000000", "0x8000000000000000", "0x7fffffffffff",
                      "0xffff7fffffffffff"):
            for text in ("mov (%rdi), %eax", "mov %eax, (%rdi)", "mov (%rsp,%rdi), %eax",
                         "jmp *%rdi", "call *%rdi",
                         "push (%rdi)", "lock incl (%rdi)", "movups (%rdi), %xmm0", "fldt (%rdi)",
                         "lea (%rdi), %rax"):
                if value in ("0x7fffffffffff",) and text.startswith(("jmp", "call")):
                    continue
                if value == "0x7fffffffffff":
                    continue  # the last page of user addresses differs between kernels
                if value == "0xffff7fffffffffff" and "%rsp,%rdi" in text:
                    continue  # the sum is a kernel's address
                yield form(f"movabs ${value}, %rdi; {text}", count=1)
            if value == "0x7fffffffffff":
                continue
            # Through RBP and RSP the fault is #SS.
            for text in ("mov (%rbp), %eax", "mov %eax, -8(%rbp)"
                         if value[-1] == "f" else "mov %eax, 8(%rbp)", "leave"):
                yield form(f"movabs ${value}, %rbp; {text}", count=1)
            for text in ("push %rax", "pop %rax", "ret", "call 1f; 1:", "mov (%rsp), %eax", "pushf",
                         "enter $0, $0"):
                # Linux reports addresses above its own limit as if a page were there.
                if value == "0x800000000000" and text not in ("pop %rax", "ret",
                        "mov (%rsp), %eax"):
                    continue
                yield form(f"movabs ${value}, %rsp; {text}", count=1)
            yield form(f"movabs ${value}, %rax; push %rax; ret", count=1)
    # The stack on an absent page, on a read-only one, and at the edge.
    for place in (ABSENT_BASE + 0x100, RDONLY_BASE + 0x100, EDGE_BASE + 2, EDGE_END - 2):
        for text in (f"push {mode.ax}", f"pop {mode.ax}", "call 1f; 1:", "pushf", "enter $8, $0",
                     f"push ({mode.sp})", f"pop ({mode.bx})"):
            if text.startswith("pop") and place == RDONLY_BASE + 0x100:
                continue
            yield form(f"mov ${place}, {mode.sp}; {text}", count=1)
    for place in (0x2001000, 0x2018000, ABSENT_BASE, RDONLY_BASE):
        yield form(f"mov ${place}, {mode.ax}; jmp *{mode.ax}", count=1)
        yield form(f"mov ${place}, {mode.ax}; call *{mode.ax}", count=1)
        yield form(f"push ${place}; ret", count=1)
    # Null and bad selectors.
    for name in ("ds", "es", "fs", "gs", "ss"):
        for selector in (0x10, 0x18, 0x40, 0x13, 0xFFF8, 0x6C):
            yield form(f"mov ${selector}, %eax; mov %eax, %{name}", count=1)
    yield form("xor %eax, %eax; mov %eax, %ss", count=1, undefined=AF)
    if not mode.long:
        yield form("mov %es, %edx; xor %eax, %eax; mov %eax, %es; mov %es:(%ebx), %eax", count=1,
                   undefined=AF)


def instruction_length(mode):
    """More than 15 bytes is #GP; a prefix too many is none as long as it fits."""
    yield form(".fill 15, 1, 0x66; nop", count=1)
    yield form(".fill 14, 1, 0x66; nop", count=1)
    yield form(".fill 13, 1, 0x2e; .byte 0x01, 0xc8", count=1)
    yield form(".fill 14, 1, 0x2e; .byte 0x01, 0xc8", count=1)
    yield form(".fill 11, 1, 0x66; .byte 0x81, 0xc1, 0x34, 0x12", count=1)
    yield form(".fill 12, 1, 0x66; .byte 0x81, 0xc1, 0x34, 0x12", count=1)


def alignment(mode):
    m = f"({mode.bp})"
    setup = f"lea 3({mode.bx}), {mode.bp}; "
    for text in (f"movaps {m}, %xmm1", f"movaps %xmm1, {m}", f"movdqa {m}, %xmm1",
                 f"movntps %xmm1, {m}",
                 f"addps {m}, %xmm1", f"paddd {m}, %xmm1", f"fxsave {m}", f"fxrstor {m}",
                 f"pshufd $1, {m}, %xmm1",
                 f"movups {m}, %xmm1", f"pcmpistri $0, {m}, %xmm1"):
        yield form(setup + text, state=STATE_FX, kind="vec", features=("sse4_2",))
    for text in (f"vmovaps {m}, %ymm1", f"vmovdqa %ymm1, {m}", f"vaddps {m}, %ymm1, %ymm2",
                 f"vmovntdq %ymm1, {m}"):
        yield form(setup + text, state=STATE_YMM, kind="vec", features=("avx",))
    if mode.long:
        yield form(f"{setup}cmpxchg16b {m}", features=("cx16",))
    # EFLAGS.AC checks every access of user mode; the flag is cleared by the way out.
    check = f"{setup}pushf; or{'q' if mode.long else 'l'} $0x40000, ({mode.sp}); popf; "
    for text in (f"mov {m}, %eax", f"mov %eax, {m}", f"movw %ax, {m}", f"movb %al, {m}",
                 f"add %eax, {m}", f"flds {m}",
                 f"fldl {m}", f"movsd {m}, %xmm0", f"cmpxchg %ecx, {m}", f"push {m}",
                 "push %ax; push %eax" if not mode.long
                 else "push %ax; push %rax", f"movups {m}, %xmm1", f"movq {m}, %xmm1"):
        if INTEL or "movups" not in text:
            yield form(check + text, undefined=STATUS)


def vector_faults(mode):
    """Accesses that fault after others in the same code changed vector registers."""
    before = ("vxorps %ymm1, %ymm2, %ymm3", "paddd %xmm1, %xmm3", "vzeroupper",
              "vaddps %ymm1, %ymm2, %ymm3; pxor %xmm3, %xmm1; vpxor %xmm1, %xmm3, %xmm2")
    accesses = ("movups {at}, %xmm3", "vmovups {at}, %ymm3", "movss {at}, %xmm2", "movsd {at}, %xmm1",
                "movhps {at}, %xmm1", "addps {at}, %xmm3", "vaddps {at}, %ymm2, %ymm3",
                "movups %xmm3, {at}", "vmovups %ymm3, {at}", "movss %xmm3, {at}",
                "movsd %xmm2, {at}", "vextractf128 $1, %ymm3, {at}", "movhps %xmm3, {at}")
    for place in (ABSENT_BASE + 0x100, EDGE_END - 3, RDONLY_BASE + 0x100):
        for index, first in enumerate(before):
            for text in accesses:
                if place == RDONLY_BASE + 0x100 and (index or not text.endswith("{at}")):
                    continue
                access = text.format(at=f"({mode.bp})")
                yield form(f"mov ${place}, {mode.bp}; {first}; {access}; pxor %xmm3, %xmm3",
                           state=STATE_YMM, kind="vec", features=("avx",), count=1)


def divide_errors(mode):
    for size in mode.sizes:
        for name in ("div", "idiv"):
            for kind in (f"{name}{size}",):
                yield form(f"lea 16({mode.bp}), {mode.bp}; {name} {reg('c', size)}", kind=kind,
                           count=0,
                           undefined=CF | OF | SF | ZF | AF | PF)
    if not mode.long:
        yield form("aam $0")


def floating_errors(mode):
    """Unmasked exceptions: #XM leaves the destination alone, #MF waits for the next x87 instruction."""
    for suffix, kind in (("ps", "f32x"), ("pd", "f64x"), ("ss", "f32x"), ("sd", "f64x")):
        for name in ("add", "sub", "mul", "div", "sqrt", "max", "cmplt"):
            yield form(f"{name}{suffix} %xmm1, %xmm2", kind=kind, state=STATE_FX,
                       features=("sse2",), count=0)
            yield form(f"{name}{suffix} {mode.mem}, %xmm2", kind=kind, state=STATE_FX,
                       features=("sse2",), count=12)
    for name, kind in (("cvtps2dq", "f32x"), ("cvttpd2dq", "f64x"), ("cvtpd2ps", "f64x"),
                       ("cvtsd2ss", "f64x"),
                       ("cvtps2pd", "f32x"), ("ucomisd", "f64x"), ("comiss", "f32x"),
                       ("cvtdq2ps", "f32x")):
        yield form(f"{name} %xmm1, %xmm2", kind=kind, state=STATE_FX, features=("sse2",), count=0)
    for name, kind in (("vaddps", "f32x"), ("vmulpd", "f64x"), ("vdivps", "f32x"),
                       ("vsubpd", "f64x")):
        yield form(f"{name} %ymm1, %ymm2, %ymm3", kind=kind, state=STATE_YMM, features=("avx",),
                   count=0)
    for name in ("vfmadd213ps", "vfnmsub231ps"):
        yield form(f"{name} %ymm1, %ymm2, %ymm3", kind="f32x", state=STATE_YMM, features=("fma",),
                   count=0)
    # New masks count at once, and so does masking again.
    for name in ("divps %xmm1, %xmm2", "sqrtpd %xmm1, %xmm2", "cvtps2dq %xmm1, %xmm2"):
        yield form(f"movl $0x1f80, {mode.mem}; ldmxcsr {mode.mem}; {name}; movl $0x4000, {mode.mem}; "
                   f"ldmxcsr {mode.mem}; {name}; paddd %xmm2, %xmm1", kind="f32x", state=STATE_FX,
                   features=("sse2",), count=12)
    yield form(f"movl $0x10000, {mode.mem}; ldmxcsr {mode.mem}", state=STATE_FX, kind="f32x",
               features=("sse",), count=2)
    yield from x87_errors(mode)


def x87_errors(mode):
    conditions = 0xFFFF & ~0x4500
    texts = [f"{name} %st(1), %st; fwait" for name in ("fadd", "fsub", "fmul", "fdiv", "fdivr")]
    texts += ["fsqrt; fwait", "frndint; fwait", "fscale; fwait", "fld1; fwait",
              "fcom %st(1); fwait", "fxch %st(2); fwait",
              f"fistpl {mode.mem}; fwait", f"fstps {mode.mem}; fwait", f"fstpl {mode.mem}; fwait",
              f"fstpt {mode.mem}; fwait",
              f"fistps {mode.mem}; nop; fld1", "fdiv %st(1), %st; fadd %st(2), %st",
              "fdiv %st(1), %st; fnstsw %ax",
              "fdiv %st(1), %st; fnclex; fwait", f"fbstp {mode.mem}; fwait", "faddp; fwait",
              "fcomi %st(2), %st; fwait",
              "fxtract; fwait", "fdiv %st(1), %st; emms", "fdiv %st(1), %st; paddb %mm0, %mm1"]
    for text in texts:
        yield form(text, kind="x87x", state=STATE_FX, fsw=conditions, count=0, features=("mmx",))


def generate(bits):
    mode = Mode(bits)
    for generator in (undefined_opcodes, privileged, page_faults, string_faults, addresses,
                      instruction_length, alignment,
                      vector_faults, divide_errors, floating_errors):
        yield from generator(mode)
