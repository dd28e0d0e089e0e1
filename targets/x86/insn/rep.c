/* SPDX-License-Identifier: MIT */
/*
 * Repeated string instructions, a span at a time (SDM vol. 1, 7.3.9.2; vol. 2, REP).
 *
 * A span is as many elements as lie whole within one page of each operand, do not wrap the index
 * registers and stay below the segments' limits. Where the page is plain RAM, a span is one host
 * memory operation; otherwise, and for an element that crosses pages, elements go one by one
 * through the MMU. The index registers and rCX are written after each span, so that a fault finds them as
 * the processor would have left them: a page faults at its first element or not at all.
 *
 * Between spans a pending exit request ends the helper: the instruction is started again later.
 */
#include "insn/rep.h"

#include <string.h>

#include "insn/insn_helpers.h"

/* One repeated instruction in progress. */
typedef struct Rep {
    TnCpu *cpu;
    X86State *s;
    uint32_t how;
    unsigned size;       /* of an element, in bytes */
    unsigned mmu;
    int64_t step;        /* size with DF's sign */
    uint64_t addr_mask;
} Rep;

/* One operand of the present span. */
typedef struct Side {
    unsigned reg, seg;
    bool write;
    uint64_t offset;     /* of the first element */
    uint64_t linear;     /* of the first element */
    uint8_t *host;       /* of the lowest byte of the span, NULL: go element by element */
} Side;

static Rep rep_begin(TnCpu *cpu, uint32_t how)
{
    X86State *s = x86_state(cpu);
    unsigned size = 1u << (how >> REP_SIZE_SHIFT & 3), addr = 8u << (how >> REP_ADDR_SHIFT & 3);

    return (Rep){ .cpu = cpu, .s = s, .how = how, .size = size, .mmu = how >> REP_MMU_SHIFT & 15,
                  .step = s->df * (int64_t)size,
                  .addr_mask = addr == 64 ? ~0ull : (1ull << addr) - 1 };
}

static Side source_side(const Rep *r)
{
    return (Side){ .reg = RSI, .seg = r->how >> REP_SEG_SHIFT & 7 };
}

/* ---- Registers -------------------------------------------------------------------------- */

/* A 16-bit address size changes 16 bits, a 32-bit one clears the upper half. */
static void put_reg(const Rep *r, unsigned reg, uint64_t value)
{
    uint64_t keep = r->addr_mask == UINT16_MAX ? ~r->addr_mask : 0;

    r->s->regs[reg] = (r->s->regs[reg] & keep) | (value & r->addr_mask);
}

static uint64_t remaining(const Rep *r)
{
    return r->how & REP_REPEAT ? r->s->regs[RCX] & r->addr_mask : 1;
}

static void advance(const Rep *r, const Side *side, uint64_t n)
{
    put_reg(r, side->reg, r->s->regs[side->reg] + (uint64_t)r->step * n);
}

static void count_down(const Rep *r, uint64_t n)
{
    if (r->how & REP_REPEAT)
        put_reg(r, RCX, r->s->regs[RCX] - n);
}

/* ---- Spans ------------------------------------------------------------------------------ */

static bool side_is_checked(const Rep *r, const Side *side)
{
    if (r->how & REP_CODE64)
        return false;
    return !(r->how & REP_FLAT) || (side->seg != DS && side->seg != ES && side->seg != SS);
}

static void side_locate(const Rep *r, Side *side)
{
    side->offset = r->s->regs[side->reg] & r->addr_mask;
    side->linear = side->offset;
    if (side_is_checked(r, side))
        side->linear = (uint32_t)(side->offset + r->s->seg[side->seg].base);
    else if (r->how & REP_CODE64 && (side->seg == FS || side->seg == GS))
        side->linear += r->s->seg[side->seg].base;
}

/* Elements from `at` on, in the direction of DF, that lie whole within [0, end). */
static uint64_t elements_within(const Rep *r, uint64_t at, uint64_t end)
{
    if (end < r->size || at > end - r->size)
        return 0;
    return r->step > 0 ? (end - at) / r->size : at / r->size + 1;
}

/* How many elements the side allows in one go; 0: one element, carefully. */
static uint64_t side_span(const Rep *r, Side *side, uint64_t n)
{
    side_locate(r, side);
    n = MIN(n, elements_within(r, side->linear & (TN_PAGE_SIZE - 1), TN_PAGE_SIZE));
    if (r->addr_mask != ~0ull)
        n = MIN(n, elements_within(r, side->offset, r->addr_mask + 1));
    if (n && side_is_checked(r, side)) {
        const X86Segment *seg = &r->s->seg[side->seg];
        bool plain = !(seg->attrs & DESC_CODE) && !(seg->attrs & DESC_E);
        n = plain ? MIN(n, elements_within(r, side->offset, (uint64_t)seg->limit + 1)) : 0;
    }
    return n;
}

/* Checks the first element as a single instruction would. */
static void side_check(const Rep *r, const Side *side)
{
    if (side_is_checked(r, side))
        x86_check_seg(r->cpu, side->seg, (uint32_t)side->offset, r->size, side->write);
    if (r->how & REP_ONCE)
        x86_helper_data_breakpoint(r->cpu, side->linear, r->size | (uint32_t)side->write << 16);
}

/*
 * Checks the side's span of n elements (0: one) and finds its host memory. A fault is at the first
 * element, which is the highest where the span goes down.
 */
static void side_probe(const Rep *r, Side *side, uint64_t n)
{
    TnAccess access = side->write ? TN_ACCESS_WRITE : TN_ACCESS_READ;

    side_check(r, side);
    side->host = NULL;
    if (n && r->step > 0) {
        side->host = tn_probe(r->cpu, side->linear, n * r->size, access, r->mmu);
    } else if (n && tn_probe(r->cpu, side->linear, r->size, access, r->mmu)) {
        uint64_t low = side->linear - (n - 1) * r->size;
        side->host = tn_probe(r->cpu, low, n * r->size, access, r->mmu);
    }
}

/* The host address of element i of a span of n. */
static uint8_t *side_at(const Rep *r, const Side *side, uint64_t i, uint64_t n)
{
    return side->host + (r->step > 0 ? i : n - 1 - i) * r->size;
}

/*
 * Spans without more ado, for what most repetitions are: upwards, without segments to add or check, in
 * plain RAM. Gives how many of n elements lie in the page of the address, 0 for the general way.
 */
static uint64_t plain_elements(const X86State *s, uint32_t how, uint64_t n, uint64_t at)
{
    uint64_t room = TN_PAGE_SIZE - at % TN_PAGE_SIZE;

    return (how & REP_PLAIN) && s->df > 0 ? MIN(n, room >> (how >> REP_SIZE_SHIFT & 3)) : 0;
}

static unsigned mmu_of(uint32_t how)
{
    return how >> REP_MMU_SHIFT & 15;
}

/* ---- Elements --------------------------------------------------------------------------- */

static uint64_t load(const Rep *r, uint64_t linear)
{
    switch (r->size) {
    case 1: return tn_ld8(r->cpu, linear, r->mmu);
    case 2: return tn_ld16(r->cpu, linear, r->mmu);
    case 4: return tn_ld32(r->cpu, linear, r->mmu);
    default: return tn_ld64(r->cpu, linear, r->mmu);
    }
}

static void store(const Rep *r, uint64_t linear, uint64_t value)
{
    switch (r->size) {
    case 1: tn_st8(r->cpu, linear, (uint8_t)value, r->mmu); break;
    case 2: tn_st16(r->cpu, linear, (uint16_t)value, r->mmu); break;
    case 4: tn_st32(r->cpu, linear, (uint32_t)value, r->mmu); break;
    default: tn_st64(r->cpu, linear, value, r->mmu); break;
    }
}

static uint64_t host_load(const Rep *r, const uint8_t *p)
{
    uint64_t value = 0;

    memcpy(&value, p, r->size);
    return GUINT64_FROM_LE(value);
}

/* After a span: true when the helper must return, with *again telling what. */
static bool span_done(const Rep *r, uint64_t n, uint32_t *again)
{
    count_down(r, n);
    *again = r->how & REP_REPEAT && remaining(r) != 0;
    return !*again || r->how & REP_ONCE ||
           atomic_load_explicit(&r->cpu->exit_request, memory_order_relaxed) != 0;
}

/* ---- MOVS STOS LODS --------------------------------------------------------------------- */

/* Copies a span as the elements one after the other would: an overlap repeats a pattern. */
static void copy_span(const Rep *r, const Side *to, const Side *from, uint64_t n)
{
    uint64_t bytes = n * r->size;
    bool ahead = r->step > 0 ? to->host > from->host && to->host < from->host + bytes
                             : to->host < from->host && to->host + bytes > from->host;

    if (!ahead) {
        memmove(to->host, from->host, bytes);
        return;
    }
    for (uint64_t i = 0; i < n; i++)
        memmove(side_at(r, to, i, n), side_at(r, from, i, n), r->size);
}

static bool plain_movs(TnCpu *cpu, uint32_t how)
{
    X86State *s = x86_state(cpu);
    uint64_t n = plain_elements(s, how, s->regs[RCX], s->regs[RSI]);

    n = plain_elements(s, how, n, s->regs[RDI]);
    uint64_t bytes = n << (how >> REP_SIZE_SHIFT & 3);

    if (!bytes || !tn_span_copy(cpu, s->regs[RDI], s->regs[RSI], bytes, mmu_of(how)))
        return false;
    s->regs[RSI] += bytes;
    s->regs[RDI] += bytes;
    s->regs[RCX] -= n;
    return true;
}

/* The general way. */
static __attribute__((noinline)) uint32_t repeat_movs(TnCpu *cpu, uint32_t how)
{
    Rep r = rep_begin(cpu, how);
    Side from = source_side(&r), to = { .reg = RDI, .seg = ES, .write = true };
    uint32_t again = 0;

    for (uint64_t left; (left = remaining(&r)) != 0;) {
        if (plain_movs(cpu, how)) {
            if (span_done(&r, 0, &again))
                break;
            continue;
        }
        uint64_t n = how & REP_ONCE ? 0 : side_span(&r, &to, side_span(&r, &from, left));
        side_locate(&r, &from);
        side_locate(&r, &to);
        side_probe(&r, &from, n);
        side_probe(&r, &to, n);
        if (from.host && to.host) {
            copy_span(&r, &to, &from, n);
        } else {
            n = 1;
            store(&r, to.linear, load(&r, from.linear));
        }
        advance(&r, &from, n);
        advance(&r, &to, n);
        if (span_done(&r, n, &again))
            break;
    }
    return again;
}

uint32_t x86_helper_rep_movs(TnCpu *cpu, uint32_t how)
{
    if (TN_LIKELY(plain_movs(cpu, how) && !x86_state(cpu)->regs[RCX]))
        return 0;
    return repeat_movs(cpu, how);
}

/* An element's value, over and over. */
static uint64_t pattern_of(uint64_t value, unsigned size)
{
    static const uint64_t repeat[] = { [1] = 0x0101010101010101, [2] = 0x0001000100010001,
                                       [4] = 0x0000000100000001, [8] = 1 };
    uint64_t mask = size == 8 ? ~0ull : (1ull << (8 * size)) - 1;

    return (value & mask) * repeat[size];
}

static bool is_one_byte(uint64_t value, unsigned size)
{
    return size == 1 || pattern_of(value, size) == pattern_of(value, 1);
}

/* Direction does not matter: all elements are alike. */
static void fill_span(const Rep *r, const Side *to, uint64_t n, uint64_t value)
{
    uint64_t bytes = n * r->size, i = 0, pattern = GUINT64_TO_LE(pattern_of(value, r->size));

    if (is_one_byte(value, r->size)) {
        memset(to->host, (int)(pattern & 0xff), bytes);
        return;
    }
    for (; i + 8 <= bytes; i += 8)
        memcpy(to->host + i, &pattern, 8);
    memcpy(to->host + i, &pattern, bytes - i);
}

static bool plain_stos(TnCpu *cpu, uint32_t how)
{
    X86State *s = x86_state(cpu);
    uint64_t n = plain_elements(s, how, s->regs[RCX], s->regs[RDI]);
    uint64_t bytes = n << (how >> REP_SIZE_SHIFT & 3);

    if (!bytes || !is_one_byte(s->regs[RAX], 1u << (how >> REP_SIZE_SHIFT & 3)) ||
        !tn_span_fill(cpu, s->regs[RDI], (uint8_t)s->regs[RAX], bytes, mmu_of(how)))
        return false;
    s->regs[RDI] += bytes;
    s->regs[RCX] -= n;
    return true;
}

/* The general way. */
static __attribute__((noinline)) uint32_t repeat_stos(TnCpu *cpu, uint32_t how)
{
    Rep r = rep_begin(cpu, how);
    Side to = { .reg = RDI, .seg = ES, .write = true };
    uint32_t again = 0;

    for (uint64_t left; (left = remaining(&r)) != 0;) {
        if (plain_stos(cpu, how)) {
            if (span_done(&r, 0, &again))
                break;
            continue;
        }
        uint64_t n = side_span(&r, &to, how & REP_ONCE ? 0 : left);
        side_probe(&r, &to, n);
        if (to.host) {
            fill_span(&r, &to, n, r.s->regs[RAX]);
        } else {
            n = 1;
            store(&r, to.linear, r.s->regs[RAX]);
        }
        advance(&r, &to, n);
        if (span_done(&r, n, &again))
            break;
    }
    return again;
}

uint32_t x86_helper_rep_stos(TnCpu *cpu, uint32_t how)
{
    if (TN_LIKELY(plain_stos(cpu, how) && !x86_state(cpu)->regs[RCX]))
        return 0;
    return repeat_stos(cpu, how);
}

static void put_accumulator(const Rep *r, uint64_t value)
{
    uint64_t mask = r->size >= 4 ? 0 : r->size == 2 ? ~0xffffull : ~0xffull;

    r->s->regs[RAX] = (r->s->regs[RAX] & mask) | value;
}

uint32_t x86_helper_rep_lods(TnCpu *cpu, uint32_t how)
{
    Rep r = rep_begin(cpu, how);
    Side from = source_side(&r);
    uint32_t again = 0;

    for (uint64_t left; (left = remaining(&r)) != 0;) {
        uint64_t n = side_span(&r, &from, how & REP_ONCE ? 0 : left);
        side_probe(&r, &from, n);
        if (from.host) {
            put_accumulator(&r, host_load(&r, side_at(&r, &from, n - 1, n)));
        } else {
            n = 1;
            put_accumulator(&r, load(&r, from.linear));
        }
        advance(&r, &from, n);
        if (span_done(&r, n, &again))
            break;
    }
    return again;
}

/* ---- CMPS SCAS -------------------------------------------------------------------------- */

/*
 * The flags of a - b (SDM vol. 1, 3.4.3.1). They are written when the repetition is over: a fault
 * in it leaves those from before the instruction (vol. 2, REP).
 */
static void put_compare(const Rep *r, uint64_t a, uint64_t b)
{
    unsigned up = 64 - 8 * r->size;
    uint64_t x = a << up, y = b << up, d = x - y;

    r->s->flags = (x < y ? TN_FLAG_C : 0) | (d == 0 ? TN_FLAG_Z : 0) | (d >> 63 ? TN_FLAG_S : 0) |
                  (((x ^ y) & (x ^ d)) >> 63 ? TN_FLAG_O : 0) |
                  ((a ^ b ^ (a - b)) & 0x10 ? TN_FLAG_A : 0) |
                  (__builtin_parity((unsigned)(a - b) & 0xff) ? 0 : TN_FLAG_P);
}

/* REPE goes on while equal, REPNE while not. */
static bool goes_on(const Rep *r, uint64_t a, uint64_t b)
{
    return (a == b) == !(r->how & REP_WHILE_NE);
}

static uint64_t element(const Rep *r, const Side *side, uint64_t i, uint64_t n)
{
    return side->host ? host_load(r, side_at(r, side, i, n)) : load(r, side->linear);
}

/* How many bytes two pieces of memory have in common from the start. */
static uint64_t common_bytes(const uint8_t *a, const uint8_t *b, uint64_t n)
{
    uint64_t i = 0, x, y;

    for (; i + 8 <= n; i += 8) {
        memcpy(&x, a + i, 8);
        memcpy(&y, b + i, 8);
        if (x != y)
            break;
    }
    while (i < n && a[i] == b[i])
        i++;
    return i;
}

/* Elements at the start of an upward span that do not end the repetition, found the quick way for
 * the loops that are memcmp() and strlen(); 0 where there is none. */
static uint64_t skip_span(const Rep *r, const Side *a, const Side *b, uint64_t n)
{
    bool while_ne = r->how & REP_WHILE_NE;

    if (r->step < 0 || !b->host)
        return 0;
    if (a && !while_ne)
        return common_bytes(a->host, b->host, n * r->size) / r->size;
    if (!a && while_ne && r->size == 1) {
        const uint8_t *found = memchr(b->host, (int)(r->s->regs[RAX] & 0xff), n);
        return found ? (uint64_t)(found - b->host) : n;
    }
    return 0;
}

/* Compares up to n elements; `a` is memory, or NULL for the accumulator. Returns how many were
 * looked at, *stop when the last of them ends the repetition. */
static uint64_t compare_span(const Rep *r, const Side *a, const Side *b, uint64_t n, bool *stop)
{
    bool last = r->how & REP_ONCE || n >= remaining(r);
    uint64_t mask = r->size == 8 ? ~0ull : (1ull << (8 * r->size)) - 1;
    uint64_t x = r->s->regs[RAX] & mask, y = 0, i = MIN(skip_span(r, a, b, n), n - 1);

    *stop = false;
    while (i < n && !*stop) {
        if (a)
            x = element(r, a, i, n);
        y = element(r, b, i, n);
        i++;
        *stop = !goes_on(r, x, y);
    }
    if (*stop || last)
        put_compare(r, x, y);
    return i;
}

uint32_t x86_helper_rep_cmps(TnCpu *cpu, uint32_t how)
{
    Rep r = rep_begin(cpu, how);
    Side a = source_side(&r), b = { .reg = RDI, .seg = ES };
    uint32_t again = 0;
    bool stop = false;

    for (uint64_t left; !stop && (left = remaining(&r)) != 0;) {
        uint64_t n = how & REP_ONCE ? 0 : side_span(&r, &b, side_span(&r, &a, left));
        side_locate(&r, &a);
        side_locate(&r, &b);
        side_probe(&r, &a, n);
        side_probe(&r, &b, n);
        if (!a.host || !b.host) {
            a.host = b.host = NULL;
            n = 1;
        }
        n = compare_span(&r, &a, &b, n, &stop);
        advance(&r, &a, n);
        advance(&r, &b, n);
        if (span_done(&r, n, &again))
            break;
    }
    return stop ? 0 : again;
}

uint32_t x86_helper_rep_scas(TnCpu *cpu, uint32_t how)
{
    Rep r = rep_begin(cpu, how);
    Side b = { .reg = RDI, .seg = ES };
    uint32_t again = 0;
    bool stop = false;

    for (uint64_t left; !stop && (left = remaining(&r)) != 0;) {
        uint64_t n = side_span(&r, &b, how & REP_ONCE ? 0 : left);
        side_probe(&r, &b, n);
        n = compare_span(&r, NULL, &b, b.host ? n : 1, &stop);
        advance(&r, &b, n);
        if (span_done(&r, n, &again))
            break;
    }
    return stop ? 0 : again;
}

/* ---- INS OUTS --------------------------------------------------------------------------- */

/* The destination is checked before the port is read: a fault must not lose what was read. */
uint32_t x86_helper_rep_ins(TnCpu *cpu, uint32_t how)
{
    Rep r = rep_begin(cpu, how);
    Side to = { .reg = RDI, .seg = ES, .write = true };
    uint32_t again = 0, port = (uint16_t)r.s->regs[RDX];

    while (remaining(&r) != 0) {
        x86_helper_check_io(cpu, port, r.size);
        side_locate(&r, &to);
        side_check(&r, &to);
        tn_probe(cpu, to.linear, r.size, TN_ACCESS_WRITE, r.mmu);
        store(&r, to.linear, tn_io_in(cpu, (uint16_t)port, r.size));
        advance(&r, &to, 1);
        if (span_done(&r, 1, &again))
            break;
    }
    return again;
}

uint32_t x86_helper_rep_outs(TnCpu *cpu, uint32_t how)
{
    Rep r = rep_begin(cpu, how);
    Side from = source_side(&r);
    uint32_t again = 0, port = (uint16_t)r.s->regs[RDX];

    while (remaining(&r) != 0) {
        x86_helper_check_io(cpu, port, r.size);
        side_locate(&r, &from);
        side_check(&r, &from);
        tn_io_out(cpu, (uint16_t)port, (uint32_t)load(&r, from.linear), r.size);
        advance(&r, &from, 1);
        if (span_done(&r, 1, &again))
            break;
    }
    return again;
}
