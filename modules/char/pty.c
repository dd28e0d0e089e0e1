/* SPDX-License-Identifier: MIT */
/*
 * chardev pty: a pseudo terminal of its own. While nobody has the other end open the kernel reports
 * a hang-up without pause, so the descriptor is not waited on then but looked at once a second.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "tenon/chardev.h"
#include "tenon/clock.h"
#include "tenon/error.h"
#include "tenon/module.h"

#define PTY_LOOK_NS TN_NS_PER_SECOND

typedef struct Pty {
    TnChardev *chr;       /* borrowed */
    int fd;               /* of the master end */
    TnFdChannel *channel; /* while somebody is there; owned */
    TnTimer *timer;
    bool ended;           /* the channel is to go */
} Pty;

static bool pty_has_peer(const Pty *pty)
{
    struct pollfd ask = { .fd = pty->fd, .events = POLLOUT };
    return poll(&ask, 1, 0) >= 0 && !(ask.revents & POLLHUP);
}

static void pty_look(void *opaque)
{
    Pty *pty = opaque;
    if (pty->ended) {
        pty->ended = false;
        g_clear_pointer(&pty->channel, tn_fd_channel_free);
    }
    if (!pty->channel && pty->fd >= 0 && pty_has_peer(pty)) {
        pty->channel = tn_fd_channel_new(pty->chr, pty->fd, pty->fd, false);
        tn_chardev_event(pty->chr, TN_CHARDEV_OPENED);
    }
    if (pty->fd >= 0) {
        tn_timer_set(pty->timer, tn_clock_now(TN_CLOCK_REALTIME) + PTY_LOOK_NS);
    }
}

static bool pty_make(Pty *pty, char name[128])
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    struct termios raw;
    if (fd < 0) {
        return false;
    }
    if (grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, name, 128) != 0) {
        close(fd);
        return false;
    }
    if (tcgetattr(fd, &raw) == 0) {
        cfmakeraw(&raw);
        tcsetattr(fd, TCSANOW, &raw);
    }
    pty->fd = fd;
    return true;
}

static bool pty_open(TnChardev *chr, void *state, GError **error)
{
    Pty *pty = state;
    char name[128];
    if (!pty_make(pty, name)) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO, "cannot make a pseudo terminal: %s",
                    g_strerror(errno));
        return false;
    }
    printf("char device redirected to %s (label %s)\n", name, tn_object_name(chr));
    fflush(stdout);
    pty_look(pty);
    return true;
}

static void pty_close(TnChardev *chr, void *state)
{
    Pty *pty = state;
    tn_timer_cancel(pty->timer);
    g_clear_pointer(&pty->channel, tn_fd_channel_free);
    if (pty->fd >= 0) {
        close(pty->fd);
        pty->fd = -1;
    }
}

static size_t pty_write(TnChardev *chr, void *state, const uint8_t *buf, size_t n)
{
    Pty *pty = state;
    if (!pty->channel && pty->fd >= 0 && pty_has_peer(pty)) {
        pty_look(pty);
    }
    return tn_fd_channel_write(pty->channel, buf, n);
}

static void pty_accept_input(TnChardev *chr, void *state)
{
    Pty *pty = state;
    tn_fd_channel_accept_input(pty->channel);
}

static void pty_ended(TnChardev *chr, void *state)
{
    Pty *pty = state;
    pty->ended = true;
    tn_timer_set(pty->timer, 0); /* the channel cannot go from within itself */
}

static bool pty_init(TnObject *obj, void *state, GError **error)
{
    Pty *pty = state;
    pty->chr = obj;
    pty->fd = -1;
    pty->timer = tn_timer_new(obj, TN_CLOCK_REALTIME, pty_look, pty);
    return true;
}

static void pty_clear(TnObject *obj, void *state)
{
    pty_close(obj, state);
}

static const TnChardevOps pty_ops = {
    .size = sizeof(TnChardevOps),
    .open = pty_open,
    .close = pty_close,
    .write = pty_write,
    .accept_input = pty_accept_input,
    .ended = pty_ended,
};

static const TnInterfaceImpl pty_interfaces[] = { { TN_IFACE_CHARDEV, &pty_ops }, { 0 } };

static const TnTypeInfo pty_type = {
    .size = sizeof(TnTypeInfo),
    .name = "chardev-pty",
    .parent = TN_TYPE_CHARDEV,
    .state_size = sizeof(Pty),
    .interfaces = pty_interfaces,
    .description = "A pseudo terminal",
    .init = pty_init,
    .clear = pty_clear,
};

static const TnTypeInfo *const types[] = { &pty_type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks,
    TN_NOTE_NAME("chardev-pty") TN_NOTE_VERSION("1.0") TN_NOTE_LICENCE("MIT")
    TN_NOTE_CHARDEV("pty", "A pseudo terminal"));
