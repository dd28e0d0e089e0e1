/* SPDX-License-Identifier: MIT */
/*
 * PS/2 keyboard and mouse (IBM PS/2 Hardware Interface Technical Reference, "Keyboard and
 * Auxiliary Device"; wheel protocol as documented by Microsoft).
 *
 * Scan codes are produced in set 2, as keyboards do; the controller translates to set 1. Set 1 and 3
 * can be selected by the guest; set 3 is sent with set 2's codes where the two agree and the key is
 * otherwise silent.
 */
#include "ps2.h"

enum { ACK = 0xfa, RESEND = 0xfe, BAT_OK = 0xaa, ECHO = 0xee };

/* ---- Queue ------------------------------------------------------------------------------ */

bool ps2_pending(const Ps2Port *p)
{
    return p->count > 0;
}

uint8_t ps2_take(Ps2Port *p)
{
    if (!p->count)
        return p->last;
    p->last = p->queue[p->head];
    p->head = (p->head + 1) % PS2_QUEUE;
    p->count--;
    return p->last;
}

/* Keystrokes that do not fit as a whole are lost, as the device's own buffer would overrun. */
static void send(Ps2Port *p, const uint8_t *bytes, unsigned n)
{
    if (p->count + n > PS2_QUEUE)
        return;
    for (unsigned i = 0; i < n; i++)
        p->queue[(p->head + p->count++) % PS2_QUEUE] = bytes[i];
    p->changed(p->opaque);
}

static void send1(Ps2Port *p, uint8_t byte)
{
    send(p, &byte, 1);
}

static void clear_port(Ps2Port *p)
{
    p->head = p->count = 0;
    p->command = 0;
}

/* ---- Keyboard --------------------------------------------------------------------------- */

enum {
    KBD_LEDS = 0xed, KBD_ECHO = 0xee, KBD_SET = 0xf0, KBD_ID = 0xf2, KBD_RATE = 0xf3,
    KBD_ENABLE = 0xf4, KBD_DISABLE = 0xf5, KBD_DEFAULTS = 0xf6, KBD_ALL_FIRST = 0xf7,
    KBD_ALL_LAST = 0xfa, KBD_KEY_FIRST = 0xfb, KBD_KEY_LAST = 0xfd, KBD_RESEND = 0xfe,
    KBD_RESET = 0xff,
    EXTENDED = 0xe0, RELEASE = 0xf0, CODE_EXTENDED = 0x80,
    DEFAULT_RATE = 0x2b,
};

/* Set 1 code to set 2 code (IBM PS/2 reference, keyboard scan codes). */
static const uint8_t set2[128] = {
    0x00, 0x76, 0x16, 0x1e, 0x26, 0x25, 0x2e, 0x36, 0x3d, 0x3e, 0x46, 0x45, 0x4e, 0x55, 0x66, 0x0d,
    0x15, 0x1d, 0x24, 0x2d, 0x2c, 0x35, 0x3c, 0x43, 0x44, 0x4d, 0x54, 0x5b, 0x5a, 0x14, 0x1c, 0x1b,
    0x23, 0x2b, 0x34, 0x33, 0x3b, 0x42, 0x4b, 0x4c, 0x52, 0x0e, 0x12, 0x5d, 0x1a, 0x22, 0x21, 0x2a,
    0x32, 0x31, 0x3a, 0x41, 0x49, 0x4a, 0x59, 0x7c, 0x11, 0x29, 0x58, 0x05, 0x06, 0x04, 0x0c, 0x03,
    0x0b, 0x83, 0x0a, 0x01, 0x09, 0x77, 0x7e, 0x6c, 0x75, 0x7d, 0x7b, 0x6b, 0x73, 0x74, 0x79, 0x69,
    0x72, 0x7a, 0x70, 0x71, 0x84, 0x60, 0x61, 0x78, 0x07, 0x0f, 0x17, 0x1f, 0x27, 0x2f, 0x37, 0x3f,
    0x47, 0x4f, 0x56, 0x5e, 0x08, 0x10, 0x18, 0x20, 0x28, 0x30, 0x38, 0x40, 0x48, 0x50, 0x57, 0x6f,
    0x13, 0x19, 0x39, 0x51, 0x53, 0x5c, 0x5f, 0x62, 0x63, 0x64, 0x65, 0x67, 0x68, 0x6a, 0x6d, 0x6e,
};

void ps2_keyboard_event(Ps2Keyboard *k, const TnInputEvent *event)
{
    if (!k->scanning || event->kind != TN_INPUT_KEY)
        return;
    uint8_t bytes[3], base = event->code & 0x7f;
    unsigned n = 0;
    if (event->code & CODE_EXTENDED)
        bytes[n++] = EXTENDED;
    if (k->set == 1) {
        bytes[n++] = base | (event->value ? 0 : 0x80);
    } else {
        if (!event->value)
            bytes[n++] = RELEASE;
        bytes[n++] = set2[base];
    }
    send(&k->port, bytes, n);
}

static void keyboard_defaults(Ps2Keyboard *k)
{
    k->set = 2;
    k->leds = 0;
    k->rate = DEFAULT_RATE;
}

void ps2_keyboard_reset(Ps2Keyboard *k)
{
    clear_port(&k->port);
    keyboard_defaults(k);
    k->scanning = true;
}

static void keyboard_argument(Ps2Keyboard *k, uint8_t byte)
{
    uint8_t command = k->port.command;
    k->port.command = 0;
    send1(&k->port, ACK);
    if (command == KBD_LEDS)
        k->leds = byte & 7;
    else if (command == KBD_RATE)
        k->rate = byte & 0x7f;
    else if (command == KBD_SET && byte == 0)
        send1(&k->port, k->set);
    else if (command == KBD_SET && byte <= 3)
        k->set = byte;
}

void ps2_keyboard_write(Ps2Keyboard *k, uint8_t byte)
{
    static const uint8_t id[] = { ACK, 0xab, 0x83 };
    if (k->port.command && byte < KBD_LEDS) {
        keyboard_argument(k, byte);
        return;
    }
    k->port.command = 0;
    switch (byte) {
    case KBD_LEDS: case KBD_RATE: case KBD_SET: case KBD_KEY_FIRST ... KBD_KEY_LAST:
        k->port.command = byte;
        send1(&k->port, ACK);
        break;
    case KBD_ECHO: send1(&k->port, ECHO); break;
    case KBD_ID: send(&k->port, id, sizeof(id)); break;
    case KBD_ENABLE:
        k->scanning = true;
        send1(&k->port, ACK);
        break;
    case KBD_DISABLE:
    case KBD_DEFAULTS:
        keyboard_defaults(k);
        k->scanning = byte == KBD_DEFAULTS;
        send1(&k->port, ACK);
        break;
    case KBD_ALL_FIRST ... KBD_ALL_LAST: send1(&k->port, ACK); break;
    case KBD_RESEND: send1(&k->port, k->port.last); break;
    case KBD_RESET:
        ps2_keyboard_reset(k);
        send(&k->port, (const uint8_t[]){ ACK, BAT_OK }, 2);
        break;
    default: send1(&k->port, RESEND); break;
    }
}

/* ---- Mouse ------------------------------------------------------------------------------ */

enum {
    MOUSE_SCALE11 = 0xe6, MOUSE_SCALE21 = 0xe7, MOUSE_RESOLUTION = 0xe8, MOUSE_STATUS = 0xe9,
    MOUSE_STREAM = 0xea, MOUSE_READ = 0xeb, MOUSE_WRAP_OFF = 0xec, MOUSE_WRAP_ON = 0xee,
    MOUSE_REMOTE = 0xf0, MOUSE_ID = 0xf2, MOUSE_RATE = 0xf3, MOUSE_ENABLE = 0xf4,
    MOUSE_DISABLE = 0xf5, MOUSE_DEFAULTS = 0xf6, MOUSE_RESEND = 0xfe, MOUSE_RESET = 0xff,
    ID_PLAIN = 0, ID_WHEEL = 3, ID_FIVE = 4,
    PACKET_ONE = 1u << 3, PACKET_XS = 1u << 4, PACKET_YS = 1u << 5,
    STATUS_SCALE21 = 1u << 4, STATUS_ENABLED = 1u << 5, STATUS_REMOTE = 1u << 6,
    BUTTON_WHEEL_UP = 3, BUTTON_WHEEL_DOWN = 4, BUTTON_SIDE = 5, BUTTON_EXTRA = 6,
};

static void mouse_packet(Ps2Mouse *m)
{
    int dx = CLAMP(m->dx, -255, 255), dy = CLAMP(-m->dy, -255, 255), dz = CLAMP(m->dz, -8, 7);
    uint8_t bytes[4] = {
        (uint8_t)(PACKET_ONE | (m->buttons & 7) | (dx < 0 ? PACKET_XS : 0) | (dy < 0 ? PACKET_YS : 0)),
        (uint8_t)dx, (uint8_t)dy, (uint8_t)dz,
    };
    if (m->id == ID_FIVE)
        bytes[3] = (uint8_t)((dz & 0xf) | (m->buttons & 0x18) << 1);
    m->dx -= dx;
    m->dy += dy;
    m->dz = 0;
    send(&m->port, bytes, m->id == ID_PLAIN ? 3 : 4);
}

static void mouse_button(Ps2Mouse *m, unsigned code, bool pressed)
{
    /* PS/2 order: left, right, middle, then the two side buttons. */
    static const uint8_t bit[] = { 1, 4, 2, 0, 0, 8, 16 };
    if (code == BUTTON_WHEEL_UP || code == BUTTON_WHEEL_DOWN)
        m->dz += !pressed ? 0 : code == BUTTON_WHEEL_UP ? -1 : 1;
    else if (code <= BUTTON_EXTRA)
        m->buttons = pressed ? m->buttons | bit[code] : m->buttons & ~bit[code];
}

void ps2_mouse_event(Ps2Mouse *m, const TnInputEvent *event)
{
    if (event->kind == TN_INPUT_REL && event->code == 0)
        m->dx += event->value;
    else if (event->kind == TN_INPUT_REL && event->code == 1)
        m->dy += event->value;
    else if (event->kind == TN_INPUT_BUTTON)
        mouse_button(m, event->code, event->value);
    else if (event->kind == TN_INPUT_SYNC && m->reporting && !m->remote)
        mouse_packet(m);
}

static void mouse_defaults(Ps2Mouse *m)
{
    m->rate = 100;
    m->resolution = 2;
    m->scale21 = m->reporting = m->remote = m->wrap = false;
}

void ps2_mouse_reset(Ps2Mouse *m)
{
    clear_port(&m->port);
    mouse_defaults(m);
    m->id = ID_PLAIN;
    m->buttons = 0;
    m->dx = m->dy = m->dz = 0;
    m->knock[0] = m->knock[1] = m->knock[2] = 0;
}

static void mouse_knock(Ps2Mouse *m, uint8_t rate)
{
    m->knock[0] = m->knock[1];
    m->knock[1] = m->knock[2];
    m->knock[2] = m->rate = rate;
    if (m->knock[0] == 200 && m->knock[1] == 100 && rate == 80)
        m->id = ID_WHEEL;
    else if (m->knock[0] == 200 && m->knock[1] == 200 && rate == 80 && m->id == ID_WHEEL)
        m->id = ID_FIVE;
}

static void mouse_status(Ps2Mouse *m)
{
    uint8_t status = (uint8_t)((m->scale21 ? STATUS_SCALE21 : 0) | (m->reporting ? STATUS_ENABLED : 0) |
                               (m->remote ? STATUS_REMOTE : 0) | (m->buttons & 1) << 2 |
                               (m->buttons & 4) >> 1 | (m->buttons & 2) >> 1);
    send(&m->port, (const uint8_t[]){ ACK, status, m->resolution, m->rate }, 4);
}

static void mouse_argument(Ps2Mouse *m, uint8_t byte)
{
    uint8_t command = m->port.command;
    m->port.command = 0;
    if (command == MOUSE_RATE)
        mouse_knock(m, byte);
    else
        m->resolution = byte & 3;
    send1(&m->port, ACK);
}

void ps2_mouse_write(Ps2Mouse *m, uint8_t byte)
{
    if (m->wrap && byte != MOUSE_RESET && byte != MOUSE_WRAP_OFF) {
        send1(&m->port, byte);
        return;
    }
    if (m->port.command) {
        mouse_argument(m, byte);
        return;
    }
    switch (byte) {
    case MOUSE_STATUS: mouse_status(m); return;
    case MOUSE_ID: send(&m->port, (const uint8_t[]){ ACK, m->id }, 2); return;
    case MOUSE_RESEND: send1(&m->port, m->port.last); return;
    case MOUSE_READ: send1(&m->port, ACK); mouse_packet(m); return;
    case MOUSE_RESET:
        ps2_mouse_reset(m);
        send(&m->port, (const uint8_t[]){ ACK, BAT_OK, ID_PLAIN }, 3);
        return;
    case MOUSE_SCALE11: m->scale21 = false; break;
    case MOUSE_SCALE21: m->scale21 = true; break;
    case MOUSE_RESOLUTION: case MOUSE_RATE: m->port.command = byte; break;
    case MOUSE_STREAM: m->remote = false; break;
    case MOUSE_WRAP_OFF: m->wrap = false; break;
    case MOUSE_WRAP_ON: m->wrap = true; break;
    case MOUSE_REMOTE: m->remote = true; break;
    case MOUSE_ENABLE: m->reporting = true; break;
    case MOUSE_DISABLE: m->reporting = false; break;
    case MOUSE_DEFAULTS: mouse_defaults(m); break;
    default: send1(&m->port, RESEND); return;
    }
    send1(&m->port, ACK);
}

/* ---- State ------------------------------------------------------------------------------ */

static const TnStateField port_fields[] = {
    TN_STATE_BUFFER(Ps2Port, queue), TN_STATE(U16, Ps2Port, head), TN_STATE(U16, Ps2Port, count),
    TN_STATE(U8, Ps2Port, command), TN_STATE(U8, Ps2Port, last), TN_STATE_LAST,
};

const TnStateField ps2_keyboard_fields[] = {
    TN_STATE_SUB(Ps2Keyboard, port, port_fields), TN_STATE(BOOL, Ps2Keyboard, scanning),
    TN_STATE(U8, Ps2Keyboard, set), TN_STATE(U8, Ps2Keyboard, leds), TN_STATE(U8, Ps2Keyboard, rate),
    TN_STATE_LAST,
};

const TnStateField ps2_mouse_fields[] = {
    TN_STATE_SUB(Ps2Mouse, port, port_fields), TN_STATE(BOOL, Ps2Mouse, reporting),
    TN_STATE(BOOL, Ps2Mouse, remote), TN_STATE(BOOL, Ps2Mouse, wrap), TN_STATE(BOOL, Ps2Mouse, scale21),
    TN_STATE(U8, Ps2Mouse, id), TN_STATE(U8, Ps2Mouse, rate), TN_STATE(U8, Ps2Mouse, resolution),
    TN_STATE(U8, Ps2Mouse, buttons), TN_STATE_BUFFER(Ps2Mouse, knock), TN_STATE(U32, Ps2Mouse, dx),
    TN_STATE(U32, Ps2Mouse, dy), TN_STATE(U32, Ps2Mouse, dz), TN_STATE_LAST,
};
