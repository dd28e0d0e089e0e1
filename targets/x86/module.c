/* SPDX-License-Identifier: MIT */
/*
 * The x86 target module: x86_64 and i386 differ by their default CPU model only.
 */
#include "module.h"

#include <string.h>

#include "tenon-internal-hash.h"
#include "model.h"
#include "rows.h"
#include "system/system.h"
#include "translate.h"

#define GENERAL_REG(name_, index_, pin_) \
    [index_] = { .name = name_, .offset = offsetof(X86State, regs) + 8 * (index_), \
                 .type = TN_I64, .pin = pin_ }

#define VECTOR_REG(index_) \
    [X86_REG_YMM + (index_)] = { .name = "ymm" #index_, \
                                 .offset = offsetof(X86State, ymm) + sizeof(X86Ymm) * (index_), \
                                 .type = TN_V256, .pin = 16 - (index_) }

/* The wishes follow how often compilers use a register. */
static const TnRegInfo x86_regs[X86_N_REGS] = {
    GENERAL_REG("rax", RAX, 16), GENERAL_REG("rcx", RCX, 13), GENERAL_REG("rdx", RDX, 14),
    GENERAL_REG("rbx", RBX, 11), GENERAL_REG("rsp", RSP, 17), GENERAL_REG("rbp", RBP, 10),
    GENERAL_REG("rsi", RSI, 12), GENERAL_REG("rdi", RDI, 15), GENERAL_REG("r8", R8, 8),
    GENERAL_REG("r9", R9, 6),    GENERAL_REG("r10", R10, 4),  GENERAL_REG("r11", R11, 3),
    GENERAL_REG("r12", R12, 9),  GENERAL_REG("r13", R13, 7),  GENERAL_REG("r14", R14, 5),
    GENERAL_REG("r15", R15, 2),
    [X86_REG_FLAGS] = { .name = "flags", .offset = offsetof(X86State, flags), .type = TN_I32,
                        .pin = 18 },
    VECTOR_REG(0), VECTOR_REG(1), VECTOR_REG(2), VECTOR_REG(3), VECTOR_REG(4), VECTOR_REG(5),
    VECTOR_REG(6), VECTOR_REG(7), VECTOR_REG(8), VECTOR_REG(9), VECTOR_REG(10), VECTOR_REG(11),
    VECTOR_REG(12), VECTOR_REG(13), VECTOR_REG(14), VECTOR_REG(15),
};

static const TnTargetOps x86_ops = {
    .cpu_init = x86_cpu_init,
    .cpu_clear = x86_cpu_clear,
    .reset = x86_reset,
    .key = x86_key,
    .translate = x86_translate,
    .tlb_fill = x86_tlb_fill,
    .deliver_exception = x86_deliver_exception,
    .take_request = x86_take_request,
    .has_work = x86_has_work,
    .set_pc = x86_set_pc,
    .pc = x86_pc,
    .unaligned = x86_unaligned,
    .debug_translate = x86_debug_translate,
    .dump = x86_dump,
    .gdb_read = x86_gdb_read,
    .gdb_write = x86_gdb_write,
    .irq = x86_irq,
    .list_models = x86_model_list,
    .describe_model = x86_model_describe,
    .translation_identity = x86_translation_identity,
};

#ifdef __x86_64__
#define X87_OPS &x86_x87_ops
#else
#define X87_OPS NULL
#endif

#define TARGET_INFO(name_, model_) \
    { .size = sizeof(TnTargetInfo), .name = name_, .state_size = sizeof(X86State), \
      .n_mmu_modes = X86_N_MMU_MODES, .regs = x86_regs, .n_regs = X86_N_REGS, \
      .helpers = x86_helpers, .n_helpers = X86_N_HELPERS, \
      .mxcsr_offset = offsetof(X86State, mxcsr), .pc_offset = offsetof(X86State, rip), \
      .default_model = model_, .default_machine = "pc", .state = x86_state_fields, \
      .ops = &x86_ops, .x87 = X87_OPS }

static const TnTargetInfo target_x86_64 = TARGET_INFO("x86_64", "qemu64");
static const TnTargetInfo target_i386 = TARGET_INFO("i386", "qemu32");

static bool x86_init(GError **error)
{
    return x86_rows_compile(x86_chapters, error);
}

static const void *x86_interface(const char *name)
{
    if (strcmp(name, "target/x86_64") == 0)
        return &target_x86_64;
    if (strcmp(name, "target/i386") == 0)
        return &target_i386;
    return NULL;
}

static const TnModuleHooks hooks = {
    .size = sizeof(hooks),
    .init = x86_init,
    .interface = x86_interface,
};

TN_MODULE(hooks,
    TN_NOTE_NAME("target-x86") TN_NOTE_VERSION("1.0") TN_NOTE_LICENCE("MIT") TN_NOTE_INTERNAL
    TN_NOTE_TARGET("x86_64", "64-bit x86")
    TN_NOTE_TARGET("i386", "32-bit x86")
    TN_NOTE_PROVIDES("iface", "target/x86_64", "", "", "-", "x86_64 for the translator")
    TN_NOTE_PROVIDES("iface", "target/i386", "", "", "-", "i386 for the translator"));
