/* SPDX-License-Identifier: MIT */
/* Scalar floating point: double precision in SSE2 registers. */
#include "bench.h"

#include <math.h>

enum { BODIES = 5 };

/* A sum that keeps what every processor has alike. */
static uint64_t rounded(double x)
{
    return (uint64_t)(int64_t)(x * 1000000);
}

BENCH(arithmetic, "double/arithmetic", 40000000, 0, "multiplications and additions")
{
    double a = 1.0, b = 0.5, c = 0.25;
    for (uint64_t i = 0; i < count; i++) {
        a = a * 0.999999 + b;
        b = b * 0.499999 + c;
        c = c * 0.750001 + 0.1;
    }
    return rounded(a) + rounded(b) + rounded(c);
}

BENCH(roots, "double/sqrt-divide", 15000000, 0, "square roots and divisions")
{
    double a = 2.0, sum = 0;
    for (uint64_t i = 1; i <= count; i++) {
        double root;
        __asm__("sqrtsd %1, %0" : "=x"(root) : "x"(a));
        sum += root / (double)i;
        a = a + 1.0 / root;
    }
    return rounded(sum) + rounded(a);
}

BENCH(convert, "double/convert", 30000000, 0, "conversions between integers, float and double")
{
    double sum = 0;
    uint64_t whole = 0;
    for (uint64_t i = 0; i < count; i++) {
        float narrow = (float)(int32_t)i;
        double wide = (double)narrow * 0.3;
        whole += (uint64_t)(int64_t)wide;
        sum += (double)(int64_t)(whole & 0xffff);
    }
    return whole + rounded(sum);
}

BENCH(compare, "double/compare", 30000000, 0, "comparisons that decide branches, minimum, maximum")
{
    double low = 1e9, high = -1e9, x = 0.5;
    uint64_t above = 0;
    for (uint64_t i = 0; i < count; i++) {
        x = x * 3.7 * (1.0 - x);
        if (x > 0.5)
            above += i;
        low = x < low ? x : low;
        high = x > high ? x : high;
    }
    return above + rounded(low) + rounded(high);
}

typedef struct Body {
    double at[3], speed[3], mass;
} Body;

static void attract(Body *a, Body *b, double step)
{
    double d[3], square = 0.01;
    for (unsigned k = 0; k < 3; k++) {
        d[k] = a->at[k] - b->at[k];
        square += d[k] * d[k];
    }
    double root;
    __asm__("sqrtsd %1, %0" : "=x"(root) : "x"(square));
    double force = step / (square * root);
    for (unsigned k = 0; k < 3; k++) {
        a->speed[k] -= d[k] * b->mass * force;
        b->speed[k] += d[k] * a->mass * force;
    }
}

BENCH(bodies, "double/bodies", 1000000, 0, "five bodies that attract each other")
{
    Body body[BODIES];

    for (unsigned i = 0; i < BODIES; i++) {
        body[i] =
            (Body){ { i * 1.5, i * i * 0.7, 3.0 - i }, { 0.1 * i, 0, -0.05 * i }, 1.0 / (i + 1) };
    }
    for (uint64_t round = 0; round < count; round++) {
        for (unsigned i = 0; i < BODIES; i++) {
            for (unsigned j = i + 1; j < BODIES; j++)
                attract(&body[i], &body[j], 0.001);
        }
        for (unsigned i = 0; i < BODIES; i++) {
            for (unsigned k = 0; k < 3; k++)
                body[i].at[k] += body[i].speed[k] * 0.001;
        }
    }
    return rounded(body[0].at[0]) + rounded(body[4].at[2]);
}
