/* SPDX-License-Identifier: MIT */
/*
 * The accelerator "tcg": runs vCPUs through the translator. Named after QEMU's, so that its
 * command lines work; the translator is our own.
 */
#include "clock/log-internal.h"
#include "clock/runstate-internal.h"
#include "cpu/cpu-private.h"
#include "cpu/debug.h"
#include "object/type.h"
#include "tenon/apic.h"
#include "tenon/error.h"
#include "translate/cache/cache.h"
#include "translate/check.h"
#include "translate/translator.h"

enum { THREAD_MULTI, THREAD_SINGLE };
enum { BACKEND_X86_64, BACKEND_INTERP };
enum { MIN_TB_MIB = 8, MAX_TB_MIB = 2047, DEFAULT_TB_MIB = 256 };

typedef struct Tcg {
    uint32_t thread;
    uint32_t backend;
    uint64_t tb_size;  /* MiB; 0 default */
    uint32_t split_wx; /* TnSplitWx */
    bool one_insn_per_tb;
    bool check;
    bool stats;
    char *cache;
    uint64_t cache_size; /* MiB */
    bool opt[TN_N_OPTS];
} Tcg;

static const char *const thread_values[] = { "multi", "single", NULL };
static const char *const split_wx_values[] = { "auto", "on", "off", NULL };
static const char *const backend_values[] = { "x86_64", "interp", NULL };

#define SWITCH(name_, field_, doc_, def_) \
    { .name = name_, .kind = TN_PROP_BOOL, .offset = offsetof(Tcg, field_), .doc = doc_, \
      .def = def_ }

#ifdef TN_BACKEND_X86_64
#define DEFAULT_BACKEND "x86_64"
#else
#define DEFAULT_BACKEND "interp"
#endif

static const TnProperty tcg_properties[] = {
    { .name = "thread", .kind = TN_PROP_ENUM, .offset = offsetof(Tcg, thread),
      .doc = "one host thread for each vCPU (multi) or for all (single)", .def = "multi",
      .values = thread_values },
    { .name = "backend", .kind = TN_PROP_ENUM, .offset = offsetof(Tcg, backend),
      .doc = "what runs translated blocks: host code, or the portable interpreter",
      .def = DEFAULT_BACKEND, .values = backend_values },
    { .name = "tb-size", .kind = TN_PROP_UINT64, .offset = offsetof(Tcg, tb_size),
      .doc = "code memory in MiB (8 to 2047; 0: 256)", .def = "0", .max = MAX_TB_MIB },
    { .name = "split-wx", .kind = TN_PROP_ENUM, .offset = offsetof(Tcg, split_wx),
      .doc = "map code memory twice, never writable and executable at once (auto: where the host "
             "demands it)",
      .def = "auto", .values = split_wx_values },
    SWITCH("one-insn-per-tb", one_insn_per_tb, "translate every instruction by itself", "off"),
    SWITCH("check", check, "run each block in the interpreter too and compare", "off"),
    SWITCH("stats", stats, "write what the translator did to the log (-D) at the end", "off"),
    { .name = "cache", .kind = TN_PROP_STRING, .offset = offsetof(Tcg, cache),
      .doc = "directory in which translations are kept for the next run" },
    { .name = "cache-size", .kind = TN_PROP_UINT64, .offset = offsetof(Tcg, cache_size),
      .doc = "what they may take there in MiB (1 to 2048)", .def = "256", .min = TN_CACHE_MIN_MIB,
      .max = TN_CACHE_MAX_MIB },
#define TN_OPT(id_, name_, doc_) SWITCH(name_, opt[TN_OPT_NUMBER_##id_], doc_, "on"),
#include "translate/opt.def"
#undef TN_OPT
    { .name = NULL },
};

/* ---- Choosing ---------------------------------------------------------------------------- */

static const TnBackend *find_backend(const Tcg *tcg, GError **error)
{
    if (tcg->backend == BACKEND_INTERP)
        return &tn_backend_interp;
#ifdef TN_BACKEND_X86_64
    return &tn_backend_x86_64;
#else
    g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                "-accel tcg: backend=x86_64 is for x86-64 hosts; use backend=interp");
    return NULL;
#endif
}

static bool check_options(const Tcg *tcg, GError **error)
{
    if (tcg->tb_size && tcg->tb_size < MIN_TB_MIB) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "-accel tcg: tb-size=%" G_GUINT64_FORMAT " is too small (%d to %d MiB)",
                    tcg->tb_size, MIN_TB_MIB, MAX_TB_MIB);
        return false;
    }
    if (tcg->check && tcg->backend == BACKEND_INTERP) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "-accel tcg: check=on compares a back end with the interpreter; "
                    "backend=interp is the interpreter");
        return false;
    }
    return true;
}

static bool check_cache(const Tcg *tcg, GError **error)
{
    const char *with = tcg->backend == BACKEND_INTERP ? "backend=interp"
                       : tcg->check                   ? "check=on"
                       : tcg->one_insn_per_tb         ? "one-insn-per-tb=on"
                                                      : NULL;

    if (!tcg->cache)
        return true;
    if (!*tcg->cache) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "-accel tcg: cache= needs a directory");
        return false;
    }
    if (with) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "-accel tcg: cache=%s keeps host code of whole blocks, which there is none of "
                    "with %s", tcg->cache, with);
        return false;
    }
    return true;
}

static uint32_t opt_bits(const Tcg *tcg)
{
    uint32_t bits = 0;

    for (unsigned i = 0; i < TN_N_OPTS; i++)
        bits |= tcg->opt[i] ? 1u << i : 0;
    return bits;
}

/* ---- Running ----------------------------------------------------------------------------- */

static void memory_changed(TnAddressSpace *as, void *data)
{
    tn_tlb_flush_all_cpus();
}

/* SMRAM's space appears when the board makes it, at the latest before the machine starts. */
static void listen_smm(void)
{
    static TnAddressSpace *listened;
    TnAddressSpace *smm = tn_smm_memory();

    if (smm && smm != listened)
        tn_memory_listen(smm, memory_changed, NULL);
    listened = smm;
}

static void resume_cpus(void)
{
    listen_smm();
    tn_cpu_debug_resume();
    tn_cpus_resume();
}

static const TnRunHooks run_hooks = { .pause_cpus = tn_cpus_pause, .resume_cpus = resume_cpus };

/* The machine is going down: the vCPUs have stopped for good. */
static void write_stats(void *opaque, bool running, TnRunState state)
{
    if (state != TN_RUN_SHUTDOWN)
        return;
    g_autoptr(GString) text = g_string_new(NULL);
    tn_stats_text(text);
    fprintf(tn_log_begin(), "translation statistics\n%s", text->str);
    tn_log_end();
}

static void save_cache(void *opaque, bool running, TnRunState state)
{
    if (state == TN_RUN_SHUTDOWN)
        tn_cache_save();
}

static bool tcg_init(TnObject *accel, void *state, GError **error)
{
    Tcg *tcg = state;
    const TnBackend *backend = find_backend(tcg, error);
    uint32_t opt = opt_bits(tcg);
    uint64_t mib = tcg->tb_size ? tcg->tb_size : DEFAULT_TB_MIB;

    if (!backend || !check_options(tcg, error) || !check_cache(tcg, error))
        return false;
    if (tcg->check) {
        tn_check_setup(backend, opt);
        backend = &tn_backend_check;
        opt = 0;
    }
    tn_translator_configure(&(TnTranslatorOptions){
        .backend = backend, .tb_size = mib << 20, .split_wx = tcg->split_wx, .opt = opt,
        .one_insn_per_tb = tcg->one_insn_per_tb, .stats = tcg->stats });
    tn_run_set_hooks(&run_hooks);
    if (tcg->cache) {
        tn_cache_configure(tcg->cache, tcg->cache_size << 20);
        tn_run_state_listen(accel, save_cache, NULL);
    }
    if (tcg->stats)
        tn_run_state_listen(accel, write_stats, NULL);
    return true;
}

static bool tcg_cpu_start(TnObject *accel, void *state, TnCpu *cpu, GError **error)
{
    Tcg *tcg = state;

    if (tcg->check && cpu->index > 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                    "-accel tcg: check=on is for one CPU, not for -smp %u or more", cpu->index + 1);
        return false;
    }
    if (!tn_translator_init(cpu->target, error))
        return false;
    tn_cache_start(cpu);
    if (cpu->index == 0)
        tn_memory_listen(cpu->as, memory_changed, NULL);
    return tn_cpu_thread_start(cpu, tcg->thread == THREAD_SINGLE, error);
}

static void tcg_cpu_stop(TnObject *accel, void *state, TnCpu *cpu)
{
    tn_cpu_thread_stop(cpu);
}

static void tcg_kick(TnObject *accel, void *state, TnCpu *cpu)
{
    tn_cpu_kick(cpu);
}

static const TnAccelOps tcg_ops = {
    .size = sizeof(TnAccelOps),
    .init = tcg_init,
    .cpu_start = tcg_cpu_start,
    .cpu_stop = tcg_cpu_stop,
    .kick = tcg_kick,
    .runs_cpus = true,
};

static const TnInterfaceImpl tcg_interfaces[] = {
    { TN_IFACE_ACCEL, &tcg_ops },
    { NULL, NULL },
};

static const TnTypeInfo tcg_type = {
    .size = sizeof(TnTypeInfo),
    .name = "tcg-accel",
    .parent = TN_TYPE_ACCEL,
    .state_size = sizeof(Tcg),
    .property_stride = sizeof(TnProperty),
    .properties = tcg_properties,
    .interfaces = tcg_interfaces,
    .description = "Binary translation to the host's instructions",
};
TN_CORE_TYPE(tcg_type);
