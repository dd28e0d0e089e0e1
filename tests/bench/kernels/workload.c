/* SPDX-License-Identifier: MIT */
/* Small programs of the kind embedded benchmarks use: lists, matrices, state machines. */
#include "bench.h"

#define OUTLINE __attribute__((noinline, noclone))

enum { NODES = 256, SIDE = 24, TEXT = 2048 };

/* ---- Linked lists: find, reverse, sort by merging ----------------------------------------- */

typedef struct Node {
    struct Node *next;
    int32_t key, data;
} Node;

static OUTLINE Node *reverse(Node *list)
{
    Node *done = 0;
    while (list) {
        Node *next = list->next;
        list->next = done;
        done = list;
        list = next;
    }
    return done;
}

static OUTLINE Node *merge(Node *a, Node *b)
{
    Node *head = 0, **tail = &head;
    while (a && b) {
        Node **least = a->key <= b->key ? &a : &b;
        *tail = *least;
        tail = &(*least)->next;
        *least = (*least)->next;
    }
    *tail = a ? a : b;
    return head;
}

static Node *sort(Node *list, uint32_t n)
{
    if (n < 2) {
        if (list)
            list->next = 0;
        return list;
    }
    Node *middle = list;
    for (uint32_t i = 0; i < n / 2; i++)
        middle = middle->next;
    Node *right = sort(middle, n - n / 2);
    return merge(sort(list, n / 2), right);
}

static OUTLINE int32_t find(const Node *list, int32_t key)
{
    while (list && list->key != key)
        list = list->next;
    return list ? list->data : -1;
}

BENCH(lists, "workload/list", 6000, 0, "linked lists: find, reverse, merge sort")
{
    static Node node[NODES];
    uint64_t sum = 0;
    uint32_t x = 77;

    for (uint64_t round = 0; round < count; round++) {
        for (uint32_t i = 0; i < NODES; i++) {
            x = bench_next(x);
            node[i] = (Node){ i + 1 < NODES ? &node[i + 1] : 0, (int32_t)(x % 1000), (int32_t)i };
        }
        Node *list = sort(reverse(node), NODES);
        for (int32_t key = 0; key < 40; key++)
            sum += (uint64_t)(int64_t)find(list, key * 25);
        sum = sum * 3 + (uint64_t)list->key;
    }
    return sum;
}

/* ---- Matrices ---------------------------------------------------------------------------- */

BENCH(matrices, "workload/matrix", 10000, 0, "integer matrix products, sums and bit fields")
{
    static int32_t a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];
    uint64_t sum = 0;

    for (uint32_t i = 0; i < SIDE * SIDE; i++) {
        a[i / SIDE][i % SIDE] = (int32_t)(i * 7 % 31);
        b[i / SIDE][i % SIDE] = (int32_t)(i * 5 % 29) - 14;
    }
    for (uint64_t round = 0; round < count; round++) {
        for (uint32_t i = 0; i < SIDE; i++) {
            for (uint32_t j = 0; j < SIDE; j++) {
                int32_t dot = 0;
                for (uint32_t k = 0; k < SIDE; k++)
                    dot += a[i][k] * b[k][j];
                c[i][j] = dot;
                sum += (uint32_t)(dot >> 2 & 15) * (uint32_t)(dot >> 5 & 127);
            }
        }
        a[round % SIDE][0] = c[0][round % SIDE] & 31;
    }
    return sum;
}

/* ---- A state machine over text ------------------------------------------------------------ */

enum { START, SIGN, WHOLE, POINT, FRACTION, MARK, POWER, BAD, STATES };

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static OUTLINE unsigned step(unsigned state, uint8_t c)
{
    switch (state) {
    case START:
        return digit(c) ? WHOLE : c == '-' || c == '+' ? SIGN : c == '.' ? POINT : BAD;
    case SIGN:
        return digit(c) ? WHOLE : c == '.' ? POINT : BAD;
    case WHOLE:
        return digit(c) ? WHOLE : c == '.' ? FRACTION : c == 'e' ? MARK : BAD;
    case POINT:
    case FRACTION:
        return digit(c) ? FRACTION : c == 'e' && state == FRACTION ? MARK : BAD;
    case MARK:
        return digit(c) || c == '-' ? POWER : BAD;
    case POWER:
        return digit(c) ? POWER : BAD;
    default:
        return c == ',' ? START : BAD;
    }
}

BENCH(states, "workload/state", 15000, 0, "a state machine that reads numbers in text")
{
    static const uint8_t signs[] = "0123456789012345678901234567..,,,,ee-+x";
    static uint8_t text[TEXT];
    uint64_t seen[STATES] = { 0 };

    for (uint32_t i = 0, x = 5; i < TEXT; i++) {
        x = bench_next(x);
        text[i] = signs[x % (sizeof(signs) - 1)];
    }
    for (uint64_t round = 0; round < count; round++) {
        unsigned state = START;
        for (uint32_t i = 0; i < TEXT; i++) {
            state = text[i] == ',' ? START : step(state, text[i]);
            seen[state]++;
        }
        text[round % TEXT] = signs[round % (sizeof(signs) - 1)];
    }
    return bench_sum(seen, sizeof(seen));
}
