# SPDX-License-Identifier: MIT
"""AVX, AVX2, FMA, F16C and the VEX forms of the SSE instructions (SDM volume 1, chapter 14)."""

from forms.form import STATE_YMM, Form, Mode, reg
from forms.vector import entries, few, kind_of


def form(code, features, kind="vec", **settings):
    return Form(code=code, group="avx", state=STATE_YMM, features=features, kind=kind, **settings)


def widths(entry):
    """(register prefix, features) of each VEX length the entry has."""
    extra = (entry.feature,) if entry.feature in ("aes", "pclmul") else ()
    if entry.vex != "-":
        yield "x", ("avx", *extra)
    if entry.vex == "y":
        yield "y", ("avx",)
    if entry.vex == "i":
        yield "y", ("avx2",)


def from_table(mode):
    for entry in entries():
        for letter, features in widths(entry):
            op = f"v{entry.name} {entry.immediate}"
            settings = {"features": features, "kind": kind_of(entry), "count": few(entry) or 20}
            r = f"%{letter}mm"
            middle = "" if entry.shape == "one" else f"{r}2, "
            yield form(f"{op}{r}1, {middle}{r}3", **settings)
            yield form(f"{op}{mode.mem}, {middle}{r}1", **settings)
            if not entry.immediate and mode.long:
                middle = "" if entry.shape == "one" else f"{r}5, "
                yield form(f"{op}{r}12, {middle}{r}9", **settings)


def shifts(mode):
    for letter, features in (("x", ("avx",)), ("y", ("avx2",))):
        r = f"%{letter}mm"
        for name in ("psllw", "pslld", "psllq", "psrlw", "psrld", "psrlq", "psraw", "psrad"):
            yield form(f"v{name} %xmm1, {r}2, {r}3", features, kind="vecshift", count=12)
            yield form(f"v{name} {mode.mem}, {r}2, {r}3", features, kind="vecshift", count=12)
            for count in (1, 15, 33, 64):
                yield form(f"v{name} ${count}, {r}1, {r}2", features, count=4)
        for name in ("pslldq", "psrldq"):
            for count in (1, 8, 15, 16):
                yield form(f"v{name} ${count}, {r}1, {r}2", features, count=4)
        for name in ("psllvd", "psllvq", "psrlvd", "psrlvq", "psravd"):
            yield form(f"v{name} {r}1, {r}2, {r}3", ("avx2",), kind="vecshift")
            yield form(f"v{name} {mode.mem}, {r}2, {r}3", ("avx2",), kind="vecshift")


def moves(mode):
    for letter in "xy":
        r = f"%{letter}mm"
        for name in ("movaps", "movups", "movapd", "movupd", "movdqa", "movdqu"):
            for operands in (f"{r}1, {r}2", f"{mode.mem}, {r}2", f"{r}1, {mode.mem}"):
                yield form(f"v{name} {operands}", ("avx",), count=6)
            if name in ("movups", "movupd", "movdqu"):
                yield form(f"v{name} {r}1, {mode.mem}", ("avx",), kind="veccross")
                yield form(f"v{name} {mode.mem}, {r}1", ("avx",), kind="veccross")
        for name in ("movmskps", "movmskpd"):
            yield form(f"v{name} {r}1, %edx", ("avx",), count=12)
        yield form(f"vpmovmskb {r}1, %edx", ("avx",) if letter == "x" else ("avx2",), count=12)
        for name in ("movntps", "movntpd", "movntdq"):
            yield form(f"v{name} {r}1, {mode.mem}", ("avx",), count=3)
        yield form(f"vmovntdqa {mode.mem}, {r}1", ("avx",) if letter == "x" else ("avx2",), count=3)
        yield form(f"vlddqu 3{mode.mem}, {r}1", ("avx",), count=3)
        for name in ("maskmovps", "maskmovpd"):
            yield form(f"v{name} {mode.mem}, {r}1, {r}2", ("avx",))
            yield form(f"v{name} {r}3, {r}1, {mode.mem}", ("avx",))
        for name in ("pmaskmovd", "pmaskmovq"):
            yield form(f"v{name} {mode.mem}, {r}1, {r}2", ("avx2",))
            yield form(f"v{name} {r}3, {r}1, {mode.mem}", ("avx2",))
    for name in ("movss", "movsd"):
        yield form(f"v{name} %xmm1, %xmm2, %xmm3", ("avx",), count=6)
        yield form(f"v{name} {mode.mem}, %xmm2", ("avx",), count=6)
        yield form(f"v{name} %xmm1, {mode.mem}", ("avx",), count=6)
    for name in ("movlps", "movhps", "movlpd", "movhpd"):
        yield form(f"v{name} {mode.mem}, %xmm1, %xmm2", ("avx",), count=6)
        yield form(f"v{name} %xmm1, {mode.mem}", ("avx",), count=6)
    for name in ("movhlps", "movlhps"):
        yield form(f"v{name} %xmm1, %xmm2, %xmm3", ("avx",), count=6)
    yield form(f"mov {mode.bx}, {mode.di}; vmaskmovdqu %xmm1, %xmm2", ("avx",), count=6)
    for operands in ("%xmm1, %xmm2", f"{mode.mem}, %xmm2", f"%xmm1, {mode.mem}"):
        yield form(f"vmovq {operands}", ("avx",), count=6)
    for size in (32, 64) if mode.long else (32,):
        name = "vmovd" if size == 32 else "vmovq"
        yield form(f"{name} {reg('c', size)}, %xmm2", ("avx",), count=6)
        yield form(f"{name} %xmm1, {reg('d', size)}", ("avx",), count=6)
    yield form("vzeroupper", ("avx",), count=4)
    yield form("vzeroall", ("avx",), count=4)


def permutes(mode):
    mem = mode.mem
    for value in (0, 1, 27, 228, 0x31, 0x20, 0x88, 0x13, 255):
        for name, feature in (("vperm2f128", "avx"), ("vperm2i128", "avx2")):
            yield form(f"{name} ${value}, %ymm1, %ymm2, %ymm3", (feature,), count=4)
            yield form(f"{name} ${value}, {mem}, %ymm2, %ymm3", (feature,), count=4)
        for r in ("%xmm", "%ymm"):
            for name in ("vpermilps", "vpermilpd"):
                yield form(f"{name} ${value}, {r}1, {r}2", ("avx",), count=4)
            yield form(f"vpblendd ${value}, {r}1, {r}2, {r}3", ("avx2",), count=4)
        for name in ("vpermq", "vpermpd"):
            yield form(f"{name} ${value}, %ymm1, %ymm2", ("avx2",), count=4)
            yield form(f"{name} ${value}, {mem}, %ymm2", ("avx2",), count=4)
    for name in ("vpermd", "vpermps"):
        yield form(f"{name} %ymm1, %ymm2, %ymm3", ("avx2",))
        yield form(f"{name} {mem}, %ymm2, %ymm3", ("avx2",))
    for r in ("%xmm", "%ymm"):
        for name in ("vpermilps", "vpermilpd"):
            yield form(f"{name} {r}1, {r}2, {r}3", ("avx",))
            yield form(f"{name} {mem}, {r}2, {r}3", ("avx",))
        for name in ("vblendvps", "vblendvpd"):
            yield form(f"{name} {r}4, {r}1, {r}2, {r}3", ("avx",))
            yield form(f"{name} {r}4, {mem}, {r}2, {r}3", ("avx",))
        yield form(f"vpblendvb {r}4, {r}1, {r}2, {r}3", ("avx",) if r == "%xmm" else ("avx2",))
        for name in ("vtestps", "vtestpd"):
            yield form(f"{name} {r}1, {r}2", ("avx",))
        yield form(f"vptest {r}1, {r}2", ("avx",))
        yield form(f"vptest {r}1, {r}1", ("avx",), count=4)
    for value in (0, 1):
        for name, feature in (("f128", "avx"), ("i128", "avx2")):
            yield form(f"vinsert{name} ${value}, %xmm1, %ymm2, %ymm3", (feature,), count=4)
            yield form(f"vinsert{name} ${value}, {mem}, %ymm2, %ymm3", (feature,), count=4)
            yield form(f"vextract{name} ${value}, %ymm1, %xmm2", (feature,), count=4)
            yield form(f"vextract{name} ${value}, %ymm1, {mem}", (feature,), count=4)


def broadcasts(mode):
    mem = mode.mem
    yield form(f"vbroadcastf128 {mem}, %ymm1", ("avx",), count=4)
    yield form(f"vbroadcasti128 {mem}, %ymm1", ("avx2",), count=4)
    for r in ("%xmm", "%ymm"):
        yield form(f"vbroadcastss {mem}, {r}1", ("avx",), count=4)
        yield form(f"vbroadcastss %xmm2, {r}1", ("avx2",), count=4)
        for name in ("b", "w", "d", "q"):
            yield form(f"vpbroadcast{name} {mem}, {r}1", ("avx2",), count=4)
            yield form(f"vpbroadcast{name} %xmm2, {r}1", ("avx2",), count=4)
    yield form(f"vbroadcastsd {mem}, %ymm1", ("avx",), count=4)
    yield form("vbroadcastsd %xmm2, %ymm1", ("avx2",), count=4)


def elements(mode):
    for lane in (0, 3, 7):
        yield form(f"vpinsrw ${lane}, %ecx, %xmm1, %xmm2", ("avx",), count=4)
        yield form(f"vpextrw ${lane}, %xmm1, %edx", ("avx",), count=4)
        for name in ("b", "d") + (("q",) if mode.long else ()):
            source = "%rcx" if name == "q" else "%ecx"
            yield form(f"vpinsr{name} ${lane}, {source}, %xmm1, %xmm2", ("avx",), count=4)
            yield form(f"vpinsr{name} ${lane}, {mode.mem}, %xmm1, %xmm2", ("avx",), count=4)
            yield form(f"vpextr{name} ${lane}, %xmm1, {source}", ("avx",), count=4)
        yield form(f"vextractps ${lane}, %xmm1, {mode.mem}", ("avx",), count=4)


def compares(mode):
    for predicate in range(8, 32):
        for name, kind in (("ps", "f32"), ("pd", "f64")):
            yield form(f"vcmp{name} ${predicate}, %ymm1, %ymm2, %ymm3", ("avx",), kind=kind,
                       count=12)
        for name, kind in (("ss", "f32"), ("sd", "f64")):
            yield form(f"vcmp{name} ${predicate}, %xmm1, %xmm2, %xmm3", ("avx",), kind=kind,
                       count=12)


def conversions(mode):
    for name in ("pd2ps", "pd2dq", "tpd2dq"):
        yield form(f"vcvt{name} %xmm1, %xmm2", ("avx",), kind="f64")
        yield form(f"vcvt{name} %ymm1, %xmm2", ("avx",), kind="f64")
        yield form(f"vcvt{name}y {mode.mem}, %xmm2", ("avx",), kind="f64")
    yield form("vcvtps2pd %xmm1, %ymm2", ("avx",), kind="f32")
    yield form("vcvtdq2pd %xmm1, %ymm2", ("avx",), kind="vec")
    for source in ("b", "w", "d"):
        for target in "wdq"["bwd".index(source):]:
            for name in ("sx", "zx"):
                yield form(f"vpmov{name}{source}{target} %xmm1, %ymm2", ("avx2",), count=8)
                yield form(f"vpmov{name}{source}{target} {mode.mem}, %ymm2", ("avx2",), count=8)
    for size in (32, 64) if mode.long else (32,):
        suffix = "l" if size == 32 else "q"
        for single, kind in (("ss", "f32"), ("sd", "f64")):
            yield form(f"vcvtsi2{single}{suffix} {reg('c', size)}, %xmm1, %xmm2", ("avx",),
                       kind=kind)
            for name in (f"vcvt{single}2si", f"vcvtt{single}2si"):
                yield form(f"{name} %xmm1, {reg('d', size)}", ("avx",), kind=kind)
    for control in (0, 1, 2, 3, 4):
        for letter in "xy":
            yield form(f"vcvtps2ph ${control}, %{letter}mm1, %xmm2", ("f16c",), kind="f16",
                       count=24)
            yield form(f"vcvtps2ph ${control}, %{letter}mm1, {mode.mem}", ("f16c",), kind="f16",
                       count=12)
    for letter in "xy":
        yield form(f"vcvtph2ps %xmm1, %{letter}mm2", ("f16c",), kind="f16")
        yield form(f"vcvtph2ps {mode.mem}, %{letter}mm2", ("f16c",), kind="f16")


def fma(mode):
    for order in ("132", "213", "231"):
        for name in ("fmadd", "fmsub", "fnmadd", "fnmsub", "fmaddsub", "fmsubadd"):
            for suffix, kind in (("ps", "f32"), ("pd", "f64"), ("ss", "f32"), ("sd", "f64")):
                if suffix[0] == "s" and name in ("fmaddsub", "fmsubadd"):
                    continue
                op = f"v{name}{order}{suffix}"
                yield form(f"{op} %xmm1, %xmm2, %xmm3", ("fma",), kind=kind, count=24)
                yield form(f"{op} {mode.mem}, %xmm2, %xmm3", ("fma",), kind=kind, count=12)
                if suffix[0] == "p":
                    yield form(f"{op} %ymm1, %ymm2, %ymm3", ("fma",), kind=kind, count=24)


def gathers(mode):
    # VSIB: the base is RBX, the indices are small; the mask register is consumed.
    for scale in (1, 4, 8):
        for width in ("x", "y"):
            for name in ("vpgatherdd", "vgatherdps"):
                yield form(f"{name} %{width}mm3, ({mode.bx},%{width}mm1,{scale}), %{width}mm2",
                           ("avx2",), kind="gather32")
            for name in ("vpgatherdq", "vgatherdpd"):
                yield form(f"{name} %{width}mm3, ({mode.bx},%xmm1,{scale}), %{width}mm2", ("avx2",),
                           kind="gather32")
            for name in ("vpgatherqq", "vgatherqpd"):
                yield form(f"{name} %{width}mm3, ({mode.bx},%{width}mm1,{scale}), %{width}mm2",
                           ("avx2",), kind="gather64")
            for name in ("vpgatherqd", "vgatherqps"):
                yield form(f"{name} %xmm3, ({mode.bx},%{width}mm1,{scale}), %xmm2", ("avx2",),
                           kind="gather64")


def wide_crypto(mode):
    for name in ("vaesenc", "vaesenclast", "vaesdec", "vaesdeclast"):
        yield form(f"{name} %ymm1, %ymm2, %ymm3", ("vaes", "avx"), count=12)
    for value in (0, 1, 16, 17):
        yield form(f"vpclmulqdq ${value}, %ymm1, %ymm2, %ymm3", ("vpclmul", "avx"), count=8)


def mixtures(mode):
    """Legacy and VEX code in turn, within blocks and across them, with and without upper halves in
    use, and with what makes an emulator give up host registers in between: calls, faults of the TLB."""
    call, block = "pushf; popf", "jmp 1f; 1:"
    wide, zero = "vxorps %ymm1, %ymm2, %ymm3", "vzeroupper"
    legacy = "paddd %xmm1, %xmm3"
    merge = "movss %xmm1, %xmm3; movsd %xmm2, %xmm1; movhlps %xmm3, %xmm2"
    for between in ("", call, block):
        glue = f"; {between} " if between.endswith(":") else f"; {between}; " if between else "; "
        for parts in ((wide, legacy), (legacy, wide), (wide, legacy, wide), (zero, legacy, wide),
                      (wide, zero, legacy), (wide, merge), (legacy, zero, merge, wide),
                      ("vxorps %xmm1, %xmm2, %xmm3", legacy), ("vzeroall", merge),
                      (legacy, "vorps %xmm3, %xmm1, %xmm1", wide),
                      (wide, "pmovmskb %xmm3, %eax", "ptest %xmm1, %xmm3"),
                      (wide, "movd %xmm3, %eax", "movd %ecx, %xmm3")):
            yield form(glue.join(parts), ("avx",), count=4)
    for store in ("vmovups %ymm3", "movups %xmm3", "movss %xmm3", "movsd %xmm3", "movhps %xmm3"):
        yield form(f"{wide}; {store}, {mode.mem}; paddd %xmm3, %xmm1", ("avx",), kind="veccross")
        yield form(f"{legacy}; {store}, {mode.mem}; {wide}", ("avx",), kind="veccross")
    for load in ("movups", "movss", "movsd", "movhps", "vmovups", "vmovss"):
        yield form(f"{wide}; {load} {mode.mem}, %xmm3; paddd %xmm3, %xmm1", ("avx",),
                   kind="veccross")
    if mode.long:
        high = ("movhlps %xmm12, %xmm13", "movlhps %xmm15, %xmm3", "movss %xmm13, %xmm14",
                "movsd %xmm12, %xmm1", "pmovmskb %xmm13, %eax", "movmskps %xmm14, %eax",
                "insertps $0x40, %xmm12, %xmm15", "pextrw $1, %xmm13, %eax", "movq %xmm12, %rax",
                "paddd %xmm12, %xmm13", "pshufd $27, %xmm14, %xmm15", "movaps %xmm1, %xmm12",
                "vmovss %xmm12, %xmm13, %xmm14", "vmovhlps %xmm12, %xmm13, %xmm14",
                "vxorps %ymm12, %ymm13, %ymm14", "vblendvps %ymm12, %ymm13, %ymm14, %ymm15",
                "vmovaps %xmm12, %xmm13", "vmovaps %ymm1, %ymm13", "vzeroupper", "vzeroall")
        for code in high:
            yield form(code, ("avx",), count=4)
            yield form(f"vxorps %ymm1, %ymm2, %ymm12; {code}; paddd %xmm12, %xmm13", ("avx",), count=4)


def generate(bits):
    mode = Mode(bits)
    for generator in (from_table, shifts, moves, permutes, broadcasts, elements, compares,
                      conversions, fma, gathers, wide_crypto, mixtures):
        yield from generator(mode)
