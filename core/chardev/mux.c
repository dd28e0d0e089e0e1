/* SPDX-License-Identifier: MIT */
/*
 * The mux: several front ends on one back end, one of them in focus, and the escape keys.
 *
 * Input is taken even while the front end in focus cannot take any, up to a buffer's worth, so that
 * the escape keys work when the guest hangs.
 */
#include <string.h>
#include <time.h>

#include "chardev/chardev-internal.h"
#include "tenon/clock.h"
#include "tenon/error.h"
#include "tenon/machine.h"

enum {
    MUX_FRONT_ENDS = 16,
    MUX_BUFFER = 256,          /* bytes a front end can lag behind */
    MUX_DEFAULT_ESCAPE = 0x01, /* Ctrl-A */
    MUX_STAMP = 32,
};

typedef struct MuxFront {
    TnFrontEnd front;
    uint8_t buffer[MUX_BUFFER];
    size_t n;
} MuxFront;

struct TnMux {
    TnChardevState *chr; /* borrowed */
    MuxFront fronts[MUX_FRONT_ENDS];
    unsigned focus;
    bool escape;         /* the last key was the escape character */
    bool stamps, line_start;
    int64_t stamps_since;
};

static uint8_t mux_escape = MUX_DEFAULT_ESCAPE;

void tn_chardev_set_escape(uint8_t escape)
{
    mux_escape = escape;
}

TnMux *tn_mux_new(TnChardevState *chr)
{
    TnMux *mux = g_new0(TnMux, 1);
    mux->chr = chr;
    mux->line_start = true;
    return mux;
}

void tn_mux_free(TnMux *mux)
{
    g_free(mux);
}

static MuxFront *mux_focus(TnMux *mux)
{
    return &mux->fronts[mux->focus];
}

/* ---- Output ------------------------------------------------------------------------------ */

static void mux_print(TnMux *mux, const char *text)
{
    tn_chardev_queue(mux->chr, (const uint8_t *)text, strlen(text));
    tn_chardev_flush(mux->chr);
}

static void mux_stamp(TnMux *mux)
{
    int64_t ms = (tn_clock_now(TN_CLOCK_REALTIME) - mux->stamps_since) / 1000000;
    g_autofree char *text = g_strdup_printf("[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000),
                                            (int)(ms / 60000 % 60), (int)(ms / 1000 % 60),
                                            (int)(ms % 1000));
    tn_chardev_queue(mux->chr, (const uint8_t *)text, strlen(text));
}

size_t tn_mux_write(TnMux *mux, const uint8_t *buf, size_t n)
{
    if (!mux->stamps) {
        return tn_chardev_write_raw(mux->chr, buf, n);
    }
    /* A stamp must not be torn from its line: the queue keeps them together. */
    for (size_t i = 0; i < n; i++) {
        if (mux->line_start) {
            mux_stamp(mux);
        }
        tn_chardev_queue(mux->chr, buf + i, 1);
        mux->line_start = buf[i] == '\n';
    }
    tn_chardev_flush(mux->chr);
    return n;
}

void tn_mux_writable(TnMux *mux)
{
    for (unsigned i = 0; i < MUX_FRONT_ENDS; i++) {
        tn_front_writable(&mux->fronts[i].front);
    }
}

/* ---- Focus ------------------------------------------------------------------------------- */

static void mux_set_focus(TnMux *mux, unsigned focus)
{
    if (focus != mux->focus) {
        tn_front_event(&mux_focus(mux)->front, TN_CHARDEV_MUX_OUT);
        mux->focus = focus;
        tn_front_event(&mux_focus(mux)->front, TN_CHARDEV_MUX_IN);
    }
}

static void mux_next_focus(TnMux *mux)
{
    for (unsigned i = 1; i <= MUX_FRONT_ENDS; i++) {
        unsigned next = (mux->focus + i) % MUX_FRONT_ENDS;
        if (mux->fronts[next].front.attached) {
            mux_set_focus(mux, next);
            return;
        }
    }
}

bool tn_mux_attach(TnMux *mux, const TnChardevHandlers *handlers, void *opaque, GError **error)
{
    unsigned i = 0;
    while (i < MUX_FRONT_ENDS && mux->fronts[i].front.attached) {
        i++;
    }
    if (i == MUX_FRONT_ENDS) {
        g_set_error(error, TN_ERROR, TN_ERROR_BUSY, "chardev '%s' has %d front ends, no more fit",
                    tn_object_name(mux->chr->obj), MUX_FRONT_ENDS);
        return false;
    }
    bool first = !mux_focus(mux)->front.attached;
    tn_front_set(&mux->fronts[i].front, handlers, opaque);
    mux->fronts[i].n = 0;
    if (mux->chr->connected) {
        tn_front_event(&mux->fronts[i].front, TN_CHARDEV_OPENED);
    }
    if (first) {
        mux->focus = i;
        tn_front_event(&mux->fronts[i].front, TN_CHARDEV_MUX_IN);
    }
    return true;
}

void tn_mux_detach(TnMux *mux, void *opaque)
{
    for (unsigned i = 0; i < MUX_FRONT_ENDS; i++) {
        if (mux->fronts[i].front.attached && mux->fronts[i].front.opaque == opaque) {
            mux->fronts[i] = (MuxFront){ 0 };
            if (i == mux->focus) {
                mux_next_focus(mux);
            }
        }
    }
}

void tn_mux_event(TnMux *mux, TnChardevEvent event)
{
    for (unsigned i = 0; i < MUX_FRONT_ENDS; i++) {
        tn_front_event(&mux->fronts[i].front, event);
    }
}

/* Gives the front end what it takes. */
static void mux_drain(MuxFront *to)
{
    while (to->n) {
        size_t part = MIN(tn_front_can_receive(&to->front), to->n);
        if (part == 0) {
            return;
        }
        uint8_t bytes[MUX_BUFFER];
        memcpy(bytes, to->buffer, part);
        memmove(to->buffer, to->buffer + part, to->n - part);
        to->n -= part;
        tn_front_receive(&to->front, bytes, part);
    }
}

/* ---- Escape keys ------------------------------------------------------------------------- */

static void mux_help(TnMux *mux)
{
    char name[MUX_STAMP];
    if (mux_escape > 0 && mux_escape < 27) {
        g_snprintf(name, sizeof(name), "C-%c", mux_escape - 1 + 'a');
    } else {
        g_snprintf(name, sizeof(name), "\\x%02x", mux_escape);
    }
    g_autofree char *text = g_strdup_printf(
        "\r\n"
        "%1$s h    print this help\r\n"
        "%1$s x    exit the emulator\r\n"
        "%1$s s    save disk data back to file (if -snapshot)\r\n"
        "%1$s t    toggle console timestamps\r\n"
        "%1$s b    send break (magic sysrq)\r\n"
        "%1$s c    switch between console and monitor\r\n"
        "%1$s %1$s  sends %1$s\r\n", name);
    mux_print(mux, text);
}

static void mux_command(TnMux *mux, uint8_t key)
{
    switch (key) {
    case 'h':
    case '?':
        mux_help(mux);
        break;
    case 'x':
        mux_print(mux, "tenon: terminated\r\n");
        tn_machine_request_shutdown(TN_SHUTDOWN_HOST_UI);
        break;
    case 's':
        mux_print(mux, "\r\ntenon: no disk has unsaved data\r\n");
        break;
    case 'b':
        tn_front_event(&mux_focus(mux)->front, TN_CHARDEV_BREAK);
        break;
    case 'c':
        mux_next_focus(mux);
        break;
    case 't':
        mux->stamps = !mux->stamps;
        mux->stamps_since = tn_clock_now(TN_CLOCK_REALTIME);
        mux->line_start = false;
        break;
    default:
        break;
    }
}

/* True when the byte is for the front end. */
static bool mux_key(TnMux *mux, uint8_t key)
{
    if (mux->escape) {
        mux->escape = false;
        if (key == mux_escape) {
            return true;
        }
        mux_drain(mux_focus(mux)); /* what came before the key goes first */
        mux_command(mux, key);
        return false;
    }
    mux->escape = mux_escape && key == mux_escape;
    return !mux->escape;
}

/* ---- Input ------------------------------------------------------------------------------- */

size_t tn_mux_can_receive(TnMux *mux)
{
    return MUX_BUFFER - mux_focus(mux)->n;
}

void tn_mux_receive(TnMux *mux, const uint8_t *buf, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        MuxFront *to = mux_focus(mux);
        if (mux_key(mux, buf[i]) && to->n < MUX_BUFFER) {
            to->buffer[to->n++] = buf[i];
        }
    }
    mux_drain(mux_focus(mux));
}

void tn_mux_accept_input(TnMux *mux, void *opaque)
{
    for (unsigned i = 0; i < MUX_FRONT_ENDS; i++) {
        if (mux->fronts[i].front.attached && mux->fronts[i].front.opaque == opaque) {
            mux_drain(&mux->fronts[i]);
        }
    }
}
