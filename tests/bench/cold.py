# SPDX-License-Identifier: MIT
"""Writes the C source of cold code: thousands of functions, no two alike, each run once.

What is measured is what a processor or an emulator does with code that it has never seen. The
functions come from a generator with a fixed seed, so every build has the same ones.
"""

import random

FUNCTIONS = 6000
FILES = 4
STATEMENTS = (8, 24)

HEAD = """/* SPDX-License-Identifier: MIT */
#include <stdint.h>
extern uint64_t cold_data[256];
"""


def term(rng):
    return rng.choice(["a", "b", "c", "x", str(rng.randrange(1, 1 << 30)),
                       f"cold_data[{rng.randrange(256)}]",
                       f"cold_data[(a + {rng.randrange(99)}) & 255]"])


def statement(rng):
    target, one, two = rng.choice("abc"), term(rng), term(rng)
    shift = rng.randrange(1, 31)
    return rng.choice([
        f"{target} += {one} ^ {two};",
        f"{target} = ({target} << {shift} | {target} >> {64 - shift}) + {one};",
        f"{target} ^= {one} * {rng.randrange(3, 1 << 16)}u;",
        f"if ({one} < {two}) {target} += {rng.randrange(9999)}; else {target} ^= {two};",
        f"cold_data[{rng.randrange(256)}] = {target} - {one};",
        f"if ({target} & {1 << rng.randrange(20)}) {target} -= {one};",
        f"{target} += (uint32_t){one} / {rng.randrange(3, 1000)}u;",
        f"((uint8_t *)cold_data)[{rng.randrange(2048)}] = (uint8_t)({target} + {two});",
    ])


def function(rng, number):
    lines = [statement(rng) for _ in range(rng.randint(*STATEMENTS))]
    return (f"uint64_t cold_{number}(uint64_t x);\nuint64_t cold_{number}(uint64_t x)\n{{\n"
            f"    uint64_t a = x, b = {number}, c = x >> 7;\n    " + "\n    ".join(lines) +
            "\n    return a ^ b ^ c;\n}\n")


def table():
    names = [f"cold_{i}" for i in range(FUNCTIONS)]
    return ('#include "bench.h"\n' + HEAD + "uint64_t cold_data[256];\n" +
            "".join(f"uint64_t {name}(uint64_t);\n" for name in names) +
            "static uint64_t (*const functions[])(uint64_t) = {\n    " + ",\n    ".join(names) +
            f"\n}};\nBENCH(cold, \"cold/functions\", {FUNCTIONS}, 0, "
            "\"thousands of functions, each run once\")\n{\n    uint64_t x = 1;\n"
            f"    for (uint64_t i = 0; i < count && i < {FUNCTIONS}; i++)\n"
            "        x = functions[i](x);\n    return x;\n}\n")


def sources():
    """Name and text of each file."""
    rng = random.Random(1)
    per_file = FUNCTIONS // FILES
    for n in range(FILES):
        body = "".join(function(rng, n * per_file + i) for i in range(per_file))
        yield f"cold-{n}.c", HEAD + body
    yield "cold-table.c", table()
