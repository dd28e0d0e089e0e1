/* SPDX-License-Identifier: MIT */
/*
 * A compressor of our own: LZ77 with a hash of three bytes finds repetitions, canonical Huffman
 * codes pack what is left. A token is a byte L: below 128, L + 1 literals follow; else a copy of
 * L - 128 + 3 bytes from the distance in the next two bytes.
 */
#include "bench.h"

#include <string.h>

enum {
    TEXT = 128 * 1024,
    HASH = 4096,
    LEAST = 3,
    LONGEST = 127 + LEAST,
    COPY = 128,
    RUN = 128,
    SYMBOLS = 256,
    FAR = 65535,
    DEEPEST = 32,
};

static uint8_t text[TEXT], tokens[TEXT * 2], packed[TEXT * 2], again[TEXT];

/* Words drawn unevenly from a small vocabulary. */
static void write_text(void)
{
    uint8_t words[64][8];
    uint32_t x = 31, at = 0;

    bench_noise(words, sizeof(words), 19);
    while (at < TEXT) {
        x = bench_next(x);
        uint32_t word = (x & 63) & (x >> 8 & 63), length = 2 + word % 6;
        for (uint32_t i = 0; i < length && at < TEXT; i++)
            text[at++] = 'a' + words[word][i] % 26;
        if (at < TEXT)
            text[at++] = x >> 20 & 7 ? ' ' : (uint8_t)('0' + (x >> 24) % 10);
    }
}

/* ---- LZ77 -------------------------------------------------------------------------------- */

static uint32_t hash(const uint8_t *at)
{
    return ((uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2]) * UINT32_C(2654435761) >> 20;
}

static uint32_t equal(const uint8_t *a, const uint8_t *b, uint32_t most)
{
    uint32_t n = 0;
    while (n < most && a[n] == b[n])
        n++;
    return n;
}

static uint32_t flush_literals(uint8_t *out, uint32_t n, const uint8_t *from, uint32_t length)
{
    while (length) {
        uint32_t run = length < RUN ? length : RUN;
        out[n++] = (uint8_t)(run - 1);
        memcpy(out + n, from, run);
        n += run;
        from += run;
        length -= run;
    }
    return n;
}

static uint32_t find_copies(const uint8_t *in, uint32_t size, uint8_t *out)
{
    static uint32_t last[HASH];
    uint32_t n = 0, start = 0;

    memset(last, 0xff, sizeof(last));
    for (uint32_t i = 0; i + LEAST < size;) {
        uint32_t slot = hash(in + i) % HASH, from = last[slot], length = 0;
        last[slot] = i;
        if (from < i && i - from <= FAR)
            length = equal(in + from, in + i, size - i < LONGEST ? size - i : LONGEST);
        if (length < LEAST + 1) {
            i++;
            continue;
        }
        n = flush_literals(out, n, in + start, i - start);
        out[n++] = (uint8_t)(COPY + length - LEAST);
        out[n++] = (uint8_t)(i - from);
        out[n++] = (uint8_t)((i - from) >> 8);
        i += length;
        start = i;
    }
    return flush_literals(out, n, in + start, size - start);
}

static uint32_t copy_back(const uint8_t *in, uint32_t size, uint8_t *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < size;) {
        uint32_t token = in[i++];
        if (token < COPY) {
            memcpy(out + n, in + i, token + 1);
            n += token + 1;
            i += token + 1;
            continue;
        }
        uint32_t distance = in[i] | (uint32_t)in[i + 1] << 8;
        for (uint32_t k = 0; k < token - COPY + LEAST; k++, n++)
            out[n] = out[n - distance];
        i += 2;
    }
    return n;
}

/* ---- Huffman ----------------------------------------------------------------------------- */

typedef struct Codes {
    uint8_t length[SYMBOLS];
    uint32_t code[SYMBOLS];
    uint32_t first[DEEPEST + 2], start[DEEPEST + 2], n[DEEPEST + 2]; /* by length */
    uint8_t order[SYMBOLS];                                          /* symbols by length */
} Codes;

/* Joins the two lightest trees until one is left; a symbol's length is its depth. */
static void measure(Codes *codes, const uint8_t *in, uint32_t size)
{
    uint32_t weight[2 * SYMBOLS] = { 0 };
    uint16_t parent[2 * SYMBOLS] = { 0 };
    uint32_t nodes = SYMBOLS;

    for (uint32_t i = 0; i < size; i++)
        weight[in[i]] += 16;
    for (uint32_t i = 0; i < SYMBOLS; i++)
        weight[i] += size / 4096 + 1; /* every symbol has a code, none a very long one */
    for (; nodes < 2 * SYMBOLS - 1; nodes++) {
        uint32_t least[2] = { 0, 0 };
        for (uint32_t i = 0; i < 2; i++) {
            for (uint32_t k = 0; k < nodes; k++) {
                if (weight[k] && (!weight[least[i]] || weight[k] < weight[least[i]]))
                    least[i] = k;
            }
            weight[nodes] += weight[least[i]];
            weight[least[i]] = 0;
            parent[least[i]] = (uint16_t)nodes;
        }
    }
    for (uint32_t i = 0; i < SYMBOLS; i++) {
        codes->length[i] = 0;
        for (uint32_t k = i; parent[k]; k = parent[k])
            codes->length[i]++;
    }
}

static void assign(Codes *codes)
{
    uint32_t code = 0, at = 0;

    for (uint32_t length = 1; length <= DEEPEST; length++) {
        code <<= 1;
        codes->first[length] = code;
        codes->start[length] = at;
        for (uint32_t i = 0; i < SYMBOLS; i++) {
            if (codes->length[i] == length) {
                codes->code[i] = code++;
                codes->order[at++] = (uint8_t)i;
            }
        }
        codes->n[length] = at - codes->start[length];
    }
}

static uint32_t encode(const Codes *codes, const uint8_t *in, uint32_t size, uint8_t *out)
{
    uint64_t bits = 0;
    uint32_t held = 0, n = 0;

    for (uint32_t i = 0; i < size; i++) {
        bits = bits << codes->length[in[i]] | codes->code[in[i]];
        for (held += codes->length[in[i]]; held >= 8; held -= 8)
            out[n++] = (uint8_t)(bits >> (held - 8));
    }
    out[n++] = (uint8_t)(bits << (8 - held));
    return n;
}

static void decode(const Codes *codes, const uint8_t *in, uint8_t *out, uint32_t size)
{
    uint32_t bit = 0;

    for (uint32_t i = 0; i < size; i++) {
        uint32_t code = 0, length = 0;
        do {
            code = code << 1 | (in[bit / 8] >> (7 - bit % 8) & 1u);
            bit++;
            length++;
        } while (code - codes->first[length] >= codes->n[length]);
        out[i] = codes->order[codes->start[length] + code - codes->first[length]];
    }
}

/* ---- Kernels ----------------------------------------------------------------------------- */

BENCH(compress, "workload/compress", 60, 0, "LZ77 and Huffman over 128 KiB of text")
{
    static Codes codes;
    uint64_t sum = 0;

    write_text();
    for (uint64_t round = 0; round < count; round++) {
        uint32_t size = find_copies(text, TEXT, tokens);
        measure(&codes, tokens, size);
        assign(&codes);
        sum = sum * 3 + encode(&codes, tokens, size, packed);
        text[round * 997 % TEXT] ^= 1;
    }
    return sum + bench_sum(packed, TEXT / 8);
}

BENCH(decompress, "workload/decompress", 120, 0, "back from Huffman and LZ77")
{
    static Codes codes;
    uint64_t sum = 0;

    write_text();
    uint32_t size = find_copies(text, TEXT, tokens);
    measure(&codes, tokens, size);
    assign(&codes);
    encode(&codes, tokens, size, packed);
    bench_start();
    for (uint64_t round = 0; round < count; round++) {
        decode(&codes, packed, tokens, size);
        sum += copy_back(tokens, size, again);
    }
    if (memcmp(text, again, TEXT) != 0)
        bench_fail("text came back changed");
    return sum + bench_sum(again, TEXT);
}
