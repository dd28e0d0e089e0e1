/* SPDX-License-Identifier: MIT */
/*
 * RAM back ends: objects that give a machine or a device its memory. "memory-backend-ram" is
 * anonymous, "memory-backend-file" maps a file or a directory's (hugetlbfs) unnamed one,
 * "memory-backend-memfd" can be passed to other processes. -object makes the memory at once,
 * so that what the host refuses is told before a machine is built.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "memory/backend.h"
#include "memory/region.h"
#include "object/object.h"
#include "option/parse.h"
#include "tenon/error.h"

enum { BACKEND_MODE = 0600 };

typedef struct Backend {
    uint64_t size;
    bool share, prealloc, merge, dump;
    TnRam *ram;  /* ref; NULL until mapped */
    bool mapped; /* a region shows it */
} Backend;

typedef struct FileBackend {
    char *path; /* owned by the property */
    bool readonly, discard;
} FileBackend;

typedef struct MemfdBackend {
    bool hugetlb, seal;
    uint64_t hugetlb_size;
} MemfdBackend;

/* ---- Kinds ------------------------------------------------------------------------------- */

static int ram_open(TnObject *obj, void *state, uint64_t size, bool *ok, GError **error)
{
    return -1;
}

static int file_open_path(const FileBackend *file)
{
    struct stat info;
    int how = (file->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC;
    if (stat(file->path, &info) == 0 && S_ISDIR(info.st_mode)) {
        return open(file->path, O_RDWR | O_CLOEXEC | O_TMPFILE, BACKEND_MODE);
    }
    return open(file->path, file->readonly ? how : how | O_CREAT, BACKEND_MODE);
}

/* A new or shorter file grows; a longer one stays as it is. */
static bool file_fit(int fd, const FileBackend *file, uint64_t size)
{
    struct stat info;
    if (fstat(fd, &info) < 0) {
        return false;
    }
    if (!S_ISREG(info.st_mode) || (uint64_t)info.st_size >= size) {
        return true;
    }
    if (file->readonly) {
        errno = EFBIG;
        return false;
    }
    return ftruncate(fd, size) == 0;
}

static int file_open(TnObject *obj, void *state, uint64_t size, bool *ok, GError **error)
{
    FileBackend *file = state;
    if (!file->path || !file->path[0]) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "mem-path= is missing");
        *ok = false;
        return -1;
    }
    int fd = file_open_path(file);
    if (fd < 0 || !file_fit(fd, file, size)) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO, "mem-path=%s: %s", file->path, g_strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        *ok = false;
        return -1;
    }
    return fd;
}

static bool file_readonly(void *state)
{
    return ((FileBackend *)state)->readonly;
}

static unsigned memfd_flags(const MemfdBackend *memfd)
{
    unsigned flags = MFD_CLOEXEC | (memfd->seal ? MFD_ALLOW_SEALING : 0);
    if (memfd->hugetlb) {
        flags |= MFD_HUGETLB;
        if (memfd->hugetlb_size) {
            flags |= (unsigned)__builtin_ctzll(memfd->hugetlb_size) << MAP_HUGE_SHIFT;
        }
    }
    return flags;
}

static int memfd_open(TnObject *obj, void *state, uint64_t size, bool *ok, GError **error)
{
    MemfdBackend *memfd = state;
    int fd = memfd_create(tn_object_name(obj) ? tn_object_name(obj) : "memory", memfd_flags(memfd));
    if (fd < 0 || ftruncate(fd, size) < 0 ||
        (memfd->seal && fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO, "the host gives no such memory: %s",
                    g_strerror(errno));
        if (fd >= 0) {
            close(fd);
        }
        *ok = false;
        return -1;
    }
    return fd;
}

/* ---- Mapping ----------------------------------------------------------------------------- */

static bool backend_make(TnObject *obj, Backend *backend, GError **error)
{
    void *state;
    bool ok = true;
    const TnMemoryBackendOps *ops = tn_object_interface_state(obj, TN_IFACE_MEMORY_BACKEND, &state);
    if (!backend->size || backend->size % TN_RAM_PAGE) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, backend->size
                    ? "size=%" G_GUINT64_FORMAT " is no multiple of %u" : "size= is missing or 0",
                    backend->size, (unsigned)TN_RAM_PAGE);
        return false;
    }
    int fd = ops->open(obj, state, backend->size, &ok, error);
    TnRamOptions options = {
        .name = tn_object_type(obj), .size = backend->size, .fd = fd, .shared = backend->share,
        .readonly = ops->readonly && ops->readonly(state), .prealloc = backend->prealloc,
        .no_merge = !backend->merge, .no_dump = !backend->dump,
    };
    backend->ram = ok ? tn_ram_new(&options, error) : NULL;
    return backend->ram != NULL;
}

static bool backend_complete(TnObject *obj, void *state, GError **error)
{
    return backend_make(obj, state, error);
}

uint64_t tn_backend_size(TnObject *obj)
{
    Backend *backend = tn_object_state(obj, TN_TYPE_MEMORY_BACKEND);
    return backend ? backend->size : 0;
}

TnRegion *tn_region_new_backend(TnObject *owner, const char *name, TnObject *obj, GError **error)
{
    Backend *backend = obj ? tn_object_state(obj, TN_TYPE_MEMORY_BACKEND) : NULL;
    g_autofree char *who = obj ? tn_object_describe(obj) : NULL;
    if (!backend || backend->mapped) {
        g_set_error(error, TN_ERROR, backend ? TN_ERROR_BUSY : TN_ERROR_INVALID, "%s: %s",
                    who ? who : "memory back end",
                    backend ? "is in use already" : "is no memory back end");
        return NULL;
    }
    if (!backend->ram && !backend_make(obj, backend, error)) {
        g_prefix_error(error, "%s: ", who);
        return NULL;
    }
    void *state;
    const TnMemoryBackendOps *ops = tn_object_interface_state(obj, TN_IFACE_MEMORY_BACKEND, &state);
    backend->mapped = true;
    return tn_region_new_of_ram(owner, name, backend->ram,
                                ops->readonly && ops->readonly(state));
}

static void backend_clear(TnObject *obj, void *state)
{
    Backend *backend = state;
    g_clear_pointer(&backend->ram, tn_ram_unref);
}

/* The bytes need not reach the file: nobody reads them again. */
static void file_clear(TnObject *obj, void *state)
{
    FileBackend *file = state;
    Backend *backend = tn_object_state(obj, TN_TYPE_MEMORY_BACKEND);
    if (file->discard && backend->ram && backend->share) {
        madvise(backend->ram->host, backend->ram->size, MADV_REMOVE);
    }
}

/* To be passed on is what it is for. */
static bool memfd_init(TnObject *obj, void *state, GError **error)
{
    Backend *backend = tn_object_state(obj, TN_TYPE_MEMORY_BACKEND);
    backend->share = true;
    return true;
}

/* ---- Properties and types ---------------------------------------------------------------- */

static bool memfd_set_huge_size(TnObject *obj, void *state, const char *text, GError **error)
{
    uint64_t size;
    if (!tn_parse_size(text, 1, &size, error)) {
        return false;
    }
    if (size & (size - 1)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "a huge page size is a power of two");
        return false;
    }
    ((MemfdBackend *)state)->hugetlb_size = size;
    return true;
}

static const TnProperty backend_properties[] = {
    { .name = "size", .kind = TN_PROP_SIZE, .offset = offsetof(Backend, size),
      .flags = TN_PROP_REQUIRED, .doc = "Bytes of memory" },
    { .name = "share", .kind = TN_PROP_BOOL, .offset = offsetof(Backend, share), .def = "off",
      .doc = "Writes reach the file or other processes; on for memfd" },
    { .name = "prealloc", .kind = TN_PROP_BOOL, .offset = offsetof(Backend, prealloc), .def = "off",
      .doc = "Take all memory from the host at the start" },
    { .name = "merge", .kind = TN_PROP_BOOL, .offset = offsetof(Backend, merge), .def = "on",
      .doc = "Let the host merge equal pages" },
    { .name = "dump", .kind = TN_PROP_BOOL, .offset = offsetof(Backend, dump), .def = "on",
      .doc = "Part of the emulator's core dumps" },
    { 0 },
};

static const TnProperty file_properties[] = {
    { .name = "mem-path", .kind = TN_PROP_STRING, .offset = offsetof(FileBackend, path),
      .flags = TN_PROP_REQUIRED, .doc = "The file, or a directory for an unnamed file in it" },
    { .name = "readonly", .kind = TN_PROP_BOOL, .offset = offsetof(FileBackend, readonly),
      .def = "off", .doc = "The guest cannot write; the file is opened for reading" },
    { .name = "discard-data", .kind = TN_PROP_BOOL, .offset = offsetof(FileBackend, discard),
      .def = "off", .doc = "The file's contents may be dropped at the end" },
    { 0 },
};

static const TnProperty memfd_properties[] = {
    { .name = "hugetlb", .kind = TN_PROP_BOOL, .offset = offsetof(MemfdBackend, hugetlb),
      .def = "off", .doc = "Huge pages" },
    { .name = "hugetlbsize", .kind = TN_PROP_SIZE, .offset = offsetof(MemfdBackend, hugetlb_size),
      .set = memfd_set_huge_size, .doc = "Size of a huge page; the host's default when not given" },
    { .name = "seal", .kind = TN_PROP_BOOL, .offset = offsetof(MemfdBackend, seal), .def = "on",
      .doc = "The size is sealed" },
    { 0 },
};

static const TnUserCreatableOps creatable = { .size = sizeof(creatable),
                                              .complete = backend_complete };
static const TnInterfaceImpl backend_interfaces[] = {
    { TN_IFACE_USER_CREATABLE, &creatable }, { 0 },
};
static const TnMemoryBackendOps ram_ops = { .size = sizeof(TnMemoryBackendOps), .open = ram_open };
static const TnMemoryBackendOps file_ops = { .size = sizeof(TnMemoryBackendOps), .open = file_open,
                                     .readonly = file_readonly };
static const TnMemoryBackendOps memfd_ops = { .size = sizeof(TnMemoryBackendOps), .open = memfd_open };

static const TnInterfaceImpl ram_interfaces[] = { { TN_IFACE_MEMORY_BACKEND, &ram_ops }, { 0 } };
static const TnInterfaceImpl file_interfaces[] = { { TN_IFACE_MEMORY_BACKEND, &file_ops }, { 0 } };
static const TnInterfaceImpl memfd_interfaces[] = { { TN_IFACE_MEMORY_BACKEND, &memfd_ops }, { 0 } };

static const TnTypeInfo backend_type = {
    .size = sizeof(TnTypeInfo),
    .flags = TN_TYPE_ABSTRACT,
    .name = TN_TYPE_MEMORY_BACKEND,
    .state_size = sizeof(Backend),
    .property_stride = TN_PROPERTY_STRIDE,
    .properties = backend_properties,
    .interfaces = backend_interfaces,
    .description = "The ancestor of all RAM back ends",
    .clear = backend_clear,
};
TN_CORE_TYPE(backend_type);

static const TnTypeInfo ram_type = {
    .size = sizeof(TnTypeInfo),
    .name = "memory-backend-ram",
    .parent = TN_TYPE_MEMORY_BACKEND,
    .interfaces = ram_interfaces,
    .description = "Anonymous memory of the host",
};
TN_CORE_TYPE(ram_type);

static const TnTypeInfo file_type = {
    .size = sizeof(TnTypeInfo),
    .name = "memory-backend-file",
    .parent = TN_TYPE_MEMORY_BACKEND,
    .state_size = sizeof(FileBackend),
    .property_stride = TN_PROPERTY_STRIDE,
    .properties = file_properties,
    .interfaces = file_interfaces,
    .description = "Memory in a file",
    .clear = file_clear,
};
TN_CORE_TYPE(file_type);

static const TnTypeInfo memfd_type = {
    .size = sizeof(TnTypeInfo),
    .name = "memory-backend-memfd",
    .parent = TN_TYPE_MEMORY_BACKEND,
    .state_size = sizeof(MemfdBackend),
    .property_stride = TN_PROPERTY_STRIDE,
    .properties = memfd_properties,
    .interfaces = memfd_interfaces,
    .description = "Memory that can be passed to other processes",
    .init = memfd_init,
};
TN_CORE_TYPE(memfd_type);
