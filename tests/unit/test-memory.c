/* SPDX-License-Identifier: MIT */
/* The memory bus: flattening, splitting, byte order, ROM, dirty pages, listeners. */
#include <glib/gstdio.h>
#include <string.h>

#include "memory/memory-internal.h"
#include "memory/region.h"

static TnRegion *container(const char *name, uint64_t size)
{
    return tn_region_new_container(NULL, name, size);
}

/* A device of plain bytes that logs its accesses. */
typedef struct Probe {
    uint8_t bytes[64];
    GString *log;
} Probe;

static uint64_t probe_read(void *opaque, uint64_t offset, unsigned size)
{
    Probe *probe = opaque;
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)probe->bytes[offset + i] << i * 8;
    }
    g_string_append_printf(probe->log, "r%u@%u ", size, (unsigned)offset);
    return value;
}

static void probe_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    Probe *probe = opaque;
    g_string_append_printf(probe->log, "w%u@%u=%" G_GINT64_MODIFIER "x ", size, (unsigned)offset,
                           value);
}

static Probe probe_new(void)
{
    Probe probe = { .log = g_string_new(NULL) };
    for (unsigned i = 0; i < sizeof(probe.bytes); i++) {
        probe.bytes[i] = i;
    }
    return probe;
}

static void probe_expect(Probe *probe, const char *log)
{
    g_assert_cmpstr(probe->log->str, ==, log);
    g_string_truncate(probe->log, 0);
}

static TnRegion *probe_region(Probe *probe, TnRegionOps ops)
{
    ops.size_of = sizeof(ops);
    ops.read = probe_read;
    ops.write = probe_write;
    return tn_region_new_io(NULL, "probe", g_memdup2(&ops, sizeof(ops)), probe, 64);
}

static const char *name_at(TnAddressSpace *as, uint64_t addr)
{
    TnMemorySpan span;
    tn_memory_lookup(as, addr, 0, &span);
    return span.region ? tn_region_name(span.region) : "-";
}

/* ---- Flattening -------------------------------------------------------------------------- */

static void test_priority(void)
{
    TnRegion *root = container("root", 0);
    TnAddressSpace *as = tn_address_space_new(NULL, "t", root);
    TnRegion *low = tn_region_new_ram(NULL, "low", 0x10000, NULL);
    TnRegion *high = tn_region_new_ram(NULL, "high", 0x1000, NULL);
    tn_region_add_overlap(root, 0, low, 0);
    tn_region_add_overlap(root, 0x4000, high, 1);
    g_assert_cmpstr(name_at(as, 0x3fff), ==, "low");
    g_assert_cmpstr(name_at(as, 0x4000), ==, "high");
    g_assert_cmpstr(name_at(as, 0x5000), ==, "low");
    g_assert_cmpstr(name_at(as, 0x10000), ==, "-");
    TnMemorySpan span;
    tn_memory_lookup(as, 0x5000, 0, &span);
    g_assert_cmpuint(span.offset, ==, 0x5000);
    g_assert_cmpuint(span.length, ==, 0xb000);
    tn_region_set_enabled(high, false);
    g_assert_cmpstr(name_at(as, 0x4000), ==, "low");
    tn_memory_lookup(as, 0, 0, &span);
    g_assert_cmpuint(span.length, ==, 0x10000);
}

static void test_container_shows_below(void)
{
    TnRegion *root = container("root", 0);
    TnAddressSpace *as = tn_address_space_new(NULL, "t", root);
    TnRegion *ram = tn_region_new_ram(NULL, "ram", 0x4000, NULL);
    TnRegion *bus = container("bus", 0x4000);
    TnRegion *card = tn_region_new_ram(NULL, "card", 0x1000, NULL);
    tn_region_add_overlap(root, 0, ram, 0);
    tn_region_add_overlap(root, 0, bus, 5);
    tn_region_add(bus, 0x2000, card);
    g_assert_cmpstr(name_at(as, 0x1000), ==, "ram");
    g_assert_cmpstr(name_at(as, 0x2000), ==, "card");
    g_assert_cmpstr(name_at(as, 0x3000), ==, "ram");
}

static void test_alias(void)
{
    TnRegion *root = container("root", 0);
    TnAddressSpace *as = tn_address_space_new(NULL, "t", root);
    TnRegion *ram = tn_region_new_ram(NULL, "ram", 0x10000, NULL);
    TnRegion *window = tn_region_new_alias(NULL, "window", ram, 0x8000, 0x1000);
    tn_region_add(root, 0x100000, window);
    memset(tn_region_ram(ram) + 0x8000, 0x5a, 0x1000);
    uint64_t value;
    g_assert_cmpint(tn_memory_load(as, 0x100010, 4, &value, 0), ==, TN_MEM_OK);
    g_assert_cmphex(value, ==, 0x5a5a5a5a);
    tn_region_set_alias_offset(window, 0);
    tn_memory_load(as, 0x100010, 4, &value, 0);
    g_assert_cmphex(value, ==, 0);
    g_assert_cmpint(tn_memory_load(as, 0x101000, 4, &value, 0), ==, TN_MEM_UNASSIGNED);
    g_assert_cmphex(value, ==, 0xffffffff);
}

static void test_readonly_window(void)
{
    TnRegion *root = container("root", 0);
    TnAddressSpace *as = tn_address_space_new(NULL, "t", root);
    TnRegion *ram = tn_region_new_ram(NULL, "ram", 0x1000, NULL);
    TnRegion *window = tn_region_new_alias(NULL, "pam", ram, 0, 0x1000);
    tn_region_set_readonly(window, true);
    tn_region_add(root, 0xc0000, window);
    TnMemorySpan span;
    tn_memory_lookup(as, 0xc0000, 0, &span);
    g_assert_nonnull(span.host);
    g_assert_false(span.writable);
    g_assert_cmpint(tn_memory_store(as, 0xc0000, 4, 1, 0), ==, TN_MEM_OK);
    g_assert_cmpint(tn_memory_write(as, 0xc0000, "xyzw", 4, 0), ==, TN_MEM_OK);
    g_assert_cmpint(tn_region_ram(ram)[0], ==, 0);
    g_assert_cmpint(tn_memory_write_rom(as, 0xc0000, "x", 1), ==, TN_MEM_OK);
    g_assert_cmpint(tn_region_ram(ram)[0], ==, 'x');
}

static void test_transaction(void)
{
    TnRegion *root = container("root", 0);
    TnAddressSpace *as = tn_address_space_new(NULL, "t", root);
    TnRegion *ram = tn_region_new_ram(NULL, "ram", 0x1000, NULL);
    tn_memory_begin();
    tn_region_add(root, 0, ram);
    g_assert_cmpstr(name_at(as, 0), ==, "-");
    tn_memory_begin();
    tn_memory_commit();
    g_assert_cmpstr(name_at(as, 0), ==, "-");
    tn_memory_commit();
    g_assert_cmpstr(name_at(as, 0), ==, "ram");
}

static void count_call(TnAddressSpace *as, void *data)
{
    ++*(unsigned *)data;
}

static void test_listener(void)
{
    unsigned calls = 0, other_calls = 0;
    TnRegion *root = container("root", 0), *other = container("other", 0);
    TnAddressSpace *as = tn_address_space_new(NULL, "t", root);
    TnAddressSpace *elsewhere = tn_address_space_new(NULL, "o", other);
    TnRegion *ram = tn_region_new_ram(NULL, "ram", 0x1000, NULL);
    tn_memory_listen(as, count_call, &calls);
    tn_memory_listen(elsewhere, count_call, &other_calls);
    tn_region_add(root, 0, ram);
    g_assert_cmpuint(calls, ==, 1);
    tn_region_set_enabled(ram, true);
    g_assert_cmpuint(calls, ==, 1);
    tn_region_set_enabled(ram, false);
    g_assert_cmpuint(calls, ==, 2);
    g_assert_cmpuint(other_calls, ==, 0);
}

static void test_shared_view(void)
{
    TnRegion *root = container("root", 0), *master = container("master", 0);
    TnAddressSpace *as = tn_address_space_new(NULL, "t", root);
    TnRegion *ram = tn_region_new_ram(NULL, "ram", 0x1000, NULL);
    tn_region_add(root, 0, ram);
    TnAddressSpace *dma = tn_address_space_new(NULL, "dma", master);
    TnRegion *window = tn_region_new_alias(NULL, "window", root, 0, 0);
    tn_region_add(master, 0, window);
    g_assert_true(as->view == dma->view);
    tn_region_set_enabled(window, false);
    g_assert_cmpstr(name_at(dma, 0), ==, "-");
    g_assert_cmpstr(name_at(as, 0), ==, "ram");
}

static void test_whole_space(void)
{
    TnRegion *root = container("root", 0);
    TnAddressSpace *as = tn_address_space_new(NULL, "t", root);
    TnRegion *ram = tn_region_new_ram(NULL, "top", 0x1000, NULL);
    tn_region_add(root, -(uint64_t)0x1000, ram);
    uint64_t value;
    g_assert_cmpint(tn_memory_store(as, UINT64_MAX - 7, 8, 0x1122334455667788, 0), ==, TN_MEM_OK);
    tn_memory_load(as, UINT64_MAX - 7, 8, &value, 0);
    g_assert_cmphex(value, ==, 0x1122334455667788);
    TnMemorySpan span;
    tn_memory_lookup(as, 0, 0, &span);
    g_assert_cmphex(span.length, ==, -(uint64_t)0x1000);
}

/* ---- Access ------------------------------------------------------------------------------ */

static void test_split(void)
{
    Probe probe = probe_new();
    TnRegion *region = probe_region(&probe, (TnRegionOps){ .impl_max = 2 });
    uint64_t value;
    tn_region_load(region, 4, 8, &value, 0);
    g_assert_cmpint(tn_region_load(region, 0, 4, &value, 0), ==, TN_MEM_OK);
    g_assert_cmphex(value, ==, 0x03020100);
    probe_expect(&probe, "r2@0 r2@2 ");
    tn_region_store(region, 8, 4, 0x11223344, 0);
    probe_expect(&probe, "w2@8=3344 w2@10=1122 ");
}

static void test_widen(void)
{
    Probe probe = probe_new();
    TnRegion *region = probe_region(&probe, (TnRegionOps){ .impl_min = 4, .impl_max = 4 });
    uint64_t value;
    tn_region_load(region, 5, 1, &value, 0);
    g_assert_cmphex(value, ==, 5);
    probe_expect(&probe, "r4@4 ");
    tn_region_store(region, 6, 2, 0xabcd, 0);
    probe_expect(&probe, "w4@4=abcd0000 ");
    tn_region_load(region, 8, 8, &value, 0);
    g_assert_cmphex(value, ==, 0x0f0e0d0c0b0a0908);
    probe_expect(&probe, "r4@8 r4@12 ");
}

static void test_invalid(void)
{
    Probe probe = probe_new();
    TnRegion *region = probe_region(&probe, (TnRegionOps){ .valid_min = 4, .valid_max = 4 });
    uint64_t value;
    g_assert_cmpint(tn_region_load(region, 0, 1, &value, 0), ==, TN_MEM_ERROR);
    g_assert_cmphex(value, ==, 0xff);
    g_assert_cmpint(tn_region_load(region, 2, 4, &value, 0), ==, TN_MEM_ERROR);
    g_assert_cmphex(value, ==, 0xffffffff);
    g_assert_cmpint(tn_region_store(region, 0, 8, 1, 0), ==, TN_MEM_ERROR);
    probe_expect(&probe, "");
}

static void test_unaligned(void)
{
    Probe probe = probe_new();
    TnRegion *region = probe_region(&probe, (TnRegionOps){ .valid_unaligned = true });
    uint64_t value;
    tn_region_load(region, 3, 4, &value, 0);
    g_assert_cmphex(value, ==, 0x06050403);
    probe_expect(&probe, "r1@3 r2@4 r1@6 ");
}

static void test_big_endian(void)
{
    Probe probe = probe_new();
    TnRegion *region = probe_region(&probe, (TnRegionOps){ .endian = TN_ENDIAN_BIG });
    uint64_t value;
    tn_region_store(region, 0, 4, 0x11223344, 0);
    probe_expect(&probe, "w4@0=44332211 ");
    tn_region_load(region, 0, 2, &value, 0);
    g_assert_cmphex(value, ==, 0x0001);
}

static void test_spans(void)
{
    Probe probe = probe_new();
    TnRegion *root = container("root", 0);
    TnAddressSpace *as = tn_address_space_new(NULL, "t", root);
    TnRegion *ram = tn_region_new_ram(NULL, "ram", 0x1000, NULL);
    tn_region_add(root, 0, ram);
    tn_region_add(root, 0x1000, probe_region(&probe, (TnRegionOps){ 0 }));
    tn_region_ram(ram)[0xfff] = 0x77;
    uint8_t buf[8];
    g_assert_cmpint(tn_memory_read(as, 0xfff, buf, 8, 0), ==, TN_MEM_OK);
    g_assert_cmpmem(buf, 8, "\x77\0\1\2\3\4\5\6", 8);
    probe_expect(&probe, "r4@0 r2@4 r1@6 ");
    uint64_t value;
    tn_memory_load(as, 0xffe, 4, &value, 0);
    g_assert_cmphex(value, ==, 0x01007700);
    probe_expect(&probe, "r2@0 ");
    g_assert_cmpint(tn_memory_read(as, 0x103f, buf, 2, 0), ==, TN_MEM_UNASSIGNED);
    g_assert_cmpmem(buf, 2, "\x3f\xff", 2);
}

static TnRegion *self_region;
static TnAddressSpace *self_space;
static TnMemResult self_result;

static uint64_t self_read(void *opaque, uint64_t offset, unsigned size)
{
    uint8_t byte;
    self_result = tn_memory_read(self_space, 0, &byte, 1, 0);
    return 1;
}

static void test_reentrance(void)
{
    static const TnRegionOps ops = { .size_of = sizeof(ops), .read = self_read };
    TnRegion *root = container("root", 0);
    self_space = tn_address_space_new(NULL, "t", root);
    self_region = tn_region_new_io(NULL, "self", &ops, NULL, 16);
    tn_region_add(root, 0, self_region);
    uint64_t value;
    g_assert_cmpint(tn_memory_load(self_space, 0, 1, &value, 0), ==, TN_MEM_OK);
    g_assert_cmpint(self_result, ==, TN_MEM_ERROR);
    g_assert_false(tn_device_lock_held());
}

static void test_rom_device(void)
{
    Probe probe = probe_new();
    TnRegionOps ops = { .size_of = sizeof(ops), .read = probe_read, .write = probe_write };
    TnRegion *root = container("root", 0);
    TnAddressSpace *as = tn_address_space_new(NULL, "t", root);
    TnRegion *flash = tn_region_new_rom_device(NULL, "flash", &ops, &probe, 0x1000, NULL);
    tn_region_add(root, 0, flash);
    tn_region_ram(flash)[1] = 0x99;
    uint64_t value;
    tn_memory_load(as, 1, 1, &value, 0);
    g_assert_cmphex(value, ==, 0x99);
    tn_memory_store(as, 1, 1, 0x20, 0);
    probe_expect(&probe, "w1@1=20 ");
    tn_region_set_rom_mode(flash, false);
    tn_memory_load(as, 1, 1, &value, 0);
    g_assert_cmphex(value, ==, 1);
    g_assert_cmpint(tn_memory_write_rom(as, 0, "abc", 3), ==, TN_MEM_OK);
    g_assert_cmpmem(tn_region_ram(flash), 3, "abc", 3);
}

static void test_ports(void)
{
    Probe probe = probe_new();
    TnRegion *region = probe_region(&probe, (TnRegionOps){ 0 });
    tn_region_add(tn_system_io(), 0x3f8, region);
    uint64_t value;
    tn_memory_load(tn_system_io_space(), 0x3fa, 1, &value, 0);
    g_assert_cmphex(value, ==, 2);
    g_assert_cmpint(tn_memory_load(tn_system_io_space(), 0x80, 1, &value, 0), ==,
                    TN_MEM_UNASSIGNED);
    g_assert_cmphex(value, ==, 0xff);
    tn_region_remove(tn_system_io(), region);
    g_assert_cmpint(tn_memory_load(tn_system_io_space(), 0x3fa, 1, &value, 0), ==,
                    TN_MEM_UNASSIGNED);
}

/* ---- RAM back ends ----------------------------------------------------------------------- */

static TnObject *backend_new(const char *type, const char *size)
{
    TnObject *backend = tn_object_new(type, NULL);
    g_assert_nonnull(backend);
    g_assert_true(tn_object_set(backend, "size", size, NULL));
    return backend;
}

static void test_backends(void)
{
    static const char *const types[] = { "memory-backend-ram", "memory-backend-memfd" };
    for (unsigned i = 0; i < G_N_ELEMENTS(types); i++) {
        GError *error = NULL;
        TnObject *backend = backend_new(types[i], "64K");
        TnRegion *region = tn_region_new_backend(NULL, "ram", backend, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(tn_region_size(region), ==, 0x10000);
        tn_region_ram(region)[0xffff] = 1;
        g_assert_null(tn_region_new_backend(NULL, "again", backend, &error));
        g_assert_nonnull(strstr(error->message, "in use"));
        g_clear_error(&error);
    }
}

static void test_file_backend(void)
{
    g_autofree char *path = g_build_filename(g_get_tmp_dir(), "tenon-test-ram", NULL);
    g_autofree char *content = NULL;
    gsize n;
    GError *error = NULL;
    g_unlink(path);
    TnObject *backend = backend_new("memory-backend-file", "8K");
    g_assert_null(tn_region_new_backend(NULL, "ram", backend, &error));
    g_assert_nonnull(strstr(error->message, "mem-path"));
    g_clear_error(&error);
    g_assert_true(tn_object_set(backend, "mem-path", path, NULL));
    g_assert_true(tn_object_set(backend, "share", "on", NULL));
    TnRegion *region = tn_region_new_backend(NULL, "ram", backend, &error);
    g_assert_no_error(error);
    memcpy(tn_region_ram(region) + 0x1000, "kept", 4);
    g_assert_true(g_file_get_contents(path, &content, &n, NULL));
    g_assert_cmpuint(n, ==, 0x2000);
    g_assert_cmpmem(content + 0x1000, 4, "kept", 4);
    g_unlink(path);
}

/* ---- Dirty pages ------------------------------------------------------------------------- */

static GString *code_log;

static void code_hook(TnRegion *region, uint64_t offset, uint64_t size)
{
    g_string_append_printf(code_log, "%x+%x ", (unsigned)offset, (unsigned)size);
}

static void test_code_hook(void)
{
    TnRegion *root = container("root", 0);
    TnAddressSpace *as = tn_address_space_new(NULL, "t", root);
    TnRegion *ram = tn_region_new_ram(NULL, "ram", 0x4000, NULL);
    uint8_t bytes[0x3000] = { 0 };
    tn_region_add(root, 0, ram);
    code_log = g_string_new(NULL);
    tn_memory_set_code_hook(code_hook);
    tn_memory_store(as, 0x1000, 4, 1, 0);
    g_assert_cmpstr(code_log->str, ==, "");
    tn_region_code_protect(ram, 0x1000, 1);
    g_assert_true(tn_region_has_code(ram, 0x1fff));
    g_assert_false(tn_region_has_code(ram, 0x2000));
    tn_memory_store(as, 0x1ffc, 4, 1, 0);
    g_assert_cmpstr(code_log->str, ==, "1ffc+4 ");
    g_string_truncate(code_log, 0);
    tn_memory_write(as, 0x800, bytes, sizeof(bytes), 0);
    g_assert_cmpstr(code_log->str, ==, "1000+1000 ");
    g_string_truncate(code_log, 0);
    tn_region_code_unprotect(ram, 0x1000, 1);
    tn_region_mark_dirty(ram, 0, 0x4000);
    g_assert_cmpstr(code_log->str, ==, "");
    tn_memory_set_code_hook(NULL);
}

static void test_dirty_log(void)
{
    TnRegion *root = container("root", 0);
    TnAddressSpace *as = tn_address_space_new(NULL, "t", root);
    TnRegion *ram = tn_region_new_ram(NULL, "vram", 0x4000, NULL);
    tn_region_add(root, 0, ram);
    g_assert_false(tn_region_logs_page(ram, 0));
    tn_region_set_dirty_log(ram, TN_DIRTY_DISPLAY, true);
    g_assert_true(tn_region_test_clear_dirty(ram, TN_DIRTY_DISPLAY, 0, 0x4000));
    g_assert_true(tn_region_logs_page(ram, 0x2000));
    g_assert_false(tn_region_test_clear_dirty(ram, TN_DIRTY_DISPLAY, 0, 0x4000));
    tn_memory_store(as, 0x2abc, 1, 7, 0);
    g_assert_false(tn_region_test_clear_dirty(ram, TN_DIRTY_DISPLAY, 0, 0x2000));
    g_assert_false(tn_region_logs_page(ram, 0x2000));
    g_assert_true(tn_region_test_clear_dirty(ram, TN_DIRTY_DISPLAY, 0x2000, 0x1000));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/memory/view/higher-priority-wins", test_priority);
    g_test_add_func("/memory/view/container-shows-what-is-below", test_container_shows_below);
    g_test_add_func("/memory/view/alias-moves-its-window", test_alias);
    g_test_add_func("/memory/view/read-only-window-drops-stores", test_readonly_window);
    g_test_add_func("/memory/view/changes-appear-at-the-outermost-commit", test_transaction);
    g_test_add_func("/memory/view/listeners-hear-only-of-changes", test_listener);
    g_test_add_func("/memory/view/a-window-on-everything-shares-the-view", test_shared_view);
    g_test_add_func("/memory/view/reaches-the-last-byte", test_whole_space);
    g_test_add_func("/memory/access/splits-to-what-is-implemented", test_split);
    g_test_add_func("/memory/access/widens-to-what-is-implemented", test_widen);
    g_test_add_func("/memory/access/refuses-what-is-not-valid", test_invalid);
    g_test_add_func("/memory/access/takes-unaligned-apart", test_unaligned);
    g_test_add_func("/memory/access/keeps-byte-order", test_big_endian);
    g_test_add_func("/memory/access/crosses-regions", test_spans);
    g_test_add_func("/memory/access/device-cannot-reach-itself", test_reentrance);
    g_test_add_func("/memory/access/rom-device-switches-modes", test_rom_device);
    g_test_add_func("/memory/access/ports-are-found-directly", test_ports);
    g_test_add_func("/memory/backend/one-region-each", test_backends);
    g_test_add_func("/memory/backend/file-keeps-the-bytes", test_file_backend);
    g_test_add_func("/memory/dirty/writes-to-code-are-told", test_code_hook);
    g_test_add_func("/memory/dirty/pages-are-logged", test_dirty_log);
    return g_test_run();
}
