/* SPDX-License-Identifier: MIT */
/*
 * Several vCPUs of a made-up processor on their threads: atomics, exclusive sections, code changed
 * by another vCPU, pausing, work. test-vcpus BACKEND multi|single.
 */
#include <string.h>

#include "mini-target.h"
#include "cpu/cpu-private.h"
#include "translate/translator.h"

enum { N_CPUS = 4, ROUNDS = 20000, CODE = 0x1000, COUNTER = 0x8000, CROSSING = 0x9ffc };

#define IMM32(v) (uint8_t)(v), (uint8_t)((v) >> 8), (uint8_t)((v) >> 16), (uint8_t)((v) >> 24)

static MiniState *state(unsigned i)
{
    return tn_cpu_state(tn_cpu_at(i));
}

static void load_program(uint64_t at, const uint8_t *bytes, unsigned n)
{
    tn_memory_write(tn_system_memory_space(), at, bytes, n, 0);
}

/* Starts vCPU i at pc once the machine goes on; it is paused. */
static void aim(unsigned i, uint64_t pc)
{
    state(i)->pc = pc;
    tn_cpu_at(i)->halted = false;
}

static void wait_halted(unsigned first, unsigned end)
{
    for (unsigned i = first; i < end; i++) {
        while (!__atomic_load_n(&tn_cpu_at(i)->halted, __ATOMIC_ACQUIRE))
            g_usleep(200);
    }
}

static uint64_t word_at(uint64_t addr)
{
    uint64_t v;
    memcpy(&v, mini_ram + addr, 8);
    return v;
}

static void run_counters(uint64_t addr)
{
    const uint8_t program[] = { MINI_MOVI, 0, IMM32(ROUNDS), MINI_MOVI, 1, IMM32(addr),
                                MINI_MOVI, 2, IMM32(1), MINI_XADD, 1, 2, MINI_DEC, 0, MINI_JNZ,
                                (uint8_t)-7, MINI_HALT };
    memset(mini_ram + addr, 0, 8);
    load_program(CODE, program, sizeof(program));
    for (unsigned i = 0; i < N_CPUS; i++)
        aim(i, CODE);
    tn_cpus_resume();
    wait_halted(0, N_CPUS);
    tn_cpus_pause();
    g_assert_cmpint(word_at(addr), ==, N_CPUS * ROUNDS);
}

static void test_atomics(void)
{
    run_counters(COUNTER);
}

static void test_exclusive(void)
{
    run_counters(CROSSING);
}

/* vCPU 0 spins on a jump that vCPU 1 turns into HALT. */
static void test_code_changed_by_another(void)
{
    const uint8_t spin[] = { MINI_DEC, 0, MINI_DEC, 0, MINI_JNZ, (uint8_t)-6, MINI_HALT };
    const uint8_t poke[] = { MINI_MOVI, 0, IMM32(CODE + 4), MINI_MOVI, 1, IMM32(MINI_HALT),
                             MINI_ST8, 0, 1, MINI_HALT };
    for (unsigned round = 0; round < 50; round++) {
        load_program(CODE, spin, sizeof(spin));
        load_program(0x4000, poke, sizeof(poke));
        state(0)->regs[0] = 1; /* odd: never 0 at the jump */
        aim(0, CODE);
        aim(1, 0x4000);
        tn_cpus_resume();
        wait_halted(0, 2);
        tn_cpus_pause();
        g_assert_cmphex(state(0)->pc, ==, CODE + 4);
    }
}

static void count_work(TnCpu *cpu, void *data)
{
    g_assert_true(tn_cpu_current() == cpu);
    ++*(unsigned *)data;
}

static void test_work(void)
{
    const uint8_t spin[] = { MINI_DEC, 0, MINI_DEC, 0, MINI_JNZ, (uint8_t)-6, MINI_HALT };
    unsigned done = 0;

    load_program(CODE, spin, sizeof(spin));
    for (unsigned i = 0; i < N_CPUS; i++) {
        state(i)->regs[0] = 1;
        aim(i, CODE);
    }
    tn_cpus_resume();
    for (unsigned i = 0; i < 200; i++)
        tn_cpu_run_sync(tn_cpu_at(i % N_CPUS), count_work, &done);
    tn_cpus_pause();
    g_assert_cmpint(done, ==, 200);
    for (unsigned i = 0; i < N_CPUS; i++)
        tn_cpu_run_sync(tn_cpu_at(i), count_work, &done);
    g_assert_cmpint(done, ==, 200 + N_CPUS);
}

static void test_pause_holds(void)
{
    const uint8_t spin[] = { MINI_COUNT, MINI_DEC, 0, MINI_DEC, 0, MINI_JNZ, (uint8_t)-7, MINI_HALT };

    load_program(CODE, spin, sizeof(spin));
    for (unsigned i = 0; i < N_CPUS; i++) {
        state(i)->regs[0] = 1;
        aim(i, CODE);
    }
    for (unsigned round = 0; round < 100; round++) {
        tn_cpus_resume();
        g_usleep(round % 3 * 100);
        tn_cpus_pause();
        uint64_t before = state(round % N_CPUS)->regs[7];
        g_usleep(100);
        g_assert_cmpint(state(round % N_CPUS)->regs[7], ==, before);
    }
}

/* Requests wake a halted vCPU; none is lost. */
static void test_wake(void)
{
    const uint8_t halts[] = { MINI_HALT };

    load_program(CODE, halts, sizeof(halts));
    for (unsigned i = 0; i < N_CPUS; i++) {
        state(i)->regs[7] = 0;
        aim(i, CODE);
    }
    tn_cpus_resume();
    for (unsigned round = 1; round < 300; round++) {
        for (unsigned i = 0; i < N_CPUS; i++)
            tn_cpu_request(tn_cpu_at(i), TN_CPU_REQUEST_HARD);
        for (unsigned i = 0; i < N_CPUS; i++) {
            while (__atomic_load_n(&state(i)->regs[7], __ATOMIC_ACQUIRE) < round)
                g_usleep(10);
        }
    }
    tn_cpus_pause();
}

/* PAUSEs that follow soon wait longer, up to a bound and an offer of the host processor. */
static void test_spin(void)
{
    TnCpu *cpu = tn_cpu_at(0);
    TnSpin *spin = &cpu->priv->spin;
    bool offered = false;

    g_usleep(1000);
    tn_cpu_spin(cpu);
    g_assert_cmpint(spin->length, ==, 1);
    for (unsigned i = 0; i < 1000000 && !offered; i++)
        offered = tn_cpu_spin(cpu);
    g_assert_true(offered);
    g_assert_cmpint(spin->length, ==, TN_SPIN_LONGEST);
    g_assert_false(tn_cpu_spin(cpu));
#ifdef __x86_64__
    g_usleep(1000);
    tn_cpu_spin(cpu);
    g_assert_cmpint(spin->length, ==, 1);
#endif
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    if (argc < 3 || !mini_start(argv[1]))
        return 77;
    mini_cpu->stopped = true;
    for (unsigned i = 1; i < N_CPUS; i++)
        g_assert_nonnull(tn_cpu_new_of(&mini_target, NULL, i, NULL));
    for (unsigned i = 0; i < N_CPUS; i++)
        g_assert_true(tn_cpu_thread_start(tn_cpu_at(i), strcmp(argv[2], "single") == 0, NULL));
    g_test_add_func("/vcpus/atomics", test_atomics);
    g_test_add_func("/vcpus/exclusive", test_exclusive);
    g_test_add_func("/vcpus/code-changed-by-another", test_code_changed_by_another);
    g_test_add_func("/vcpus/work", test_work);
    g_test_add_func("/vcpus/pause-holds", test_pause_holds);
    g_test_add_func("/vcpus/wake", test_wake);
    g_test_add_func("/vcpus/spin", test_spin);
    return g_test_run();
}
