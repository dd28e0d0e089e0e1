/* SPDX-License-Identifier: MIT */
/*
 * The local APIC (Intel SDM vol. 3A, chapter 11): xAPIC in memory at 0xfee00000 and x2APIC through
 * MSRs, priorities, local vector table, error status. Routing is in apic-bus.c, the timer in
 * apic-timer.c.
 *
 * One region serves all vCPUs: an access concerns the APIC of the vCPU that makes it, where that one
 * has its page. Other writes in the megabyte are interrupt messages. A page that a vCPU moved hides
 * the memory below from the others, too: they read all ones there. Left out: CMCI.
 */
#include "apic.h"

#include <string.h>

#include "tenon/module.h"

enum {
    DEFAULT_BASE = 0xfee00000, REGION_SIZE = 0x100000, PAGE = 0x1000,
    VERSION = 0x14 | (N_LVT - 1) << 16,
    MSR_BASE = 0x800,
};

/* Bits a guest may write, by entry: vector, mode, polarity, trigger, mask, timer mode. */
static const uint32_t lvt_writable[N_LVT] = {
    [LVT_TIMER] = 0x700ff, [LVT_THERMAL] = 0x107ff, [LVT_PERF] = 0x107ff,
    [LVT_LINT0] = 0x1a7ff, [LVT_LINT1] = 0x1a7ff, [LVT_ERROR] = 0x100ff,
};

static bool bit_test(const uint32_t bits[8], unsigned n)
{
    return bits[n >> 5] >> (n & 31) & 1;
}

static void bit_set(uint32_t bits[8], unsigned n)
{
    bits[n >> 5] |= 1u << (n & 31);
}

static void bit_clear(uint32_t bits[8], unsigned n)
{
    bits[n >> 5] &= ~(1u << (n & 31));
}

int apic_highest(const uint32_t bits[8])
{
    for (int i = 7; i >= 0; i--)
        if (bits[i])
            return i * 32 + 31 - __builtin_clz(bits[i]);
    return -1;
}

/* Processor priority: SDM vol. 3A, 11.8.3.1. */
static uint32_t ppr(const Apic *s)
{
    int serving = apic_highest(s->isr);
    uint32_t isrv = serving < 0 ? 0 : (uint32_t)serving;
    return (s->tpr >> 4) >= (isrv >> 4) ? s->tpr : isrv & 0xf0;
}

static int deliverable(const Apic *s)
{
    if (!apic_enabled(s) || !(s->svr & SVR_ENABLE))
        return -1;
    int vector = apic_highest(s->irr);
    return vector >= 0 && (uint32_t)vector >> 4 > ppr(s) >> 4 ? vector : -1;
}

/* The 8259's INTR passes when the APIC is off or LINT0 is in ExtINT mode. */
static bool accepts_extint(const Apic *s)
{
    if (!(s->lint & 1))
        return false;
    uint32_t lvt = s->lvt[LVT_LINT0];
    return !apic_enabled(s) || (!(lvt & LVT_MASKED) && (lvt & LVT_MODE) >> 8 == DELIVER_EXTINT);
}

void apic_settle(Apic *s)
{
    if (deliverable(s) >= 0 || accepts_extint(s))
        tn_cpu_request(s->cpu, TN_CPU_REQUEST_HARD);
    else
        tn_cpu_unrequest(s->cpu, TN_CPU_REQUEST_HARD);
}

void apic_error(Apic *s, uint32_t bit)
{
    s->esr_pending |= bit;
    apic_lvt_fire(s, LVT_ERROR);
}

static void accept_vector(Apic *s, uint8_t vector, bool level)
{
    if (vector < 16) {
        apic_error(s, ESR_RECEIVE_ILLEGAL);
        return;
    }
    bit_set(s->irr, vector);
    if (level)
        bit_set(s->tmr, vector);
    else
        bit_clear(s->tmr, vector);
    apic_settle(s);
}

void apic_accept(Apic *s, Delivery mode, uint8_t vector, bool level)
{
    switch (mode) {
    case DELIVER_FIXED:
    case DELIVER_LOWEST:
        if (s->svr & SVR_ENABLE)
            accept_vector(s, vector, level);
        break;
    case DELIVER_SMI:
        tn_cpu_request(s->cpu, TN_CPU_REQUEST_SMI);
        break;
    case DELIVER_NMI:
        tn_cpu_request(s->cpu, TN_CPU_REQUEST_NMI);
        break;
    case DELIVER_INIT:
        tn_cpu_request(s->cpu, TN_CPU_REQUEST_INIT);
        break;
    case DELIVER_STARTUP:
        tn_cpu_set_sipi_vector(s->cpu, vector);
        tn_cpu_request(s->cpu, TN_CPU_REQUEST_SIPI);
        break;
    case DELIVER_EXTINT:
    case DELIVER_RESERVED:
        break;
    }
}

void apic_lvt_fire(Apic *s, unsigned entry)
{
    uint32_t lvt = s->lvt[entry];
    if (lvt & LVT_MASKED || !apic_enabled(s))
        return;
    bool fixed_only = entry == LVT_TIMER || entry == LVT_ERROR;
    Delivery mode = fixed_only ? DELIVER_FIXED : (Delivery)((lvt & LVT_MODE) >> 8);
    bool level = (entry == LVT_LINT0 || entry == LVT_LINT1) && lvt & LVT_LEVEL;
    apic_accept(s, mode, (uint8_t)lvt, level);
}

static void lint(void *opaque, unsigned line, int level)
{
    Apic *s = opaque;
    uint8_t bit = (uint8_t)(1u << line);
    bool rose = level && !(s->lint & bit);
    s->lint = level ? s->lint | bit : s->lint & ~bit;
    uint32_t mode = (s->lvt[LVT_LINT0 + line] & LVT_MODE) >> 8;
    if (rose && mode != DELIVER_EXTINT && apic_enabled(s))
        apic_lvt_fire(s, LVT_LINT0 + line);
    else if (rose && line == 1 && !apic_enabled(s))
        tn_cpu_request(s->cpu, TN_CPU_REQUEST_NMI);
    apic_settle(s);
}

static void end_of_interrupt(Apic *s)
{
    int vector = apic_highest(s->isr);
    if (vector < 0)
        return;
    bit_clear(s->isr, (unsigned)vector);
    if (bit_test(s->tmr, (unsigned)vector) && !(s->svr & SVR_NO_EOI_BROADCAST))
        tn_eoi_broadcast((uint8_t)vector);
    apic_settle(s);
}

/* ---- Registers -------------------------------------------------------------------------- */

static uint32_t ldr_value(const Apic *s)
{
    return apic_x2(s) ? (s->id & 0xffff0) << 12 | 1u << (s->id & 0xf) : s->ldr;
}

static bool read_register(Apic *s, unsigned n, uint32_t *value)
{
    switch (n) {
    case APIC_ID: *value = apic_x2(s) ? s->id : s->id << 24; return true;
    case APIC_VERSION: *value = VERSION; return true;
    case APIC_TPR: *value = s->tpr; return true;
    case APIC_APR: *value = 0; return true;
    case APIC_PPR: *value = ppr(s); return true;
    case APIC_EOI: *value = 0; return true;
    case APIC_RRD: *value = 0; return true;
    case APIC_LDR: *value = ldr_value(s); return true;
    case APIC_DFR: *value = s->dfr; return true;
    case APIC_SVR: *value = s->svr; return true;
    case APIC_ISR ... APIC_ISR + 7: *value = s->isr[n - APIC_ISR]; return true;
    case APIC_TMR ... APIC_TMR + 7: *value = s->tmr[n - APIC_TMR]; return true;
    case APIC_IRR ... APIC_IRR + 7: *value = s->irr[n - APIC_IRR]; return true;
    case APIC_ESR: *value = s->esr; return true;
    case APIC_ICR_LOW: *value = s->icr_low; return true;
    case APIC_ICR_HIGH: *value = s->icr_high; return true;
    case APIC_LVT_TIMER ... APIC_LVT_ERROR: *value = s->lvt[n - APIC_LVT_TIMER]; return true;
    case APIC_INITIAL_COUNT: *value = s->initial_count; return true;
    case APIC_CURRENT_COUNT: *value = apic_timer_count(s); return true;
    case APIC_DCR: *value = s->dcr; return true;
    }
    return false;
}

static void write_svr(Apic *s, uint32_t value)
{
    s->svr = value & (0xff | SVR_ENABLE | SVR_FOCUS);
    if (!(s->svr & SVR_ENABLE))
        for (unsigned i = 0; i < N_LVT; i++)
            s->lvt[i] |= LVT_MASKED;
}

static void write_lvt(Apic *s, unsigned entry, uint32_t value)
{
    uint32_t old = s->lvt[entry];
    value &= lvt_writable[entry];
    if (!(s->svr & SVR_ENABLE))
        value |= LVT_MASKED;
    s->lvt[entry] = value;
    if (entry == LVT_TIMER)
        apic_timer_mode_changed(s, old);
}

static bool write_register(Apic *s, unsigned n, uint32_t value)
{
    switch (n) {
    case APIC_ID: s->id = value >> 24; break;
    case APIC_TPR: s->tpr = value & 0xff; break;
    case APIC_EOI: end_of_interrupt(s); break;
    case APIC_LDR: s->ldr = value & 0xff000000; break;
    case APIC_DFR: s->dfr = value | 0x0fffffff; break;
    case APIC_SVR: write_svr(s, value); break;
    case APIC_ESR: s->esr = s->esr_pending; s->esr_pending = 0; break;
    case APIC_ICR_LOW: s->icr_low = value & 0xccfff; apic_send_ipi(s); break;
    case APIC_ICR_HIGH: s->icr_high = value & 0xff000000; break;
    case APIC_LVT_TIMER ... APIC_LVT_ERROR: write_lvt(s, n - APIC_LVT_TIMER, value); break;
    case APIC_INITIAL_COUNT: apic_timer_load(s, value); break;
    case APIC_DCR: s->dcr = value & 0xb; break;
    default: return false;
    }
    apic_settle(s);
    return true;
}

static Apic *current(void)
{
    TnCpu *cpu = tn_cpu_current();
    TnObject *obj = cpu ? tn_cpu_apic(cpu) : NULL;
    return obj ? tn_object_own_state(obj) : NULL;
}

static uint64_t page_of(const Apic *s)
{
    return s->base & ~(uint64_t)(PAGE - 1);
}

/* The APIC that an access concerns: that of the vCPU that makes it, when its page is there. `opaque`
 * is that of the region: NULL for the default one, or the APIC that shows its page. */
static Apic *accessed(const Apic *opaque, uint64_t offset)
{
    Apic *s = current();
    uint64_t page = opaque ? opaque->page_at : DEFAULT_BASE;
    return s && offset < PAGE && page_of(s) == page ? s : NULL;
}

/* Shows the page at a base other than the default. */
static void place_page(Apic *s)
{
    uint64_t at = apic_enabled(s) && page_of(s) != DEFAULT_BASE ? page_of(s) : 0;
    if (at == s->page_at)
        return;
    if (s->page_at)
        tn_region_remove(tn_system_memory(), s->page);
    s->page_at = at;
    if (at)
        tn_region_add_overlap(tn_system_memory(), at, s->page, 0x1001);
}

static TnMemResult mmio_read(void *opaque, uint64_t offset, uint64_t *value, unsigned size,
                             uint32_t attrs)
{
    Apic *s = accessed(opaque, offset);
    uint32_t v = 0;
    *value = 0;
    if (!s || !apic_enabled(s) || apic_x2(s)) {
        *value = UINT64_MAX;
        return TN_MEM_OK;
    }
    if (!read_register(s, (unsigned)offset >> 4, &v))
        apic_error(s, ESR_ILLEGAL_REGISTER);
    *value = v >> (offset & 3) * 8;
    return TN_MEM_OK;
}

static TnMemResult mmio_write(void *opaque, uint64_t offset, uint64_t value, unsigned size,
                              uint32_t attrs)
{
    Apic *s = accessed(opaque, offset);
    if (!s && !opaque) {
        tn_msi_send(DEFAULT_BASE + offset, (uint32_t)value);
        return TN_MEM_OK;
    }
    if (!s || !apic_enabled(s) || apic_x2(s))
        return TN_MEM_OK;
    if (size != 4 || offset & 0xf)
        tn_guest_error("apic", "%u-byte write at offset 0x%x is undefined", size, (unsigned)offset);
    else if (!write_register(s, (unsigned)offset >> 4, (uint32_t)value))
        apic_error(s, ESR_ILLEGAL_REGISTER);
    return TN_MEM_OK;
}

static const TnRegionOps mmio_ops = {
    .size_of = sizeof(mmio_ops), .read_attrs = mmio_read, .write_attrs = mmio_write,
    .impl_min = 1, .impl_max = 4,
};

/* ---- The vCPU's side -------------------------------------------------------------------- */

static int acknowledge(TnObject *obj)
{
    Apic *s = tn_object_own_state(obj);
    int vector = deliverable(s);
    if (vector >= 0) {
        bit_clear(s->irr, (unsigned)vector);
        bit_set(s->isr, (unsigned)vector);
    } else if (accepts_extint(s)) {
        vector = tn_pic_acknowledge();
    }
    apic_settle(s);
    return vector;
}

static bool pending(TnObject *obj)
{
    Apic *s = tn_object_own_state(obj);
    return deliverable(s) >= 0 || accepts_extint(s);
}

static void set_tpr(TnObject *obj, uint8_t cr8)
{
    Apic *s = tn_object_own_state(obj);
    s->tpr = (uint32_t)cr8 << 4;
    apic_settle(s);
}

static uint8_t get_tpr(TnObject *obj)
{
    return (uint8_t)(((Apic *)tn_object_own_state(obj))->tpr >> 4);
}

static uint64_t get_base(TnObject *obj)
{
    return ((Apic *)tn_object_own_state(obj))->base;
}

static bool set_base(TnObject *obj, uint64_t value)
{
    Apic *s = tn_object_own_state(obj);
    uint64_t modes = BASE_ENABLE | BASE_EXTD;
    bool was_x2 = apic_x2(s), was_on = apic_enabled(s);
    if (value & BASE_RESERVED || (value & modes) == BASE_EXTD || (was_x2 && (value & modes) == BASE_ENABLE) ||
        (!was_on && (value & modes) == modes))
        return false;
    s->base = (value & ~(uint64_t)BASE_BSP) | (s->base & BASE_BSP);
    if (!was_x2 && apic_x2(s))
        s->id = s->initial_id;
    if (was_on && !apic_enabled(s))
        s->svr &= ~SVR_ENABLE;
    place_page(s);
    apic_settle(s);
    return true;
}

static bool read_msr(TnObject *obj, uint32_t index, uint64_t *value)
{
    Apic *s = tn_object_own_state(obj);
    unsigned n = index - MSR_BASE;
    uint32_t low;
    if (!apic_x2(s) || n == APIC_DFR || n == APIC_ICR_HIGH || n == APIC_EOI || n == APIC_APR ||
        n == APIC_RRD || !read_register(s, n, &low))
        return false;
    *value = low;
    if (n == APIC_ICR_LOW)
        *value |= (uint64_t)s->icr_high << 32;
    return true;
}

static bool write_msr(TnObject *obj, uint32_t index, uint64_t value)
{
    Apic *s = tn_object_own_state(obj);
    unsigned n = index - MSR_BASE;
    if (!apic_x2(s) || n == APIC_ID || n == APIC_LDR || n == APIC_DFR || n == APIC_ICR_HIGH)
        return false;
    if (n == APIC_SELF_IPI) {
        apic_accept(s, DELIVER_FIXED, (uint8_t)value, false);
        return value <= 0xff;
    }
    if ((n == APIC_EOI || n == APIC_ESR) && value)
        return false;
    if (n == APIC_ICR_LOW)
        s->icr_high = (uint32_t)(value >> 32);
    else if (value >> 32)
        return false;
    return write_register(s, n, (uint32_t)value);
}

static uint64_t get_tsc_deadline(TnObject *obj)
{
    return ((Apic *)tn_object_own_state(obj))->tsc_deadline;
}

static void set_tsc_deadline(TnObject *obj, uint64_t deadline, int64_t when)
{
    apic_timer_set_deadline(tn_object_own_state(obj), deadline, when);
}

static void clear_registers(Apic *s)
{
    s->tpr = s->ldr = s->esr = s->esr_pending = s->icr_low = s->icr_high = s->dcr = 0;
    s->dfr = DFR_FLAT;
    s->svr = 0xff;
    for (unsigned i = 0; i < N_LVT; i++)
        s->lvt[i] = LVT_MASKED;
    memset(s->isr, 0, sizeof(s->isr));
    memset(s->tmr, 0, sizeof(s->tmr));
    memset(s->irr, 0, sizeof(s->irr));
    s->initial_count = s->owed = 0;
    s->tsc_deadline = 0;
    tn_timer_cancel(s->timer);
}

/* INIT keeps the identity and the base (SDM vol. 3A, 11.4.7.3). */
static void init_reset(TnObject *obj)
{
    Apic *s = tn_object_own_state(obj);
    clear_registers(s);
    apic_settle(s);
}

static uint32_t get_id(TnObject *obj)
{
    return ((Apic *)tn_object_own_state(obj))->id;
}

static bool is_bsp(TnObject *obj)
{
    /* By index: the processor may be reset before its APIC is. */
    return tn_cpu_index(((Apic *)tn_object_own_state(obj))->cpu) == 0;
}

static const TnApicOps apic_ops = {
    .size = sizeof(apic_ops), .acknowledge = acknowledge, .pending = pending, .set_tpr = set_tpr,
    .get_tpr = get_tpr, .get_base = get_base, .set_base = set_base, .read_msr = read_msr,
    .write_msr = write_msr, .get_tsc_deadline = get_tsc_deadline,
    .set_tsc_deadline = set_tsc_deadline, .init_reset = init_reset, .id = get_id, .is_bsp = is_bsp,
};

/* ---- Life ------------------------------------------------------------------------------- */

static void reset_identity(Apic *s)
{
    s->id = s->initial_id;
    s->base = DEFAULT_BASE | BASE_ENABLE | (tn_cpu_index(s->cpu) == 0 ? BASE_BSP : 0);
}

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    Apic *s = state;
    reset_identity(s);
    place_page(s);
    clear_registers(s);
    /* The board's firmware expects the 8259 to reach the boot processor through LINT0. */
    if (s->base & BASE_BSP)
        s->lvt[LVT_LINT0] = DELIVER_EXTINT << 8;
}

static void settle(TnObject *dev, void *state)
{
    place_page(state);
    apic_settle(state);
}

static bool init(TnObject *obj, void *state, GError **error)
{
    Apic *s = state;
    s->obj = obj;
    s->timer = tn_timer_new(obj, TN_CLOCK_VIRTUAL, apic_timer_fired, s);
    tn_irq_declare_in(obj, "lint", lint, 2);
    return true;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    Apic *s = state;
    s->cpu = tn_cpu_from_object(s->cpu_object);
    if (!s->cpu) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "apic: property 'cpu' does not name a vCPU");
        return false;
    }
    reset_identity(s); /* the vCPU's own reset, which comes first, asks is_bsp */
    tn_cpu_set_apic(s->cpu, dev);
    s->page = tn_region_new_io(dev, "apic-page", &mmio_ops, s, PAGE);
    if (tn_cpu_index(s->cpu) == 0) {
        s->shared = tn_region_new_io(dev, "apic-msi", &mmio_ops, NULL, REGION_SIZE);
        tn_region_add_overlap(tn_system_memory(), DEFAULT_BASE, s->shared, 0x1000);
        tn_set_msi_sink(apic_msi, NULL);
        tn_set_msi_waiting(apic_msi_waiting, NULL);
    }
    return true;
}

static void unrealize(TnObject *dev, void *state)
{
    Apic *s = state;
    tn_cpu_set_apic(s->cpu, NULL);
    if (s->page_at)
        tn_region_remove(tn_system_memory(), s->page);
    s->page_at = 0;
    if (!s->shared)
        return;
    tn_set_msi_sink(NULL, NULL);
    tn_set_msi_waiting(NULL, NULL);
    tn_region_remove(tn_system_memory(), s->shared);
}

static const TnProperty properties[] = {
    { .name = "cpu", .kind = TN_PROP_LINK, .offset = offsetof(Apic, cpu_object), .type = TN_TYPE_CPU,
      .flags = TN_PROP_REQUIRED, .doc = "the vCPU that it belongs to" },
    { .name = "apic-id", .kind = TN_PROP_UINT32, .offset = offsetof(Apic, initial_id),
      .doc = "APIC ID after reset" },
    { 0 },
};

static const TnStateField fields[] = {
    TN_STATE(U64, Apic, base), TN_STATE(U32, Apic, id), TN_STATE(U32, Apic, tpr),
    TN_STATE(U32, Apic, ldr), TN_STATE(U32, Apic, dfr), TN_STATE(U32, Apic, svr),
    TN_STATE(U32, Apic, esr), TN_STATE(U32, Apic, esr_pending), TN_STATE(U32, Apic, icr_low),
    TN_STATE(U32, Apic, icr_high), TN_STATE(U32, Apic, dcr), TN_STATE_ARRAY(U32, Apic, lvt),
    TN_STATE_ARRAY(U32, Apic, isr), TN_STATE_ARRAY(U32, Apic, tmr), TN_STATE_ARRAY(U32, Apic, irr),
    TN_STATE(U32, Apic, initial_count), TN_STATE(U64, Apic, count_start),
    TN_STATE(U64, Apic, tsc_deadline), TN_STATE(U8, Apic, lint), TN_STATE(TIMER, Apic, timer),
    TN_STATE(U64, Apic, due), TN_STATE(U32, Apic, owed), TN_STATE_LAST,
};

static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .unrealize = unrealize, .reset = reset,
    .settle = settle,
};

static const TnInterfaceImpl interfaces[] = {
    { TN_IFACE_DEVICE, &device_ops }, { TN_IFACE_APIC, &apic_ops }, { 0 },
};

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "apic", .parent = TN_TYPE_DEVICE, .state_size = sizeof(Apic),
    .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE,
    .interfaces = interfaces, .init = init, .description = "x86 local APIC",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("apic") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_GUESTS("x86_64,i386")
          TN_NOTE_INTERNAL_DEVICE("apic", "", "misc", "x86 local APIC"));
