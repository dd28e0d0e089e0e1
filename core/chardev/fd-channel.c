/* SPDX-License-Identifier: MIT */
/*
 * A chardev on file descriptors. Reading stops while the front end takes nothing, and at the end.
 *
 * Descriptors that are ours are made non-blocking. Others (the terminal) are shared with processes
 * that do not expect it, so a write asks first and stays within what a pipe takes at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "chardev/make.h"

enum { CHANNEL_READ = 4096, CHANNEL_ATOMIC_WRITE = 4096 };

struct TnFdChannel {
    TnChardev *chr; /* borrowed */
    int fd_in, fd_out;
    bool own;
    bool ask;       /* poll before writing */
    bool ended;     /* end of file was seen */
    GSource *in, *out; /* ref; NULL while not waiting */
};

static void channel_stop(GSource **source)
{
    if (*source) {
        g_source_destroy(*source);
        g_clear_pointer(source, g_source_unref);
    }
}

static GSource *channel_wait(TnFdChannel *channel, int fd, GIOCondition condition,
                             GUnixFDSourceFunc fn)
{
    GSource *source = g_unix_fd_source_new(fd, condition);
    g_source_set_callback(source, G_SOURCE_FUNC(fn), channel, NULL);
    g_source_attach(source, NULL);
    return source;
}

static bool channel_is_file(int fd)
{
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

TnFdChannel *tn_fd_channel_new(TnChardev *chr, int fd_in, int fd_out, bool own)
{
    TnFdChannel *channel = g_new0(TnFdChannel, 1);
    *channel = (TnFdChannel){ .chr = chr, .fd_in = fd_in, .fd_out = fd_out, .own = own };
    if (own) {
        if (fd_in >= 0) {
            g_unix_set_fd_nonblocking(fd_in, TRUE, NULL);
        }
        if (fd_out >= 0) {
            g_unix_set_fd_nonblocking(fd_out, TRUE, NULL);
        }
    } else {
        channel->ask = fd_out >= 0 && !channel_is_file(fd_out);
    }
    tn_fd_channel_accept_input(channel);
    return channel;
}

void tn_fd_channel_free(TnFdChannel *channel)
{
    if (!channel) {
        return;
    }
    channel_stop(&channel->in);
    channel_stop(&channel->out);
    if (channel->own) {
        if (channel->fd_in >= 0) {
            close(channel->fd_in);
        }
        if (channel->fd_out >= 0 && channel->fd_out != channel->fd_in) {
            close(channel->fd_out);
        }
    }
    g_free(channel);
}

/* ---- Reading ----------------------------------------------------------------------------- */

static gboolean channel_readable(gint fd, GIOCondition condition, gpointer data)
{
    TnFdChannel *channel = data;
    uint8_t buf[CHANNEL_READ];
    size_t room = MIN(tn_chardev_can_receive(channel->chr), sizeof(buf));
    if (room == 0) {
        channel_stop(&channel->in); /* accept_input starts it again */
        return G_SOURCE_REMOVE;
    }
    ssize_t n = read(fd, buf, room);
    if (n > 0) {
        /* The front end may free the channel from here on. */
        tn_chardev_receive(channel->chr, buf, n);
        return G_SOURCE_CONTINUE;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return G_SOURCE_CONTINUE;
    }
    channel->ended = true;
    channel_stop(&channel->in);
    tn_chardev_event(channel->chr, TN_CHARDEV_CLOSED);
    tn_chardev_ended(channel->chr);
    return G_SOURCE_REMOVE;
}

void tn_fd_channel_accept_input(TnFdChannel *channel)
{
    if (channel && channel->fd_in >= 0 && !channel->in && !channel->ended) {
        channel->in = channel_wait(channel, channel->fd_in, G_IO_IN | G_IO_HUP | G_IO_ERR,
                                   channel_readable);
    }
}

/* ---- Writing ----------------------------------------------------------------------------- */

static gboolean channel_writable(gint fd, GIOCondition condition, gpointer data)
{
    TnFdChannel *channel = data;
    channel_stop(&channel->out);
    tn_chardev_writable(channel->chr);
    return G_SOURCE_REMOVE;
}

static bool channel_would_block(const TnFdChannel *channel)
{
    struct pollfd ask = { .fd = channel->fd_out, .events = POLLOUT };
    return channel->ask && poll(&ask, 1, 0) == 0;
}

size_t tn_fd_channel_write(TnFdChannel *channel, const uint8_t *buf, size_t n)
{
    if (!channel || channel->fd_out < 0 || n == 0) {
        return n; /* nowhere to go */
    }
    bool full = channel_would_block(channel);
    while (!full) {
        ssize_t wrote = write(channel->fd_out, buf,
                              channel->ask ? MIN(n, CHANNEL_ATOMIC_WRITE) : n);
        if (wrote >= 0) {
            return wrote;
        }
        if (errno != EINTR && errno != EAGAIN) {
            return n; /* the reader is gone: output is lost as on a line without a terminal */
        }
        full = errno == EAGAIN;
    }
    if (!channel->out) {
        channel->out = channel_wait(channel, channel->fd_out, G_IO_OUT | G_IO_HUP | G_IO_ERR,
                                    channel_writable);
    }
    return 0;
}
