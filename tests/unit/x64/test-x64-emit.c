/* SPDX-License-Identifier: MIT */
/* The x86-64 encoders against what the GNU assembler makes of the same instruction. */
#include <string.h>

#include "translate/backend/x86_64/emit.h"
#include "translate/backend/x86_64/slow-note.h"
#include "translate/backend/x86_64/put.h"

typedef struct Case {
    const char *text;
    void (*emit)(X64Emit *e);
    uint8_t n, bytes[12];
} Case;

static void emit_0(X64Emit *e)
{
    x64_rr(e, X64_ADD | X64_W, X64_RAX, X64_RCX);
}

static void emit_1(X64Emit *e)
{
    x64_rr(e, X64_SUB, X64_R10, X64_R9);
}

static void emit_2(X64Emit *e)
{
    x64_rm(e, X64_CMP | X64_W, X64_R8, x64_mem(X64_RBP, 16));
}

static void emit_3(X64Emit *e)
{
    x64_load(e, 0, X64_RAX, x64_mem(X64_RBP, 0));
}

static void emit_4(X64Emit *e)
{
    x64_load(e, X64_W, X64_RAX, x64_mem(X64_R13, 0));
}

static void emit_5(X64Emit *e)
{
    x64_load(e, X64_W, X64_RAX, x64_mem(X64_R12, 0));
}

static void emit_6(X64Emit *e)
{
    x64_load(e, X64_W, X64_R11, x64_mem(X64_RSP, 8));
}

static void emit_7(X64Emit *e)
{
    x64_load(e, X64_W, X64_RDX, x64_mem_index(X64_RBP, X64_R11, 0, -131000));
}

static void emit_8(X64Emit *e)
{
    x64_lea(e, X64_W, X64_RAX, x64_mem_index(X64_R12, X64_RCX, 3, 127));
}

static void emit_9(X64Emit *e)
{
    x64_lea(e, 0, X64_RAX, x64_mem_index(X64_NONE, X64_R9, 2, 256));
}

static void emit_10(X64Emit *e)
{
    x64_store_sized(e, 0, X64_RSI, x64_mem(X64_RAX, 0));
}

static void emit_11(X64Emit *e)
{
    x64_store_sized(e, 1, X64_R9, x64_mem(X64_RDX, 0));
}

static void emit_12(X64Emit *e)
{
    x64_store_imm(e, 0, x64_mem(X64_RAX, 1), 0x5a);
}

static void emit_13(X64Emit *e)
{
    x64_store_imm(e, 1, x64_mem(X64_RAX, 1), 0x1234);
}

static void emit_14(X64Emit *e)
{
    x64_store_imm(e, 3, x64_mem(X64_R8, 0), -2);
}

static void emit_15(X64Emit *e)
{
    x64_g1_ri(e, X64_G1_CMP, 0, X64_R15, 9);
}

static void emit_16(X64Emit *e)
{
    x64_g1_ri(e, X64_G1_CMP, 0, X64_RDI, 0xff);
}

static void emit_17(X64Emit *e)
{
    x64_g1_ri(e, X64_G1_ADD, 1, X64_RCX, 0x1234);
}

static void emit_18(X64Emit *e)
{
    x64_g1_ri(e, X64_G1_ADD, 3, X64_RSP, -128);
}

static void emit_19(X64Emit *e)
{
    x64_g1_ri(e, X64_G1_AND, 2, X64_R11, 0x7fe0);
}

static void emit_20(X64Emit *e)
{
    x64_g1_mi(e, X64_G1_CMP, 2, x64_mem(X64_RSP, 64), 0);
}

static void emit_21(X64Emit *e)
{
    x64_mov_ri(e, X64_R10, 0x80000000);
}

static void emit_22(X64Emit *e)
{
    x64_mov_ri(e, X64_RBX, (uint64_t)-5);
}

static void emit_23(X64Emit *e)
{
    x64_mov_ri(e, X64_R14, UINT64_C(0x123456789a));
}

static void emit_24(X64Emit *e)
{
    x64_rr(e, X64_MOVZX8, X64_RAX, X64_RSI);
}

static void emit_25(X64Emit *e)
{
    x64_rr(e, X64_MOVSX8 | X64_W, X64_R9, X64_R8);
}

static void emit_26(X64Emit *e)
{
    x64_rr(e, X64_MOVSXD, X64_RDX, X64_RCX);
}

static void emit_27(X64Emit *e)
{
    x64_rr(e, X64_SETCC | X64_BE, 0, X64_RDI);
}

static void emit_28(X64Emit *e)
{
    x64_rr(e, X64_CMOV | X64_GE | X64_W, X64_RAX, X64_R9);
}

static void emit_29(X64Emit *e)
{
    x64_rri(e, X64_GRP2_IMM8 | X64_W, X64_G2_SHR, X64_R11, 7);
}

static void emit_30(X64Emit *e)
{
    x64_rri(e, X64_GRP8_IMM8, X64_G8_BT, X64_R8, 0);
}

static void emit_31(X64Emit *e)
{
    x64_rr(e, X64_LZCNT | X64_W, X64_RAX, X64_R10);
}

static void emit_32(X64Emit *e)
{
    x64_bswap(e, X64_W, X64_R10);
}

static void emit_33(X64Emit *e)
{
    x64_bswap(e, 0, X64_RCX);
}

static void emit_34(X64Emit *e)
{
    x64_vex_rr(e, X64_ANDN | X64_W, 0, X64_RAX, X64_RDX, X64_R9);
}

static void emit_35(X64Emit *e)
{
    x64_vex_rr(e, X64_SHLX | X64_W, 0, X64_R11, X64_RCX, X64_R10);
}

static void emit_36(X64Emit *e)
{
    x64_vload(e, true, 9, x64_mem(X64_RAX, 0));
}

static void emit_37(X64Emit *e)
{
    x64_vstore(e, false, 1, x64_mem(X64_RSP, 32));
}

static void emit_38(X64Emit *e)
{
    x64_vex_rr(e, X64_0F | X64_66 | 0xfe, 0, 1, 2, 10);
}

static void emit_39(X64Emit *e)
{
    x64_vex_rm(e, X64_0F | 0x58, 1, 12, 3, x64_mem(X64_R8, 0));
}

static void emit_40(X64Emit *e)
{
    x64_rr(e, X64_0F | X64_66 | 0xfe, 1, 10);
}

static void emit_41(X64Emit *e)
{
    x64_rm(e, x64_sized(X64_XADD, 0), X64_RAX, x64_mem_index(X64_R11, X64_R10, 0, 0));
}

static void emit_42(X64Emit *e)
{
    x64_rm(e, x64_sized(X64_CMPXCHG, 1), X64_R10, x64_mem_index(X64_R11, X64_RCX, 0, 0));
}

static void emit_43(X64Emit *e)
{
    x64_rm(e, X64_GRP15, X64_G15_STMXCSR, x64_mem(X64_RSP, 8));
}

static void emit_44(X64Emit *e)
{
    x64_rr(e, X64_GRP4, X64_G4_CALL, X64_RAX);
}

static void emit_45(X64Emit *e)
{
    x64_push(e, X64_R12);
}

static void emit_46(X64Emit *e)
{
    x64_pop(e, X64_RBX);
}

static void emit_47(X64Emit *e)
{
    x64_g1_ri(e, X64_G1_AND, 3, X64_RAX, -4096);
}

static void emit_48(X64Emit *e)
{
    x64_g1_ri(e, X64_G1_CMP, 2, X64_RAX, 0x1000);
}

static const Case cases[] = {
    { "{load} add %rcx, %rax", emit_0, 3, { 0x48, 0x03, 0xc1 } },
    { "{load} sub %r9d, %r10d", emit_1, 3, { 0x45, 0x2b, 0xd1 } },
    { "cmp 16(%rbp), %r8", emit_2, 4, { 0x4c, 0x3b, 0x45, 0x10 } },
    { "mov (%rbp), %eax", emit_3, 3, { 0x8b, 0x45, 0x00 } },
    { "mov (%r13), %rax", emit_4, 4, { 0x49, 0x8b, 0x45, 0x00 } },
    { "mov (%r12), %rax", emit_5, 4, { 0x49, 0x8b, 0x04, 0x24 } },
    { "mov 8(%rsp), %r11", emit_6, 5, { 0x4c, 0x8b, 0x5c, 0x24, 0x08 } },
    { "mov -131000(%rbp,%r11), %rdx", emit_7, 8, { 0x4a, 0x8b, 0x94, 0x1d, 0x48, 0x00, 0xfe, 0xff } },
    { "lea 0x7f(%r12,%rcx,8), %rax", emit_8, 5, { 0x49, 0x8d, 0x44, 0xcc, 0x7f } },
    { "lea 0x100(,%r9,4), %eax", emit_9, 8, { 0x42, 0x8d, 0x04, 0x8d, 0x00, 0x01, 0x00, 0x00 } },
    { "mov %sil, (%rax)", emit_10, 3, { 0x40, 0x88, 0x30 } },
    { "mov %r9w, (%rdx)", emit_11, 4, { 0x66, 0x44, 0x89, 0x0a } },
    { "movb $0x5a, 1(%rax)", emit_12, 4, { 0xc6, 0x40, 0x01, 0x5a } },
    { "movw $0x1234, 1(%rax)", emit_13, 6, { 0x66, 0xc7, 0x40, 0x01, 0x34, 0x12 } },
    { "movq $-2, (%r8)", emit_14, 7, { 0x49, 0xc7, 0x00, 0xfe, 0xff, 0xff, 0xff } },
    { "cmp $9, %r15b", emit_15, 4, { 0x41, 0x80, 0xff, 0x09 } },
    { "cmp $-1, %dil", emit_16, 4, { 0x40, 0x80, 0xff, 0xff } },
    { "add $0x1234, %cx", emit_17, 5, { 0x66, 0x81, 0xc1, 0x34, 0x12 } },
    { "add $-128, %rsp", emit_18, 4, { 0x48, 0x83, 0xc4, 0x80 } },
    { "and $0x7fe0, %r11d", emit_19, 7, { 0x41, 0x81, 0xe3, 0xe0, 0x7f, 0x00, 0x00 } },
    { "cmpl $0, 0x40(%rsp)", emit_20, 5, { 0x83, 0x7c, 0x24, 0x40, 0x00 } },
    { "mov $0x80000000, %r10d", emit_21, 6, { 0x41, 0xba, 0x00, 0x00, 0x00, 0x80 } },
    { "mov $-5, %rbx", emit_22, 7, { 0x48, 0xc7, 0xc3, 0xfb, 0xff, 0xff, 0xff } },
    { "movabs $0x123456789a, %r14", emit_23, 10, { 0x49, 0xbe, 0x9a, 0x78, 0x56, 0x34, 0x12, 0x00, 0x00, 0x00 } },
    { "movzbl %sil, %eax", emit_24, 4, { 0x40, 0x0f, 0xb6, 0xc6 } },
    { "movsbq %r8b, %r9", emit_25, 4, { 0x4d, 0x0f, 0xbe, 0xc8 } },
    { "movslq %ecx, %rdx", emit_26, 3, { 0x48, 0x63, 0xd1 } },
    { "setbe %dil", emit_27, 4, { 0x40, 0x0f, 0x96, 0xc7 } },
    { "cmovge %r9, %rax", emit_28, 4, { 0x49, 0x0f, 0x4d, 0xc1 } },
    { "shr $7, %r11", emit_29, 4, { 0x49, 0xc1, 0xeb, 0x07 } },
    { "bt $0, %r8d", emit_30, 5, { 0x41, 0x0f, 0xba, 0xe0, 0x00 } },
    { "lzcnt %r10, %rax", emit_31, 5, { 0xf3, 0x49, 0x0f, 0xbd, 0xc2 } },
    { "bswap %r10", emit_32, 3, { 0x49, 0x0f, 0xca } },
    { "bswap %ecx", emit_33, 2, { 0x0f, 0xc9 } },
    { "andn %r9, %rdx, %rax", emit_34, 5, { 0xc4, 0xc2, 0xe8, 0xf2, 0xc1 } },
    { "shlx %rcx, %r10, %r11", emit_35, 5, { 0xc4, 0x42, 0xf1, 0xf7, 0xda } },
    { "vmovups (%rax), %ymm9", emit_36, 4, { 0xc5, 0x7c, 0x10, 0x08 } },
    { "vmovups %xmm1, 32(%rsp)", emit_37, 6, { 0xc5, 0xf8, 0x11, 0x4c, 0x24, 0x20 } },
    { "vpaddd %xmm10, %xmm2, %xmm1", emit_38, 5, { 0xc4, 0xc1, 0x69, 0xfe, 0xca } },
    { "vaddps (%r8), %ymm3, %ymm12", emit_39, 5, { 0xc4, 0x41, 0x64, 0x58, 0x20 } },
    { "paddd %xmm10, %xmm1", emit_40, 5, { 0x66, 0x41, 0x0f, 0xfe, 0xca } },
    { "xadd %al, (%r11,%r10)", emit_41, 5, { 0x43, 0x0f, 0xc0, 0x04, 0x13 } },
    { "cmpxchg %r10w, (%r11,%rcx)", emit_42, 6, { 0x66, 0x45, 0x0f, 0xb1, 0x14, 0x0b } },
    { "stmxcsr 8(%rsp)", emit_43, 5, { 0x0f, 0xae, 0x5c, 0x24, 0x08 } },
    { "call *%rax", emit_44, 2, { 0xff, 0xd0 } },
    { "push %r12", emit_45, 2, { 0x41, 0x54 } },
    { "pop %rbx", emit_46, 1, { 0x5b } },
    { "and $-4096, %rax", emit_47, 6, { 0x48, 0x25, 0x00, 0xf0, 0xff, 0xff } },
    { "cmp $0x1000, %eax", emit_48, 5, { 0x3d, 0x00, 0x10, 0x00, 0x00 } },
};

static void test_bytes(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        uint8_t room[32];
        X64Emit e = { .p = room, .start = room };

        cases[i].emit(&e);
        if (e.p - room != cases[i].n || memcmp(room, cases[i].bytes, cases[i].n)) {
            g_autoptr(GString) text = g_string_new(NULL);

            for (const uint8_t *p = room; p < e.p; p++)
                g_string_append_printf(text, " %02x", *p);
            g_test_message("%s gives%s", cases[i].text, text->str);
            g_test_fail();
        }
    }
}

/* ---- Every register and displacement ------------------------------------------------------ */

/* What an instruction of one opcode byte says (SDM vol. 2, 2.1.3 to 2.2.1). */
typedef struct Decoded {
    unsigned opcode;
    bool w;
    int reg, rm, base, index; /* rm: X64_NONE where it is memory, else base and index are */
    unsigned scale;
    int32_t disp;
    const uint8_t *end;
} Decoded;

static void decode_memory(Decoded *d, unsigned rex, unsigned mod, unsigned rm)
{
    unsigned sib = rm == 4 ? *d->end++ : 0x20 | rm;

    d->base = (int)((sib & 7) | (rex & 1) << 3);
    d->index = (int)((sib >> 3 & 7) | (rex & 2) << 2);
    d->scale = sib >> 6;
    if (mod == 0 && (sib & 7) == 5) {
        g_assert_cmpuint(rm, ==, 4); /* else it is relative to the pc */
        d->base = X64_NONE;
        mod = 2;
    }
    if (mod == 1) {
        d->disp = (int8_t)*d->end++;
    } else if (mod == 2) {
        memcpy(&d->disp, d->end, sizeof(d->disp));
        d->end += sizeof(d->disp);
    }
}

static Decoded decode(const uint8_t *p)
{
    Decoded d = { .rm = X64_NONE, .base = X64_NONE, .index = X64_NONE };
    unsigned rex = (*p & 0xf0) == 0x40 ? *p++ & 15u : 0, modrm;

    d.opcode = *p++;
    modrm = *p++;
    d.w = rex & 8;
    d.reg = (int)((modrm >> 3 & 7) | (rex & 4) << 1);
    d.end = p;
    if (modrm >> 6 == 3)
        d.rm = (int)((modrm & 7) | (rex & 1) << 3);
    else
        decode_memory(&d, rex, modrm >> 6, modrm & 7);
    return d;
}

static unsigned disp_bytes(X64Mem m)
{
    if (m.base == X64_NONE || m.disp != (int8_t)m.disp)
        return 4;
    return m.disp || (m.base & 7) == X64_RBP ? 1 : 0;
}

static void check_memory(uint32_t op, int reg, X64Mem m)
{
    uint8_t room[32];
    X64Emit e = { .p = room, .start = room };
    bool rex = (op & X64_W) || reg >= 8 || m.base >= 8 || m.index >= 8;
    bool sib = m.index != X64_RSP || (m.base & 7) == X64_RSP;

    x64_rm(&e, op, reg, m);
    Decoded d = decode(room);

    g_assert_cmpuint(d.opcode, ==, op & UINT8_MAX);
    g_assert_cmpint(d.w, ==, !!(op & X64_W));
    g_assert_cmpint(d.reg, ==, reg);
    g_assert_cmpint(d.rm, ==, X64_NONE);
    g_assert_cmpint(d.base, ==, m.base);
    g_assert_cmpint(d.index, ==, m.index);
    g_assert_true(m.index == X64_RSP || d.scale == m.scale);
    g_assert_cmpint(d.disp, ==, m.disp);
    g_assert_true(d.end == e.p);
    g_assert_cmpint(e.p - room, ==, rex + 2 + sib + (int)disp_bytes(m));
}

static void test_memory(void)
{
    static const int32_t disps[] = { 0, 1, -1, 127, -128, 128, -129, INT32_MAX, INT32_MIN };

    for (int reg = 0; reg < 16; reg++) {
        for (int base = X64_NONE; base < 16; base++) {
            for (int index = X64_NONE; index < 16; index++) {
                if (index == X64_RSP || (base == X64_NONE && index == X64_NONE))
                    continue;
                for (unsigned k = 0; k < G_N_ELEMENTS(disps); k++) {
                    X64Mem m = x64_mem_index(base, index, k % 4, disps[k]);

                    check_memory(X64_MOV_LOAD, reg, m);
                    check_memory(X64_CMP | X64_W, reg, m);
                }
            }
        }
    }
}

static void check_registers(unsigned opcode, bool w, int reg, int rm, const uint8_t *p,
                            const uint8_t *end)
{
    Decoded d = decode(p);

    g_assert_cmpuint(d.opcode, ==, opcode);
    g_assert_cmpint(d.w, ==, w);
    g_assert_cmpint(d.reg, ==, reg);
    g_assert_cmpint(d.rm, ==, rm);
    g_assert_true(d.end == end);
}

static void check_immediate(unsigned ext, unsigned size, int rm, int32_t imm)
{
    uint8_t room[32];
    X64Emit e = { .p = room, .start = room };
    bool byte = imm == (int8_t)imm;
    int32_t found = 0;

    x64_g1_ri(&e, ext, size, rm, imm);
    uint8_t *operand = e.p - (byte ? 1 : 4);

    if (rm == X64_RAX && !byte) { /* the form of the accumulator */
        g_assert_cmpint(operand - room, ==, size == 3 ? 2 : 1);
        g_assert_true(size == 2 || room[0] == 0x48);
        g_assert_cmpuint(operand[-1], ==, ext << 3 | 5);
    } else {
        check_registers(byte ? 0x83 : 0x81, size == 3, (int)ext, rm, room, operand);
    }
    memcpy(&found, operand, byte ? 1 : 4);
    g_assert_cmpint(byte ? (int8_t)found : found, ==, imm);
}

static void test_registers(void)
{
    static const int32_t imms[] = { 0, 1, -1, 127, -128, 128, -129, 0x7fe0, INT32_MAX, INT32_MIN };

    for (int reg = 0; reg < 16; reg++) {
        for (int rm = 0; rm < 16; rm++) {
            uint8_t room[32];
            X64Emit e = { .p = room, .start = room };

            x64_rr(&e, X64_XOR, reg, rm);
            check_registers(X64_XOR, false, reg, rm, room, e.p);
            e.p = room;
            x64_mov_rr(&e, X64_W, reg, rm);
            if (reg != rm)
                check_registers(X64_MOV_LOAD, true, reg, rm, room, e.p);
            e.p = room;
            x64_vex_rr(&e, X64_RORX, 0, reg, X64_NONE, rm);
            *e.p++ = 7;
            g_assert_true(x64_put_rorx(room + 16, reg, rm, 7) == room + 16 + (e.p - room));
            g_assert_cmpmem(room, (size_t)(e.p - room), room + 16, (size_t)(e.p - room));
        }
        for (unsigned k = 0; k < G_N_ELEMENTS(imms); k++) {
            check_immediate(k % 8, 2, reg, imms[k]);
            check_immediate(k % 8, 3, reg, imms[k]);
        }
    }
}

/* The displacement of a jump that is patched lies in one aligned word, wherever the jump begins. */
static void check_in_word(const uint8_t *disp)
{
    enum { WORD = 8, DISP = 4 };

    g_assert_cmpuint((uintptr_t)disp / WORD, ==, (uintptr_t)(disp + DISP - 1) / WORD);
}

static void test_alignment(void)
{
    static uint8_t room[64] __attribute__((aligned(16)));

    for (unsigned i = 0; i < 16; i++) {
        X64Emit e = { .p = room + i, .start = room };

        check_in_word(x64_jmp32_aligned(&e));
        e.p = room + i;
        check_in_word(x64_jcc32_aligned(&e, X64_NZ));
    }
}

static void test_note_numbers(void)
{
    static const int64_t values[] = { 0, 1, 63, 64, 127, 128, 8191, 8192, INT32_MAX, INT64_MAX };

    for (unsigned i = 0; i < G_N_ELEMENTS(values); i++) {
        uint8_t room[64];
        X64Emit e = { .p = room, .start = room };
        const uint8_t *note = room;

        x64_note_unsigned(&e, (uint64_t)values[i]);
        x64_note_unsigned(&e, ~(uint64_t)values[i]);
        x64_note_signed(&e, values[i]);
        x64_note_signed(&e, ~values[i]);
        g_assert_cmpuint(x64_read_unsigned(&note), ==, (uint64_t)values[i]);
        g_assert_cmpuint(x64_read_unsigned(&note), ==, ~(uint64_t)values[i]);
        g_assert_cmpint(x64_read_signed(&note), ==, values[i]);
        g_assert_cmpint(x64_read_signed(&note), ==, ~values[i]);
        g_assert_true(note == e.p);
    }
}

/* The moves of guest memory, as lower-memory.c emits them. */
static void check_insn(int addend, int addr, int reg, int32_t disp)
{
    static const struct {
        uint32_t op, mem;
    } loads[] = {
        { X64_MOVZX8 & ~X64_BYTE_RM, TN_I8 << TYPE_SHIFT },
        { X64_MOVZX16, TN_I16 << TYPE_SHIFT },
        { X64_MOV_LOAD, TN_I32 << TYPE_SHIFT },
        { X64_MOV_LOAD | X64_W, TN_I64 << TYPE_SHIFT },
        { X64_MOVSX8 & ~X64_BYTE_RM, TN_I8 << TYPE_SHIFT | TN_MEM_SIGN | TN_MEM_DST32 },
        { (X64_MOVSX8 & ~X64_BYTE_RM) | X64_W, TN_I8 << TYPE_SHIFT | TN_MEM_SIGN },
        { X64_MOVSX16, TN_I16 << TYPE_SHIFT | TN_MEM_SIGN | TN_MEM_DST32 },
        { X64_MOVSX16 | X64_W, TN_I16 << TYPE_SHIFT | TN_MEM_SIGN },
        { X64_MOVSXD, TN_I32 << TYPE_SHIFT | TN_MEM_SIGN },
    };
    enum { N_LOADS = G_N_ELEMENTS(loads), N_SIZES = 4, IMM = -77 };
    X64Mem m = x64_mem_index(addend, addr, 0, disp);

    for (unsigned i = 0; i < N_LOADS + 2 * N_SIZES; i++) {
        unsigned size = (i - N_LOADS) % N_SIZES;
        bool store = i >= N_LOADS, is_imm = i >= N_LOADS + N_SIZES;
        uint8_t room[32];
        X64Emit e = { .p = room, .start = room };
        X64Insn in;

        if (is_imm)
            x64_store_imm(&e, size, m, IMM);
        else if (store)
            x64_store_sized(&e, size, reg, m);
        else
            x64_rm(&e, loads[i].op, reg, m);
        g_assert_true(x64_read_insn(room, &in));
        g_assert_cmpuint(in.length, ==, e.p - room);
        g_assert_cmpuint(in.mem, ==, store ? size << TYPE_SHIFT : loads[i].mem);
        g_assert_cmpuint(in.addr, ==, addr);
        g_assert_cmpuint(in.addend, ==, addend);
        g_assert_cmpint(in.disp, ==, disp);
        g_assert_true(in.store == store && in.is_imm == is_imm);
        g_assert_cmpint(is_imm ? in.imm : in.reg, ==, is_imm ? IMM : reg);
    }
}

static void test_insns(void)
{
    static const int addends[] = { X64_RAX, X64_RCX, X64_RDX, X64_R10, X64_R11 };
    static const int32_t disps[] = { 0, 8, -128, 128, -70000, INT32_MAX - 64 };

    for (unsigned i = 0; i < 16 * 16 * G_N_ELEMENTS(addends) * G_N_ELEMENTS(disps); i++) {
        int reg = i % 16, addr = i / 16 % 16;

        if (reg != X64_RSP && addr != X64_RSP)
            check_insn(addends[i / 256 % G_N_ELEMENTS(addends)], addr, reg,
                       disps[i / 256 / G_N_ELEMENTS(addends)]);
    }
}

/* What is not one of them, but may stand in its place: a move of registers, an access of vectors, one
 * by another base. */
static void test_no_insns(void)
{
    uint8_t room[128] = { 0 };
    X64Emit e = { .p = room, .start = room };
    X64Insn in;

    x64_mov_rr(&e, X64_W, X64_RAX, X64_RCX);
    g_assert_false(x64_read_insn(room, &in));
    e.p = room;
    x64_vload(&e, true, 3, x64_mem_index(X64_RAX, X64_RCX, 0, 8));
    g_assert_false(x64_read_insn(room, &in));
    e.p = room;
    x64_load(&e, X64_W, X64_RAX, x64_mem(X64_RCX, 8));
    g_assert_false(x64_read_insn(room, &in));
    e.p = room;
    x64_load(&e, X64_W, X64_RAX, x64_mem_index(X64_RAX, X64_RCX, 1, 8));
    g_assert_false(x64_read_insn(room, &in));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    x64_host_init();
    if (!x64_host.avx)
        return 77;
    g_test_add_func("/x64/emit/bytes-are-the-assembler-s", test_bytes);
    g_test_add_func("/x64/emit/memory-of-every-register", test_memory);
    g_test_add_func("/x64/emit/every-pair-of-registers", test_registers);
    g_test_add_func("/x64/emit/patched-displacements-are-aligned", test_alignment);
    g_test_add_func("/x64/notes/numbers-read-back-as-written", test_note_numbers);
    g_test_add_func("/x64/notes/accesses-are-read-from-their-instructions", test_insns);
    g_test_add_func("/x64/notes/other-instructions-are-no-accesses", test_no_insns);
    return g_test_run();
}
