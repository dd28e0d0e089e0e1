/* SPDX-License-Identifier: MIT */
/* The x87 unit: arithmetic, transcendental functions, conversions and stack traffic. */
#include "bench.h"

enum { LENGTH = 512 };

static uint64_t rounded(long double x)
{
    return (uint64_t)(int64_t)(x * 10000);
}

BENCH(x87_arithmetic, "x87/arithmetic", 10000000, 0, "multiply, add, divide long double")
{
    long double a = 1.0L, b = 0.5L;
    for (uint64_t i = 0; i < count; i++) {
        a = a * 0.999999L + b;
        b = b / 1.5000001L + 0.1L;
    }
    return rounded(a) + rounded(b);
}

BENCH(x87_arrays, "x87/arrays", 300000, 0, "double arrays through the stack: FLD, FMUL, FADD, FSTP")
{
    static double from[LENGTH], to[LENGTH];
    for (uint32_t i = 0; i < LENGTH; i++)
        from[i] = (double)i * 0.5;
    for (uint64_t round = 0; round < count; round++) {
        for (uint32_t i = 0; i < LENGTH; i++) {
            __asm__ volatile("fldl %1; fmull %2; faddl %0; fstpl %0"
                             : "+m"(to[i])
                             : "m"(from[i]), "m"(from[1]));
        }
    }
    return bench_sum(to, sizeof(to));
}

BENCH(x87_functions, "x87/functions", 500000, 0, "FSIN, FCOS, FPATAN, FYL2X, F2XM1, FSQRT")
{
    long double x = 0.1L, sum = 0, one = 1.0L;
    for (uint64_t i = 0; i < count; i++) {
        long double sine, cosine, angle, log, power, root;
        __asm__("fsin" : "=t"(sine) : "0"(x));
        __asm__("fcos" : "=t"(cosine) : "0"(x));
        __asm__("fpatan" : "=t"(angle) : "0"(cosine), "u"(sine) : "st(1)");
        __asm__("fyl2x" : "=t"(log) : "0"(x + 1), "u"(one) : "st(1)");
        __asm__("f2xm1" : "=t"(power) : "0"(x * 0.25L));
        __asm__("fsqrt" : "=t"(root) : "0"(x));
        sum += angle + log + power + root;
        x = x > 1.0L ? x - 0.95L : x + 0.013L;
    }
    return rounded(sum);
}

BENCH(x87_convert, "x87/convert", 10000000, 0, "FILD, FISTP, FXCH and comparisons")
{
    int64_t whole = 0;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        int64_t in = (int64_t)(i * 3);
        uint8_t less;
        __asm__ volatile("fildq %2; fildq %3; fxch; fcomi %%st(1); setb %1; faddp; fistpq %0"
                         : "=m"(whole), "=q"(less)
                         : "m"(in), "m"(sum)
                         : "cc", "st", "st(1)");
        sum = (sum + (uint64_t)whole + less) & 0xffffff;
    }
    return sum;
}
