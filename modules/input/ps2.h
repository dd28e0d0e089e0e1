/* SPDX-License-Identifier: MIT */
/* PS/2 devices as the i8042 sees them. */
#ifndef TENON_MODULES_INPUT_PS2_H
#define TENON_MODULES_INPUT_PS2_H

#include "tenon/device.h"
#include "tenon/input.h"

enum { PS2_QUEUE = 256 };

/* What both devices have: a queue of bytes for the host. */
typedef struct Ps2Port {
    uint8_t queue[PS2_QUEUE];
    uint16_t head, count;
    uint8_t command;    /* waiting for its argument, 0 for none */
    uint8_t last;       /* last byte sent, for Resend */
    void (*changed)(void *opaque);
    void *opaque;
} Ps2Port;

typedef struct Ps2Keyboard {
    Ps2Port port;
    bool scanning;
    uint8_t set;        /* scan code set 1..3 */
    uint8_t leds, rate;
} Ps2Keyboard;

typedef struct Ps2Mouse {
    Ps2Port port;
    bool reporting, remote, wrap, scale21;
    uint8_t id, rate, resolution, buttons;
    uint8_t knock[3];   /* last three sample rates: 200 100 80 turns the wheel on */
    int32_t dx, dy, dz;
} Ps2Mouse;

bool ps2_pending(const Ps2Port *p);
uint8_t ps2_take(Ps2Port *p);

void ps2_keyboard_reset(Ps2Keyboard *k);
void ps2_keyboard_write(Ps2Keyboard *k, uint8_t byte);
void ps2_keyboard_event(Ps2Keyboard *k, const TnInputEvent *event);

void ps2_mouse_reset(Ps2Mouse *m);
void ps2_mouse_write(Ps2Mouse *m, uint8_t byte);
void ps2_mouse_event(Ps2Mouse *m, const TnInputEvent *event);

extern const TnStateField ps2_keyboard_fields[], ps2_mouse_fields[];

#endif
