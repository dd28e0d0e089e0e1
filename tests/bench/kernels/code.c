/* SPDX-License-Identifier: MIT */
/* Code that is written while the program runs. */
#include "bench.h"

#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096, AREA = 64 * PAGE, SLOT = 64, MOST_PASSES = 1000 };

typedef uint32_t (*Function)(uint32_t);

/* mov eax, edi; add eax, imm; xor eax, imm; ret. The first number stands at offset 3. */
static const uint8_t short_code[] = { 0x89, 0xf8, 0x05, 1, 0, 0, 0, 0x35, 2, 0, 0, 0, 0xc3 };

/* mov ecx, imm; L: imul eax/edi chain; add; dec ecx; jnz L; ret. The number at 3 counts passes. */
static const uint8_t loop_code[] = {
    0x89, 0xf8, 0xb9, 1,    0,    0,    0, /* mov eax, edi; mov ecx, passes */
    0x69, 0xc0, 0x0d, 0x66, 0x19, 0x00,    /* imul eax, eax, 1664525 */
    0x05, 0x5f, 0xf3, 0x6e, 0x3c,          /* add eax, 1013904223 */
    0xff, 0xc9,                            /* dec ecx */
    0x75, 0xf1,                            /* jnz to the imul */
    0xc3,
};

static uint8_t *area(void)
{
    return bench_map(AREA, PROT_READ | PROT_WRITE | PROT_EXEC);
}

static Function place(uint8_t *at, const uint8_t *code, uint32_t size, uint32_t number)
{
    memcpy(at, code, size);
    memcpy(at + 3, &number, sizeof(number));
    BENCH_TOUCH(at);
    return (Function)(void *)at;
}

BENCH(rewrite, "code/rewrite", 150000, 0, "change a constant in a function, run it, again")
{
    uint8_t *at = area();
    uint32_t sum = 0;
    Function f = place(at, short_code, sizeof(short_code), 0);

    for (uint64_t i = 0; i < count; i++) {
        uint32_t number = (uint32_t)i;
        memcpy(at + 3, &number, sizeof(number));
        BENCH_TOUCH(at);
        sum = f(sum);
    }
    return sum;
}

BENCH(emit, "code/emit", 200000, 0, "write new functions one after another, run each four times")
{
    uint8_t *at = area();
    uint32_t sum = 0;

    for (uint64_t i = 0; i < count; i++) {
        Function f = place(at + i * SLOT % AREA, short_code, sizeof(short_code), (uint32_t)i);
        for (unsigned k = 0; k < 4; k++)
            sum = f(sum);
    }
    return sum;
}

BENCH(emit_loop, "code/emit-loop", 60000, 0, "write a function with a loop of 1000 passes, run it")
{
    uint8_t *at = area();
    uint32_t sum = 0;

    for (uint64_t i = 0; i < count; i++) {
        uint32_t passes = (uint32_t)(i * 37 % MOST_PASSES) + 1;
        sum = place(at + i * SLOT % AREA, loop_code, sizeof(loop_code), passes)(sum);
    }
    return sum;
}

BENCH(neighbour, "code/neighbour", 4000000, 0, "write data that lie in the page of running code")
{
    uint8_t *at = area();
    uint32_t sum = 0, *data = (uint32_t *)(void *)(at + PAGE / 2);
    Function f = place(at, short_code, sizeof(short_code), 7);

    for (uint64_t i = 0; i < count; i++) {
        sum = f(sum + data[i % 64]);
        data[i % 64] = sum;
    }
    return sum;
}

/* jmp rel32 at the start of the page, aimed at one of two functions, as inline caches do it. */
BENCH(patch, "code/patch", 100000, 0, "aim a jump elsewhere, take it sixteen times")
{
    enum { JMP = 0xe9, JMP_SIZE = 5, FIRST = 256, SECOND = 512 };
    uint8_t *at = area();
    uint32_t sum = 0;

    place(at + FIRST, short_code, sizeof(short_code), 11);
    place(at + SECOND, short_code, sizeof(short_code), 23);
    at[0] = JMP;
    for (uint64_t i = 0; i < count; i++) {
        int32_t distance = (i & 1 ? FIRST : SECOND) - JMP_SIZE;
        memcpy(at + 1, &distance, sizeof(distance));
        BENCH_TOUCH(at);
        for (unsigned k = 0; k < 16; k++)
            sum = ((Function)(void *)at)(sum);
    }
    return sum;
}
