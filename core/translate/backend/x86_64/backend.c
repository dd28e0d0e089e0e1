/* SPDX-License-Identifier: MIT */
/* The x86-64 host back end: compiling a block, linking, and its place in the translator. */
#include <limits.h>
#include <string.h>

#ifdef TN_HAVE_CAPSTONE
#include <capstone/capstone.h>
#endif

#include "code-buffer.h"
#include "compile.h"
#include "keep.h"
#include "notes.h"
#include "slow.h"
#include "tenon/error.h"

enum {
    EXIT_ROOM = 160,    /* no stub of a direct exit is longer */
    MIN_CODE = 1 << 20,
    HOT_ALIGN = 16,
};

uint32_t x64_opt = TN_OPT_ALL;

/* Compiling is serialised by the translator: one context, its arrays kept. */
static X64Ctx ctx;
static X64Temp temps[TN_IR_MAX_TEMPS];
static TnTemp map[TN_IR_MAX_TEMPS];
static int capacity;

static void x64_configure(uint32_t opt)
{
    x64_opt = opt;
}

static bool x64_init(const TnTargetInfo *target, size_t code_bytes, TnSplitWx split,
                     GError **error)
{
    x64_host_init();
    if (!x64_host.popcnt || !x64_host.avx) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                    "the x86_64 back end needs a host processor with POPCNT and AVX");
        return false;
    }
    if (target->n_regs > X64_MAX_REGS) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                    "target %s declares %u registers; the x86_64 back end handles %d", target->name,
                    target->n_regs, X64_MAX_REGS);
        return false;
    }
    if (!x64_code_map(MAX(code_bytes, (size_t)MIN_CODE), split, error))
        return false;
    x64_plan_init(target);
    x64_make_thunks();
    x64_find_libraries();
    x64_sampling_init();
    return true;
}

static void grow(X64Ctx *cx, int n_ops)
{
    if (n_ops < capacity)
        return;
    capacity = MAX(n_ops + 1, 2 * capacity);
    cx->ops = g_renew(TnIrOp, cx->ops, capacity);
    cx->info = g_renew(X64OpInfo, cx->info, capacity);
    cx->insns = g_renew(uint64_t, cx->insns, capacity);
}

/* Hot code begins where the host fetches from. */
static uint8_t *entry_of(const TnBlock *block)
{
    uintptr_t next = (uintptr_t)x64_code.next;

    return block->form == TN_FORM_FAST ? x64_code.next
                                       : (uint8_t *)((next + HOT_ALIGN - 1) / HOT_ALIGN * HOT_ALIGN);
}

void x64_list_grow(X64List *l, size_t size)
{
    enum { FIRST_CAPACITY = 64 };

    l->capacity = l->capacity ? 2 * l->capacity : FIRST_CAPACITY;
    l->items = g_realloc_n(l->items, l->capacity, size);
}

static void prepare(X64Ctx *cx, TnBlock *block, int n_ops, int n_temps)
{
    uint8_t *entry = entry_of(block);

    grow(cx, n_ops);
    x64_free_slots(cx, INT_MAX); /* the last block's */
    cx->temps = temps;
    cx->map = map;
    cx->n_temps = n_temps;
    cx->block = block;
    x64_groups_begin(cx);
    cx->preferred = block->form == TN_FORM_FAST ? 1u << X64_RDX : 1u << X64_R10 | 1u << X64_R11;
    cx->locked = cx->locked_xmm = 0;
    cx->gone = 0;
    cx->wide_used = cx->vec_dirty = cx->too_far = false;
    cx->vec_known = 0;
    cx->x87_live = false;
    memset(cx->until, 0, sizeof(cx->until));
    memset(cx->home_of, 0, sizeof(cx->home_of));
    cx->pending_flags = TN_TEMP_NONE;
    cx->host_flags = TN_TEMP_NONE;
    cx->stubs.len = 0;
    cx->exits.len = 0;
    cx->ways_out.len = 0;
    cx->sides.len = 0;
    cx->refills.len = 0;
    cx->misses.len = 0;
    cx->e = (X64Emit){ .p = entry, .start = entry, .limit = x64_code.rw + x64_code.size };
}

/* Slow paths come first, so that most are within the reach of short jumps, but behind refills, which
 * go there, too. */
static void emit_parts(X64Ctx *cx)
{
    bool refills = cx->refills.len;

    if (!refills)
        x64_emit_stubs(cx);
    x64_emit_sides(cx);
    if (x64_has_rounds(cx))
        x64_emit_guard_exit(cx);
    x64_emit_refills(cx);
    if (refills)
        x64_emit_stubs(cx);
}

static bool compile_ops(X64Ctx *cx)
{
    x64_enter_loop(cx);
    x64_enter_flags(cx);
    if (x64_has_rounds(cx))
        x64_emit_guard(cx);
    cx->n_near = 0;
    if (!x64_lower(cx))
        return false;
    emit_parts(cx);
    if (cx->too_far || !x64_room(cx) ||
        cx->e.limit - cx->e.p < (ptrdiff_t)cx->exits.len * EXIT_ROOM)
        return false;
    x64_emit_exits(cx);
    return true;
}

static bool compile(X64Ctx *cx, TnBlock *block, const TnIrOp *ops, int n_ops, int n_temps)
{
    prepare(cx, block, n_ops, n_temps);
    x64_forwards(cx, ops, n_ops);
    if (x64_has_rounds(cx))
        x64_hoist_probes(cx);
    x64_backwards(cx);
    x64_finish_groups(cx);
    /* A guard that fails shows the flags to the loop's first block. */
    block->flags_dead = (x64_opt & TN_OPT_DEAD_FLAGS) && cx->flags_dead && !x64_has_rounds(cx);
    block->flags_marked = false;
    x64_find_loop(cx);
    if (x64_has_sites(block))
        x64_give_sites(cx);
    return compile_ops(cx);
}

static bool x64_compile(TnBlock *block, const TnIrOp *ops, unsigned n_ops, unsigned n_temps)
{
    X64Ctx *cx = &ctx;
    bool done;

    if (x64_code.rw + x64_code.size - x64_code.next < X64_OP_ROOM)
        return false;
    cx->tries_near = block->form == TN_FORM_FAST;
    cx->settles_odd = x64_may_become_hot(block);
    done = compile(cx, block, ops, (int)n_ops, (int)n_temps);
    if (cx->too_far) {
        cx->tries_near = false;
        done = compile(cx, block, ops, (int)n_ops, (int)n_temps);
    }
    if (!done) {
        x64_drop_sites(block);
        return false;
    }
    block->code = x64_code_rx(cx->e.start);
    block->code_size = (uint32_t)(cx->e.p - cx->e.start);
    x64_code_note(block->code, block);
    x64_code_take(cx->e.p);
    return true;
}

const TnIrOp *x64_last_ops(int *n)
{
    *n = ctx.n_ops;
    return ctx.ops;
}

bool x64_last_is_bound(void)
{
    return ctx.e.bound;
}

void x64_identify(GByteArray *out)
{
    g_byte_array_append(out, (const void *)&x64_host, sizeof(x64_host));
    g_byte_array_append(out, (const void *)&x64_opt, sizeof(x64_opt));
}

static void x64_flush(void)
{
    x64_code_reset();
    x64_forget_looks();
}

static void x64_release_block(TnBlock *block)
{
    x64_drop_sites(block);
    tn_block_delete_exits(block);
    x64_code_drop(block->code, block);
    block->code = NULL;
}

static void dump_hex(const TnBlock *block, GString *out)
{
    const uint8_t *p = x64_code_rw(block->code);

    for (uint32_t i = 0; i < block->code_size; i++)
        g_string_append_printf(out, "%02x%s", p[i], i % 32 == 31 ? "\n" : " ");
    g_string_append_c(out, '\n');
}

static bool dump_asm(const TnBlock *block, GString *out)
{
#ifdef TN_HAVE_CAPSTONE
    csh handle;
    cs_insn *insn;

    if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK)
        return false;
    cs_option(handle, CS_OPT_SKIPDATA, CS_OPT_ON);

    size_t n = cs_disasm(handle, x64_code_rw(block->code), block->code_size,
                         (uintptr_t)block->code, 0, &insn);

    for (size_t i = 0; i < n; i++)
        g_string_append_printf(out, "0x%" G_GINT64_MODIFIER "x:  %-8s %s\n", insn[i].address,
                               insn[i].mnemonic, insn[i].op_str);
    if (n)
        cs_free(insn, n);
    cs_close(&handle);
    return n > 0;
#else
    return false;
#endif
}

static void x64_dump(const TnBlock *block, GString *out)
{
    if (!dump_asm(block, out))
        dump_hex(block, out);
}

const TnBackend tn_backend_x86_64 = {
    .name = "x86_64",
    .x87 = true,
    .rounds = true,
    .configure = x64_configure,
    .init = x64_init,
    .compile = x64_compile,
    .flush = x64_flush,
    .release = x64_release_block,
    .unwinding = x64_unwinding,
    .unwound = x64_unwound,
    .run = x64_run,
    .sampled = x64_sampled,
    .tlb_moved = x64_tlb_moved,
    .link = x64_link,
    .unlink = x64_unlink,
    .link_lookup = x64_link_lookup,
    .dump = x64_dump,
    .pack = x64_pack,
    .unpack = x64_unpack,
    .apart = x64_code_apart,
    .identify = x64_identify,
};
