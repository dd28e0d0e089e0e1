/* SPDX-License-Identifier: MIT */
/* The local APIC's state, shared by its files (Intel SDM vol. 3A, chapter 11). */
#ifndef TENON_MODULES_IRQ_APIC_H
#define TENON_MODULES_IRQ_APIC_H

#include "tenon/apic.h"
#include "tenon/device.h"

/* Registers by number: MMIO offset >> 4, or x2APIC MSR - 0x800. */
enum {
    APIC_ID = 0x02, APIC_VERSION = 0x03, APIC_TPR = 0x08, APIC_APR = 0x09, APIC_PPR = 0x0a,
    APIC_EOI = 0x0b, APIC_RRD = 0x0c, APIC_LDR = 0x0d, APIC_DFR = 0x0e, APIC_SVR = 0x0f,
    APIC_ISR = 0x10, APIC_TMR = 0x18, APIC_IRR = 0x20, APIC_ESR = 0x28, APIC_LVT_CMCI = 0x2f,
    APIC_ICR_LOW = 0x30, APIC_ICR_HIGH = 0x31, APIC_LVT_TIMER = 0x32, APIC_LVT_THERMAL = 0x33,
    APIC_LVT_PERF = 0x34, APIC_LVT_LINT0 = 0x35, APIC_LVT_LINT1 = 0x36, APIC_LVT_ERROR = 0x37,
    APIC_INITIAL_COUNT = 0x38, APIC_CURRENT_COUNT = 0x39, APIC_DCR = 0x3e, APIC_SELF_IPI = 0x3f,
};

enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, N_LVT };

enum {
    BASE_BSP = 1u << 8, BASE_EXTD = 1u << 10, BASE_ENABLE = 1u << 11,
    BASE_RESERVED = 0xffu | 1u << 9,
    SVR_ENABLE = 1u << 8, SVR_FOCUS = 1u << 9, SVR_NO_EOI_BROADCAST = 1u << 12,
    LVT_MASKED = 1u << 16, LVT_LEVEL = 1u << 15, LVT_REMOTE_IRR = 1u << 14, LVT_MODE = 7u << 8,
    LVT_TIMER_PERIODIC = 1u << 17, LVT_TIMER_TSC = 1u << 18, LVT_TIMER_MODE = 3u << 17,
    ESR_SEND_ILLEGAL = 1u << 5, ESR_RECEIVE_ILLEGAL = 1u << 6, ESR_ILLEGAL_REGISTER = 1u << 7,
    ICR_MODE_SHIFT = 8, ICR_LOGICAL = 1u << 11, ICR_ASSERT = 1u << 14, ICR_LEVEL = 1u << 15,
    ICR_SHORTHAND_SHIFT = 18,
    DFR_FLAT = 0xffffffffu,
};

typedef enum Delivery {
    DELIVER_FIXED, DELIVER_LOWEST, DELIVER_SMI, DELIVER_RESERVED, DELIVER_NMI, DELIVER_INIT,
    DELIVER_STARTUP, DELIVER_EXTINT,
} Delivery;

typedef struct Apic {
    TnObject *obj;
    TnObject *cpu_object; /* link */
    TnCpu *cpu;           /* borrowed */
    TnTimer *timer;
    uint32_t initial_id;

    TnRegion *page;       /* of a base other than the default */
    uint64_t page_at;     /* where it is shown; 0: nowhere */
    TnRegion *shared;     /* the first vCPU's: the default page of all */
    uint64_t base;
    uint32_t id, tpr, ldr, dfr, svr, esr, esr_pending, icr_low, icr_high, dcr;
    uint32_t lvt[N_LVT];
    uint32_t isr[8], tmr[8], irr[8];
    uint32_t initial_count;
    int64_t count_start;  /* virtual time at which the count was loaded */
    int64_t due;          /* virtual time of the end of the running period */
    uint32_t owed;        /* ends of periods that the guest has not been told of */
    uint64_t tsc_deadline;
    uint8_t lint;         /* levels of LINT0 and LINT1 */
} Apic;

static inline bool apic_enabled(const Apic *s)
{
    return s->base & BASE_ENABLE;
}

static inline bool apic_x2(const Apic *s)
{
    return s->base & BASE_EXTD;
}

/* The highest vector set in a 256-bit register, or -1. */
int apic_highest(const uint32_t bits[8]);

/* True while the vector is in IRR. */
static inline bool apic_requested(const Apic *s, uint8_t vector)
{
    return s->irr[vector >> 5] >> (vector & 31) & 1;
}

/* Tells the vCPU whether an interrupt can be taken. */
void apic_settle(Apic *s);

/* Accepts an interrupt as a local APIC does; `level` as the message's trigger mode. */
void apic_accept(Apic *s, Delivery mode, uint8_t vector, bool level);

/* Fires a local vector table entry. */
void apic_lvt_fire(Apic *s, unsigned entry);

/* Records an error for ESR and fires the error entry. */
void apic_error(Apic *s, uint32_t bit);

/* ---- apic-timer.c ---- */
void apic_timer_load(Apic *s, uint32_t count);
uint32_t apic_timer_count(const Apic *s);
void apic_timer_mode_changed(Apic *s, uint32_t old_lvt);
void apic_timer_fired(void *opaque);
void apic_timer_set_deadline(Apic *s, uint64_t deadline, int64_t when);

/* ---- apic-bus.c ---- */
/* Sends the interprocessor interrupt that ICR describes. */
void apic_send_ipi(Apic *s);
/* Routes a message to its destinations. `destination` is a whole x2APIC id or an 8-bit one. */
void apic_route(uint32_t destination, bool logical, bool x2, Delivery mode, uint8_t vector, bool level);
void apic_msi(void *opaque, uint64_t address, uint32_t data);
/* True while a destination of the message has its vector requested and not in service. */
bool apic_msi_waiting(void *opaque, uint64_t address, uint32_t data);

#endif
