/* SPDX-License-Identifier: MIT */
/*
 * chardev socket: a stream socket, Unix or TCP, as server or client.
 *
 * A server serves one client at a time and listens again when it leaves. With wait=on it does not
 * go on before the first client is there. A client with reconnect=N tries again every N seconds.
 */
#include <errno.h>
#include <glib-unix.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tenon/chardev.h"
#include "tenon/clock.h"
#include "tenon/error.h"
#include "tenon/log.h"
#include "tenon/module.h"

enum { SOCKET_BACKLOG = 1 };

typedef struct Socket {
    TnChardev *chr;             /* borrowed */
    char *path, *host, *port;   /* owned by the properties */
    bool server, wait, delay, abstract, ipv4, ipv6;
    uint32_t reconnect;         /* seconds; 0: never */
    int listener;               /* -1 for none */
    guint accept_source;
    TnFdChannel *channel;       /* while connected; owned */
    TnTimer *retry;
    bool dropping;              /* the channel is to go at the next round */
} Socket;

static void socket_accept_start(Socket *self);

/* ---- Connections ------------------------------------------------------------------------- */

static void socket_connected(Socket *self, int fd)
{
    int on = 1;
    if (!self->path && !self->delay) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    }
    self->channel = tn_fd_channel_new(self->chr, fd, fd, true);
    tn_chardev_event(self->chr, TN_CHARDEV_OPENED);
}

/* The address as users write it. g_free. */
static char *socket_name(const Socket *self)
{
    return self->path ? g_strdup_printf("unix:%s", self->path)
                      : g_strdup_printf("tcp:%s:%s", self->host ? self->host : "", self->port);
}

static bool socket_fail(Socket *self, const char *what, GError **error)
{
    g_autofree char *name = socket_name(self);
    g_set_error(error, TN_ERROR, TN_ERROR_IO, "%s: %s: %s", name, what, g_strerror(errno));
    return false;
}

/* Binds or connects; returns the descriptor or -1 with errno. */
static int socket_try(const Socket *self, int family, const struct sockaddr *address, socklen_t n)
{
    int on = 1;
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    if (self->server && family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    }
    int bad = self->server ? bind(fd, address, n) || listen(fd, SOCKET_BACKLOG)
                           : connect(fd, address, n);
    if (bad) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static int socket_make_unix(const Socket *self)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t n = strlen(self->path), skip = self->abstract ? 1 : 0;
    if (n + skip >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path + skip, self->path, n);
    if (self->server && !self->abstract) {
        unlink(self->path); /* what an earlier run left behind */
    }
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + skip + n + (skip ? 0 : 1);
    return socket_try(self, AF_UNIX, (struct sockaddr *)&address, length);
}

static int socket_make_tcp(const Socket *self)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_family = self->ipv4 == self->ipv6 ? AF_UNSPEC
                                         : self->ipv4 ? AF_INET : AF_INET6,
                              .ai_flags = self->server ? AI_PASSIVE : 0 };
    struct addrinfo *list = NULL;
    const char *host = self->host && self->host[0] ? self->host : NULL;
    int fd = -1;
    if (getaddrinfo(host, self->port, &hints, &list) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket_try(self, a->ai_family, a->ai_addr, a->ai_addrlen);
    }
    int saved = errno;
    freeaddrinfo(list);
    errno = saved;
    return fd;
}

static int socket_make(const Socket *self)
{
    return self->path ? socket_make_unix(self) : socket_make_tcp(self);
}

/* ---- Server ------------------------------------------------------------------------------ */

static gboolean socket_accept(gint fd, GIOCondition condition, gpointer data)
{
    Socket *self = data;
    int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (client < 0) {
        return G_SOURCE_CONTINUE;
    }
    self->accept_source = 0; /* one at a time */
    socket_connected(self, client);
    return G_SOURCE_REMOVE;
}

static void socket_accept_start(Socket *self)
{
    if (self->listener >= 0 && !self->accept_source) {
        self->accept_source = g_unix_fd_add(self->listener, G_IO_IN, socket_accept, self);
    }
}

static bool socket_wait_for_client(Socket *self, GError **error)
{
    g_autofree char *name = socket_name(self);
    int client;
    tn_info("waiting for connection on: %s,server=on", name);
    do {
        client = accept4(self->listener, NULL, NULL, SOCK_CLOEXEC);
    } while (client < 0 && errno == EINTR);
    if (client < 0) {
        return socket_fail(self, "accept", error);
    }
    socket_connected(self, client);
    return true;
}

static bool socket_open_server(Socket *self, GError **error)
{
    self->listener = socket_make(self);
    if (self->listener < 0) {
        return socket_fail(self, "cannot listen", error);
    }
    if (self->wait) {
        return socket_wait_for_client(self, error);
    }
    g_unix_set_fd_nonblocking(self->listener, TRUE, NULL);
    socket_accept_start(self);
    return true;
}

/* ---- Client ------------------------------------------------------------------------------ */

static void socket_retry_later(Socket *self)
{
    tn_timer_set(self->retry, tn_clock_now(TN_CLOCK_REALTIME) +
                                  (int64_t)self->reconnect * TN_NS_PER_SECOND);
}

/* Also runs, at once, after the end of a connection: the channel cannot go from within itself. */
static void socket_retry(void *opaque)
{
    Socket *self = opaque;
    if (self->dropping) {
        self->dropping = false;
        g_clear_pointer(&self->channel, tn_fd_channel_free);
        if (self->server) {
            socket_accept_start(self);
        } else if (self->reconnect) {
            socket_retry_later(self);
        }
        return;
    }
    int fd = socket_make(self);
    if (fd >= 0) {
        socket_connected(self, fd);
    } else {
        socket_retry_later(self);
    }
}

static bool socket_open_client(Socket *self, GError **error)
{
    int fd = socket_make(self);
    if (fd >= 0) {
        socket_connected(self, fd);
    } else if (!self->reconnect) {
        return socket_fail(self, "cannot connect", error);
    } else {
        socket_retry_later(self);
    }
    return true;
}

/* ---- Operations -------------------------------------------------------------------------- */

static bool socket_check(Socket *self, GError **error)
{
    const char *wrong = NULL;
    if (!self->path && !self->port) {
        wrong = "path= (Unix) or port= (TCP) is missing";
    } else if (self->path && (self->port || self->host)) {
        wrong = "path= and host= or port= exclude each other";
    } else if (self->server && self->reconnect) {
        wrong = "reconnect= is for clients";
    } else if (self->wait && !self->server &&
               tn_object_property_is_set(self->chr, "wait")) {
        wrong = "wait= is for servers";
    } else if (self->abstract && !self->path) {
        wrong = "abstract= needs path=";
    }
    if (wrong) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "chardev socket: %s", wrong);
    }
    return !wrong;
}

static bool socket_open(TnChardev *chr, void *state, GError **error)
{
    Socket *self = state;
    return socket_check(self, error) &&
           (self->server ? socket_open_server(self, error) : socket_open_client(self, error));
}

static void socket_close(TnChardev *chr, void *state)
{
    Socket *self = state;
    tn_timer_cancel(self->retry);
    g_clear_handle_id(&self->accept_source, g_source_remove);
    g_clear_pointer(&self->channel, tn_fd_channel_free);
    if (self->listener >= 0) {
        close(self->listener);
        self->listener = -1;
        if (self->path && !self->abstract) {
            unlink(self->path);
        }
    }
}

static size_t socket_write(TnChardev *chr, void *state, const uint8_t *buf, size_t n)
{
    Socket *self = state;
    return tn_fd_channel_write(self->channel, buf, n);
}

static void socket_accept_input(TnChardev *chr, void *state)
{
    Socket *self = state;
    tn_fd_channel_accept_input(self->channel);
}

static void socket_ended(TnChardev *chr, void *state)
{
    Socket *self = state;
    self->dropping = true;
    tn_timer_set(self->retry, 0);
}

static bool socket_init(TnObject *obj, void *state, GError **error)
{
    Socket *self = state;
    self->chr = obj;
    self->listener = -1;
    self->retry = tn_timer_new(obj, TN_CLOCK_REALTIME, socket_retry, self);
    return true;
}

static void socket_clear(TnObject *obj, void *state)
{
    socket_close(obj, state);
}

#define SOCKET_BOOL(name_, field_, def_, doc_) \
    { .name = name_, .kind = TN_PROP_BOOL, .offset = offsetof(Socket, field_), .def = def_, \
      .doc = doc_ }
#define SOCKET_STRING(name_, field_, doc_) \
    { .name = name_, .kind = TN_PROP_STRING, .offset = offsetof(Socket, field_), .doc = doc_ }

static const TnProperty socket_properties[] = {
    SOCKET_STRING("path", path, "Unix socket"),
    SOCKET_BOOL("abstract", abstract, "off", "The Unix socket is in the abstract name space"),
    SOCKET_STRING("host", host, "TCP: host or address; a server without it takes any"),
    SOCKET_STRING("port", port, "TCP: port or service"),
    SOCKET_BOOL("ipv4", ipv4, "off", "TCP: IPv4 only"),
    SOCKET_BOOL("ipv6", ipv6, "off", "TCP: IPv6 only"),
    SOCKET_BOOL("server", server, "off", "Listen instead of connecting"),
    SOCKET_BOOL("wait", wait, "on", "Server: do not start before a client is there"),
    SOCKET_BOOL("delay", delay, "on", "TCP: gather small writes (Nagle)"),
    { .name = "reconnect", .kind = TN_PROP_UINT32, .offset = offsetof(Socket, reconnect),
      .doc = "Client: seconds between attempts; 0 does not try again" },
    { 0 },
};

static const TnChardevOps socket_ops = {
    .size = sizeof(TnChardevOps),
    .open = socket_open,
    .close = socket_close,
    .write = socket_write,
    .accept_input = socket_accept_input,
    .ended = socket_ended,
};

static const TnInterfaceImpl socket_interfaces[] = { { TN_IFACE_CHARDEV, &socket_ops }, { 0 } };

static const TnTypeInfo socket_type = {
    .size = sizeof(TnTypeInfo),
    .name = "chardev-socket",
    .parent = TN_TYPE_CHARDEV,
    .state_size = sizeof(Socket),
    .property_stride = TN_PROPERTY_STRIDE,
    .properties = socket_properties,
    .interfaces = socket_interfaces,
    .description = "Unix or TCP stream socket",
    .init = socket_init,
    .clear = socket_clear,
};

static const TnTypeInfo *const types[] = { &socket_type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks,
    TN_NOTE_NAME("chardev-socket") TN_NOTE_VERSION("1.0") TN_NOTE_LICENCE("MIT")
    TN_NOTE_CHARDEV("socket", "Unix or TCP stream socket"));
