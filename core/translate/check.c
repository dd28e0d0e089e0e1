/* SPDX-License-Identifier: MIT */
/* The checking mode as a back end around two others; see check.h. */
#include "translate/check.h"

#include <inttypes.h>
#include <string.h>

#include "cpu/cpu-private.h"
#include "tenon/log.h"
#include "tenon/machine.h"
#include "translate/check-report.h"
#include "translate/promote.h"
#include "translate/softmmu.h"
#include "translate/translator.h"

enum {
    GAVE_UP = 100, /* beside TnUnwind */
    MAX_TRIES = 20,
    HOT_RUNS = 2000, /* of a block: no time is spent here as it would be elsewhere */
};

bool tn_check_noting, tn_check_stops;
uint64_t tn_check_stop;

static struct {
    const TnBackend *checked;
    uint32_t opt;
    GArray *stores;           /* of TnCheckStore */
    GByteArray *old, *new;    /* bytes of the stores, before and after the interpreter's run */
    uint8_t *before, *wanted; /* the state before, and after the interpreter's run */
    size_t state_size;
    uint32_t space;           /* the address space before */
    TnBlock *hot;             /* has just run often enough to be made anew, or NULL */
    unsigned requests;        /* held back from cpu->exit_request */
    uint64_t compared, once, devices, faults;
    bool failed;              /* a difference was reported: nothing is compared any more */
} check;

void tn_check_setup(const TnBackend *checked, uint32_t opt)
{
    check.checked = checked;
    check.opt = opt;
}

/* ---- Blocks ------------------------------------------------------------------------------ */

static bool runs_once(const TnIrOp *op)
{
    return op->opc == TN_IR_CALL &&
           (tn_translator.target->helpers[op->aux].flags & TN_HELPER_ONCE);
}

unsigned tn_check_insns(const TnIrBuilder *b)
{
    unsigned n = 0;
    for (unsigned i = 0; i < b->n_ops; i++) {
        n += b->ops[i].opc == TN_IR_INSN;
        if (runs_once(&b->ops[i]))
            return MAX(n, 2) - 1; /* those before it, or it alone */
    }
    return b->n_insns;
}

static bool check_init(const TnTargetInfo *target, size_t code_bytes, TnSplitWx split,
                       GError **error)
{
    check.state_size = target->state_size;
    check.before = g_malloc(check.state_size);
    check.wanted = g_malloc(check.state_size);
    check.stores = g_array_new(false, false, sizeof(TnCheckStore));
    check.old = g_byte_array_new();
    check.new = g_byte_array_new();
    if (check.checked->configure)
        check.checked->configure(check.opt & ~(uint32_t)TN_OPT_NEXT); /* it asks for the next key */
    return tn_backend_interp.init(target, code_bytes, split, error) &&
           check.checked->init(target, code_bytes, split, error);
}

static void release_shadow(TnBlock *block)
{
    TnBlock *shadow = block->shadow;

    if (!shadow)
        return;
    tn_backend_interp.release(shadow);
    tn_block_delete_exits(shadow);
    g_free(shadow);
    block->shadow = NULL;
}

/* The block for the interpreter; none where it must not run twice. */
static bool make_shadow(TnBlock *block, const TnIrOp *ops, unsigned n_ops, unsigned n_temps)
{
    release_shadow(block); /* of an attempt that found no room */
    for (unsigned i = 0; i < n_ops; i++) {
        if (runs_once(&ops[i]))
            return true;
    }
    block->shadow = g_new0(TnBlock, 1);
    *block->shadow = (TnBlock){ .key = block->key, .mode_id = block->mode_id, .size = block->size,
                                .n_insns = block->n_insns };
    return tn_backend_interp.compile(block->shadow, ops, n_ops, n_temps);
}

static bool check_compile(TnBlock *block, const TnIrOp *ops, unsigned n_ops, unsigned n_temps)
{
    g_autofree TnIrOp *optimised = g_memdup2(ops, n_ops * sizeof(*ops));

    if (!make_shadow(block, ops, n_ops, n_temps))
        return false;
    if (check.checked->optimised)
        n_ops = tn_ir_optimise(tn_translator.target, optimised, n_ops, n_temps, check.opt);
    return check.checked->compile(block, optimised, n_ops, n_temps);
}

static void check_flush(void)
{
    tn_backend_interp.flush();
    check.checked->flush();
}

static void check_release(TnBlock *block)
{
    release_shadow(block);
    check.checked->release(block);
}

/* ---- One run ----------------------------------------------------------------------------- */

/* How a run ended. */
typedef struct Outcome {
    int unwound; /* TnUnwind or GAVE_UP */
    TnRunResult result;
    uint64_t fault_pc;
} Outcome;

static Outcome attempt(TnCpu *cpu, const TnBackend *backend, TnBlock *block)
{
    sigjmp_buf here, *outer = cpu->unwind;
    Outcome o = { .unwound = TN_UNWIND_NONE };

    cpu->unwind = &here;
    int how = sigsetjmp(here, 0);
    if (how == TN_UNWIND_NONE)
        o.result = backend->run(cpu, block);
    else if (backend->unwound)
        backend->unwound(cpu);
    cpu->unwind = outer;
    o.unwound = how;
    o.fault_pc = cpu->fault_pc;
    return o;
}

void tn_check_keep(void *host, unsigned size)
{
    TnCheckStore s = { .host = host, .size = size, .at = check.old->len };

    g_array_append_val(check.stores, s);
    g_byte_array_append(check.old, host, size);
}

void tn_check_leave(TnCpu *cpu)
{
    if (check.checked->unwinding)
        check.checked->unwinding(cpu);
    siglongjmp(*cpu->unwind, GAVE_UP);
}

static void keep_wanted(TnCpu *cpu)
{
    memcpy(check.wanted, tn_cpu_state(cpu), check.state_size);
    g_byte_array_set_size(check.new, check.old->len);
    for (guint i = 0; i < check.stores->len; i++) {
        const TnCheckStore *s = &g_array_index(check.stores, TnCheckStore, i);
        memcpy(check.new->data + s->at, s->host, s->size);
    }
}

/* Everything as it was before the run; stores are taken back from the last to the first. */
static void put_back(TnCpu *cpu)
{
    if (tn_device_lock_held())
        tn_device_unlock();
    tn_exclusive_abandon(cpu);
    memcpy(tn_cpu_state(cpu), check.before, check.state_size);
    tn_tlb_select(cpu, check.space);
    for (guint i = check.stores->len; i-- > 0;) {
        const TnCheckStore *s = &g_array_index(check.stores, TnCheckStore, i);
        memcpy(s->host, check.old->data + s->at, s->size);
    }
}

/* Requests to leave wait until both runs are over; those that came are in check.requests. */
static void hold_requests(TnCpu *cpu)
{
    check.requests |= atomic_exchange(&cpu->exit_request, 0);
}

/* The interpreter's run, after which everything is as it was. */
static Outcome foresee(TnCpu *cpu, TnBlock *shadow)
{
    Outcome o;

    g_array_set_size(check.stores, 0);
    g_byte_array_set_size(check.old, 0);
    do {
        hold_requests(cpu);
        tn_check_noting = true;
        o = attempt(cpu, &tn_backend_interp, shadow);
        tn_check_noting = false;
    } while (o.unwound == TN_UNWIND_NONE && o.result.why == TN_RUN_EXIT_REQUEST);
    keep_wanted(cpu);
    put_back(cpu);
    return o;
}

/* ---- Both -------------------------------------------------------------------------------- */

static bool same_memory(void)
{
    for (guint i = 0; i < check.stores->len; i++) {
        const TnCheckStore *s = &g_array_index(check.stores, TnCheckStore, i);
        if (memcmp(s->host, check.new->data + s->at, s->size) != 0)
            return false;
    }
    return true;
}

/* In the middle of the block. */
static bool is_left(const Outcome *o)
{
    return o->unwound == TN_UNWIND_NONE && o->result.why == TN_RUN_EXIT_TAIL;
}

/* Whether one of them left the block in the middle, where the other went on: the interpreter leaves
 * where code did then, when both run again. */
static bool left_alone(TnCpu *cpu, const Outcome *wanted, const Outcome *found)
{
    uint64_t pc = cpu->target->ops->pc(cpu);

    if (is_left(found) == is_left(wanted) && !(is_left(found) && pc != tn_check_stop))
        return false;
    tn_check_stops = is_left(found);
    tn_check_stop = pc;
    return true;
}

static bool same_end(const Outcome *a, const Outcome *b)
{
    bool at_pc = a->unwound == TN_UNWIND_FAULT || a->unwound == TN_UNWIND_SMC;
    bool left[2] = { is_left(a), is_left(b) };
    return a->unwound == b->unwound && (!at_pc || a->fault_pc == b->fault_pc) && left[0] == left[1];
}

static bool same(TnCpu *cpu, const Outcome *wanted, const Outcome *found)
{
    return same_end(wanted, found) && same_memory() &&
           memcmp(check.wanted, tn_cpu_state(cpu), check.state_size) == 0;
}

static void report(TnCpu *cpu, const TnBlock *block, const Outcome *wanted, const Outcome *found)
{
    tn_check_report(&(TnCheckDifference){
        .cpu = cpu, .block = block, .before = check.before, .wanted = check.wanted,
        .stores = check.stores, .new = check.new->data,
        .unwound = { wanted->unwound, found->unwound },
        .fault_pc = { wanted->fault_pc, found->fault_pc } });
    check.failed = true;
    tn_machine_exit(1);
}

/* A request that came while one of them ran may have cut a string instruction short: once more. */
static Outcome run_both(TnCpu *cpu, TnBlock *block)
{
    Outcome wanted, found;

    memcpy(check.before, tn_cpu_state(cpu), check.state_size);
    check.space = cpu->priv->in_force->tag;
    tn_check_stops = false;
    for (unsigned i = 1;; i++) {
        hold_requests(cpu);
        unsigned held = check.requests;
        check.requests = 0;
        wanted = foresee(cpu, block->shadow);
        hold_requests(cpu);
        found = attempt(cpu, check.checked, block);
        bool disturbed = check.requests || atomic_load(&cpu->exit_request);
        check.requests |= held;
        if (wanted.unwound == GAVE_UP) {
            check.devices++;
            return found;
        }
        if (TN_LIKELY(same(cpu, &wanted, &found)))
            break;
        bool again = left_alone(cpu, &wanted, &found) || disturbed;
        if (!again || i == MAX_TRIES) {
            report(cpu, block, &wanted, &found);
            return found;
        }
        put_back(cpu);
    }
    check.compared++;
    check.faults += wanted.unwound == TN_UNWIND_FAULT;
    return found;
}

static void note_run(TnCpu *cpu, TnBlock *block)
{
    if (++block->samples != HOT_RUNS || !(check.opt & TN_OPT_SITES))
        return;
    check.hot = block;
    atomic_store(&cpu->exit_request, 1);
}

static TnRunResult check_run(TnCpu *cpu, TnBlock *block)
{
    Outcome found;

    if (block->shadow && !check.failed) {
        found = run_both(cpu, block);
        atomic_fetch_or(&cpu->exit_request, check.requests);
        check.requests = 0;
    } else {
        check.once += !block->shadow;
        found = attempt(cpu, check.checked, block);
    }
    note_run(cpu, block);
    if (found.unwound != TN_UNWIND_NONE)
        siglongjmp(*cpu->unwind, found.unwound);
    return found.result;
}

static void check_sampled(TnCpu *cpu)
{
    TnBlock *block = check.hot;

    if (check.checked->sampled)
        check.checked->sampled(cpu);
    check.hot = NULL;
    if (block)
        tn_block_remake(cpu, block, TN_FORM_HOT);
}

static void check_unwinding(TnCpu *cpu)
{
    if (check.checked->unwinding)
        check.checked->unwinding(cpu);
}

static void check_tlb_moved(TnCpu *cpu)
{
    if (check.checked->tlb_moved)
        check.checked->tlb_moved(cpu);
}

/* Blocks are never chained. */
static void check_link(TnBlock *from, unsigned exit, TnBlock *to)
{
}

static void check_unlink(TnBlock *from, unsigned exit)
{
}

static void check_dump(const TnBlock *block, GString *out)
{
    if (check.checked->dump)
        check.checked->dump(block, out);
}

void tn_check_text(GString *out)
{
    g_string_append_printf(out,
                           "block runs compared: %" PRIu64 "\n"
                           "block runs compared, ended by a fault: %" PRIu64 "\n"
                           "block runs not compared, cannot be done twice: %" PRIu64 "\n"
                           "block runs not compared, accessed a device: %" PRIu64 "\n",
                           check.compared, check.faults, check.once, check.devices);
}

const TnBackend tn_backend_check = {
    .name = "check",
    .checked = true,
    .init = check_init,
    .compile = check_compile,
    .flush = check_flush,
    .release = check_release,
    .unwinding = check_unwinding,
    .run = check_run,
    .sampled = check_sampled,
    .tlb_moved = check_tlb_moved,
    .link = check_link,
    .unlink = check_unlink,
    .dump = check_dump,
};
