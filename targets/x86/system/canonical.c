/* SPDX-License-Identifier: MIT */
/*
 * Whether the access of the instruction at fault_pc goes to the stack segment.
 *
 * In 64-bit mode a non-canonical address is #SS(0) where the segment is SS by default (a base of
 * RSP or RBP without an override, and the stack instructions) and #GP(0) elsewhere (SDM vol.
 * 3A, 5.3.1). Nobody kept the segment when the access is found wrong, so the instruction is looked
 * at again.
 */
#include "system.h"

enum { MAX_INSN = 15, REX = 0x40, OPCODE_0F = 0x0f, VEX2 = 0xc5, VEX3 = 0xc4 };

typedef struct Bytes {
    uint8_t b[MAX_INSN + 1];
    unsigned n, at;
    bool rex_b; /* the base is R8 .. R15: R12 and R13 look like RSP and RBP but use DS */
} Bytes;

static uint8_t bytes_next(Bytes *s)
{
    return s->at < s->n ? s->b[s->at++] : 0;
}

/* The instruction's bytes without side effects; fewer where a page is missing. */
static void bytes_fetch(TnCpu *cpu, Bytes *s)
{
    for (; s->n < MAX_INSN; s->n++) {
        TnTlbFill fill;
        uint64_t pc = cpu->fault_pc + s->n;
        if (!x86_tlb_fill(cpu, pc, TN_ACCESS_FETCH, x86_mmu_mode(x86_state(cpu)), true, &fill))
            return;
        uint64_t paddr = fill.paddr | (pc & (TN_PAGE_SIZE - 1));
        s->b[s->n] =
            (uint8_t)(tn_phys_ld32(cpu, paddr & ~UINT64_C(3), fill.attrs) >> (paddr & 3) * 8);
    }
}

/* Prefixes; false when a segment override takes the access elsewhere. */
static bool bytes_prefixes(Bytes *s, uint8_t *opcode)
{
    for (;;) {
        uint8_t b = bytes_next(s);
        switch (b) {
        case 0x64:
        case 0x65:
            return false;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
        case 0x66:
        case 0x67:
        case 0xf0:
        case 0xf2:
        case 0xf3:
            continue;
        default:
            if ((b & 0xf0) == REX) {
                s->rex_b = b & 1;
                continue;
            }
            *opcode = b;
            return true;
        }
    }
}

/* PUSH, POP, CALL, RET, ENTER, LEAVE and far returns: one-byte opcodes without a memory operand. */
static bool opcode_is_stack(uint8_t op)
{
    return (op >= 0x50 && op <= 0x5f) || op == 0x68 || op == 0x6a || op == 0x9c || op == 0x9d ||
           (op >= 0xc2 && op <= 0xc3) || (op >= 0xc8 && op <= 0xcb) || op == 0xcf || op == 0xe8;
}

static bool modrm_is_stack(Bytes *s)
{
    uint8_t modrm = bytes_next(s), mod = modrm >> 6, rm = modrm & 7;

    if (mod == 3)
        return false;
    if (rm == RSP) {
        uint8_t base = bytes_next(s) & 7;
        return base == RSP || (base == RBP && mod != 0);
    }
    return rm == RBP && mod != 0;
}

bool x86_accesses_stack(TnCpu *cpu)
{
    Bytes s = { .n = 0 };
    uint8_t opcode;

    bytes_fetch(cpu, &s);
    if (!bytes_prefixes(&s, &opcode))
        return false;
    if (opcode_is_stack(opcode))
        return true;
    if (opcode == VEX2) {
        s.at += 1;
        opcode = bytes_next(&s);
    } else if (opcode == VEX3) {
        s.rex_b = !(bytes_next(&s) >> 5 & 1);
        s.at++;
        opcode = bytes_next(&s);
    } else if (opcode == OPCODE_0F) {
        opcode = bytes_next(&s);
        if (opcode == 0xa0 || opcode == 0xa1 || opcode == 0xa8 || opcode == 0xa9)
            return true;
        if (opcode == 0x38 || opcode == 0x3a)
            bytes_next(&s);
    }
    return modrm_is_stack(&s) && !s.rex_b;
}
