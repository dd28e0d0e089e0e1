/* SPDX-License-Identifier: MIT */
/*
 * The translator on a made-up processor: programs that fault, chain and change themselves, the bus,
 * the debugger; single operations and the optimiser are in translate-*.c. Run once per back end:
 * test-translate BACKEND.
 */
#include <string.h>

#include "translate-cases.h"
#include "mini-target.h"
#include "cpu/cpu-private.h"
#include "cpu/debug.h"
#include "translate/backend.h"
#include "translate/translator.h"

enum { CODE = 0x1000, DATA = 0x8000 };

/* ---- Programs ---------------------------------------------------------------------------- */

static void load_program(uint64_t at, const uint8_t *bytes, unsigned n)
{
    tn_memory_write(tn_system_memory_space(), at, bytes, n, 0);
}

#define PROGRAM(at, ...) \
    do { \
        static const uint8_t bytes_[] = { __VA_ARGS__ }; \
        load_program(at, bytes_, sizeof(bytes_)); \
    } while (0)

#define IMM32(v) (uint8_t)(v), (uint8_t)((v) >> 8), (uint8_t)((v) >> 16), (uint8_t)((v) >> 24)

static void test_loop(void)
{
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(100000), MINI_MOVI, 1, IMM32(0), MINI_MOVI, 2, IMM32(3),
            MINI_ADD, 1, 2, MINI_DEC, 0, MINI_JNZ, (uint8_t)-7, MINI_HALT);
    mini_run(CODE);
    g_assert_cmpint(mini_state()->regs[1], ==, 300000);
    g_assert_cmphex(mini_state()->flags, ==, TN_FLAG_Z | TN_FLAG_P);
}

static void test_indirect(void)
{
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(50000), MINI_MOVI, 3, IMM32(CODE + 0x1100), MINI_JMPR, 3);
    PROGRAM(CODE + 0x1100, MINI_COUNT, MINI_DEC, 0, MINI_JNZ, 1, MINI_HALT, MINI_JMPR, 3);
    mini_state()->regs[7] = 0;
    mini_run(CODE);
    g_assert_cmpint(mini_state()->regs[7], ==, 50000);
}

static void test_fault(void)
{
    MiniState *s = mini_state();
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(7), MINI_MOVI, 1, IMM32(MINI_HOLE + 8), MINI_TWO, 0, 1,
            MINI_MOVI, 0, IMM32(9), MINI_HALT);
    PROGRAM(CODE + 0x100, MINI_MOVI, 4, IMM32(77), MINI_HALT);
    s->handler = CODE + 0x100;
    s->faults = 0;
    mini_run(CODE);
    g_assert_cmpint(s->faults, ==, 1);
    g_assert_cmphex(s->fault_pc, ==, CODE + 12);
    g_assert_cmphex(s->fault_addr, ==, MINI_HOLE + 8);
    g_assert_cmpint(s->regs[0], ==, 1); /* what stood before the store, nothing after */
    g_assert_cmpint(s->regs[4], ==, 77);
    s->handler = 0;
}

static void test_fetch_fault(void)
{
    MiniState *s = mini_state();
    s->faults = 0;
    mini_run(MINI_HOLE + 0x10);
    g_assert_cmpint(s->faults, ==, 1);
    g_assert_cmphex(s->fault_pc, ==, MINI_HOLE + 0x10);
}

/* The store changes the operand of the very next instruction. */
static void test_store_to_next_instruction(void)
{
    MiniState *s = mini_state();
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(CODE + 17), MINI_MOVI, 1, IMM32(0x42), MINI_ST8, 0, 1,
            MINI_MOVI, 2, IMM32(0x11), MINI_HALT);
    mini_run(CODE);
    g_assert_cmphex(s->regs[2], ==, 0x42);
    PROGRAM(CODE + 17, 0x11);
    mini_run(CODE);
    g_assert_cmphex(s->regs[2], ==, 0x42);
}

/* A loop whose body is changed in every round. */
static void test_loop_rewrites_itself(void)
{
    MiniState *s = mini_state();
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(200), MINI_MOVI, 3, IMM32(CODE + 23), MINI_MOVI, 5, IMM32(0),
            MINI_ST8, 3, 0, MINI_MOVI, 4, IMM32(0), MINI_ADD, 5, 4, MINI_DEC, 0, MINI_JNZ,
            (uint8_t)-16, MINI_HALT);
    mini_run(CODE);
    g_assert_cmpint(s->regs[5], ==, 200 * 201 / 2);
}

/* Another block, already chained to, is changed. */
static void test_store_to_chained_block(void)
{
    MiniState *s = mini_state();
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(10), MINI_DEC, 0, MINI_JNZ, 1, MINI_HALT, MINI_MOVI, 2,
            IMM32(5), MINI_MOVI, 3, IMM32(CODE + 0x200), MINI_JMPR, 3);
    PROGRAM(CODE + 0x200, MINI_MOVI, 4, IMM32(CODE + 13), MINI_ST8, 4, 0, MINI_MOVI, 3,
            IMM32(CODE + 6), MINI_JMPR, 3);
    mini_run(CODE);
    g_assert_cmpint(s->regs[2], ==, 2); /* the last value stored that was executed */
}

static void test_data_beside_code(void)
{
    MiniState *s = mini_state();
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(1000), MINI_MOVI, 3, IMM32(CODE + 0x800), MINI_ST8, 3, 0,
            MINI_DEC, 0, MINI_JNZ, (uint8_t)-7, MINI_HALT);
    mini_run(CODE);
    uint64_t before = tn_translator.n_translated;
    mini_run(CODE);
    g_assert_cmpint(tn_translator.n_translated, ==, before);
    g_assert_cmpint(mini_ram[CODE + 0x800], ==, 1);
    g_assert_cmpint(s->regs[0], ==, 0);
}

static void test_dma_changes_code(void)
{
    PROGRAM(CODE, MINI_MOVI, 2, IMM32(1), MINI_HALT);
    mini_run(CODE);
    g_assert_cmpint(mini_state()->regs[2], ==, 1);
    PROGRAM(CODE + 2, 9);
    mini_run(CODE);
    g_assert_cmpint(mini_state()->regs[2], ==, 9);
}

static void test_instruction_crosses_page(void)
{
    PROGRAM(CODE + 0xffd, MINI_MOVI, 2, IMM32(0x01020304), MINI_HALT);
    mini_run(CODE + 0xffd);
    g_assert_cmphex(mini_state()->regs[2], ==, 0x01020304);
    PROGRAM(CODE + 0x1001, 0x77);
    mini_run(CODE + 0xffd);
    g_assert_cmphex(mini_state()->regs[2], ==, 0x01770304);
}

static void test_modes_have_their_own_blocks(void)
{
    PROGRAM(CODE, MINI_MOVI, 2, IMM32(1), MINI_HALT);
    mini_run(CODE);
    uint64_t before = tn_translator.n_translated;
    mini_state()->mode = 5;
    mini_run(CODE);
    g_assert_cmpint(tn_translator.n_translated, ==, before + 1);
    mini_state()->mode = 0;
    mini_run(CODE);
    g_assert_cmpint(tn_translator.n_translated, ==, before + 1);
}

/* ---- The bus ----------------------------------------------------------------------------- */

static bool page_dirty(uint64_t addr)
{
    return tn_region_test_clear_dirty(mini_ram_region, TN_DIRTY_DISPLAY, addr, 1);
}

/* The second store goes through a TLB entry that the first one made fast. */
static void test_dirty_log(void)
{
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(DATA + 8), MINI_ST64, 0, 1, MINI_ST64, 0, 1, MINI_HALT);
    mini_run(CODE);
    tn_device_lock();
    tn_region_set_dirty_log(mini_ram_region, TN_DIRTY_DISPLAY, true);
    page_dirty(DATA);
    page_dirty(DATA + 0x1000);
    for (unsigned i = 0; i < 3; i++) {
        g_assert_false(page_dirty(DATA));
        tn_device_unlock();
        mini_run(CODE);
        tn_device_lock();
        g_assert_true(page_dirty(DATA));
        g_assert_false(page_dirty(DATA + 0x1000));
    }
    tn_region_set_dirty_log(mini_ram_region, TN_DIRTY_DISPLAY, false);
    tn_device_unlock();
}

static struct {
    uint64_t offset, value;
    unsigned size, reads, writes;
    bool locked;
} device;

static uint64_t device_read(void *opaque, uint64_t offset, unsigned size)
{
    device.offset = offset;
    device.size = size;
    device.reads++;
    device.locked = tn_device_lock_held();
    return 0xa1a2a3a4a5a6a7a8;
}

static void device_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    device.offset = offset;
    device.size = size;
    device.value = value;
    device.writes++;
}

static const TnRegionOps device_ops = {
    .size_of = sizeof(TnRegionOps), .read = device_read, .write = device_write,
    .impl_min = 1, .impl_max = 8,
};

static void test_device(void)
{
    MiniState *s = mini_state();
    enum { AT = 0x200000 };

    tn_device_lock();
    TnRegion *io = tn_region_new_io(tn_object_root(), "device", &device_ops, NULL, 0x100);
    tn_region_add(tn_system_memory(), AT, io);
    tn_device_unlock();
    PROGRAM(CODE, MINI_MOVI, 0, IMM32(AT + 0x10), MINI_MOVI, 1, IMM32(0x55), MINI_ST64, 0, 1,
            MINI_LD8, 2, 0, MINI_LD64, 3, 0, MINI_HALT);
    mini_run(CODE);
    g_assert_cmpint(device.writes, ==, 1);
    g_assert_cmpint(device.reads, ==, 2);
    g_assert_cmphex(device.value, ==, 0x55);
    g_assert_cmphex(device.offset, ==, 0x10);
    g_assert_true(device.locked);
    g_assert_false(tn_device_lock_held());
    g_assert_cmphex(s->regs[2], ==, 0xa8);
    g_assert_cmphex(s->regs[3], ==, 0xa1a2a3a4a5a6a7a8);
}

/* Code and data that another region covers are gone at once, and back when it leaves. */
static void test_remap(void)
{
    MiniState *s = mini_state();

    PROGRAM(CODE, MINI_MOVI, 0, IMM32(DATA), MINI_LD8, 2, 0, MINI_MOVI, 3, IMM32(1), MINI_HALT);
    mini_ram[DATA] = 0x11;
    mini_run(CODE);
    g_assert_cmphex(s->regs[2], ==, 0x11);
    tn_device_lock();
    TnRegion *other = tn_region_new_ram(tn_object_root(), "other", 0x10000, NULL);
    memcpy(tn_region_ram(other), mini_ram + CODE, 0x1000);
    tn_region_ram(other)[11] = 9; /* the operand of MOVI 3 */
    tn_region_ram(other)[DATA - CODE] = 0x22;
    tn_region_add_overlap(tn_system_memory(), CODE, other, 1);
    tn_device_unlock();
    mini_run(CODE);
    g_assert_cmphex(s->regs[2], ==, 0x22);
    g_assert_cmphex(s->regs[3], ==, 9);
    tn_device_lock();
    tn_region_remove(tn_system_memory(), other);
    tn_device_unlock();
    mini_run(CODE);
    g_assert_cmphex(s->regs[2], ==, 0x11);
    g_assert_cmphex(s->regs[3], ==, 1);
}

static void test_flush_of_everything(void)
{
    test_loop();
    tn_blocks_flush();
    test_loop();
    test_data_beside_code();
}

/* More blocks, each left through a direct exit, than code memory holds. */
static void test_full_code_memory(void)
{
    enum { FIRST = 0x10000, N = (MINI_RAM - FIRST) / 4 - 1 };
    static const uint8_t insns[] = { MINI_DEC, 0, MINI_JNZ, 0 };
    uint64_t flushes = tn_translator.n_flushes;

    for (unsigned i = 0; i < N; i++)
        memcpy(mini_ram + FIRST + 4 * i, insns, sizeof(insns));
    mini_ram[FIRST + 4 * N] = MINI_HALT;
    mini_state()->regs[0] = N + 1;
    mini_run(FIRST);
    g_assert_cmpint(mini_state()->regs[0], ==, 1);
    g_assert_cmpint(tn_translator.n_flushes, >, flushes);
}

/* ---- Debugging --------------------------------------------------------------------------- */

static void resume(void)
{
    mini_cpu->stopped = false;
    tn_cpu_exec(mini_cpu);
}

static void start_at(uint64_t pc)
{
    mini_state()->pc = pc;
    mini_cpu->halted = false;
    resume();
}

static void test_breakpoint(void)
{
    MiniState *s = mini_state();
    PROGRAM(CODE, MINI_MOVI, 2, IMM32(1), MINI_MOVI, 3, IMM32(2), MINI_DEC, 2, MINI_HALT);
    mini_run(CODE); /* the block exists already, and holds all of it */
    s->regs[3] = 0;
    tn_breakpoint_set(CODE + 6);
    start_at(CODE);
    g_assert_true(mini_cpu->stopped);
    g_assert_cmphex(s->pc, ==, CODE + 6);
    g_assert_cmpint(s->regs[2], ==, 1);
    g_assert_cmpint(s->regs[3], ==, 0);
    resume();
    g_assert_true(mini_cpu->halted);
    g_assert_cmpint(s->regs[3], ==, 2);
    g_assert_true(tn_breakpoint_clear(CODE + 6));
    g_assert_false(tn_breakpoint_clear(CODE + 6));
    mini_run(CODE);
}

static void test_single_step(void)
{
    static const uint64_t expected[] = { CODE + 6, CODE + 12, CODE + 14 };
    PROGRAM(CODE, MINI_MOVI, 2, IMM32(1), MINI_MOVI, 3, IMM32(2), MINI_DEC, 2, MINI_HALT);
    tn_cpu_set_single_step(mini_cpu, true);
    start_at(CODE);
    for (unsigned i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_true(mini_cpu->stopped);
        g_assert_cmphex(mini_state()->pc, ==, expected[i]);
        resume();
    }
    g_assert_true(mini_cpu->halted);
    tn_cpu_set_single_step(mini_cpu, false);
    mini_cpu->stopped = false;
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (!mini_start(argc > 1 ? argv[1] : "interp"))
        return 77;
    add_ir_cases();
    g_test_add_func("/translate/chain/loop", test_loop);
    g_test_add_func("/translate/chain/indirect", test_indirect);
    g_test_add_func("/translate/fault/is-precise", test_fault);
    g_test_add_func("/translate/fault/fetch", test_fetch_fault);
    g_test_add_func("/translate/smc/next-instruction", test_store_to_next_instruction);
    g_test_add_func("/translate/smc/loop-rewrites-itself", test_loop_rewrites_itself);
    g_test_add_func("/translate/smc/chained-block", test_store_to_chained_block);
    g_test_add_func("/translate/smc/data-beside-code", test_data_beside_code);
    g_test_add_func("/translate/smc/dma", test_dma_changes_code);
    g_test_add_func("/translate/blocks/instruction-crosses-page", test_instruction_crosses_page);
    g_test_add_func("/translate/blocks/modes", test_modes_have_their_own_blocks);
    g_test_add_func("/translate/blocks/flush", test_flush_of_everything);
    g_test_add_func("/translate/blocks/full-code-memory", test_full_code_memory);
    g_test_add_func("/translate/bus/dirty-log", test_dirty_log);
    g_test_add_func("/translate/bus/device", test_device);
    g_test_add_func("/translate/bus/remap", test_remap);
    g_test_add_func("/translate/debug/breakpoint", test_breakpoint);
    g_test_add_func("/translate/debug/single-step", test_single_step);
    add_optimiser_cases();
    return g_test_run();
}
