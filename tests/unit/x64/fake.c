/* SPDX-License-Identifier: MIT */
#include "fake.h"

#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

#include "tenon/error.h"
#include "translate/code-pages.h"
#include "translate/check.h"
#include "translate/promote.h"
#include "translate/softmmu.h"
#include "translate/translator.h"

/* What the slow path works on; hangs on cpu->priv. */
typedef struct FakeMemory {
    uint8_t bytes[FAKE_PAGES * TN_PAGE_SIZE] __attribute__((aligned(4096)));
    uint8_t kind[FAKE_PAGES];
    uint64_t log;
} FakeMemory;

static FakeMemory *memory_of(const TnCpu *cpu)
{
    return (FakeMemory *)(void *)cpu->priv;
}

uint8_t *fake_memory(const TnCpu *cpu)
{
    return memory_of(cpu)->bytes;
}

uint64_t fake_log(const TnCpu *cpu)
{
    return memory_of(cpu)->log;
}

bool tn_check_noting;

void tn_check_keep(void *host, unsigned size)
{
}

GQuark tn_error_quark(void)
{
    return g_quark_from_static_string("test");
}

TnBlock *tn_block_lookup_indirect(TnCpu *cpu, uint64_t pc)
{
    return NULL;
}

TnJumpEntry fake_next;

const void *tn_cpu_next_code(TnCpu *cpu)
{
    return fake_state(cpu)->pc != fake_next.pc || atomic_load(&cpu->exit_request) ? NULL
                                                                                  : fake_next.code;
}

const void *tn_cpu_next_code_after(TnCpu *cpu, TnBlock *from, unsigned exit)
{
    (void)from;
    (void)exit;
    return tn_cpu_next_code(cpu);
}

bool tn_check_stops;
uint64_t tn_check_stop;

static const TnBlock *left;

const TnBlock *fake_left(void)
{
    return left;
}

const TnBlock *tn_block_tail(TnCpu *cpu, const TnBlock *block, uint64_t pc)
{
    left = block;
    return NULL;
}

TnTranslator tn_translator;

void tn_block_sampled(TnCpu *cpu, TnBlock *block)
{
}

unsigned fake_remade;
TnBlockForm fake_remade_form;

bool tn_block_remake(TnCpu *cpu, TnBlock *block, TnBlockForm form)
{
    fake_remade++;
    fake_remade_form = form;
    return false;
}

TnCodePage *tn_code_page_find(const void *host)
{
    return NULL;
}

/* ---- The slow path ---------------------------------------------------------------------------- */

static void note(TnCpu *cpu, uint64_t value)
{
    FakeMemory *m = memory_of(cpu);

    m->log = (m->log ^ value) * UINT64_C(0x9e3779b97f4a7c15) + cpu->fault_pc;
}

/* All registers are in the state when a slow path is called: the hash shows it. */
static void note_registers(TnCpu *cpu)
{
    const FakeState *s = fake_state(cpu);

    for (int i = 0; i < FAKE_GPRS; i++)
        note(cpu, s->regs[i]);
}

/* The condition flags as well when a helper that looks at the state is. */
static void note_state(TnCpu *cpu)
{
    note_registers(cpu);
    note(cpu, fake_state(cpu)->flags);
}

static TN_NORETURN void unwind(TnCpu *cpu)
{
    if (cpu->code_frame)
        tn_backend_x86_64.unwinding(cpu);
    siglongjmp(*cpu->unwind, 1);
}

/* Both back ends take the slow path there; elsewhere one may and the other not. */
static bool is_slow(const FakeMemory *m, uint64_t offset)
{
    return offset >= sizeof(m->bytes) || m->kind[offset / TN_PAGE_SIZE] >= PAGE_SLOW;
}

static uint8_t *host_of(TnCpu *cpu, uint64_t vaddr, unsigned size)
{
    FakeMemory *m = memory_of(cpu);
    uint64_t offset = vaddr - (uint64_t)FAKE_BASE_PAGE * TN_PAGE_SIZE;

    if (is_slow(m, offset) || is_slow(m, offset + size - 1))
        note_registers(cpu);
    if (offset + size > sizeof(m->bytes) || offset + size < offset ||
        m->kind[offset / TN_PAGE_SIZE] == PAGE_FAULT ||
        m->kind[(offset + size - 1) / TN_PAGE_SIZE] == PAGE_FAULT)
        unwind(cpu);
    return m->bytes + offset;
}

static unsigned size_of(uint32_t mem)
{
    static const uint8_t sizes[] = { 1, 2, 4, 8, 16, 32 };

    return sizes[mem >> 16];
}

static uint64_t swap(uint64_t v, unsigned size)
{
    return __builtin_bswap64(v) >> (64 - 8 * size);
}

uint64_t tn_mmu_load(TnCpu *cpu, uint64_t vaddr, uint32_t mem)
{
    unsigned size = size_of(mem);
    uint64_t v = 0;

    memcpy(&v, host_of(cpu, vaddr, size), size);
    if (mem & TN_MEM_BSWAP)
        v = swap(v, size);
    if (mem & TN_MEM_SIGN)
        v = (uint64_t)((int64_t)(v << (64 - 8 * size)) >> (64 - 8 * size));
    return mem & TN_MEM_DST32 ? (uint32_t)v : v;
}

void tn_mmu_store(TnCpu *cpu, uint64_t vaddr, uint64_t value, uint32_t mem)
{
    unsigned size = size_of(mem);

    if (mem & TN_MEM_BSWAP)
        value = swap(value, size);
    memcpy(host_of(cpu, vaddr, size), &value, size);
}

bool tn_mmu_store_beside_code(TnCpu *cpu, uint64_t vaddr, uint64_t value, uint32_t mem)
{
    return false;
}

static void fill_entry(TnCpu *cpu, unsigned mode, unsigned page);

/* Only pages that both back ends take the slow path for tell that they were asked. */
bool tn_mmu_allows_group(TnCpu *cpu, const TnMmuGroup *g)
{
    const FakeMemory *m = memory_of(cpu);
    unsigned page = (unsigned)(g->vaddr / TN_PAGE_SIZE - FAKE_BASE_PAGE);

    if (g->first / TN_PAGE_SIZE != g->last / TN_PAGE_SIZE)
        return false;
    if (page >= FAKE_PAGES || m->kind[page] == PAGE_FAULT)
        host_of(cpu, g->vaddr, 1);
    fill_entry(cpu, g->mode, page);
    return m->kind[page] <= (g->write ? PAGE_FAST : PAGE_READ_ONLY_FAST);
}

unsigned tn_cpu_count(void)
{
    return 1;
}

void tn_mmu_load_vec(TnCpu *cpu, uint64_t vaddr, void *out, uint32_t mem)
{
    memcpy(out, host_of(cpu, vaddr, size_of(mem)), size_of(mem));
}

void tn_ld_bytes(TnCpu *cpu, uint64_t vaddr, void *buf, size_t n, unsigned mmu_mode)
{
    memcpy(buf, host_of(cpu, vaddr, (unsigned)n), n);
}

void tn_st_bytes(TnCpu *cpu, uint64_t vaddr, const void *buf, size_t n, unsigned mmu_mode)
{
    memcpy(host_of(cpu, vaddr, (unsigned)n), buf, n);
}

void *tn_probe(TnCpu *cpu, uint64_t vaddr, size_t n, TnAccess access, unsigned mmu_mode)
{
    return host_of(cpu, vaddr, (unsigned)n);
}

void tn_mmu_store_vec(TnCpu *cpu, uint64_t vaddr, const void *in, uint32_t mem)
{
    memcpy(host_of(cpu, vaddr, size_of(mem)), in, size_of(mem));
}

uint64_t tn_mmu_atomic_rmw(TnCpu *cpu, uint64_t vaddr, uint64_t value, uint32_t op, uint32_t mem)
{
    uint64_t old = tn_mmu_load(cpu, vaddr, mem);
    uint64_t results[] = { old + value, old & value, old | value, old ^ value, value };

    tn_mmu_store(cpu, vaddr, results[op], mem);
    return old;
}

uint64_t tn_mmu_atomic_cas(TnCpu *cpu, uint64_t vaddr, uint64_t expect, uint64_t value, uint32_t mem)
{
    uint64_t old = tn_mmu_load(cpu, vaddr, mem);
    unsigned shift = 64 - 8 * size_of(mem);

    if (old << shift == expect << shift)
        tn_mmu_store(cpu, vaddr, value, mem);
    return old;
}

/* ---- Helpers ---------------------------------------------------------------------------------- */

/* Destroys what the calling convention lets a callee destroy. */
static void clobber(void)
{
    __asm__ volatile("mov $0x5555555555555555, %%rax\n mov %%rax, %%rcx\n mov %%rax, %%rdx\n"
                     "mov %%rax, %%rsi\n mov %%rax, %%rdi\n mov %%rax, %%r8\n mov %%rax, %%r9\n"
                     "mov %%rax, %%r10\n mov %%rax, %%r11\n"
                     "pcmpeqd %%xmm0, %%xmm0\n movdqa %%xmm0, %%xmm1\n movdqa %%xmm0, %%xmm2\n"
                     "movdqa %%xmm0, %%xmm3\n movdqa %%xmm0, %%xmm8\n movdqa %%xmm0, %%xmm15\n"
                     ::: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1",
                     "xmm2", "xmm3", "xmm8", "xmm15", "memory");
}

static uint64_t helper_pure(uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    clobber();
    return a * 3 + b * 5 + (c ^ d);
}

static uint32_t helper_pure32(uint32_t a, uint32_t b)
{
    clobber();
    return a - b;
}

static uint64_t helper_plain(TnCpu *cpu, uint64_t a, uint64_t b, uint64_t c)
{
    clobber();
    note(cpu, a);
    return a + b + c;
}

static uint64_t helper_reads(TnCpu *cpu, uint64_t a, uint64_t b)
{
    note_state(cpu);
    clobber();
    return fake_state(cpu)->regs[a & 15] + b;
}

static void helper_writes(TnCpu *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    FakeState *s = fake_state(cpu);

    clobber();
    s->regs[a & 15] ^= b + c;
    s->regs[d & 15] += 7;
    s->flags = (uint32_t)b & TN_FLAGS_ALL;
}

static uint64_t helper_faults(TnCpu *cpu, uint64_t a, uint64_t b)
{
    note_state(cpu);
    clobber();
    if ((a & 3) == 0)
        unwind(cpu);
    return b;
}

/* ---- Host forms --------------------------------------------------------------------------------
 * The fallbacks are the same instructions, with the guest's MXCSR in force. */

/* The computation is a function of its own so that no compiler moves it out of the guest's MXCSR. */
#define FALLBACK(name, isa, ...) \
    __attribute__((target(isa), noinline)) static void name##_body( \
        void *dst, const void *pa, const void *pb, const void *pc) \
    { \
        __VA_ARGS__ \
        __asm__ volatile("" ::: "memory"); \
    } \
    static void name(TnCpu *cpu, void *dst, const void *pa, const void *pb, const void *pc, \
                     uint32_t imm8) \
    { \
        FakeState *s = fake_state(cpu); \
        uint32_t host = _mm_getcsr(); \
        _mm_setcsr(s->mxcsr | 0x1f80); \
        name##_body(dst, pa, pb, pc); \
        s->mxcsr |= _mm_getcsr() & 0x3f; \
        _mm_setcsr(host); \
    }

#define X(p) (*(const __m128i *)(p))
#define XS(p) (*(const __m128 *)(p))
#define XD(p) (*(const __m128d *)(p))
#define Y(p) (*(const __m256i *)(p))
#define YS(p) (*(const __m256 *)(p))
#define I(p) (*(const uint64_t *)(p))

FALLBACK(fb_paddd, "avx2", *(__m128i *)dst = _mm_add_epi32(X(pa), X(pb));)
FALLBACK(fb_psubb256, "avx2", *(__m256i *)dst = _mm256_sub_epi8(Y(pa), Y(pb));)
/* Written in assembly where a compiler may exchange operands: which NaN comes out would change. */
FALLBACK(fb_addps, "avx2", __m128 r; __asm__("vaddps %2, %1, %0" : "=x"(r) : "x"(XS(pa)), "x"(XS(pb)));
         *(__m128 *)dst = r;)
FALLBACK(fb_mulps256, "avx2", __m256 r;
         __asm__("vmulps %2, %1, %0" : "=x"(r) : "x"(YS(pa)), "x"(YS(pb)));
         *(__m256 *)dst = r;)
FALLBACK(fb_sqrtss, "avx2", *(__m128 *)dst = _mm_move_ss(XS(pa), _mm_sqrt_ss(XS(pb)));)
FALLBACK(fb_pshufd, "avx2", *(__m128i *)dst = _mm_shuffle_epi32(X(pb), 0x1b);)
FALLBACK(fb_psrlw, "avx2", *(__m128i *)dst = _mm_srli_epi16(X(pb), 3);)
FALLBACK(fb_movq_out, "avx2", *(uint64_t *)dst = I(pb);)
FALLBACK(fb_movd_in, "avx2", *(__m128i *)dst = _mm_cvtsi32_si128((int)I(pb));)
FALLBACK(fb_pinsrw, "avx2", *(__m128i *)dst = _mm_insert_epi16(X(pa), (int)I(pb), 5);)
FALLBACK(fb_cvtsi2sd, "avx2", *(__m128d *)dst = _mm_cvtsi64_sd(XD(pa), (int64_t)I(pb));)
FALLBACK(fb_cvttsd2si, "avx2", *(uint64_t *)dst = (uint32_t)_mm_cvttsd_si32(XD(pb));)
FALLBACK(fb_pmovmskb, "avx2", *(uint64_t *)dst = (uint32_t)_mm_movemask_epi8(X(pb));)
FALLBACK(fb_ptest, "avx2", *(uint64_t *)dst = (_mm_testz_si128(X(pa), X(pb)) ? TN_FLAG_Z : 0u) |
                                             (_mm_testc_si128(X(pa), X(pb)) ? TN_FLAG_C : 0u);)
FALLBACK(fb_ucomisd, "avx2", uint64_t f;
         __asm__("vucomisd %2, %1\n\tpushfq\n\tpopq %0" : "=r"(f) : "x"(XD(pa)), "x"(XD(pb)) : "cc");
         *(uint64_t *)dst = f & TN_FLAGS_ALL;)
FALLBACK(fb_blendvps, "avx2", *(__m128 *)dst = _mm_blendv_ps(XS(pa), XS(pb), XS(pc));)
FALLBACK(fb_blendvb256, "avx2", *(__m256i *)dst = _mm256_blendv_epi8(Y(pa), Y(pb), Y(pc));)
FALLBACK(fb_fma213, "avx2,fma", __m128d r = XD(pa);
         __asm__("vfmadd213pd %2, %1, %0" : "+x"(r) : "x"(XD(pb)), "x"(XD(pc)));
         *(__m128d *)dst = r;)
FALLBACK(fb_sha256rnds2, "sha,sse4.1", *(__m128i *)dst = _mm_sha256rnds2_epu32(X(pa), X(pb), X(pc));)
FALLBACK(fb_extracti128, "avx2", *(__m128i *)dst = _mm256_extracti128_si256(Y(pb), 1);)

#define NO TN_I8

const FakeForm fake_forms[] = {
    { { 0xfe, 1, 1, 0, 0, 0, 0 }, TN_V128, TN_V128, TN_V128, NO, fb_paddd },
    { { 0xfe, 1, 1, 0, TN_HF_VEX, 0, 0 }, TN_V128, TN_V128, TN_V128, NO, fb_paddd },
    { { 0xf8, 1, 1, 0, TN_HF_VEX | TN_HF_L256, 0, 0 }, TN_V256, TN_V256, TN_V256, NO, fb_psubb256 },
    { { 0x58, 1, 0, 0, TN_HF_FP, 0, 0 }, TN_V128, TN_V128, TN_V128, NO, fb_addps },
    { { 0x59, 1, 0, 0, TN_HF_FP | TN_HF_VEX | TN_HF_L256, 0, 0 }, TN_V256, TN_V256, TN_V256, NO,
      fb_mulps256 },
    { { 0x51, 1, 2, 0, TN_HF_FP, 0, 0 }, TN_V128, TN_V128, TN_V128, NO, fb_sqrtss },
    { { 0x70, 1, 1, 0x1b, TN_HF_IMM8, 0, 0 }, TN_V128, NO, TN_V128, NO, fb_pshufd },
    { { 0x71, 1, 1, 3, TN_HF_IMM8 | TN_HF_GROUP, 2, 0 }, TN_V128, NO, TN_V128, NO, fb_psrlw },
    { { 0x7e, 1, 1, 0, TN_HF_W | TN_HF_DST_INT | TN_HF_RM_DST, 0, 0 }, TN_I64, NO, TN_V128, NO,
      fb_movq_out },
    { { 0x6e, 1, 1, 0, TN_HF_B_INT, 0, 0 }, TN_V128, NO, TN_I64, NO, fb_movd_in },
    { { 0xc4, 1, 1, 5, TN_HF_B_INT | TN_HF_IMM8, 0, 0 }, TN_V128, TN_V128, TN_I64, NO, fb_pinsrw },
    { { 0x2a, 1, 3, 0, TN_HF_B_INT | TN_HF_FP | TN_HF_W, 0, 0 }, TN_V128, TN_V128, TN_I64, NO,
      fb_cvtsi2sd },
    { { 0x2c, 1, 3, 0, TN_HF_DST_INT | TN_HF_FP, 0, 0 }, TN_I32, NO, TN_V128, NO, fb_cvttsd2si },
    { { 0xd7, 1, 1, 0, TN_HF_DST_INT, 0, 0 }, TN_I32, NO, TN_V128, NO, fb_pmovmskb },
    { { 0x17, 2, 1, 0, TN_HF_DST_FLAGS, 0, 0 }, TN_I32, TN_V128, TN_V128, NO, fb_ptest },
    { { 0x2e, 1, 1, 0, TN_HF_DST_FLAGS | TN_HF_FP, 0, 0 }, TN_I32, TN_V128, TN_V128, NO, fb_ucomisd },
    { { 0x14, 2, 1, 0, 0, 0, 0 }, TN_V128, TN_V128, TN_V128, TN_V128, fb_blendvps },
    { { 0x4c, 3, 1, 0, TN_HF_VEX | TN_HF_L256 | TN_HF_IS4, 0, 0 }, TN_V256, TN_V256, TN_V256, TN_V256,
      fb_blendvb256 },
    { { 0xa8, 2, 1, 0, TN_HF_VEX | TN_HF_W | TN_HF_FMA | TN_HF_FP, 0, 0 }, TN_V128, TN_V128, TN_V128,
      TN_V128, fb_fma213 },
    { { 0xcb, 2, 0, 0, 0, 0, 0 }, TN_V128, TN_V128, TN_V128, TN_V128, fb_sha256rnds2 },
    { { 0x39, 3, 1, 1, TN_HF_VEX | TN_HF_L256 | TN_HF_IMM8 | TN_HF_RM_DST, 0, 0 }, TN_V128, NO,
      TN_V256, NO, fb_extracti128 },
};

enum { N_FORMS = G_N_ELEMENTS(fake_forms) };

const unsigned fake_n_forms = N_FORMS;

/* ---- The target ------------------------------------------------------------------------------- */

#define FN(f) (void (*)(void))(f)
#define I64X4 { TN_ARG_I64, TN_ARG_I64, TN_ARG_I64, TN_ARG_I64 }

static TnHelperInfo helpers[HELPER_FB_FIRST + N_FORMS] = {
    [HELPER_NONE] = { .name = "none" },
    [HELPER_PURE] = { "pure", FN(helper_pure), TN_ARG_I64, 4, I64X4, TN_HELPER_PURE },
    [HELPER_PLAIN] = { "plain", FN(helper_plain), TN_ARG_I64, 3, I64X4, 0 },
    [HELPER_READS] = { "reads", FN(helper_reads), TN_ARG_I64, 2, I64X4, TN_HELPER_READS },
    [HELPER_WRITES] = { "writes", FN(helper_writes), TN_ARG_VOID, 4, I64X4,
                        TN_HELPER_READS | TN_HELPER_WRITES },
    [HELPER_FAULTS] = { "faults", FN(helper_faults), TN_ARG_I64, 2, I64X4, TN_HELPER_FAULTS },
    [HELPER_PURE32] = { "pure32", FN(helper_pure32), TN_ARG_I32, 2, { TN_ARG_I32, TN_ARG_I32 },
                        TN_HELPER_PURE },
};

static TnRegInfo regs[FAKE_N_REGS];

static __attribute__((constructor)) void fill_tables(void)
{
    static const char names[][4] = { "r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10",
                                     "r11", "r12", "r13", "r14", "r15" };

    for (unsigned i = 0; i < FAKE_GPRS; i++)
        regs[i] = (TnRegInfo){ .name = names[i], .offset = offsetof(FakeState, regs) + 8 * i,
                               .type = TN_I64, .pin = (uint8_t)(20 - i) };
    regs[FAKE_FLAGS] = (TnRegInfo){ .name = "flags", .offset = offsetof(FakeState, flags),
                                    .type = TN_I32, .pin = 30 };
    for (unsigned i = 0; i < N_FORMS; i++)
        helpers[HELPER_FB_FIRST + i] = (TnHelperInfo){
            .name = "form", .fn = FN(fake_forms[i].fallback), .flags = TN_HELPER_FP };
}

const TnTargetInfo fake_target = {
    .size = sizeof(TnTargetInfo),
    .name = "fake",
    .state_size = sizeof(FakeState),
    .n_mmu_modes = 2,
    .regs = regs,
    .n_regs = FAKE_N_REGS,
    .helpers = helpers,
    .n_helpers = HELPER_FB_FIRST + N_FORMS,
    .mxcsr_offset = offsetof(FakeState, mxcsr),
    .pc_offset = offsetof(FakeState, pc),
};

/* ---- vCPUs ------------------------------------------------------------------------------------ */

/* ---- Windows of hot code --------------------------------------------------------------------- */

enum { MAX_CPUS = 8, SITES = 256, MOVES = 3 };

static TnCpu *cpus[MAX_CPUS];
static unsigned n_cpus;
static TnTlbSiteUse uses[SITES];

static void close_site(unsigned n)
{
    for (unsigned i = 0; i < n_cpus; i++)
        cpus[i]->site[n].size = 0;
}

int tn_tlb_site_take(const TnTlbSiteUse *use)
{
    unsigned n = 0;

    while (n < SITES && uses[n].owner)
        n++;
    if (n == SITES)
        return -1;
    uses[n] = *use;
    close_site(n);
    return (int)n;
}

void tn_tlb_sites_give_back(const TnBlock *owner)
{
    for (unsigned n = 0; n < SITES; n++)
        if (uses[n].owner == owner)
            uses[n].owner = NULL;
}

const TnTlbSiteUse *tn_tlb_site_bad(TnCpu *cpu)
{
    return NULL;
}

static bool is_fast(const FakeMemory *m, int page, bool write)
{
    return page >= 0 && page < FAKE_PAGES &&
           m->kind[page] <= (write ? PAGE_FAST : PAGE_READ_ONLY_FAST);
}

/* Opens it over all pages around that are alike, or over one where code is to move it. */
void tn_tlb_site_open(TnCpu *cpu, unsigned n, uint64_t vaddr)
{
    const TnTlbSiteUse *use = &uses[n];
    const FakeMemory *m = memory_of(cpu);
    uint64_t base = (uint64_t)FAKE_BASE_PAGE * TN_PAGE_SIZE;
    int first = (int)((vaddr + (uint64_t)use->first - base) / TN_PAGE_SIZE), end = first + 1;

    g_assert_true(is_fast(m, first, use->write));
    while (!use->moves && is_fast(m, first - 1, use->write))
        first--;
    while (!use->moves && is_fast(m, end, use->write))
        end++;
    cpu->site[n] = (TnTlbSite){
        .start = base + (uint64_t)first * TN_PAGE_SIZE - (uint64_t)use->first,
        .size = (uint64_t)(end - first) * TN_PAGE_SIZE - (uint64_t)(use->last - use->first),
        .addend = (uintptr_t)m->bytes - base,
        .patience = use->moves ? MOVES : 0 };
}

/* The tests' pcs are never those of an entry: see jump-cache.h. */
static TnJumpEntry no_jumps[TN_JUMP_SIZE] = { { .pc = 1 } };

TnCpu *fake_cpu_new(void)
{
    size_t total = TN_CPU_STATE_OFFSET + sizeof(FakeState);
    TnCpu *cpu = aligned_alloc(4096, (total + 4095) / 4096 * 4096);

    memset(cpu, 0, total);
    cpu->tlb = aligned_alloc(4096, fake_target.n_mmu_modes * sizeof(TnTlb));
    memset(cpu->tlb, 0xff, fake_target.n_mmu_modes * sizeof(TnTlb));
    cpu->target = &fake_target;
    cpu->mode_id = 1;
    cpu->jump = no_jumps;
    cpu->priv = aligned_alloc(4096, (sizeof(FakeMemory) + 4095) / 4096 * 4096);
    g_assert_cmpuint(n_cpus, <, MAX_CPUS);
    cpus[n_cpus++] = cpu;
    return cpu;
}

void fake_cpu_free(TnCpu *cpu)
{
    for (unsigned i = 0; i < n_cpus; i++)
        if (cpus[i] == cpu)
            cpus[i] = cpus[--n_cpus];
    free(cpu->priv);
    free(cpu->tlb);
    free(cpu);
}

static void fill_entry(TnCpu *cpu, unsigned mode, unsigned page)
{
    FakeMemory *m = memory_of(cpu);
    uint64_t vaddr = (uint64_t)(FAKE_BASE_PAGE + page) << TN_PAGE_BITS;
    TnTlbEntry *e = &tn_cpu_tlb(cpu, mode)->entry[(FAKE_BASE_PAGE + page) % TN_TLB_SIZE];

    *e = (TnTlbEntry){ .read = UINT64_MAX, .write = UINT64_MAX, .fetch = UINT64_MAX,
                       .addend = (uintptr_t)m->bytes + page * TN_PAGE_SIZE - vaddr };
    if (m->kind[page] <= PAGE_READ_ONLY_FAST)
        e->read = vaddr;
    if (m->kind[page] == PAGE_FAST)
        e->write = vaddr;
}

static void fill_tlb(TnCpu *cpu)
{
    for (unsigned mode = 0; mode < 2; mode++)
        for (unsigned page = 0; page < FAKE_PAGES; page++)
            fill_entry(cpu, mode, page);
}

void fake_empty_tlb(TnCpu *cpu)
{
    memset(cpu->tlb, 0xff, fake_target.n_mmu_modes * sizeof(TnTlb));
}

static void fill_bytes(void *p, size_t n, GRand *rand)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)p)[i] = (uint8_t)g_rand_int(rand);
}

void fake_cpu_fill(TnCpu *cpu, GRand *rand)
{
    static const uint8_t kinds[FAKE_PAGES] = { PAGE_FAST, PAGE_FAST, PAGE_READ_ONLY_FAST, PAGE_SLOW,
                                               PAGE_FAST, PAGE_FAST, PAGE_SLOW, PAGE_FAULT };
    FakeMemory *m = memory_of(cpu);
    FakeState *s = fake_state(cpu);

    memcpy(m->kind, kinds, sizeof(kinds));
    m->log = 0;
    fill_bytes(m->bytes, sizeof(m->bytes), rand);
    fill_bytes(s, sizeof(*s), rand);
    for (int i = 0; i < FAKE_GPRS; i++)
        if (g_rand_int_range(rand, 0, 3) == 0)
            s->regs[i] = (uint64_t)(int64_t)g_rand_int_range(rand, -3, 3);
    s->flags &= TN_FLAGS_ALL;
    s->mxcsr = 0x1f80 | (g_rand_int(rand) & 0xe000);
    cpu->fault_pc = 0;
    fill_tlb(cpu);
}

void fake_cpu_copy(TnCpu *to, const TnCpu *from)
{
    *memory_of(to) = *memory_of(from);
    memcpy(tn_cpu_state(to), (const char *)from + TN_CPU_STATE_OFFSET, sizeof(FakeState));
    to->fault_pc = from->fault_pc;
    fill_tlb(to);
}
