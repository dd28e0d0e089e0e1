# SPDX-License-Identifier: MIT
"""The vector instructions as one table, from which the SSE, MMX, AVX and AVX2 forms are made."""

from dataclasses import dataclass

from forms.form import INTEL

# A line: feature | shape | rows' kind | VEX form | names [| immediates]
#   shape  two: destination is also a source; one: destination only written;
#          scalar: like `two`, but low element only, so no 256-bit form
#   VEX    -: none; x: 128 bits only; y: 128 bits with AVX, 256 bits with AVX; i: 256 bits with AVX2
TABLE = """
sse    | two    | f32 | y | addps subps mulps divps minps maxps
sse    | scalar | f32 | x | addss subss mulss divss minss maxss sqrtss
sse    | one    | f32 | y | sqrtps
sse2   | two    | f64 | y | addpd subpd mulpd divpd minpd maxpd
sse2   | scalar | f64 | x | addsd subsd mulsd divsd minsd maxsd sqrtsd
sse2   | one    | f64 | y | sqrtpd
sse    | one    | f32 | y | rcpps rsqrtps
sse    | scalar | f32 | x | rcpss rsqrtss
sse    | two    | f32 | y | cmpps | 0 1 2 3 4 5 6 7
sse    | scalar | f32 | x | cmpss | 0 1 2 3 4 5 6 7
sse2   | two    | f64 | y | cmppd | 0 1 2 3 4 5 6 7
sse2   | scalar | f64 | x | cmpsd | 0 1 2 3 4 5 6 7
sse    | two    | int | y | andps andnps orps xorps unpcklps unpckhps
sse2   | two    | int | y | andpd andnpd orpd xorpd unpcklpd unpckhpd
sse    | two    | int | y | shufps | 0 27 228 147 255
sse2   | two    | int | y | shufpd | 0 1 2 3 13
sse    | one    | f32 | x | comiss ucomiss
sse2   | one    | f64 | x | comisd ucomisd
sse2   | scalar | f32 | x | cvtss2sd
sse2   | scalar | f64 | x | cvtsd2ss
sse2   | one    | int | y | cvtdq2ps
sse2   | one    | f32 | y | cvtps2dq cvttps2dq
sse2   | one    | f32 | x | cvtps2pd
sse2   | one    | int | x | cvtdq2pd
sse3   | two    | f32 | y | addsubps haddps hsubps
sse3   | two    | f64 | y | addsubpd haddpd hsubpd
sse3   | one    | int | y | movshdup movsldup movddup
sse4_1 | one    | f32 | y | roundps | 0 1 2 3 4 8 9 10 11 12
sse4_1 | one    | f64 | y | roundpd | 0 1 2 3 4 8 9 10 11 12
sse4_1 | scalar | f32 | x | roundss | 0 1 2 3 4 8 9 10 11 12
sse4_1 | scalar | f64 | x | roundsd | 0 1 2 3 4 8 9 10 11 12
sse4_1 | two    | int | y | blendps | 0 5 10 15 170
sse4_1 | two    | int | y | blendpd | 0 1 2 9
sse4_1 | two    | f32 | y | dpps | 255 113 242 49 0
sse4_1 | two    | f64 | x | dppd | 51 49 18 0
sse4_1 | two    | int | x | insertps | 0 16 64 155 127 242
sse2   | two    | int | i | paddb paddw paddd paddq paddsb paddsw paddusb paddusw psubb psubw psubd
sse2   | two    | int | i | psubq psubsb psubsw psubusb psubusw
sse2   | two    | int | i | pmullw pmulhw pmulhuw pmuludq pmaddwd pavgb pavgw pminub pmaxub pminsw
sse2   | two    | int | i | pmaxsw psadbw
sse2   | two    | int | i | pcmpeqb pcmpeqw pcmpeqd pcmpgtb pcmpgtw pcmpgtd packsswb packssdw
sse2   | two    | int | i | packuswb pand pandn por pxor
sse2   | two    | int | i | punpcklbw punpcklwd punpckldq punpcklqdq punpckhbw punpckhwd punpckhdq
sse2   | two    | int | i | punpckhqdq
sse2   | one    | int | i | pshufd pshufhw pshuflw | 0 27 228 147 177
ssse3  | one    | int | i | pabsb pabsw pabsd
ssse3  | two    | int | i | psignb psignw psignd phaddw phaddd phaddsw phsubw phsubd phsubsw
ssse3  | two    | int | i | pmaddubsw pmulhrsw pshufb
ssse3  | two    | int | i | palignr | 0 1 7 8 15 16 23 31 32 255
sse4_1 | two    | int | i | pblendw | 0 90 165 255
sse4_1 | two    | int | i | pminsb pmaxsb pminsd pmaxsd pminuw pmaxuw pminud pmaxud pmulld pmuldq
sse4_1 | two    | int | i | pcmpeqq packusdw
sse4_1 | two    | int | i | mpsadbw | 0 1 2 3 4 5 6 7 63
sse4_1 | one    | int | x | phminposuw ptest
sse4_1 | one    | int | x | pmovsxbw pmovsxbd pmovsxbq pmovsxwd pmovsxwq pmovsxdq pmovzxbw pmovzxbd
sse4_1 | one    | int | x | pmovzxbq pmovzxwd pmovzxwq pmovzxdq
sse4_2 | two    | int | i | pcmpgtq
aes    | two    | int | x | aesenc aesenclast aesdec aesdeclast
aes    | one    | int | x | aesimc
aes    | one    | int | x | aeskeygenassist | 0 1 27 255
pclmul | two    | int | x | pclmulqdq | 0 1 16 17 255
sha    | two    | int | - | sha1nexte sha1msg1 sha1msg2 sha256msg1 sha256msg2
sha    | two    | int | - | sha1rnds4 | 0 1 2 3
sha    | two    | int | - | sha256rnds2
"""

# MMX registers: what came with MMX, with SSE, with SSE2 and with SSSE3.
MMX = """
mmx   | paddb paddw paddd paddsb paddsw paddusb paddusw psubb psubw psubd psubsb psubsw psubusb
mmx   | psubusw
mmx   | pmullw pmulhw pmaddwd pcmpeqb pcmpeqw pcmpeqd pcmpgtb pcmpgtw pcmpgtd packsswb packssdw
mmx   | packuswb
mmx   | punpcklbw punpcklwd punpckldq punpckhbw punpckhwd punpckhdq pand pandn por pxor psllw pslld
mmx   | psllq
mmx   | psrlw psrld psrlq psraw psrad
sse   | pavgb pavgw pminub pmaxub pminsw pmaxsw pmulhuw psadbw
sse2  | paddq psubq pmuludq
ssse3 | pabsb pabsw pabsd psignb psignw psignd phaddw phaddd phaddsw phsubw phsubd phsubsw pmaddubsw
ssse3 | pmulhrsw pshufb
"""


@dataclass(frozen=True)
class Entry:
    name: str
    feature: str
    shape: str
    kind: str
    vex: str
    immediate: str  # "$5, " or nothing


def entries():
    for line in TABLE.strip().splitlines():
        feature, shape, kind, vex, names, *rest = [part.strip() for part in line.split("|")]
        immediates = [f"${value}, " for value in rest[0].split()] if rest else [""]
        for name in names.split():
            for immediate in immediates:
                yield Entry(name, feature, shape, kind, vex, immediate)


def kind_of(entry):
    # Which of several NaNs a dot product delivers is the maker's choice; ours is Intel's.
    if entry.name in ("dpps", "dppd") and not INTEL:
        return entry.kind + "n"
    return "vec" if entry.kind == "int" else entry.kind


def few(entry):
    """Rows for a form: an immediate's many forms share the work."""
    if entry.immediate:
        return 12 if entry.kind == "int" else 16
    return 0
