# SPDX-License-Identifier: MIT
"""x87 forms (SDM volume 1, chapter 8) on all 80-bit encodings, precisions, roundings and tags.

The condition codes are compared where the manual defines them. C1 is defined by every instruction
that rounds or that can over- or underflow the stack.
"""

from forms.form import AF, STATE_FX, Form, Mode

C0, C2, C3 = 0x100, 0x400, 0x4000
NO_CONDITIONS = 0xFFFF & ~(C0 | C2 | C3)


def form(code, fsw=NO_CONDITIONS, kind="x87", **settings):
    return Form(code=code, group="x87", state=STATE_FX, kind=kind, fsw=fsw, **settings)


def arithmetic(mode):
    for name in ("fadd", "fmul", "fsub", "fsubr", "fdiv", "fdivr"):
        for number in (0, 1, 5):
            yield form(f"{name} %st({number}), %st")
        for number in (1, 3):
            yield form(f"{name} %st, %st({number})")
        yield form(f"{name}p %st, %st(1)")
        yield form(f"{name}p %st, %st(4)")
        yield form(f"{name}s {mode.mem}", kind="x87m32")
        yield form(f"{name}l {mode.mem}", kind="x87m64")
        integer = "fi" + name[1:]
        yield form(f"{integer}s {mode.mem}", kind="x87int")
        yield form(f"{integer}l {mode.mem}", kind="x87int")


def loads(mode):
    yield form(f"flds {mode.mem}", kind="x87m32")
    yield form(f"fldl {mode.mem}", kind="x87m64")
    yield form(f"fldt {mode.mem}", kind="x87m80")
    for number in (0, 1, 6, 7):
        yield form(f"fld %st({number})")
    for size in ("s", "l", "ll"):
        yield form(f"fild{size} {mode.mem}", kind="x87int")
    yield form(f"fbld {mode.mem}", kind="x87bcd")
    for name in ("fld1", "fldz", "fldpi", "fldl2e", "fldl2t", "fldlg2", "fldln2"):
        yield form(name)


def stores(mode):
    for name in ("fst", "fstp"):
        for suffix in ("s", "l"):
            yield form(f"{name}{suffix} {mode.mem}")
        for number in (0, 1, 4):
            yield form(f"{name} %st({number})")
    yield form(f"fstpt {mode.mem}")
    for name in ("fists", "fistl", "fistps", "fistpl", "fistpll", "fisttps", "fisttpl", "fisttpll"):
        yield form(f"{name} {mode.mem}", kind="x87round")
    yield form(f"fbstp {mode.mem}", kind="x87round")


def compares(mode):
    everything = 0xFFFF
    for name in ("fcom", "fcomp", "fucom", "fucomp"):
        for number in (1, 3):
            yield form(f"{name} %st({number})", fsw=everything)
        if name[1] == "c":
            yield form(f"{name}s {mode.mem}", fsw=everything, kind="x87m32")
            yield form(f"{name}l {mode.mem}", fsw=everything, kind="x87m64")
            yield form(f"fi{name[1:]}s {mode.mem}", fsw=everything, kind="x87int")
            yield form(f"fi{name[1:]}l {mode.mem}", fsw=everything, kind="x87int")
    for name in ("fcompp", "fucompp", "ftst"):
        yield form(name, fsw=everything)
    # C1 tells the sign, the others the class; C1 of an empty register is the sign too.
    yield form("fxam", fsw=everything)
    for name in ("fcomi", "fcomip", "fucomi", "fucomip"):
        yield form(f"{name} %st(1), %st")
        yield form(f"{name} %st(4), %st")
    for condition in ("b", "e", "be", "u", "nb", "ne", "nbe", "nu"):
        yield form(f"fcmov{condition} %st(2), %st", count=24)


def functions(mode):
    for name in ("fchs", "fabs", "fsqrt", "frndint", "fscale", "fxtract"):
        yield form(name)
        yield form(name, kind="x87round")
    for name in ("fprem", "fprem1"):
        # The quotient's low bits in C0, C3 and C1 when the reduction is complete (C2 clear).
        yield form(name, fsw=0xFFFF & ~(C0 | C3), kind="x87round")
        yield form(f"{name}; fnstsw %ax; test $4, %ah; jz 1f; fldz; 1:", fsw=0xFFFF & ~(C0 | C3),
                   kind="x87round",
                   undefined=AF)
    for name in ("fsin", "fcos", "fsincos", "fptan", "f2xm1", "fyl2x", "fyl2xp1", "fpatan"):
        fsw = 0xFFFF & ~(C0 | C3) if name in ("fsin", "fcos", "fsincos", "fptan") else NO_CONDITIONS
        yield form(name, fsw=fsw, kind="x87angle")
        yield form(name, fsw=fsw)
    for number in (1, 3, 7):
        yield form(f"fxch %st({number})")
        yield form(f"ffree %st({number})", fsw=NO_CONDITIONS & ~0x200)
    for name in ("fincstp", "fdecstp"):
        yield form(name)
    yield form("fnop", count=8)


def control(mode):
    mem = mode.mem
    yield form("fnstsw %ax")
    yield form(f"fnstsw {mem}")
    yield form(f"fnstcw {mem}")
    yield form("fnclex")
    yield form("fninit")
    for value in (0x37F, 0x27F, 0x07F, 0xF7F, 0x1FFF, 0x40):
        yield form(f"fnclex; movw ${value}, {mem}; fldcw {mem}; fnstcw 2{mem}", count=4)
    # The instruction and operand pointers are not compared.
    clear = "; ".join(f"movl $0, {offset}{mem}" for offset in (12, 16, 20, 24))
    yield form(f"fnstenv {mem}; {clear}")
    yield form(f"fnsave {mem}; {clear}")
    yield form(f"fnstenv {mem}; {clear}; fninit; fldenv {mem}")
    yield form(f"fnsave {mem}; {clear}; fninit; frstor {mem}")
    short = "; ".join(f"movw $0, {offset}{mem}" for offset in (6, 8, 10, 12))
    yield form(f".byte 0x66; fnstenv {mem}; {short}")
    yield form(f".byte 0x66; fnsave {mem}; {short}")
    yield form(f"fxsave {mem}; fninit; fxrstor {mem}; xor %eax, %eax; mov {mode.bx}, {mode.di}; mov $128, %ecx; "
               "rep stosl", undefined=AF, count=16)


def mixed(mode):
    """Between the register files, and from masked to unmasked exceptions and back."""
    mem = mode.mem
    yield form("fld1; fsub %st, %st(1); movq %mm1, %mm2; paddw %mm2, %mm3")
    yield form("fldpi; movq %mm3, %mm1; emms; fldz; fadd %st, %st(0); fnstsw %ax")
    yield form(f"fldl2e; fstps {mem}; movd {mem}, %mm0; fnstsw %ax")
    yield form(f"fld1; fxch %st(2); fnstcw {mem}; movw $0x340, 2{mem}; fnclex; fldcw 2{mem}; fldz; "
               f"fldcw {mem}; fchs", fsw=NO_CONDITIONS)
    clear = "; ".join(f"movl $0, {offset}{mem}" for offset in (12, 16, 20, 24))
    yield form(f"fldz; fnsave {mem}; {clear}; fld1; frstor {mem}; fld1; faddp")


def generate(bits):
    mode = Mode(bits)
    for generator in (arithmetic, loads, stores, compares, functions, control, mixed):
        yield from generator(mode)
