/* SPDX-License-Identifier: MIT */
/* Calls, returns and indirect jumps: recursion, callbacks, two interpreters of one bytecode. */
#include "bench.h"

#include <string.h>

#define OUTLINE __attribute__((noinline, noclone))

enum { ITEMS = 2048 };

/* ---- Sort with a callback ---------------------------------------------------------------- */

typedef int (*Compare)(const void *, const void *);

static OUTLINE int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void swap(uint32_t *a, uint32_t *b)
{
    uint32_t x = *a;
    *a = *b;
    *b = x;
}

static OUTLINE void quick_sort(uint32_t *at, int64_t low, int64_t high, Compare order)
{
    while (low < high) {
        uint32_t pivot = at[(low + high) / 2];
        int64_t i = low, j = high;
        while (i <= j) {
            while (order(&at[i], &pivot) < 0)
                i++;
            while (order(&at[j], &pivot) > 0)
                j--;
            if (i <= j)
                swap(&at[i++], &at[j--]);
        }
        quick_sort(at, low, j, order);
        low = i;
    }
}

BENCH(sort, "calls/sort", 1200, 0, "quicksort with a callback")
{
    static uint32_t from[ITEMS], items[ITEMS];
    Compare volatile order = compare;
    uint64_t sum = 0;

    bench_noise(from, sizeof(from), 3);
    for (uint64_t i = 0; i < count; i++) {
        memcpy(items, from, sizeof(items));
        items[i % ITEMS] = (uint32_t)i;
        quick_sort(items, 0, ITEMS - 1, order);
        sum += items[i % ITEMS];
    }
    return sum;
}

/* ---- Recursion --------------------------------------------------------------------------- */

static OUTLINE uint32_t fibonacci(uint32_t n)
{
    uint32_t sum = 1;
    if (n >= 2) {
        sum = fibonacci(n - 1);
        BENCH_TOUCH(&n); /* or the compiler makes one of the two calls a loop */
        sum += fibonacci(n - 2);
    }
    return sum;
}

BENCH(recursion, "calls/recursion", 35, 0, "the Fibonacci function")
{
    return fibonacci((uint32_t)count);
}

static OUTLINE uint32_t ackermann(uint32_t m, uint32_t n)
{
    if (m == 0)
        return n + 1;
    if (n == 0)
        return ackermann(m - 1, 1);
    return ackermann(m - 1, ackermann(m, n - 1));
}

BENCH(deep, "calls/deep", 25, 0, "recursion thousands of calls deep (Ackermann's function)")
{
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += ackermann(3, 8);
    return sum;
}

/* ---- Calls through pointers --------------------------------------------------------------- */

static OUTLINE uint64_t plus(uint64_t x)
{
    return x + 3;
}
static OUTLINE uint64_t times(uint64_t x)
{
    return x * 7;
}
static OUTLINE uint64_t turn(uint64_t x)
{
    return x ^ x >> 9;
}
static OUTLINE uint64_t minus(uint64_t x)
{
    return x - 11;
}

BENCH(pointers, "calls/pointers", 25000000, 0, "calls through a table of functions")
{
    static uint64_t (*volatile const functions[4])(uint64_t) = { plus, times, turn, minus };
    uint64_t sum = 1;
    for (uint64_t i = 0; i < count; i++)
        sum = functions[(i ^ i >> 3) & 3](sum);
    return sum;
}

/* ---- A bytecode, interpreted in two ways --------------------------------------------------- */

enum { OP_ADD, OP_MUL, OP_XOR, OP_SHIFT, OP_LOAD, OP_STORE, OP_LOOP, OP_END };

typedef struct Machine {
    const uint8_t *pc;
    uint64_t a, left, cell[16];
} Machine;

/* Op and operand in turn. */
static const uint8_t program[] = {
    OP_ADD,   5, OP_STORE, 1,  OP_MUL,  3, OP_XOR,  9, OP_LOAD, 1, OP_SHIFT, 7,  OP_ADD, 200,
    OP_STORE, 2, OP_XOR,   77, OP_LOAD, 2, OP_MUL,  9, OP_LOAD, 1, OP_XOR,   31, OP_ADD, 1,
    OP_STORE, 3, OP_SHIFT, 3,  OP_LOAD, 3, OP_LOOP, 0, OP_END,  0,
};

BENCH(goto_dispatch, "calls/goto-dispatch", 3000000, 0,
      "bytecode, each operation jumps to the next")
{
    static const void *const labels[] = { &&add,  &&mul,   &&xor,  &&shift,
                                          &&load, &&store, &&loop, &&end };
    Machine m = { program, 1, count, { 0 } };

#define NEXT()                                                                                     \
    do {                                                                                           \
        m.pc += 2;                                                                                 \
        goto *labels[m.pc[0]];                                                                     \
    } while (0)
    goto *labels[m.pc[0]];
add:
    m.a += m.pc[1];
    NEXT();
mul:
    m.a *= m.pc[1];
    NEXT();
    xor : m.a ^= m.pc[1];
    NEXT();
shift:
    m.a ^= m.a >> m.pc[1];
    NEXT();
load:
    m.a += m.cell[m.pc[1]];
    NEXT();
store:
    m.cell[m.pc[1]] = m.a;
    NEXT();
loop:
    if (--m.left) {
        m.pc = program;
        goto *labels[m.pc[0]];
    }
    NEXT();
end:
    return m.a;
#undef NEXT
}

#define OPERATION(name) static OUTLINE void name(Machine *m, uint8_t operand)
OPERATION(run_add)
{
    m->a += operand;
    m->pc += 2;
}
OPERATION(run_mul)
{
    m->a *= operand;
    m->pc += 2;
}
OPERATION(run_xor)
{
    m->a ^= operand;
    m->pc += 2;
}
OPERATION(run_shift)
{
    m->a ^= m->a >> operand;
    m->pc += 2;
}
OPERATION(run_load)
{
    m->a += m->cell[operand];
    m->pc += 2;
}
OPERATION(run_store)
{
    m->cell[operand] = m->a;
    m->pc += 2;
}
OPERATION(run_loop)
{
    (void)operand;
    if (--m->left)
        m->pc = program;
    else
        m->pc += 2;
}

BENCH(call_dispatch, "calls/call-dispatch", 2500000, 0, "bytecode, a function for each operation")
{
    static void (*volatile const operations[])(Machine *, uint8_t) = {
        run_add, run_mul, run_xor, run_shift, run_load, run_store, run_loop,
    };
    Machine m = { program, 1, count, { 0 } };

    while (m.pc[0] != OP_END)
        operations[m.pc[0]](&m, m.pc[1]);
    return m.a;
}
