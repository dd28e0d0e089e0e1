/* SPDX-License-Identifier: MIT */
/* Interrupt wires: a level carried from a source to a sink. */
#ifndef TENON_IRQ_H
#define TENON_IRQ_H

#include <stdbool.h>
#include <stdint.h>

#include "tenon/macros.h"
#include "tenon/object.h"

TN_BEGIN_DECLS

typedef struct TnIrq TnIrq;

/* A sink: gets every set, also of an unchanged level. `level` is 0 or 1 (or a device's own
 * number). */
typedef void (*TnIrqFn)(void *opaque, unsigned line, int level);

/* A wire to a sink function, owned by `owner`. [main] */
TN_API TnIrq *tn_irq_new(TnObject *owner, TnIrqFn fn, void *opaque, unsigned line);

/* A wire that drives two others, or the inverse of another; owned by `owner`. [main] */
TN_API TnIrq *tn_irq_split(TnObject *owner, TnIrq *a, TnIrq *b);
TN_API TnIrq *tn_irq_invert(TnObject *owner, TnIrq *irq);

/* Drives a wire; NULL is a wire that goes nowhere, here and in the three below. [any +lock] */
TN_API void tn_irq_set(TnIrq *irq, int level);
static inline void tn_irq_raise(TnIrq *irq) { tn_irq_set(irq, 1); }
static inline void tn_irq_lower(TnIrq *irq) { tn_irq_set(irq, 0); }
static inline void tn_irq_pulse(TnIrq *irq) { tn_irq_set(irq, 1); tn_irq_set(irq, 0); }

/*
 * Back along a wire: whether an edge that came over it still waits for the processor, so that one
 * more would be lost. Sources of ticks ask before they send the next.
 */
typedef bool (*TnIrqWaitingFn)(void *opaque, unsigned line);
/* Gives a wire of tn_irq_new its answer; without one, no edge ever waits. [main] */
TN_API void tn_irq_set_waiting(TnIrq *irq, TnIrqWaitingFn fn);
/* Asks; of a splitter, either side's. [any +lock] */
TN_API bool tn_irq_waiting(const TnIrq *irq);

/*
 * Named lines of a device, so that boards connect what they do not know. A device declares its
 * inputs and outputs in init; a board connects an output to any wire. `group` is NULL for the
 * unnamed group. Outputs are driven with tn_irq_out. `n` counts from 0.
 */

/* Declares `count` inputs; fn(state, n, level) gets the state of the device's own type as opaque.
 * In init. [main] */
TN_API void tn_irq_declare_in(TnObject *dev, const char *group, TnIrqFn fn, unsigned count);
/* Declares `count` outputs, connected to nothing. In init. [main] */
TN_API void tn_irq_declare_out(TnObject *dev, const char *group, unsigned count);
/* Gives the inputs of a group the answer to tn_irq_waiting; fn's arguments as above. In init.
 * [main] */
TN_API void tn_irq_declare_waiting(TnObject *dev, const char *group, TnIrqWaitingFn fn);
/* The wire into input n, borrowed; NULL when there is none. [main] */
TN_API TnIrq *tn_irq_in(TnObject *dev, const char *group, unsigned n);
/* Connects output n to a wire (NULL: to nothing). An output that was not declared is a programming
 * error, and nothing happens but a warning. [main +lock] */
TN_API void tn_irq_connect(TnObject *dev, const char *group, unsigned n, TnIrq *to);
/* Drives output n. [any +lock] */
TN_API void tn_irq_out(TnObject *dev, const char *group, unsigned n, int level);

/* tn_irq_waiting of what output n is connected to. [any +lock] */
TN_API bool tn_irq_out_waiting(TnObject *dev, const char *group, unsigned n);

/* Hears of a line's changes: fn(opaque, group, n, level). */
typedef void (*TnIrqInterceptFn)(void *opaque, const char *group, unsigned n, int level);
/* Puts fn in front of all outputs or inputs of a group (the qtest accelerator's intercept); false
 * when the device has no such group. [main +lock] */
TN_API bool tn_irq_intercept_out(TnObject *dev, const char *group, TnIrqInterceptFn fn, void *opaque);
TN_API bool tn_irq_intercept_in(TnObject *dev, const char *group, TnIrqInterceptFn fn, void *opaque);

TN_END_DECLS

#endif
