# SPDX-License-Identifier: MIT
"""Rows of input: the register, flag and memory values that forms run on, by kind."""

import random
import struct

import floats
from forms.form import AF, CF, OF, PF, SF, ZF

ARENA_BASE, STACK_BASE, RDONLY_BASE = 0x2000000, 0x2010000, 0x2020000
ABSENT_BASE, EDGE_BASE, PAGE = 0x2030000, 0x2040000, 0x1000
WINDOW = 512
DF = 0x400
MASK = (1 << 64) - 1
AX, CX, DX, BX, SP, BP, SI, DI = range(8)

SPECIAL = [0, 1, 2, MASK, MASK - 1, 1 << 63, (1 << 63) - 1, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000,
           0xFFFF,
           0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x100000000, 0x5555555555555555,
           0xAAAAAAAAAAAAAAAA]
COUNTS = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40, 47, 48, 63, 64, 65, 95, 127, 128,
          200, 255]


def fx_image(cw=0x37F, sw=0, tags=0, st=(), mxcsr=0x1F80, xmm=b""):
    """An FXSAVE area; `tags` is the abridged tag byte, `st` the registers from ST(0) on."""
    image = bytearray(512)
    struct.pack_into("<HHB", image, 0, cw, sw, tags)
    struct.pack_into("<I", image, 24, mxcsr)
    for number, value in enumerate(st):
        image[32 + 16 * number : 42 + 16 * number] = value
    image[160 : 160 + len(xmm)] = xmm
    return bytes(image)


class Row:
    def __init__(self, rng):
        self.rng = rng
        self.gpr = [self.number() for _ in range(16)]
        self.flags = 0x202 | sum(bit for bit in (CF, PF, AF, ZF, SF, OF) if rng.random() < 0.5)
        self.fx = fx_image()
        self.ymmh = bytes(256)
        self.memory = bytearray(rng.randbytes(WINDOW))
        self.place(ARENA_BASE + 0x1000)
        self.gpr[SP] = STACK_BASE + 0x8000

    def number(self):
        rng = self.rng
        choice = rng.random()
        if choice < 0.35:
            return rng.choice(SPECIAL)
        if choice < 0.5:
            return rng.getrandbits(rng.choice((8, 16, 32, 48)))
        if choice < 0.6:
            return -rng.getrandbits(rng.choice((4, 8, 16, 32))) & MASK
        return rng.getrandbits(64)

    def place(self, window):
        self.window = window
        self.gpr[BX] = window + 128

    def store(self, offset, size, value):
        """Write an integer at RBX + offset."""
        at = 128 + offset
        self.memory[at : at + size] = (value & ((1 << 8 * size) - 1)).to_bytes(size, "little")

    def pack(self, bits):
        gpr = self.gpr if bits == 64 else [value & 0xFFFFFFFF for value in self.gpr[:8]] + [0] * 8
        head = struct.pack("<16QQQ", *gpr, self.flags, self.window)
        return head + self.fx + self.ymmh + bytes(self.memory)


def rows_int(rng, bits):
    for _ in range(24):
        row = Row(rng)
        row.store(0, 8, row.number())
        yield row


def rows_wide(rng, bits):
    for _ in range(32):
        row = Row(rng)
        row.store(0, 8, row.number())
        yield row


def rows_nonzero(rng, bits):
    for row in rows_int(rng, bits):
        row.gpr[CX] = 1 << rng.randrange(16) | rng.getrandbits(64)
        row.store(0, 8, row.gpr[CX] ^ rng.getrandbits(40) << 16 | 0x8000)
        yield row


def rows_shift(rng, bits):
    for number in range(40):
        row = Row(rng)
        count = COUNTS[number] if number < len(COUNTS) else rng.getrandbits(8)
        row.gpr[CX] = row.gpr[CX] & ~0xFF | count
        row.store(0, 8, row.number())
        yield row


def rows_shift16(rng, bits):
    for number in range(24):
        row = Row(rng)
        row.gpr[CX] = row.gpr[CX] & ~0xFF | number % 16 | rng.choice((0, 0x20, 0x40))
        yield row


def rows_bitfield(rng, bits):
    for _ in range(32):
        row = Row(rng)
        row.gpr[CX] = rng.randrange(80) | rng.randrange(80) << 8 | rng.getrandbits(16) << 16
        row.store(0, 8, row.number())
        yield row


def rows_index(rng, bits):
    for number in range(12):
        row = Row(rng)
        row.gpr[CX] = (number - 4) & MASK
        row.gpr[DX] = rng.randrange(8)
        row.gpr[9] = rng.randrange(64)
        row.gpr[10] = rng.randrange(-16, 16) & MASK
        yield row


def rows_index16(rng, bits):
    for number in range(12):
        row = Row(rng)
        row.gpr[CX] = number + 1
        yield row


def rows_bitmem(rng, bits):
    for _ in range(24):
        row = Row(rng)
        row.gpr[CX] = rng.randrange(-1000, 2900) & MASK
        yield row


def rows_cross(rng, bits):
    for back in (1, 2, 3, 4, 5, 6, 7, 8):
        row = Row(rng)
        row.place(ARENA_BASE + 0x3000 - 128 - back)
        yield row


def rows_xlat(rng, bits):
    for number in range(16):
        row = Row(rng)
        row.gpr[AX] = row.gpr[AX] & ~0xFF | number * 17
        yield row


def rows_stack(rng, bits):
    for number in range(8):
        row = Row(rng)
        row.gpr[SP] = STACK_BASE + 0x8000
        row.window = row.gpr[SP] - 256
        row.gpr[BX] = row.gpr[SP] + 64
        row.gpr[BP] = row.gpr[SP] + 128 + 8 * number
        yield row


def rows_string(rng, bits):
    for number in range(40):
        row = Row(rng)
        row.gpr[SI] = row.window + 96 + rng.randrange(32)
        row.gpr[DI] = row.window + 288 + rng.randrange(32)
        row.gpr[CX] = rng.choice((0, 1, 2, 3, 5, 8, 9, 10, 11))
        if rng.random() < 0.3:
            row.flags |= DF
        # Equal stretches, so that comparing goes on for a while; scanned values that match.
        start, length = row.gpr[SI] - row.window, rng.choice((0, 1, 5, 16, 40))
        to = row.gpr[DI] - row.window
        row.memory[to : to + length] = row.memory[start : start + length]
        if number % 3 == 0:
            fill = bytes([rng.getrandbits(8)]) * 64
            row.memory[to - 16 : to + 48] = fill
            row.gpr[AX] = int.from_bytes(fill[:8], "little") if number % 2 else row.gpr[AX]
        yield row


def rows_divide(rng, size, signed):
    """Most quotients fit; some overflow, some divisors are zero."""
    half, limit = 1 << size - 1, 1 << size
    for number in range(32):
        row = Row(rng)
        divisor = row.number() % limit or 3
        low = -half if signed else 0
        quotient = rng.randrange(low, low + limit)
        if number % 4 == 1:
            quotient = rng.choice((low, low + limit - 1, 0, 1))
        value = divisor - limit if signed and divisor >= half else divisor
        remainder = rng.randrange(abs(value))
        dividend = quotient * value + (remainder if quotient * value >= 0 else -remainder)
        if number % 8 == 5:
            dividend = rng.getrandbits(2 * size)
        if number == 7:
            divisor = 0
        set_dividend(row, size, dividend & ((1 << 2 * size) - 1))
        row.gpr[CX] = row.gpr[CX] & ~(limit - 1) | divisor
        row.store(0, size // 8, divisor)
        yield row


def set_dividend(row, size, dividend):
    if size == 8:
        row.gpr[AX] = row.gpr[AX] & ~0xFFFF | dividend
        return
    limit = 1 << size
    row.gpr[AX] = row.gpr[AX] & ~(limit - 1) | dividend % limit
    row.gpr[DX] = row.gpr[DX] & ~(limit - 1) | dividend >> size


def vector_row(rng, fill, mxcsr=None):
    """A row whose vector registers and memory hold what `fill(count of bytes)` makes."""
    row = Row(rng)
    control = floats.mxcsr(rng) if mxcsr is None else mxcsr
    row.fx = fx_image(mxcsr=control, xmm=fill(256))
    row.ymmh = fill(256)
    row.memory[128:256] = fill(128)
    return row


def integer_bytes(rng, count):
    """Random bytes with runs of zeros, ones, sign limits, and a repeated word now and then."""
    data = b""
    while len(data) < count:
        choice = rng.random()
        if choice < 0.5:
            data += rng.randbytes(8)
        elif choice < 0.75:
            data += rng.choice(SPECIAL).to_bytes(8, "little")
        else:
            size = rng.choice((1, 2, 4))
            limits = (0, 1, (1 << 8 * size) - 1, 1 << 8 * size - 1, (1 << 8 * size - 1) - 1)
            data += b"".join(rng.choice(limits).to_bytes(size, "little") for _ in range(8 // size))
    return data[:count]


def rows_vec(rng, bits):
    for number in range(24):
        row = vector_row(rng, lambda count: integer_bytes(rng, count))
        if number % 4 == 3:
            # Equal lanes in the registers that forms compare.
            xmm = bytearray(row.fx[160:416])
            for lane in range(16):
                if rng.random() < 0.6:
                    xmm[32 + lane] = xmm[16 + lane]
                    xmm[48 + lane] = row.memory[128 + lane]
            row.fx = row.fx[:160] + bytes(xmm) + row.fx[416:]
        yield row


def rows_vecshift(rng, bits):
    """Counts in XMM1 and memory: small in every element of 16, 32 and 64 bits."""
    for number in range(24):
        row = vector_row(rng, lambda count: integer_bytes(rng, count))
        count = rng.choice((0, 1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 1 << 32, 255))
        other = rng.choice((0, 3, 31, 32, 40, 63, 64, 1 << 40))
        if number % 2:
            counts = b"".join(rng.choice((0, 1, 5, 31, 32, 33, 1 << 31)).to_bytes(4, "little")
                              for _ in range(4))
        else:
            counts = struct.pack("<QQ", count, other)
        row.fx = row.fx[:176] + counts + row.fx[192:]
        row.memory[128:144] = counts
        yield row


def rows_veccross(rng, bits):
    for back in (1, 2, 4, 7, 8, 9, 15, 16, 17, 31):
        row = vector_row(rng, lambda count: integer_bytes(rng, count))
        row.place(ARENA_BASE + 0x3000 - 128 - back)
        yield row


def rows_f32(rng, bits):
    for _ in range(40):
        yield vector_row(rng, lambda count: floats.singles(rng, count // 4))


def without_nans(data, size):
    """NaNs become the largest numbers' neighbours: the exponent's lowest bit is cleared."""
    low, exponent = {4: (23, 0xFF << 23), 8: (52, 0x7FF << 52)}[size]
    words = [int.from_bytes(data[at:at + size], "little") for at in range(0, len(data), size)]
    return b"".join((word & ~(1 << low) if word & exponent == exponent else word)
                    .to_bytes(size, "little") for word in words)


def rows_f32n(rng, bits):
    for _ in range(40):
        yield vector_row(rng, lambda count: without_nans(floats.singles(rng, count // 4), 4))


def rows_f64n(rng, bits):
    for _ in range(40):
        yield vector_row(rng, lambda count: without_nans(floats.doubles(rng, count // 8), 8))


def rows_f64(rng, bits):
    for _ in range(40):
        yield vector_row(rng, lambda count: floats.doubles(rng, count // 8))


HALF = [0, 0x8000, 0x3C00, 0x7C00, 0xFC00, 0x7E00, 0xFE01, 0x7C01, 0xFD55, 1, 0x8001, 0x3FF, 0x400,
        0x7BFF, 0xFBFF]


def rows_f16(rng, bits):
    """Singles around the limits of half precision; memory and XMM1 in odd rows hold halves."""
    def near(count):
        exponents = [rng.choice((0, 100, 102, 103, 112, 113, 127, 142, 143, 255))
                     for _ in range(count // 4)]
        return struct.pack(f"<{count // 4}I", *[rng.choice((rng.getrandbits(23), 0x1000, 0xFFF,
                                                            0x3000, 0, 0x7FE000, 0x7FF000))
                                               | exponent << 23 | rng.getrandbits(1) << 31
                                               for exponent in exponents])

    def halves(count):
        return struct.pack(f"<{count // 2}H", *[rng.choice(HALF)
                                                if rng.random() < 0.5 else rng.getrandbits(16)
                                               for _ in range(count // 2)])

    for number in range(32):
        yield vector_row(rng, halves if number % 2 else near)


def rows_text(rng, bits):
    """Short alphabets, so that characters meet; explicit lengths in RAX and RDX."""
    for number in range(16):
        alphabet = bytes(rng.sample(range(1, 256), 4)) + (b"\0" if number % 3 else b"")
        row = vector_row(rng, lambda count, letters=alphabet: bytes(rng.choice(letters)
                for _ in range(count)))
        row.gpr[AX] = rng.choice((0, 1, 5, 8, 9, 16, 17, MASK - 3, MASK - 20, 1 << 31))
        row.gpr[DX] = rng.choice((0, 2, 6, 8, 15, 16, 40, MASK - 6, 1 << 63))
        yield row


def gather_rows(rng, code):
    """Small indices of the struct code `code` in XMM1 and YMM1."""
    size = struct.calcsize(code)
    for _ in range(12):
        row = vector_row(rng, lambda count: rng.randbytes(count))
        indices = struct.pack(f"<{32 // size}{code}",
                              *[rng.randrange(-12, 12) for _ in range(32 // size)])
        row.fx = row.fx[:176] + indices[:16] + row.fx[192:]
        row.ymmh = row.ymmh[:16] + indices[16:] + row.ymmh[32:]
        yield row


def rows_gather32(rng, bits):
    return gather_rows(rng, "i")


def rows_gather64(rng, bits):
    return gather_rows(rng, "q")


def rows_mmx(rng, bits):
    for _ in range(16):
        row = Row(rng)
        st = [integer_bytes(rng, 8) + b"\xff\xff" for _ in range(8)]
        row.fx = fx_image(sw=rng.randrange(8) << 11, tags=rng.getrandbits(8), st=st,
                          xmm=integer_bytes(rng, 256))
        row.memory[128:160] = integer_bytes(rng, 32)
        yield row


def x87_row(rng, number, st=None):
    """Stack values of every sort under each precision and rounding; some registers are empty."""
    row = Row(rng)
    control = 0x7F | (0, 2, 3, 3)[number % 4] << 8 | number // 4 % 4 << 10
    tags = 0xFF if rng.random() < 0.7 else rng.getrandbits(8)
    status = rng.randrange(8) << 11 | (rng.getrandbits(6)
                                       if rng.random() < 0.2 else 0) | rng.getrandbits(4) % 8 << 8
    registers = st or [floats.extended(rng) for _ in range(8)]
    row.fx = fx_image(cw=control, sw=status & 0x7FFF, tags=tags, st=registers)
    return row


def rows_x87(rng, bits):
    for number in range(64):
        yield x87_row(rng, number)


def rows_x87m32(rng, bits):
    for number in range(48):
        row = x87_row(rng, number)
        row.store(0, 4, floats.single(rng))
        yield row


def rows_x87m64(rng, bits):
    for number in range(48):
        row = x87_row(rng, number)
        row.store(0, 8, floats.double(rng))
        yield row


def rows_x87m80(rng, bits):
    for number in range(64):
        row = x87_row(rng, number)
        row.memory[128:138] = floats.extended(rng)
        yield row


def rows_x87int(rng, bits):
    for number in range(48):
        row = x87_row(rng, number)
        row.store(0, 8, row.number())
        yield row


def rows_x87bcd(rng, bits):
    for number in range(32):
        row = x87_row(rng, number)
        digits = rng.choice((0, 1, 10**18 - 1, rng.randrange(10**18), rng.randrange(10**6)))
        packed = bytes.fromhex(f"{digits:018d}")[::-1] + bytes([rng.choice((0, 0x80))])
        row.memory[128:138] = packed
        yield row


def rows_x87round(rng, bits):
    """Values near integers and halves of all magnitudes, to be rounded, stored and reduced."""
    for number in range(64):
        st = []
        for _ in range(8):
            exponent = 0x3FFF + rng.choice((-2, -1, 0, 1, 3, 7, 14, 15, 16, 30, 31, 32, 52, 59, 60,
                                            62, 63, 64, 70))
            significand = 1 << 63 | rng.choice((0, 1 << 62, 3 << 61, rng.getrandbits(63),
                                                rng.getrandbits(8) << 55,
                                               (1 << 63) - 1, 1))
            st.append(struct.pack("<QH", significand, exponent | rng.getrandbits(1) << 15))
        yield x87_row(rng, number, st if number % 8 else None)


def rows_x87angle(rng, bits):
    """Arguments within the ranges of the transcendental instructions, with full tags."""
    for number in range(64):
        st = [struct.pack("<QH", 1 << 63 | rng.getrandbits(63),
                          rng.randrange(0x3FE8, 0x3FFF +
                                        (0 if number % 2 else 12)) | rng.getrandbits(1) << 15)
              for _ in range(8)]
        if number % 4 == 2:
            # A logarithm wants its operand positive.
            st[0] = st[0][:9] + bytes([st[0][9] & 0x7F])
        row = x87_row(rng, number, st)
        yield row


def rows_f32x(rng, bits):
    """Some exceptions unmasked."""
    for _ in range(32):
        control = floats.mxcsr(rng) & ~0x3F & ~(rng.getrandbits(6) << 7)
        yield vector_row(rng, lambda count: floats.singles(rng, count // 4), control)


def rows_f64x(rng, bits):
    for _ in range(32):
        control = floats.mxcsr(rng) & ~0x3F & ~(rng.getrandbits(6) << 7)
        yield vector_row(rng, lambda count: floats.doubles(rng, count // 8), control)


def rows_x87x(rng, bits):
    for number in range(48):
        row = x87_row(rng, number)
        control = struct.unpack_from("<H", row.fx)[0] & ~(rng.getrandbits(6))
        status = struct.unpack_from("<H", row.fx, 2)[0] & 0x3F00
        row.fx = struct.pack("<HH", control, status) + row.fx[4:]
        yield row


KINDS = {name[5:]: function for name, function in list(globals().items())
         if name.startswith("rows_") and name != "rows_divide"}


def rows(kind, bits):
    """The rows of a kind, the same in every run."""
    rng = random.Random(f"tenon {kind} {bits}")
    for name, signed in (("idiv", True), ("div", False)):
        if kind.startswith(name):
            return list(rows_divide(rng, int(kind[len(name):]), signed))
    return list(KINDS[kind](rng, bits))
