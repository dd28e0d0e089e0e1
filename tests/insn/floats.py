# SPDX-License-Identifier: MIT
"""Floating-point bit patterns: special values, neighbours of limits, random ones; vector rows."""

import struct

SINGLE = [0, 0x80000000, 0x3F800000, 0xBF800000, 0x3F800001, 0x3F7FFFFF, 0x7F800000, 0xFF800000,
          0x7FC00000, 0xFFC12345,
          0x7F800001, 0xFFA54321, 1, 0x80000001, 0x007FFFFF, 0x00800000, 0x80800000, 0x7F7FFFFF,
          0xFF7FFFFF, 0x3F000000,
          0x3FC00000, 0x40200000, 0xC0200000, 0x4F000000, 0xCF000000, 0x4EFFFFFF, 0x5F000000,
          0x40490FDB, 0x4B000001,
          0x33800000, 0x477FE000, 0x477FF000, 0x38800000, 0x387FFFFF, 0x33000000, 0x42FE0000]
DOUBLE = [0, 1 << 63, 0x3FF << 52, 0xBFF << 52, 0x3FF0000000000001, 0x3FEFFFFFFFFFFFFF, 0x7FF << 52,
          0xFFF << 52,
          0x7FF8 << 48, 0xFFF8123456789ABC, 0x7FF0000000000001, 0xFFF4000000000321, 1,
          0x8000000000000001,
          0x000FFFFFFFFFFFFF, 1 << 52, 0x8010 << 48, 0x7FEFFFFFFFFFFFFF, 0xFFEFFFFFFFFFFFFF,
          0x3FE << 52,
          0x3FF8 << 48, 0x4004 << 48, 0xC004 << 48, 0x41E << 52, 0xC1E << 52, 0x41DFFFFFFFC00000,
          0x41DFFFFFFFE00000,
          0x43E << 52, 0xC3E << 52, 0x43DFFFFFFFFFFFFF, 0x400921FB54442D18, 0x4330000000000001,
          0x47EFFFFFE0000000,
          0x47EFFFFFF0000000, 0x3810 << 48, 0x36A << 52, 0x380FFFFFC0000000]


def single(rng):
    choice = rng.random()
    if choice < 0.4:
        return rng.choice(SINGLE)
    if choice < 0.5:
        return rng.getrandbits(32)
    if choice < 0.6:
        return rng.getrandbits(23) | rng.getrandbits(1) << 31
    # Exponents near one another, so that sums round and cancel.
    return rng.getrandbits(23) | rng.randrange(112, 144) << 23 | rng.getrandbits(1) << 31


def double(rng):
    choice = rng.random()
    if choice < 0.4:
        return rng.choice(DOUBLE)
    if choice < 0.5:
        return rng.getrandbits(64)
    if choice < 0.6:
        return rng.getrandbits(52) | rng.getrandbits(1) << 63
    return rng.getrandbits(52) | rng.randrange(1000, 1060) << 52 | rng.getrandbits(1) << 63


def singles(rng, count):
    return struct.pack(f"<{count}I", *[single(rng) for _ in range(count)])


def doubles(rng, count):
    return struct.pack(f"<{count}Q", *[double(rng) for _ in range(count)])


# MXCSR: sticky flags 0 to 5, DAZ 6, masks 7 to 12, rounding 13 and 14, FTZ 15.
ALL_MASKED = 0x1F80


def mxcsr(rng):
    value = ALL_MASKED | rng.randrange(4) << 13
    if rng.random() < 0.3:
        value |= 0x40
    if rng.random() < 0.3:
        value |= 0x8000
    if rng.random() < 0.3:
        value |= rng.getrandbits(6)
    return value


EXTENDED_SPECIAL = [
    (0, 0), (0x8000, 0), (0x3FFF, 1 << 63), (0xBFFF, 1 << 63), (0x7FFF, 1 << 63), (0xFFFF, 1 << 63),
    (0x7FFF, 0xC000000000000000), (0xFFFF, 0xC000000000000000), (0x7FFF, 0xC123456789ABCDEF),
    (0x7FFF, 0x8000000000000001),
    (0xFFFF, 0xA000000000000000), (0, 1), (0x8000, 0x7FFFFFFFFFFFFFFF), (0, 1 << 63), (1, 1 << 63),
    (1, 0x7FFFFFFFFFFFFFFF),
    (0x7FFE, 0xFFFFFFFFFFFFFFFF), (0xFFFE, 0xFFFFFFFFFFFFFFFF), (0x3FFE, 1 << 63),
    (0x3FFF, 0x8000000000000001),
    (0x3FFE, 0xFFFFFFFFFFFFFFFF), (0x4000, 0xC90FDAA22168C235), (0x3FFE, 0xB17217F7D1CF79AC),
    (0x403E, 1 << 63),
    (0xC03E, 1 << 63), (0x403D, 0xFFFFFFFFFFFFFFFF), (0x401E, 1 << 63), (0xC01E, 1 << 63),
    (0x400E, 0xFFFF000000000000),
    (0x3FFF, 0xC000000000000000), (0x4000, 0xA000000000000000), (0x407E, 0xFFFFFF0000000000),
    (0x43FE, 0xFFFFFFFFFFFFF800),
    (0x3F80, 0x8000000000000000), (0x3C00, 0x8000000000000000), (0x3FFD, 0x9A209A84FBCFF799),
    (0x4005, 0xC800000000000000),
    # Encodings that the 80387 and later call invalid: pseudo-NaN, pseudo-infinity, unnormals.
    (0x7FFF, 0), (0x7FFF, 0x4000000000000000), (0x3FFF, 0x4000000000000000), (0x4010, 1),
]


def extended(rng):
    """Ten bytes of an 80-bit value."""
    choice = rng.random()
    if choice < 0.45:
        exponent, significand = rng.choice(EXTENDED_SPECIAL)
    elif choice < 0.55:
        exponent, significand = rng.getrandbits(16), rng.getrandbits(64) | 1 << 63
    else:
        exponent = rng.randrange(0x3FE0, 0x4020) | rng.getrandbits(1) << 15
        significand = rng.getrandbits(64) | 1 << 63
    return struct.pack("<QH", significand, exponent)
