# SPDX-License-Identifier: MIT
"""What an instruction form is: the code of a case, the rows it runs on, what the manual defines."""

from dataclasses import dataclass
from pathlib import Path

# Where makers differ, the emulator does as Intel's manual says: a fault within REPE CMPS and REPNE
# SCAS leaves the flags as they were before the instruction (vol. 2, REP), MOVUPS is checked with
# EFLAGS.AC set, INT1 traps like INT3. Hosts of other makers are not asked about these.
INTEL = "GenuineIntel" in Path("/proc/cpuinfo").read_text()

CF, PF, AF, ZF, SF, OF = 1, 4, 0x10, 0x40, 0x80, 0x800
ALL = 0x3F7FD7

STATE_GPR, STATE_FX, STATE_YMM = 0, 1, 2

# In the order of the table in features.c.
FEATURES = (
    "cmov", "cx8", "mmx", "sse", "sse2", "sse3", "ssse3", "sse4_1", "sse4_2", "avx", "avx2", "fma",
    "f16c", "aes", "pclmul", "sha", "movbe", "popcnt", "lzcnt", "bmi1", "bmi2", "adx", "cx16",
    "lahf64", "fsgsbase", "vaes", "vpclmul", "rdtscp",
)

# In the order of enum mask_rule in suite.h.
RULES = (
    "fixed", "shift8", "shift16", "shift32", "shift64", "rotate32", "rotate64", "double16",
    "double32", "double64",
)

CLASSES = ("integer", "sse", "avx", "x87", "fault")


@dataclass(frozen=True)
class Form:
    code: str  # AT&T assembly, instructions separated by semicolons
    group: str  # one of CLASSES
    kind: str = "int"  # the rows' kind, see values.py
    undefined: int = 0  # flags that the manual leaves undefined
    rule: str = "fixed"
    state: int = STATE_GPR
    features: tuple = ()
    count: int = 0  # rows to run, 0: all of the kind
    fsw: int = 0xFFFF  # x87 status word bits that the manual defines

    def feature_mask(self):
        return sum(1 << FEATURES.index(feature) for feature in self.features)


LETTERS = {"a": "ax", "c": "cx", "d": "dx", "b": "bx", "S": "si", "D": "di", "bp": "bp", "sp": "sp"}


def reg(name, size):
    """AT&T name of a register: `a`, `c`, `d`, `b`, `S`, `D`, `bp`, `sp`, `8` to `15`; 'ah'..."""
    if name in ("ah", "ch", "dh", "bh"):
        return "%" + name
    if name.isdigit():
        return f"%r{name}" + {8: "b", 16: "w", 32: "d", 64: ""}[size]
    word = LETTERS[name]
    if size == 8:
        return f"%{name}l" if name in "acdb" else f"%{word}l"
    return {16: "%", 32: "%e", 64: "%r"}[size] + word


SUFFIX = {8: "b", 16: "w", 32: "l", 64: "q"}


class Mode:
    """Names and sizes that differ between 32-bit and 64-bit code."""

    def __init__(self, bits):
        self.bits = bits
        self.long = bits == 64
        self.sizes = (8, 16, 32, 64) if self.long else (8, 16, 32)
        self.wide = self.sizes[1:]
        for name, letter in (("ax", "a"), ("bx", "b"), ("cx", "c"), ("dx", "d"),
                             ("si", "S"), ("di", "D"), ("sp", "sp"), ("bp", "bp")):
            setattr(self, name, reg(letter, bits))
        self.mem = f"({self.bx})"

    def pairs(self, size):
        """Pairs (source, destination) that cover prefixes and the odd byte registers."""
        names = [("c", "a"), ("a", "d"), ("d", "S" if size > 8 or self.long else "c")]
        if size == 8:
            names += [("ch", "a"), ("d", "ah"), ("ah", "dh")]
        if self.long:
            names += [("10", "9"), ("D", "13"), ("12", "bp")]
        return [(reg(source, size), reg(target, size)) for source, target in names]

    def targets(self, size):
        names = ["a", "d"] + (["ch", "dh"] if size == 8 else ["D"])
        names += ["9", "bp", "S"] if self.long else []
        return [reg(name, size) for name in names]
