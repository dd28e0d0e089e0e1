/* SPDX-License-Identifier: MIT */
/* chardev file: output to a file, input from another. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tenon/chardev.h"
#include "tenon/error.h"
#include "tenon/module.h"

enum { FILE_MODE = 0666 };

typedef struct File {
    char *path, *input_path; /* owned by the properties */
    bool append;
    TnFdChannel *channel;    /* owned */
} File;

static int file_open_one(const char *property, const char *path, int flags, GError **error)
{
    int fd = open(path, flags | O_CLOEXEC, FILE_MODE);
    if (fd < 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO, "%s=%s: %s", property, path, g_strerror(errno));
    }
    return fd;
}

static bool file_open(TnChardev *chr, void *state, GError **error)
{
    File *file = state;
    int in = -1;
    if (!file->path || !file->path[0]) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "chardev file: path= is missing");
        return false;
    }
    if (file->input_path && file->input_path[0] &&
        (in = file_open_one("input-path", file->input_path, O_RDONLY, error)) < 0) {
        return false;
    }
    int out = file_open_one("path", file->path,
                            O_WRONLY | O_CREAT | (file->append ? O_APPEND : O_TRUNC), error);
    if (out < 0) {
        if (in >= 0) {
            close(in);
        }
        return false;
    }
    file->channel = tn_fd_channel_new(chr, in, out, true);
    tn_chardev_event(chr, TN_CHARDEV_OPENED);
    return true;
}

static void file_close(TnChardev *chr, void *state)
{
    File *file = state;
    g_clear_pointer(&file->channel, tn_fd_channel_free);
}

static size_t file_write(TnChardev *chr, void *state, const uint8_t *buf, size_t n)
{
    File *file = state;
    return tn_fd_channel_write(file->channel, buf, n);
}

static void file_accept_input(TnChardev *chr, void *state)
{
    File *file = state;
    tn_fd_channel_accept_input(file->channel);
}

static bool file_parse_short(TnChardev *chr, void *state, const char *rest, GError **error)
{
    return tn_object_set(chr, "path", rest, error);
}

static void file_clear(TnObject *obj, void *state)
{
    file_close(obj, state);
}

static const TnProperty file_properties[] = {
    { .name = "path", .kind = TN_PROP_STRING, .offset = offsetof(File, path),
      .doc = "File that gets the output" },
    { .name = "input-path", .kind = TN_PROP_STRING, .offset = offsetof(File, input_path),
      .doc = "File that input is read from" },
    { .name = "append", .kind = TN_PROP_BOOL, .offset = offsetof(File, append), .def = "off",
      .doc = "Append to the file instead of replacing it" },
    { 0 },
};

static const TnChardevOps file_ops = {
    .size = sizeof(TnChardevOps),
    .open = file_open,
    .close = file_close,
    .write = file_write,
    .accept_input = file_accept_input,
    .parse_short = file_parse_short,
};

static const TnInterfaceImpl file_interfaces[] = { { TN_IFACE_CHARDEV, &file_ops }, { 0 } };

static const TnTypeInfo file_type = {
    .size = sizeof(TnTypeInfo),
    .name = "chardev-file",
    .parent = TN_TYPE_CHARDEV,
    .state_size = sizeof(File),
    .property_stride = TN_PROPERTY_STRIDE,
    .properties = file_properties,
    .interfaces = file_interfaces,
    .description = "Output to a file",
    .clear = file_clear,
};

static const TnTypeInfo *const types[] = { &file_type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks,
    TN_NOTE_NAME("chardev-file") TN_NOTE_VERSION("1.0") TN_NOTE_LICENCE("MIT")
    TN_NOTE_CHARDEV("file", "Output to a file"));
