/* SPDX-License-Identifier: MIT */
/*
 * chardev stdio: the terminal that the emulator runs in, in raw mode.
 *
 * The terminal is put back when the chardev is closed, at exit, and around a stop by job control
 * (^Z): it is raw again after SIGCONT.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "tenon/chardev.h"
#include "tenon/error.h"
#include "tenon/module.h"

typedef struct Stdio {
    bool signals;         /* ^C and ^Z act on the emulator */
    TnFdChannel *channel; /* owned */
} Stdio;

/* There is one terminal; what a signal handler needs is global. */
static struct termios stdio_before, stdio_raw;
static volatile sig_atomic_t stdio_is_raw;
static Stdio *stdio_owner;

static void stdio_restore(void)
{
    if (stdio_is_raw) {
        stdio_is_raw = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &stdio_before);
    }
}

static void stdio_continued(int number)
{
    if (stdio_is_raw) {
        int saved = errno;
        tcsetattr(STDIN_FILENO, TCSANOW, &stdio_raw);
        errno = saved;
    }
}

static void stdio_stopped(int number)
{
    int saved = errno;
    if (stdio_is_raw) {
        tcsetattr(STDIN_FILENO, TCSANOW, &stdio_before);
    }
    raise(SIGSTOP);
    errno = saved;
}

static void stdio_catch(int number, void (*handler)(int))
{
    struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

static void stdio_make_raw(const Stdio *self)
{
    static bool registered;
    if (tcgetattr(STDIN_FILENO, &stdio_before) < 0) {
        return; /* no terminal: a pipe or a file */
    }
    stdio_raw = stdio_before;
    stdio_raw.c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    stdio_raw.c_oflag |= OPOST;
    stdio_raw.c_lflag &= ~(ECHO | ECHONL | ICANON | IEXTEN);
    if (!self->signals) {
        stdio_raw.c_lflag &= ~ISIG;
    }
    stdio_raw.c_cflag &= ~(CSIZE | PARENB);
    stdio_raw.c_cflag |= CS8;
    stdio_raw.c_cc[VMIN] = 1;
    stdio_raw.c_cc[VTIME] = 0;
    if (!registered) {
        registered = true;
        atexit(stdio_restore);
    }
    stdio_catch(SIGCONT, stdio_continued);
    stdio_catch(SIGTSTP, stdio_stopped);
    stdio_is_raw = 1;
    tcsetattr(STDIN_FILENO, TCSANOW, &stdio_raw);
}

static bool stdio_open(TnChardev *chr, void *state, GError **error)
{
    Stdio *self = state;
    if (stdio_owner) {
        g_set_error(error, TN_ERROR, TN_ERROR_BUSY,
                    "the terminal is in use by another stdio chardev; share one with mux=on");
        return false;
    }
    stdio_owner = self;
    stdio_make_raw(self);
    self->channel = tn_fd_channel_new(chr, STDIN_FILENO, STDOUT_FILENO, false);
    tn_chardev_event(chr, TN_CHARDEV_OPENED);
    return true;
}

static void stdio_close(TnChardev *chr, void *state)
{
    Stdio *self = state;
    g_clear_pointer(&self->channel, tn_fd_channel_free);
    if (stdio_owner == self) {
        stdio_owner = NULL;
        stdio_restore();
        stdio_catch(SIGCONT, SIG_DFL);
        stdio_catch(SIGTSTP, SIG_DFL);
    }
}

static size_t stdio_write(TnChardev *chr, void *state, const uint8_t *buf, size_t n)
{
    Stdio *self = state;
    return tn_fd_channel_write(self->channel, buf, n);
}

static void stdio_accept_input(TnChardev *chr, void *state)
{
    Stdio *self = state;
    tn_fd_channel_accept_input(self->channel);
}

static void stdio_clear(TnObject *obj, void *state)
{
    stdio_close(obj, state);
}

static const TnProperty stdio_properties[] = {
    { .name = "signal", .kind = TN_PROP_BOOL, .offset = offsetof(Stdio, signals), .def = "on",
      .doc = "^C and ^Z act on the emulator; off passes them to the guest" },
    { 0 },
};

static const TnChardevOps stdio_ops = {
    .size = sizeof(TnChardevOps),
    .open = stdio_open,
    .close = stdio_close,
    .write = stdio_write,
    .accept_input = stdio_accept_input,
};

static const TnInterfaceImpl stdio_interfaces[] = { { TN_IFACE_CHARDEV, &stdio_ops }, { 0 } };

static const TnTypeInfo stdio_type = {
    .size = sizeof(TnTypeInfo),
    .name = "chardev-stdio",
    .parent = TN_TYPE_CHARDEV,
    .state_size = sizeof(Stdio),
    .property_stride = TN_PROPERTY_STRIDE,
    .properties = stdio_properties,
    .interfaces = stdio_interfaces,
    .description = "The terminal that the emulator runs in",
    .clear = stdio_clear,
};

static const TnTypeInfo *const types[] = { &stdio_type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks,
    TN_NOTE_NAME("chardev-stdio") TN_NOTE_VERSION("1.0") TN_NOTE_LICENCE("MIT")
    TN_NOTE_CHARDEV("stdio", "The terminal that the emulator runs in"));
