/* SPDX-License-Identifier: MIT */
/*
 * The interpreter as a back end: program memory, linking, and the table the translator sees.
 * A program is ordinary heap memory, counted against the size asked for.
 */
#include <inttypes.h>

#include "interp.h"

const TnTargetInfo *interp_target;
const void *interp_handlers[INTERP_HANDLERS];

static struct {
    size_t limit, used; /* bytes of programs; changed under the translator's lock */
} memory;

static bool interp_init(const TnTargetInfo *target, size_t code_bytes, TnSplitWx split,
                        GError **error)
{
    interp_target = target;
    memory.limit = code_bytes;
    interp_run(NULL, NULL, interp_handlers);
    return true;
}

static bool compile(TnBlock *block, const TnIrOp *ops, unsigned n_ops, unsigned n_temps)
{
    if (memory.used + n_ops * sizeof(InterpOp) > memory.limit)
        return false;
    if (!interp_compile(block, ops, n_ops, n_temps))
        return false;
    memory.used += block->code_size;
    return true;
}

/* Programs are freed one by one by interp_release. */
static void interp_flush(void)
{
}

static void interp_release(TnBlock *block)
{
    memory.used -= block->code_size;
    g_free(block->code);
    block->code = NULL;
    block->code_size = 0;
}

static TnRunResult run(TnCpu *cpu, TnBlock *block)
{
    return interp_run(cpu, block, NULL);
}

static void interp_link(TnBlock *from, unsigned exit, TnBlock *to)
{
    atomic_store_explicit(&from->exits[exit].to, to, memory_order_release);
}

static void interp_unlink(TnBlock *from, unsigned exit)
{
    atomic_store_explicit(&from->exits[exit].to, NULL, memory_order_release);
}

static const char *handler_name(const void *handler)
{
    static const char *const names[INTERP_HANDLERS] = {
#define NAMES(name, expression) [INTERP_##name##_32] = #name ".32", [INTERP_##name##_64] = #name ".64",
        TN_IR_SEMANTICS(NAMES)
#undef NAMES
    };
    for (unsigned i = 0; i < INTERP_HANDLERS; i++) {
        if (interp_handlers[i] == handler)
            return names[i] ? names[i] : "other";
    }
    return "?";
}

static void interp_dump(const TnBlock *block, GString *out)
{
    const InterpOp *op = block->code;
    unsigned n = block->code_size / (uint32_t)sizeof(InterpOp);

    for (unsigned i = 0; i < n; i++)
        g_string_append_printf(out, "  %4u: %-12s %u <- %u %u %u %u, 0x%" PRIx64 "\n", i,
                               handler_name(op[i].handler), op[i].dst, op[i].a, op[i].b, op[i].c,
                               op[i].d, op[i].imm);
}

const TnBackend tn_backend_interp = {
    .name = "interp",
    .optimised = true,
    .checked = true,
    .init = interp_init,
    .compile = compile,
    .flush = interp_flush,
    .release = interp_release,
    .run = run,
    .link = interp_link,
    .unlink = interp_unlink,
    .dump = interp_dump,
};
