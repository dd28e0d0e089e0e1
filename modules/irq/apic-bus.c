/* SPDX-License-Identifier: MIT */
/*
 * Delivery of interrupt messages to local APICs (SDM vol. 3A, 11.6 and 11.11): interprocessor
 * interrupts and messages from devices.
 */
#include "apic.h"

enum {
    MSI_DEST_SHIFT = 12, MSI_REDIRECTION = 1u << 3, MSI_LOGICAL = 1u << 2, MSI_TRIGGER_LEVEL = 1u << 15,
    BROADCAST8 = 0xff,
};

static Apic *apic_at(unsigned index)
{
    TnObject *obj = tn_cpu_apic(tn_cpu_at(index));
    return obj ? tn_object_own_state(obj) : NULL;
}

static uint32_t logical_x2_id(const Apic *s)
{
    return (s->id & 0xffff0) << 12 | 1u << (s->id & 0xf);
}

static bool matches_logical(const Apic *s, uint32_t destination)
{
    if (apic_x2(s)) {
        uint32_t own = logical_x2_id(s);
        return own >> 16 == destination >> 16 && own & destination & 0xffff;
    }
    uint8_t own = (uint8_t)(s->ldr >> 24);
    if (s->dfr >> 28 == 0xf)
        return own & destination & 0xff;
    return own >> 4 == (destination >> 4 & 0xf) && own & destination & 0xf;
}

static bool matches(const Apic *s, uint32_t destination, bool logical, bool x2)
{
    if (!apic_enabled(s))
        return false;
    if (destination == (x2 ? UINT32_MAX : BROADCAST8))
        return true;
    if (logical)
        return matches_logical(s, destination);
    return (apic_x2(s) || x2 ? s->id : s->id & 0xff) == destination;
}

static unsigned priority(const Apic *s)
{
    int serving = apic_highest(s->isr);
    return MAX(s->tpr >> 4, serving < 0 ? 0u : (unsigned)serving >> 4);
}

static void route_lowest(uint32_t destination, bool logical, bool x2, uint8_t vector, bool level)
{
    Apic *best = NULL;
    for (unsigned i = 0; i < tn_cpu_count(); i++) {
        Apic *s = apic_at(i);
        if (!s || !matches(s, destination, logical, x2) || !(s->svr & SVR_ENABLE))
            continue;
        if (!best || priority(s) < priority(best))
            best = s;
    }
    if (best)
        apic_accept(best, DELIVER_FIXED, vector, level);
}

void apic_route(uint32_t destination, bool logical, bool x2, Delivery mode, uint8_t vector, bool level)
{
    if (mode == DELIVER_LOWEST) {
        route_lowest(destination, logical, x2, vector, level);
        return;
    }
    for (unsigned i = 0; i < tn_cpu_count(); i++) {
        Apic *s = apic_at(i);
        if (s && matches(s, destination, logical, x2))
            apic_accept(s, mode, vector, level);
    }
}

void apic_msi(void *opaque, uint64_t address, uint32_t data)
{
    uint32_t destination = (uint32_t)(address >> MSI_DEST_SHIFT) & 0xff;
    apic_route(destination, address & MSI_LOGICAL, false, (Delivery)(data >> 8 & 7), (uint8_t)data,
               data & MSI_TRIGGER_LEVEL);
}

bool apic_msi_waiting(void *opaque, uint64_t address, uint32_t data)
{
    Delivery mode = (Delivery)(data >> 8 & 7);
    if (mode != DELIVER_FIXED && mode != DELIVER_LOWEST)
        return false;
    uint32_t destination = (uint32_t)(address >> MSI_DEST_SHIFT) & 0xff;
    for (unsigned i = 0; i < tn_cpu_count(); i++) {
        const Apic *s = apic_at(i);
        if (s && matches(s, destination, address & MSI_LOGICAL, false) && apic_requested(s, (uint8_t)data))
            return true;
    }
    return false;
}

typedef enum Shorthand { NO_SHORTHAND, SELF, ALL_INCLUDING_SELF, ALL_EXCLUDING_SELF } Shorthand;

static void send_to_all(Apic *s, bool with_self, Delivery mode, uint8_t vector, bool level)
{
    for (unsigned i = 0; i < tn_cpu_count(); i++) {
        Apic *to = apic_at(i);
        if (to && apic_enabled(to) && (with_self || to != s))
            apic_accept(to, mode, vector, level);
    }
}

void apic_send_ipi(Apic *s)
{
    Delivery mode = (Delivery)(s->icr_low >> ICR_MODE_SHIFT & 7);
    uint8_t vector = (uint8_t)s->icr_low;
    bool level = s->icr_low & ICR_LEVEL;
    /* INIT level de-assert only sets arbitration ids, on processors that have them. */
    if (mode == DELIVER_INIT && level && !(s->icr_low & ICR_ASSERT))
        return;
    if (mode == DELIVER_FIXED && vector < 16) {
        apic_error(s, ESR_SEND_ILLEGAL);
        return;
    }
    TN_TRACE("apic_ipi", "from=%u icr=0x%08x%08x", s->id, s->icr_high, s->icr_low);
    switch ((Shorthand)(s->icr_low >> ICR_SHORTHAND_SHIFT & 3)) {
    case NO_SHORTHAND:
        apic_route(apic_x2(s) ? s->icr_high : s->icr_high >> 24, s->icr_low & ICR_LOGICAL, apic_x2(s),
                   mode, vector, level);
        break;
    case SELF:
        apic_accept(s, mode, vector, level);
        break;
    case ALL_INCLUDING_SELF:
        send_to_all(s, true, mode, vector, level);
        break;
    case ALL_EXCLUDING_SELF:
        send_to_all(s, false, mode, vector, level);
        break;
    }
}
