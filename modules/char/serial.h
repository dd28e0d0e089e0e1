/* SPDX-License-Identifier: MIT */
/* The 16550A as the bus-specific devices embed it: a core with registers, no bus. */
#ifndef TENON_MODULES_CHAR_SERIAL_H
#define TENON_MODULES_CHAR_SERIAL_H

#include "tenon/chardev.h"
#include "tenon/device.h"

enum { SERIAL_FIFO = 16 };

typedef struct SerialFifo {
    uint8_t data[SERIAL_FIFO];
    uint8_t head, count;
} SerialFifo;

typedef struct Serial {
    TnObject *obj;
    TnChardev *chr;
    TnTimer *timeout;
    uint32_t baudbase;   /* Hz of the crystal over 16: 115200 */
    void (*set_irq)(void *opaque, int level);
    void *irq_opaque;

    uint8_t ier, fcr, lcr, mcr, lsr, msr, scr;
    uint16_t divisor;
    bool thre_pending, timeout_pending;
    SerialFifo rx;
} Serial;

void serial_init(Serial *s, TnObject *obj);
bool serial_realize(Serial *s, GError **error);
void serial_unrealize(Serial *s);
void serial_reset(Serial *s);
void serial_settle(Serial *s);

extern const TnRegionOps serial_ops; /* 8 bytes; opaque is the Serial */
extern const TnStateField serial_fields[];

#endif
