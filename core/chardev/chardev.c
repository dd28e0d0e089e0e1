/* SPDX-License-Identifier: MIT */
/* The type "chardev": what lies between a back end and its front end, or the mux. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "chardev/chardev-internal.h"
#include "chardev/make.h"
#include "object/object.h"
#include "tenon/error.h"
#include "tenon/log.h"

enum { LOG_MODE = 0666 };

TnChardevState *tn_chardev_state(TnChardev *chr)
{
    return chr ? tn_object_state(chr, TN_TYPE_CHARDEV) : NULL;
}

/* ---- One front end ----------------------------------------------------------------------- */

void tn_front_set(TnFrontEnd *front, const TnChardevHandlers *handlers, void *opaque)
{
    *front = (TnFrontEnd){ .opaque = opaque, .attached = true };
    memcpy(&front->handlers, handlers, MIN(handlers->size, sizeof(*handlers)));
}

size_t tn_front_can_receive(const TnFrontEnd *front)
{
    return front->attached && front->handlers.can_receive
        ? front->handlers.can_receive(front->opaque) : 0;
}

void tn_front_receive(const TnFrontEnd *front, const uint8_t *buf, size_t n)
{
    if (front->attached && front->handlers.receive) {
        front->handlers.receive(front->opaque, buf, n);
    }
}

void tn_front_event(const TnFrontEnd *front, TnChardevEvent event)
{
    if (front->attached && front->handlers.event) {
        front->handlers.event(front->opaque, event);
    }
}

void tn_front_writable(const TnFrontEnd *front)
{
    if (front->attached && front->handlers.writable) {
        front->handlers.writable(front->opaque);
    }
}

/* ---- From the back end ------------------------------------------------------------------- */

size_t tn_chardev_can_receive(TnChardev *obj)
{
    TnChardevState *chr = tn_chardev_state(obj);
    return chr->mux ? tn_mux_can_receive(chr->mux) : tn_front_can_receive(&chr->front);
}

void tn_chardev_receive(TnChardev *obj, const uint8_t *buf, size_t n)
{
    TnChardevState *chr = tn_chardev_state(obj);
    if (chr->mux) {
        tn_mux_receive(chr->mux, buf, n);
    } else {
        tn_front_receive(&chr->front, buf, n);
    }
}

void tn_chardev_event(TnChardev *obj, TnChardevEvent event)
{
    TnChardevState *chr = tn_chardev_state(obj);
    if (event == TN_CHARDEV_OPENED || event == TN_CHARDEV_CLOSED) {
        chr->connected = event == TN_CHARDEV_OPENED;
    }
    if (chr->mux) {
        tn_mux_event(chr->mux, event);
    } else {
        tn_front_event(&chr->front, event);
    }
}

bool tn_chardev_flush(TnChardevState *chr)
{
    while (chr->queue) {
        size_t taken = tn_chardev_write_raw(chr, chr->queue->data, chr->queue->len);
        if (taken == 0) {
            return false;
        }
        g_byte_array_remove_range(chr->queue, 0, taken);
        if (chr->queue->len == 0) {
            g_clear_pointer(&chr->queue, g_byte_array_unref);
        }
    }
    return true;
}

void tn_chardev_writable(TnChardev *obj)
{
    TnChardevState *chr = tn_chardev_state(obj);
    if (!tn_chardev_flush(chr)) {
        return;
    }
    if (chr->mux) {
        tn_mux_writable(chr->mux);
    } else {
        tn_front_writable(&chr->front);
    }
}

/* ---- From the front end ------------------------------------------------------------------ */

static void chardev_log(TnChardevState *chr, const uint8_t *buf, size_t n)
{
    while (chr->log_fd >= 0 && n) {
        ssize_t wrote = write(chr->log_fd, buf, n);
        if (wrote < 0 && errno != EINTR) {
            tn_warn("chardev '%s': logfile=%s: %s; logging ends", tn_object_name(chr->obj),
                    chr->log_path, g_strerror(errno));
            close(chr->log_fd);
            chr->log_fd = -1;
        } else if (wrote > 0) {
            buf += wrote;
            n -= wrote;
        }
    }
}

size_t tn_chardev_write_raw(TnChardevState *chr, const uint8_t *buf, size_t n)
{
    size_t taken = chr->made && chr->ops.write ? chr->ops.write(chr->obj, chr->ops_state, buf, n)
                                               : n;
    chardev_log(chr, buf, taken);
    return taken;
}

void tn_chardev_queue(TnChardevState *chr, const uint8_t *buf, size_t n)
{
    if (n) {
        chr->queue = chr->queue ? chr->queue : g_byte_array_new();
        g_byte_array_append(chr->queue, buf, n);
    }
}

size_t tn_chardev_write(TnChardev *obj, void *opaque, const uint8_t *buf, size_t n)
{
    TnChardevState *chr = tn_chardev_state(obj);
    if (!chr) {
        return n;
    }
    if (!tn_chardev_flush(chr)) {
        return 0;
    }
    return chr->mux ? tn_mux_write(chr->mux, buf, n) : tn_chardev_write_raw(chr, buf, n);
}

void tn_chardev_write_all(TnChardev *obj, void *opaque, const uint8_t *buf, size_t n)
{
    TnChardevState *chr = tn_chardev_state(obj);
    while (chr && n) {
        size_t taken = tn_chardev_write(obj, opaque, buf, n);
        if (taken == 0) {
            tn_chardev_queue(chr, buf, n);
            return;
        }
        buf += taken;
        n -= taken;
    }
}

void tn_chardev_accept_input(TnChardev *obj, void *opaque)
{
    TnChardevState *chr = tn_chardev_state(obj);
    if (!chr) {
        return;
    }
    if (chr->mux) {
        tn_mux_accept_input(chr->mux, opaque);
    }
    if (chr->made && chr->ops.accept_input) {
        chr->ops.accept_input(obj, chr->ops_state);
    }
}

bool tn_chardev_attach(TnChardev *obj, const TnChardevHandlers *handlers, void *opaque,
                       GError **error)
{
    TnChardevState *chr = tn_chardev_state(obj);
    g_return_val_if_fail(chr && handlers, false);
    if (chr->mux) {
        if (!tn_mux_attach(chr->mux, handlers, opaque, error)) {
            return false;
        }
    } else if (chr->front.attached) {
        g_set_error(error, TN_ERROR, TN_ERROR_BUSY,
                    "chardev '%s' is in use; with mux=on several can share it",
                    tn_object_name(obj));
        return false;
    } else {
        tn_front_set(&chr->front, handlers, opaque);
        if (chr->connected) {
            tn_front_event(&chr->front, TN_CHARDEV_OPENED);
        }
    }
    tn_chardev_accept_input(obj, opaque);
    return true;
}

void tn_chardev_detach(TnChardev *obj, void *opaque)
{
    TnChardevState *chr = tn_chardev_state(obj);
    if (chr && chr->mux) {
        tn_mux_detach(chr->mux, opaque);
    } else if (chr && chr->front.opaque == opaque) {
        chr->front = (TnFrontEnd){ 0 };
    }
}

void tn_chardev_set_break(TnChardev *obj, bool on)
{
    TnChardevState *chr = tn_chardev_state(obj);
    if (chr && chr->made && chr->ops.set_break) {
        chr->ops.set_break(obj, chr->ops_state, on);
    }
}

void tn_chardev_set_params(TnChardev *obj, const TnSerialParams *params)
{
    TnChardevState *chr = tn_chardev_state(obj);
    if (chr && chr->made && chr->ops.set_params) {
        chr->ops.set_params(obj, chr->ops_state, params);
    }
}

void tn_chardev_set_modem(TnChardev *obj, bool dtr, bool rts)
{
    TnChardevState *chr = tn_chardev_state(obj);
    if (chr && chr->made && chr->ops.set_modem) {
        chr->ops.set_modem(obj, chr->ops_state, dtr, rts);
    }
}

int tn_chardev_modem(TnChardev *obj)
{
    TnChardevState *chr = tn_chardev_state(obj);
    return chr && chr->made && chr->ops.modem ? chr->ops.modem(obj, chr->ops_state) : -1;
}

/* ---- Life -------------------------------------------------------------------------------- */

static bool chardev_open_log(TnChardevState *chr, GError **error)
{
    if (!chr->log_path || !chr->log_path[0]) {
        return true;
    }
    int how = O_WRONLY | O_CREAT | O_CLOEXEC | (chr->log_append ? O_APPEND : O_TRUNC);
    chr->log_fd = open(chr->log_path, how, LOG_MODE);
    if (chr->log_fd < 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO, "logfile=%s: %s", chr->log_path,
                    g_strerror(errno));
    }
    return chr->log_fd >= 0;
}

bool tn_chardev_open(TnChardev *obj, GError **error)
{
    TnChardevState *chr = tn_chardev_state(obj);
    const TnChardevOps *ops = tn_object_interface_state(obj, TN_IFACE_CHARDEV, &chr->ops_state);
    if (!ops) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "'%s' has no table '%s'",
                    tn_object_type(obj), TN_IFACE_CHARDEV);
        return false;
    }
    memcpy(&chr->ops, ops, MIN(ops->size, sizeof(chr->ops)));
    if (!chardev_open_log(chr, error)) {
        return false;
    }
    if (chr->mux_wanted) {
        chr->mux = tn_mux_new(chr);
    }
    if (chr->ops.open && !chr->ops.open(obj, chr->ops_state, error)) {
        return false;
    }
    chr->made = true;
    return true;
}

void tn_chardev_close(TnChardev *obj)
{
    TnChardevState *chr = tn_chardev_state(obj);
    if (chr->made) {
        chr->made = false;
        if (chr->ops.close) {
            chr->ops.close(obj, chr->ops_state);
        }
    }
}

void tn_chardev_ended(TnChardev *obj)
{
    TnChardevState *chr = tn_chardev_state(obj);
    if (chr->made && chr->ops.ended) {
        chr->ops.ended(obj, chr->ops_state);
    }
}

static bool chardev_init(TnObject *obj, void *state, GError **error)
{
    TnChardevState *chr = state;
    chr->obj = obj;
    chr->log_fd = -1;
    return true;
}

/* Heirs are cleared first, so the back end must have been closed before the last reference went. */
static void chardev_clear(TnObject *obj, void *state)
{
    TnChardevState *chr = state;
    g_clear_pointer(&chr->mux, tn_mux_free);
    g_clear_pointer(&chr->queue, g_byte_array_unref);
    if (chr->log_fd >= 0) {
        close(chr->log_fd);
    }
}

static const TnProperty chardev_properties[] = {
    { .name = "mux", .kind = TN_PROP_BOOL, .offset = offsetof(TnChardevState, mux_wanted),
      .def = "off", .doc = "Several front ends share it; Ctrl-A c switches between them" },
    { .name = "logfile", .kind = TN_PROP_STRING, .offset = offsetof(TnChardevState, log_path),
      .doc = "File that gets a copy of the output" },
    { .name = "logappend", .kind = TN_PROP_BOOL, .offset = offsetof(TnChardevState, log_append),
      .def = "off", .doc = "Append to the log file instead of replacing it" },
    { 0 },
};

static const TnTypeInfo chardev_type = {
    .size = sizeof(TnTypeInfo),
    .flags = TN_TYPE_ABSTRACT,
    .name = TN_TYPE_CHARDEV,
    .state_size = sizeof(TnChardevState),
    .property_stride = TN_PROPERTY_STRIDE,
    .properties = chardev_properties,
    .description = "The ancestor of all character devices",
    .init = chardev_init,
    .clear = chardev_clear,
};
TN_CORE_TYPE(chardev_type);
