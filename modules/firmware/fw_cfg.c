/* SPDX-License-Identifier: MIT */
/*
 * The firmware configuration device of QEMU's machines (documented in "QEMU Firmware Configuration
 * (fw_cfg) Device"), with I/O ports at 0x510, 0x511 and the DMA interface at 0x514.
 *
 * The guest selects an item by key and reads its bytes. Named items are "files", listed under the
 * key 0x19. Only files that were added as writable take writes, and only through DMA.
 */
#include <string.h>

#include "tenon/device.h"
#include "tenon/fwcfg.h"
#include "tenon/module.h"

enum {
    FILE_FIRST = 0x20, FILE_MAX = 0x1000, NAME_SIZE = 56,
    ID_TRADITIONAL = 1u << 0, ID_DMA = 1u << 1,
    KEY_MASK = 0xbfff,
    DMA_ERROR = 1u << 0, DMA_READ = 1u << 1, DMA_SKIP = 1u << 2, DMA_SELECT = 1u << 3,
    DMA_WRITE = 1u << 4,
};

/* A DMA command in guest memory, big-endian. */
typedef struct DmaCommand {
    uint32_t control, length;
    uint64_t address;
} TN_PACKED DmaCommand;

typedef struct DirEntry {
    uint32_t size;
    uint16_t select, reserved;
    char name[NAME_SIZE];
} TN_PACKED DirEntry;

typedef struct Item {
    GBytes *bytes;        /* owned; NULL for a writable one */
    uint8_t *data;        /* borrowed, of a writable one */
    size_t size;
    void (*select)(void *opaque);
    void (*written)(void *opaque, size_t offset, size_t n);
    void *opaque;
} Item;

typedef struct File {
    char name[NAME_SIZE];
    uint16_t key;
} File;

typedef struct FwCfg {
    TnObject *obj;
    GHashTable *items; /* key -> Item */
    GArray *files;     /* File */
    uint16_t selected;
    uint32_t offset;
    uint32_t dma_high;
    bool dma_enabled;
} FwCfg;

static void item_free(void *p)
{
    Item *item = p;
    g_clear_pointer(&item->bytes, g_bytes_unref);
    g_free(item);
}

static Item *find(FwCfg *s, uint16_t key)
{
    return g_hash_table_lookup(s->items, GUINT_TO_POINTER((key & KEY_MASK) + 1u));
}

static const uint8_t *item_data(const Item *item)
{
    return item->data ? item->data : g_bytes_get_data(item->bytes, NULL);
}

static Item *put(FwCfg *s, uint16_t key, GBytes *bytes)
{
    Item *item = g_new0(Item, 1);
    item->bytes = bytes;
    item->size = bytes ? g_bytes_get_size(bytes) : 0;
    g_hash_table_replace(s->items, GUINT_TO_POINTER(key + 1u), item);
    return item;
}

static void rebuild_directory(FwCfg *s)
{
    size_t n = sizeof(uint32_t) + s->files->len * sizeof(DirEntry);
    uint8_t *dir = g_malloc0(n);
    uint32_t count = GUINT32_TO_BE(s->files->len);
    memcpy(dir, &count, sizeof(count));
    DirEntry *entry = (DirEntry *)(dir + sizeof(count));
    for (unsigned i = 0; i < s->files->len; i++, entry++) {
        const File *f = &g_array_index(s->files, File, i);
        entry->size = GUINT32_TO_BE((uint32_t)find(s, f->key)->size);
        entry->select = GUINT16_TO_BE(f->key);
        memcpy(entry->name, f->name, NAME_SIZE);
    }
    put(s, TN_FW_CFG_FILE_DIR, g_bytes_new_take(dir, n));
}

/* ---- The board's side ------------------------------------------------------------------- */

static void add_bytes(TnObject *obj, uint16_t key, const void *data, size_t n)
{
    put(tn_object_own_state(obj), key, g_bytes_new(data, n));
}

static void add_item(TnObject *obj, uint16_t key, GBytes *bytes)
{
    put(tn_object_own_state(obj), key, g_bytes_ref(bytes));
}

/* The key of a file: that of an earlier one of the name, or the next free one; 0 on failure. */
static uint16_t file_key(FwCfg *s, const char *name, GError **error)
{
    if (strlen(name) >= NAME_SIZE) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "fw_cfg: file name '%s' has %zu characters, at most %d are possible", name,
                    strlen(name), NAME_SIZE - 1);
        return 0;
    }
    for (unsigned i = 0; i < s->files->len; i++) {
        const File *f = &g_array_index(s->files, File, i);
        if (!strcmp(f->name, name))
            return f->key;
    }
    if (s->files->len >= FILE_MAX) {
        g_set_error(error, TN_ERROR, TN_ERROR_FAILED, "fw_cfg: no room for file '%s': at most %d",
                    name, FILE_MAX);
        return 0;
    }
    File f = { .key = (uint16_t)(FILE_FIRST + s->files->len) };
    g_strlcpy(f.name, name, NAME_SIZE);
    g_array_append_val(s->files, f);
    return f.key;
}

static bool add_file_bytes(TnObject *obj, const char *name, GBytes *bytes, void (*select)(void *),
                           void *opaque, GError **error)
{
    FwCfg *s = tn_object_own_state(obj);
    uint16_t key = file_key(s, name, error);
    if (!key)
        return false;
    Item *item = put(s, key, g_bytes_ref(bytes));
    item->select = select;
    item->opaque = opaque;
    rebuild_directory(s);
    return true;
}

static bool add_file(TnObject *obj, const char *name, const void *data, size_t n, GError **error)
{
    g_autoptr(GBytes) bytes = g_bytes_new(data, n);
    return add_file_bytes(obj, name, bytes, NULL, NULL, error);
}

static bool add_writable(TnObject *obj, const char *name, void *data, size_t n,
                         void (*written)(void *, size_t, size_t), void *opaque, GError **error)
{
    FwCfg *s = tn_object_own_state(obj);
    uint16_t key = file_key(s, name, error);
    if (!key)
        return false;
    Item *item = put(s, key, NULL);
    item->data = data;
    item->size = n;
    item->written = written;
    item->opaque = opaque;
    rebuild_directory(s);
    return true;
}

static const TnFwCfgOps fw_cfg_ops = {
    .size = sizeof(fw_cfg_ops), .add_bytes = add_bytes, .add_file = add_file,
    .add_file_bytes = add_file_bytes, .add_writable = add_writable,
    .add_item = add_item,
};

/* ---- The guest's side ------------------------------------------------------------------- */

static void select_key(FwCfg *s, uint16_t key)
{
    TN_TRACE("fw_cfg_select", "key=0x%04x", key);
    s->selected = key;
    s->offset = 0;
    Item *item = find(s, key);
    if (item && item->select)
        item->select(item->opaque);
}

static uint8_t next_byte(FwCfg *s)
{
    const Item *item = find(s, s->selected);
    return item && s->offset < item->size ? item_data(item)[s->offset++] : 0;
}

/* Copies to the guest, zeros after the end of the item. */
static TnMemResult dma_read(FwCfg *s, const Item *item, uint64_t address, uint32_t length)
{
    size_t have = item && s->offset < item->size ? MIN(item->size - s->offset, length) : 0;
    TnMemResult result = TN_MEM_OK;
    if (have)
        result |= tn_memory_write(tn_system_memory_space(), address, item_data(item) + s->offset, have,
                                  TN_MEM_ATTR_NONE);
    if (have < length)
        result |= tn_memory_set(tn_system_memory_space(), address + have, 0, length - have,
                                TN_MEM_ATTR_NONE);
    return result;
}

static TnMemResult dma_write(FwCfg *s, Item *item, uint64_t address, uint32_t length)
{
    if (!item || !item->data || s->offset > item->size || length > item->size - s->offset)
        return TN_MEM_ERROR;
    TnMemResult result = tn_memory_read(tn_system_memory_space(), address, item->data + s->offset,
                                        length, TN_MEM_ATTR_NONE);
    if (item->written)
        item->written(item->opaque, s->offset, length);
    return result;
}

static TnMemResult dma_transfer(FwCfg *s, uint32_t control, uint64_t address, uint32_t length)
{
    Item *item = find(s, s->selected);
    TnMemResult result = TN_MEM_OK;
    if (control & DMA_READ)
        result = dma_read(s, item, address, length);
    else if (control & DMA_WRITE)
        result = dma_write(s, item, address, length);
    else if (!(control & DMA_SKIP))
        return TN_MEM_OK;
    if (!item)
        return result;
    size_t left = s->offset < item->size ? item->size - s->offset : 0;
    s->offset += (uint32_t)MIN(left, length);
    return result;
}

static void dma_run(FwCfg *s, uint64_t at)
{
    DmaCommand c;
    if (tn_memory_read(tn_system_memory_space(), at, &c, sizeof(c), TN_MEM_ATTR_NONE) != TN_MEM_OK) {
        tn_guest_error("fw_cfg", "DMA command at 0x%llx cannot be read", (unsigned long long)at);
        return;
    }
    uint32_t control = GUINT32_FROM_BE(c.control);
    if (control & DMA_SELECT)
        select_key(s, (uint16_t)(control >> 16));
    TnMemResult result = dma_transfer(s, control, GUINT64_FROM_BE(c.address),
                                      GUINT32_FROM_BE(c.length));
    uint32_t done = GUINT32_TO_BE(result == TN_MEM_OK ? 0 : DMA_ERROR);
    tn_memory_write(tn_system_memory_space(), at, &done, sizeof(done), TN_MEM_ATTR_NONE);
}

static uint64_t port_read(void *opaque, uint64_t offset, unsigned size)
{
    return offset == 1 ? next_byte(opaque) : 0;
}

static void port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    if (offset == 0 && size == 2)
        select_key(opaque, (uint16_t)value);
}

static uint64_t dma_port_read(void *opaque, uint64_t offset, unsigned size)
{
    static const char signature[8] = "QEMU CFG";
    uint64_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value = value << 8 | (uint8_t)signature[(offset + i) & 7];
    return value;
}

static void dma_port_write(void *opaque, uint64_t offset, uint64_t value, unsigned size)
{
    FwCfg *s = opaque;
    if (offset == 0 && size == 8) {
        dma_run(s, value);
    } else if (offset == 0 && size == 4) {
        s->dma_high = (uint32_t)value;
    } else if (offset == 4 && size == 4) {
        uint64_t at = (uint64_t)s->dma_high << 32 | (uint32_t)value;
        s->dma_high = 0;
        dma_run(s, at);
    }
}

static const TnRegionOps port_ops = {
    .size_of = sizeof(port_ops), .read = port_read, .write = port_write, .valid_max = 2,
    .impl_min = 1, .impl_max = 2,
};

static const TnRegionOps dma_ops = {
    .size_of = sizeof(dma_ops), .endian = TN_ENDIAN_BIG, .read = dma_port_read,
    .write = dma_port_write, .valid_min = 1, .valid_max = 8, .impl_min = 1, .impl_max = 8,
};

/* ---- Life ------------------------------------------------------------------------------- */

static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    FwCfg *s = state;
    s->dma_high = 0;
    select_key(s, 0);
}

static bool init(TnObject *obj, void *state, GError **error)
{
    FwCfg *s = state;
    s->obj = obj;
    s->items = g_hash_table_new_full(NULL, NULL, NULL, item_free);
    s->files = g_array_new(false, true, sizeof(File));
    rebuild_directory(s);
    return true;
}

static void clear(TnObject *obj, void *state)
{
    FwCfg *s = state;
    g_clear_pointer(&s->items, g_hash_table_unref);
    g_clear_pointer(&s->files, g_array_unref);
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    FwCfg *s = state;
    uint32_t id = GUINT32_TO_LE(ID_TRADITIONAL | (s->dma_enabled ? ID_DMA : 0u));
    add_bytes(dev, TN_FW_CFG_SIGNATURE, "QEMU", 4);
    add_bytes(dev, TN_FW_CFG_ID, &id, sizeof(id));
    tn_system_device_add_region(dev, tn_region_new_io(dev, "fwcfg", &port_ops, s, 2));
    if (s->dma_enabled)
        tn_system_device_add_region(dev, tn_region_new_io(dev, "fwcfg.dma", &dma_ops, s, 8));
    tn_set_fw_cfg(dev);
    return true;
}

static const TnProperty properties[] = {
    { .name = "dma_enabled", .kind = TN_PROP_BOOL, .offset = offsetof(FwCfg, dma_enabled), .def = "on",
      .doc = "offer the DMA interface" },
    { 0 },
};

static const TnStateField fields[] = {
    TN_STATE(U16, FwCfg, selected), TN_STATE(U32, FwCfg, offset), TN_STATE(U32, FwCfg, dma_high),
    TN_STATE_LAST,
};

static const TnDeviceOps device_ops = { .size = sizeof(device_ops), .realize = realize, .reset = reset };

static const TnInterfaceImpl interfaces[] = {
    { TN_IFACE_DEVICE, &device_ops }, { TN_IFACE_FW_CFG, &fw_cfg_ops }, { 0 },
};

static const TnTypeInfo type = {
    .size = sizeof(type), .name = "fw_cfg_io", .parent = TN_TYPE_SYSTEM_DEVICE,
    .state_size = sizeof(FwCfg), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state = fields, .state_stride = TN_STATE_STRIDE,
    .interfaces = interfaces, .init = init, .clear = clear,
    .description = "Firmware configuration device",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("fw_cfg") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_INTERNAL_DEVICE("fw_cfg_io", "System", "misc", "Firmware configuration device"));
