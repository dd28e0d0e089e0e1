# SPDX-License-Identifier: MIT
"""SSE to SSE4.2, AES, PCLMULQDQ, SHA and MMX forms (SDM volume 1, chapters 9 to 12)."""

from forms.form import STATE_FX, Form, Mode, reg
from forms.vector import MMX, entries, few, kind_of


def form(code, features, kind="vec", **settings):
    return Form(code=code, group="sse", state=STATE_FX, features=features, kind=kind, **settings)


def from_table(mode):
    for entry in entries():
        op = f"{entry.name} {entry.immediate}"
        settings = {"features": (entry.feature,), "kind": kind_of(entry), "count": few(entry)}
        yield form(f"{op}%xmm1, %xmm2", **settings)
        yield form(f"{op}{mode.mem}, %xmm3", **settings)
        if not entry.immediate:
            yield form(f"{op}%xmm4, %xmm4", **{**settings, "count": 12})
            if mode.long:
                yield form(f"{op}%xmm9, %xmm14", **settings)


def shifts(mode):
    for name in ("psllw", "pslld", "psllq", "psrlw", "psrld", "psrlq", "psraw", "psrad"):
        yield form(f"{name} %xmm1, %xmm2", ("sse2",), kind="vecshift")
        yield form(f"{name} {mode.mem}, %xmm2", ("sse2",), kind="vecshift")
        for count in (0, 1, 7, 15, 16, 31, 32, 63, 64, 255):
            yield form(f"{name} ${count}, %xmm2", ("sse2",), count=6)
    for name in ("pslldq", "psrldq"):
        for count in (0, 1, 8, 15, 16, 200):
            yield form(f"{name} ${count}, %xmm2", ("sse2",), count=6)


def moves(mode):
    for name, feature in (("movaps", "sse"), ("movups", "sse"), ("movapd", "sse2"),
                          ("movupd", "sse2"),
                          ("movdqa", "sse2"), ("movdqu", "sse2"), ("movss", "sse"),
                          ("movsd", "sse2"), ("movq", "sse2")):
        for operands in ("%xmm1, %xmm2", f"{mode.mem}, %xmm2", f"%xmm1, {mode.mem}"):
            yield form(f"{name} {operands}", (feature,), count=8)
        if name in ("movups", "movupd", "movdqu", "movss", "movsd", "movq"):
            yield form(f"{name} 3{mode.mem}, %xmm2", (feature,), count=8)
            yield form(f"{name} %xmm1, 5{mode.mem}", (feature,), count=8)
            yield form(f"{name} %xmm1, {mode.mem}", (feature,), kind="veccross")
            yield form(f"{name} {mode.mem}, %xmm1", (feature,), kind="veccross")
    for name, feature in (("movlps", "sse"), ("movhps", "sse"), ("movlpd", "sse2"),
                          ("movhpd", "sse2")):
        yield form(f"{name} {mode.mem}, %xmm2", (feature,), count=8)
        yield form(f"{name} %xmm1, {mode.mem}", (feature,), count=8)
    yield form("movhlps %xmm1, %xmm2", ("sse",), count=8)
    yield form("movlhps %xmm1, %xmm2", ("sse",), count=8)
    for name, feature in (("movmskps", "sse"), ("movmskpd", "sse2"), ("pmovmskb", "sse2")):
        yield form(f"{name} %xmm1, %edx", (feature,), count=16)
    for name, feature in (("movntps", "sse"), ("movntpd", "sse2"), ("movntdq", "sse2")):
        yield form(f"{name} %xmm1, {mode.mem}", (feature,), count=4)
    yield form(f"movntdqa {mode.mem}, %xmm1", ("sse4_1",), count=4)
    yield form(f"lddqu 7{mode.mem}, %xmm1", ("sse3",), count=4)
    yield form(f"mov {mode.bx}, {mode.di}; maskmovdqu %xmm1, %xmm2", ("sse2",), count=12)
    for size in (32, 64) if mode.long else (32,):
        name = "movd" if size == 32 else "movq"
        yield form(f"{name} {reg('c', size)}, %xmm2", ("sse2",), count=8)
        yield form(f"{name} %xmm1, {reg('d', size)}", ("sse2",), count=8)


def elements(mode):
    for lane in (0, 3, 7, 12):
        yield form(f"pinsrw ${lane}, %ecx, %xmm2", ("sse2",), count=6)
        yield form(f"pinsrw ${lane}, {mode.mem}, %xmm2", ("sse2",), count=6)
        yield form(f"pextrw ${lane}, %xmm1, %edx", ("sse2",), count=6)
        for name, feature in (("b", "sse4_1"), ("d", "sse4_1")) + ((("q", "sse4_1"),)
                if mode.long else ()):
            source = "%rcx" if name == "q" else "%ecx"
            yield form(f"pinsr{name} ${lane}, {source}, %xmm2", (feature,), count=6)
            yield form(f"pinsr{name} ${lane}, {mode.mem}, %xmm2", (feature,), count=6)
            yield form(f"pextr{name} ${lane}, %xmm1, {source}", (feature,), count=6)
            yield form(f"pextr{name} ${lane}, %xmm1, {mode.mem}", (feature,), count=6)
        yield form(f"pextrw ${lane}, %xmm1, {mode.mem}", ("sse4_1",), count=6)
        yield form(f"extractps ${lane}, %xmm1, %edx", ("sse4_1",), count=6)
        yield form(f"extractps ${lane}, %xmm1, {mode.mem}", ("sse4_1",), count=6)
    for name in ("blendvps", "blendvpd", "pblendvb"):
        yield form(f"{name} %xmm0, %xmm1, %xmm2", ("sse4_1",))
        yield form(f"{name} %xmm0, {mode.mem}, %xmm2", ("sse4_1",))


def conversions(mode):
    for name in ("cvtpd2ps", "cvtpd2dq", "cvttpd2dq"):
        yield form(f"{name} %xmm1, %xmm2", ("sse2",), kind="f64")
        yield form(f"{name} {mode.mem}, %xmm2", ("sse2",), kind="f64")
    for size in (32, 64) if mode.long else (32,):
        suffix = "l" if size == 32 else "q"
        for single, feature, kind in (("ss", "sse", "f32"), ("sd", "sse2", "f64")):
            yield form(f"cvtsi2{single}{suffix} {reg('c', size)}, %xmm2", (feature,), kind=kind)
            yield form(f"cvtsi2{single}{suffix} {mode.mem}, %xmm2", (feature,), kind=kind)
            for name in (f"cvt{single}2si", f"cvtt{single}2si"):
                yield form(f"{name} %xmm1, {reg('d', size)}", (feature,), kind=kind)
                yield form(f"{name} {mode.mem}, {reg('d', size)}", (feature,), kind=kind)


def control(mode):
    for value in ("0x1f80", "0x7fbf", "0xffff", "0x9fc0"):
        yield form(f"movl ${value}, {mode.mem}; ldmxcsr {mode.mem}; stmxcsr 4{mode.mem}", ("sse",),
                   count=2)
    # The rounding mode counts from the next instruction on, and so do sticky flags.
    for name in ("divps", "addps", "sqrtps"):
        yield form(f"movl $0x7fa0, {mode.mem}; ldmxcsr {mode.mem}; {name} %xmm1, %xmm2; "
                   f"movl $0x3f80, {mode.mem}; ldmxcsr {mode.mem}; {name} %xmm2, %xmm3; "
                   f"stmxcsr 4{mode.mem}", ("sse2",), kind="f32", count=12)
    # Conditions straight after comparisons, and the flags behind them.
    for name, feature in (("comiss", "sse"), ("ucomisd", "sse2"), ("ptest", "sse4_1")):
        for condition in ("a", "b", "e", "p", "g", "o"):
            yield form(f"{name} %xmm1, %xmm2; j{condition} 1f; incb %ch; 1: set{condition} %al",
                       (feature,), kind="f64" if feature == "sse2" else "f32", count=12)


def text(mode):
    """String comparison: every source format, aggregation, polarity and output."""
    for control_byte in range(128):
        for name in ("pcmpistri", "pcmpistrm"):
            yield form(f"{name} ${control_byte}, %xmm1, %xmm2", ("sse4_2",), kind="text", count=6)
        for name in ("pcmpestri", "pcmpestrm"):
            yield form(f"{name} ${control_byte}, %xmm1, %xmm2", ("sse4_2",), kind="text", count=8)
    yield form(f"pcmpistri $12, {mode.mem}, %xmm2", ("sse4_2",), kind="text")
    yield form(f"pcmpestrm $12, 3{mode.mem}, %xmm2", ("sse4_2",), kind="text")


def mmx(mode):
    for line in MMX.strip().splitlines():
        feature, names = [part.strip() for part in line.split("|")]
        for name in names.split():
            yield form(f"{name} %mm1, %mm2", (feature,), kind="mmx")
            yield form(f"{name} {mode.mem}, %mm3", (feature,), kind="mmx")
    for name in ("psllw", "pslld", "psllq", "psrlw", "psrld", "psrlq", "psraw", "psrad"):
        for count in (1, 15, 33, 64):
            yield form(f"{name} ${count}, %mm2", ("mmx",), kind="mmx", count=6)
    others = [
        ("movq %mm1, %mm2", "mmx"), (f"movq {mode.mem}, %mm2", "mmx"),
        (f"movq %mm1, {mode.mem}", "mmx"),
        ("movd %ecx, %mm2", "mmx"), ("movd %mm1, %edx", "mmx"), ("pshufw $27, %mm1, %mm2", "sse"),
        ("pmovmskb %mm1, %edx", "sse"), ("pinsrw $2, %ecx, %mm1", "sse"),
        ("pextrw $3, %mm1, %edx", "sse"),
        (f"movntq %mm1, {mode.mem}", "sse"), (f"mov {mode.bx}, {mode.di}; maskmovq %mm1, %mm2",
                                              "sse"),
        ("movq2dq %mm1, %xmm2", "sse2"), ("movdq2q %xmm1, %mm2", "sse2"), ("emms", "mmx"),
        ("palignr $3, %mm1, %mm2", "ssse3"), ("palignr $11, %mm1, %mm2", "ssse3"),
        ("cvtpi2ps %mm1, %xmm2", "sse"), (f"cvtpi2ps {mode.mem}, %xmm2", "sse"),
        ("cvtpi2pd %mm1, %xmm2", "sse2"),
        (f"cvtpi2pd {mode.mem}, %xmm2", "sse2"),
    ]
    if mode.long:
        others += [("movq %rcx, %mm2", "mmx"), ("movq %mm1, %rdx", "mmx")]
    for code, feature in others:
        yield form(code, (feature,), kind="mmx")
    for name, kind in (("cvtps2pi", "f32"), ("cvttps2pi", "f32"), ("cvtpd2pi", "f64"),
                       ("cvttpd2pi", "f64")):
        yield form(f"{name} %xmm1, %mm2", ("sse2",), kind=kind)
        yield form(f"{name} {mode.mem}, %mm2", ("sse2",), kind=kind)


def generate(bits):
    mode = Mode(bits)
    for generator in (from_table, shifts, moves, elements, conversions, control, text, mmx):
        yield from generator(mode)
