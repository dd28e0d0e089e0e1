/* SPDX-License-Identifier: MIT */
/*
 * chardev pipe: a pair of named pipes PATH.in and PATH.out, or one PATH for both. They are opened
 * for reading and writing, so that a reader that comes and goes neither blocks nor ends anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tenon/chardev.h"
#include "tenon/error.h"
#include "tenon/module.h"

typedef struct Pipe {
    char *path;           /* owned by the property */
    TnFdChannel *channel; /* owned */
} Pipe;

static int pipe_open_one(const char *path, const char *suffix)
{
    g_autofree char *name = g_strconcat(path, suffix, NULL);
    return open(name, O_RDWR | O_CLOEXEC | O_NONBLOCK);
}

static bool pipe_open(TnChardev *chr, void *state, GError **error)
{
    Pipe *self = state;
    if (!self->path || !self->path[0]) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "chardev pipe: path= is missing");
        return false;
    }
    int in = pipe_open_one(self->path, ".in");
    int out = pipe_open_one(self->path, ".out");
    if (in < 0 || out < 0) {
        if (in >= 0) {
            close(in);
        }
        if (out >= 0) {
            close(out);
        }
        in = out = pipe_open_one(self->path, "");
    }
    if (in < 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO,
                    "path=%s: neither '%s.in' and '%s.out' nor '%s' can be opened: %s", self->path,
                    self->path, self->path, self->path, g_strerror(errno));
        return false;
    }
    self->channel = tn_fd_channel_new(chr, in, out, true);
    tn_chardev_event(chr, TN_CHARDEV_OPENED);
    return true;
}

static void pipe_close(TnChardev *chr, void *state)
{
    Pipe *self = state;
    g_clear_pointer(&self->channel, tn_fd_channel_free);
}

static size_t pipe_write(TnChardev *chr, void *state, const uint8_t *buf, size_t n)
{
    Pipe *self = state;
    return tn_fd_channel_write(self->channel, buf, n);
}

static void pipe_accept_input(TnChardev *chr, void *state)
{
    Pipe *self = state;
    tn_fd_channel_accept_input(self->channel);
}

static bool pipe_parse_short(TnChardev *chr, void *state, const char *rest, GError **error)
{
    return tn_object_set(chr, "path", rest, error);
}

static void pipe_clear(TnObject *obj, void *state)
{
    pipe_close(obj, state);
}

static const TnProperty pipe_properties[] = {
    { .name = "path", .kind = TN_PROP_STRING, .offset = offsetof(Pipe, path),
      .doc = "Named pipe PATH, or the pair PATH.in and PATH.out" },
    { 0 },
};

static const TnChardevOps pipe_ops = {
    .size = sizeof(TnChardevOps),
    .open = pipe_open,
    .close = pipe_close,
    .write = pipe_write,
    .accept_input = pipe_accept_input,
    .parse_short = pipe_parse_short,
};

static const TnInterfaceImpl pipe_interfaces[] = { { TN_IFACE_CHARDEV, &pipe_ops }, { 0 } };

static const TnTypeInfo pipe_type = {
    .size = sizeof(TnTypeInfo),
    .name = "chardev-pipe",
    .parent = TN_TYPE_CHARDEV,
    .state_size = sizeof(Pipe),
    .property_stride = TN_PROPERTY_STRIDE,
    .properties = pipe_properties,
    .interfaces = pipe_interfaces,
    .description = "Named pipes",
    .clear = pipe_clear,
};

static const TnTypeInfo *const types[] = { &pipe_type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks,
    TN_NOTE_NAME("chardev-pipe") TN_NOTE_VERSION("1.0") TN_NOTE_LICENCE("MIT")
    TN_NOTE_CHARDEV("pipe", "Named pipes"));
