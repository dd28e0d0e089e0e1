/* SPDX-License-Identifier: MIT */
/*
 * The x86 target's system side without a machine: models and -cpu, CPUID, descriptors, EFLAGS, the mode
 * word, XSAVE's sizes. Expected values are those of the Intel SDM and the AMD APM.
 */
#include <string.h>

#include "system/system.h"

static X86Model *model(const char *option)
{
    g_autoptr(GError) error = NULL;
    X86Model *m = x86_model_new(option, &error);

    g_assert_no_error(error);
    return m;
}

static void assert_refused(const char *option, const char *part)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(x86_model_new(option, &error));
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, part));
}

static bool has(const X86Model *m, X86Feature f)
{
    return m->features[f >> 5] >> (f & 31) & 1;
}

static void test_every_model(void)
{
    for (const X86ModelInfo *i = x86_models; i->name; i++) {
        g_autofree char *option = g_strdup_printf("%s,check=off", i->name);
        g_autofree X86Model *m = model(option);
        g_assert_cmpuint(strlen(m->vendor), ==, 12);
        g_assert_cmpuint(m->phys_bits, >=, 32);
    }
}

static void test_signs(void)
{
    g_autofree X86Model *m = model("Nehalem,+avx,xsave=on,-popcnt,sse4-2=off,aes");

    g_assert_true(has(m, X86_FEATURE_AVX));
    g_assert_true(has(m, X86_FEATURE_XSAVE));
    g_assert_true(has(m, X86_FEATURE_AES));
    g_assert_false(has(m, X86_FEATURE_POPCNT));
    g_assert_false(has(m, X86_FEATURE_SSE4_2));
    g_assert_cmpuint(m->level, ==, 0xd);
}

static void test_dependent(void)
{
    g_autofree X86Model *m = model("Haswell-noTSX,-xsave");

    g_assert_false(has(m, X86_FEATURE_AVX));
    g_assert_false(has(m, X86_FEATURE_AVX2));
    g_assert_false(has(m, X86_FEATURE_XSAVEOPT));
    g_assert_true(has(m, X86_FEATURE_BMI1));
}

static void test_masked(void)
{
    g_autofree X86Model *m = model("Haswell,check=off");

    g_assert_false(has(m, X86_FEATURE_HLE));
    assert_refused("Haswell,check=off,enforce=on", "enforce");
}

static void test_properties(void)
{
    g_autofree X86Model *m = model("qemu64,family=6,model=0x1e,stepping=5,vendor=GenuineIntel,"
                                   "model-id=Some Name,tsc-frequency=2.5G,phys-bits=36");

    g_assert_cmpuint(m->family, ==, 6);
    g_assert_cmpuint(m->model, ==, 0x1e);
    g_assert_cmpuint(m->stepping, ==, 5);
    g_assert_cmpstr(m->vendor, ==, "GenuineIntel");
    g_assert_cmpstr(m->model_id, ==, "Some Name");
    g_assert_cmpuint(m->tsc_hz, ==, 2500000000u);
    g_assert_cmpuint(m->phys_bits, ==, 36);
}

static void test_refused(void)
{
    assert_refused("", "CPU model");
    assert_refused("nonsense", "nonsense");
    assert_refused("qemu64,nonsense", "nonsense");
    assert_refused("qemu64,+nonsense", "nonsense");
    assert_refused("qemu64,avx=perhaps", "perhaps");
    assert_refused("qemu64,vendor=Short", "vendor");
    assert_refused("qemu64,stepping=16", "stepping");
    assert_refused("qemu64,tsc-frequency=fast", "tsc-frequency");
    assert_refused("qemu64,hv-relaxed=on", "Hyper-V");
    assert_refused("qemu64,pmu=on", "pmu");
}

/* ---- A vCPU's memory without a vCPU ---- */

typedef struct Fake {
    TnCpu *cpu;
    X86State *s;
} Fake;

static void fake_set_up(Fake *f, gconstpointer option)
{
    f->cpu = aligned_alloc(128, (TN_CPU_STATE_OFFSET + sizeof(X86State) + 127) / 128 * 128);
    memset(f->cpu, 0, TN_CPU_STATE_OFFSET + sizeof(X86State));
    f->s = x86_state(f->cpu);
    f->s->model = model(option);
    memcpy(f->s->features, f->s->model->features, sizeof(f->s->features));
    f->s->xcr0 = 1;
}

static void fake_tear_down(Fake *f, gconstpointer option)
{
    g_free(f->s->model);
    free(f->cpu);
}

static void test_cpuid_basic(Fake *f, gconstpointer option)
{
    uint32_t r[4];

    x86_cpuid(f->cpu, 0, 0, r);
    g_assert_cmpuint(r[0], ==, 0xd);
    g_assert_cmpint(memcmp(&r[1], "Genu", 4), ==, 0);
    g_assert_cmpint(memcmp(&r[3], "ineI", 4), ==, 0);
    g_assert_cmpint(memcmp(&r[2], "ntel", 4), ==, 0);
    x86_cpuid(f->cpu, 1, 0, r);
    g_assert_cmphex(r[0], ==, 0x000306c1); /* family 6, model 60, stepping 1 */
    g_assert_true(r[2] & 1u << 28);        /* AVX */
    g_assert_false(r[2] & 1u << 27);       /* OSXSAVE follows CR4 */
    g_assert_true(r[2] & 1u << 31);        /* hypervisor */
    /* Beyond the highest leaf Intel answers as for the highest one. */
    uint32_t last[4];
    x86_cpuid(f->cpu, 0xd, 0, last);
    x86_cpuid(f->cpu, 0x30, 0, r);
    g_assert_cmpmem(r, sizeof(r), last, sizeof(last));
}

static void test_cpuid_brand(Fake *f, gconstpointer option)
{
    char text[49] = { 0 };

    for (unsigned i = 0; i < 3; i++) {
        uint32_t r[4];
        x86_cpuid(f->cpu, 0x80000002 + i, 0, r);
        memcpy(text + i * 16, r, 16);
    }
    g_assert_cmpstr(text, ==, "Intel Core Processor (Haswell, no TSX)");
}

static void test_cpuid_hypervisor(Fake *f, gconstpointer option)
{
    uint32_t r[4];

    x86_cpuid(f->cpu, 0x40000000, 0, r);
    g_assert_cmpmem(&r[1], 12, "TCGTCGTCGTCG", 12);
    f->s->model->hypervisor_leaf = false;
    x86_cpuid(f->cpu, 0x40000000, 0, r);
    g_assert_cmpint(memcmp(&r[1], "TCGT", 4), !=, 0);
}

static void test_cpuid_xsave(Fake *f, gconstpointer option)
{
    uint32_t r[4];

    x86_cpuid(f->cpu, 0xd, 0, r);
    g_assert_cmphex(r[0], ==, 7);
    g_assert_cmpuint(r[1], ==, 576); /* x87 alone */
    g_assert_cmpuint(r[2], ==, 832);
    f->s->xcr0 = 7;
    x86_cpuid(f->cpu, 0xd, 0, r);
    g_assert_cmpuint(r[1], ==, 832);
    x86_cpuid(f->cpu, 0xd, 2, r);
    g_assert_cmpuint(r[0], ==, 256);
    g_assert_cmpuint(r[1], ==, 576);
}

static void test_syscall_bit(Fake *f, gconstpointer option)
{
    uint32_t r[4];

    x86_cpuid(f->cpu, 0x80000001, 0, r);
    g_assert_false(r[3] & 1u << 11);
    f->s->mode = MODE_CS64;
    x86_cpuid(f->cpu, 0x80000001, 0, r);
    g_assert_true(r[3] & 1u << 11);
}

/* ---- Descriptors, flags, modes ---- */

static void test_descriptor(void)
{
    X86Desc flat = { .lo = 0x0000ffff, .hi = 0x00cf9b00 };
    X86Desc small = { .lo = 0x56780123, .hi = 0x12409234 };

    g_assert_cmphex(x86_desc_limit(&flat), ==, 0xffffffff);
    g_assert_cmphex(x86_desc_base(&flat), ==, 0);
    g_assert_cmphex(x86_desc_limit(&small), ==, 0x123);
    g_assert_cmphex(x86_desc_base(&small), ==, 0x12345678);
    g_assert_true(desc_is_code(flat.hi));
    g_assert_true(desc_is_writable_data(small.hi));
}

static void test_limit(void)
{
    X86Segment up = { .attrs = DESC_P | DESC_S | DESC_W, .limit = 0xfff };
    X86Segment down = { .attrs = DESC_P | DESC_S | DESC_W | DESC_E, .limit = 0xfff };

    g_assert_true(x86_within_limit(&up, 0xffc, 4));
    g_assert_false(x86_within_limit(&up, 0xffd, 4));
    g_assert_false(x86_within_limit(&up, 0xffffffff, 4));
    g_assert_true(x86_within_limit(&down, 0x1000, 4));
    g_assert_false(x86_within_limit(&down, 0xfff, 4));
    g_assert_false(x86_within_limit(&down, 0xfffd, 4));
    down.attrs |= DESC_DB;
    g_assert_true(x86_within_limit(&down, 0xfffffffc, 4));
}

static void test_eflags(Fake *f, gconstpointer option)
{
    x86_set_eflags(f->s, 0x00247fd7);
    g_assert_cmphex(x86_eflags(f->s), ==, 0x00247fd7);
    g_assert_cmpint(f->s->df, ==, -1);
    g_assert_cmphex(f->s->flags & ~(uint32_t)TN_FLAGS_ALL, ==, 0);
    x86_set_eflags(f->s, 0);
    g_assert_cmphex(x86_eflags(f->s), ==, 2);
}

static void test_mode(Fake *f, gconstpointer option)
{
    X86State *s = f->s;

    s->mxcsr = 0x1f80;
    s->cr0 = CR0_PE | CR0_PG;
    s->efer = EFER_LMA | EFER_LME;
    s->seg[CS].attrs = DESC_P | DESC_S | DESC_CODE | DESC_L;
    s->cpl = 3;
    x86_update_mode(f->cpu);
    g_assert_cmphex(s->mode & (MODE_CPL | MODE_LMA | MODE_CS64 | MODE_CS32 | MODE_XM), ==,
                    3 | MODE_LMA | MODE_CS64);
    s->seg[CS].attrs = DESC_P | DESC_S | DESC_CODE | DESC_DB;
    s->seg[CS].limit = UINT32_MAX;
    x86_update_mode(f->cpu);
    g_assert_cmphex(s->mode & (MODE_CS64 | MODE_CS32 | MODE_CSLIM), ==, MODE_CS32);
    s->seg[CS].limit = 0xfffff;
    x86_update_mode(f->cpu);
    g_assert_true(s->mode & MODE_CSLIM);
}

static void test_canonical(Fake *f, gconstpointer option)
{
    g_assert_true(x86_canonical(f->s, 0x00007fffffffffff));
    g_assert_false(x86_canonical(f->s, 0x0000800000000000));
    g_assert_true(x86_canonical(f->s, 0xffff800000000000));
    f->s->cr4 = CR4_LA57;
    g_assert_true(x86_canonical(f->s, 0x00ffffffffffffff));
    g_assert_false(x86_canonical(f->s, 0x0100000000000000));
}

#define FAKE(name, fn) g_test_add("/x86-sys/" name, Fake, "Haswell-noTSX", fake_set_up, fn, fake_tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/x86-sys/model/every-model-is-made", test_every_model);
    g_test_add_func("/x86-sys/model/signs-and-switches-change-features", test_signs);
    g_test_add_func("/x86-sys/model/features-go-with-what-they-need", test_dependent);
    g_test_add_func("/x86-sys/model/what-is-not-implemented-is-masked", test_masked);
    g_test_add_func("/x86-sys/model/properties-are-set", test_properties);
    g_test_add_func("/x86-sys/model/wrong-options-are-refused", test_refused);
    FAKE("cpuid/vendor-signature-and-highest-leaf", test_cpuid_basic);
    FAKE("cpuid/brand-string", test_cpuid_brand);
    FAKE("cpuid/hypervisor-leaf-can-be-hidden", test_cpuid_hypervisor);
    FAKE("cpuid/xsave-sizes-follow-xcr0", test_cpuid_xsave);
    FAKE("cpuid/intel-shows-syscall-in-64-bit-mode", test_syscall_bit);
    g_test_add_func("/x86-sys/descriptor/base-and-limit", test_descriptor);
    g_test_add_func("/x86-sys/descriptor/expand-down-limit", test_limit);
    FAKE("eflags/parts-make-the-whole", test_eflags);
    FAKE("mode/follows-the-code-segment", test_mode);
    FAKE("canonical/by-linear-address-width", test_canonical);
    return g_test_run();
}
