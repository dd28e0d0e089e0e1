/* SPDX-License-Identifier: MIT */
/* Regions: making them, their place in the tree, and the changes that are allowed. */
#include "memory/region.h"

#include <string.h>

#include "clock/owned.h"
#include "tenon/error.h"

enum { REGION_IMPL_MAX = 4, REGION_VALID_MAX = 8 };

static TnWide region_size(uint64_t size)
{
    return size ? (TnWide)size : TN_WHOLE;
}

static void region_free_rcu(struct rcu_head *head)
{
    TnRegion *region = caa_container_of(head, TnRegion, rcu);
    tn_ram_unref(region->ram);
    g_free(region->name);
    g_free(region);
}

static void region_unref(TnRegion *region)
{
    if (!region || !g_atomic_int_dec_and_test(&region->refs)) {
        return;
    }
    region_unref(region->alias);
    call_rcu(&region->rcu, region_free_rcu);
}

/* The owner is gone: the region leaves the tree, and its memory follows the readers. */
static void region_end(void *opaque)
{
    TnRegion *region = opaque;
    tn_memory_begin();
    if (region->parent) {
        tn_region_remove(region->parent, region);
    }
    for (unsigned i = 0; region->children && i < region->children->len; i++) {
        ((TnRegion *)region->children->pdata[i])->parent = NULL;
    }
    g_clear_pointer(&region->children, g_ptr_array_unref);
    region->enabled = false;
    region->owner = NULL;
    tn_memory_changed();
    tn_memory_commit();
    region_unref(region);
}

static TnRegion *region_new(TnObject *owner, const char *name, TnRegionKind kind, uint64_t size)
{
    TnRegion *region = g_new0(TnRegion, 1);
    region->owner = owner;
    region->name = g_strdup(name ? name : "");
    region->kind = kind;
    region->refs = 1;
    region->size = region_size(size);
    region->enabled = true;
    tn_owned_add(owner, region, region_end);
    return region;
}

/* Copies as much of the table as its maker knew, and fills in what zero means. */
static void region_set_ops(TnRegion *region, const TnRegionOps *ops, void *opaque)
{
    size_t known = ops->size_of && ops->size_of < sizeof(*ops) ? ops->size_of : sizeof(*ops);
    memcpy(&region->ops, ops, known);
    TnRegionOps *own = &region->ops;
    own->impl_min = own->impl_min ? own->impl_min : 1;
    own->impl_max = own->impl_max ? own->impl_max : MAX(own->impl_min, REGION_IMPL_MAX);
    own->valid_min = own->valid_min ? own->valid_min : 1;
    own->valid_max = own->valid_max ? own->valid_max : REGION_VALID_MAX;
    region->opaque = opaque;
}

TnRegion *tn_region_new_container(TnObject *owner, const char *name, uint64_t size)
{
    return region_new(owner, name, TN_REGION_CONTAINER, size);
}

TnRegion *tn_region_new_io(TnObject *owner, const char *name, const TnRegionOps *ops, void *opaque,
                           uint64_t size)
{
    g_return_val_if_fail(ops, NULL);
    TnRegion *region = region_new(owner, name, TN_REGION_IO, size);
    region_set_ops(region, ops, opaque);
    return region;
}

static TnRegion *region_new_memory(TnObject *owner, const char *name, TnRegionKind kind,
                                   uint64_t size, GError **error)
{
    TnRam *ram = tn_ram_new(&(TnRamOptions){ .name = name, .size = size, .fd = -1 }, error);
    if (!ram) {
        return NULL;
    }
    TnRegion *region = region_new(owner, name, kind, ram->size);
    region->ram = ram;
    region->readonly = kind == TN_REGION_ROM;
    return region;
}

TnRegion *tn_region_new_of_ram(TnObject *owner, const char *name, TnRam *ram, bool readonly)
{
    TnRegion *region = region_new(owner, name, readonly ? TN_REGION_ROM : TN_REGION_RAM, ram->size);
    region->ram = tn_ram_ref(ram);
    region->readonly = readonly;
    return region;
}

TnRegion *tn_region_new_ram(TnObject *owner, const char *name, uint64_t size, GError **error)
{
    return region_new_memory(owner, name, TN_REGION_RAM, size, error);
}

TnRegion *tn_region_new_rom(TnObject *owner, const char *name, uint64_t size, GError **error)
{
    return region_new_memory(owner, name, TN_REGION_ROM, size, error);
}

TnRegion *tn_region_new_rom_device(TnObject *owner, const char *name, const TnRegionOps *ops,
                                   void *opaque, uint64_t size, GError **error)
{
    g_return_val_if_fail(ops, NULL);
    TnRegion *region = region_new_memory(owner, name, TN_REGION_ROM_DEVICE, size, error);
    if (region) {
        region_set_ops(region, ops, opaque);
        region->rom_mode = true;
    }
    return region;
}

TnRegion *tn_region_new_alias(TnObject *owner, const char *name, TnRegion *target, uint64_t offset,
                              uint64_t size)
{
    g_return_val_if_fail(target, NULL);
    TnRegion *region = region_new(owner, name, TN_REGION_ALIAS, size);
    g_atomic_int_inc(&target->refs);
    region->alias = target;
    region->alias_offset = offset;
    return region;
}

/* ---- The tree ---------------------------------------------------------------------------- */

/* Among equals the one added last is on top. */
static void region_insert(TnRegion *parent, TnRegion *child)
{
    if (!parent->children) {
        parent->children = g_ptr_array_new();
    }
    unsigned at = 0;
    while (at < parent->children->len &&
           ((TnRegion *)parent->children->pdata[at])->priority > child->priority) {
        at++;
    }
    g_ptr_array_insert(parent->children, at, child);
}

void tn_region_add_overlap(TnRegion *parent, uint64_t offset, TnRegion *child, int priority)
{
    g_return_if_fail(parent && child && !child->parent && parent->kind != TN_REGION_ALIAS);
    tn_memory_begin();
    child->parent = parent;
    child->offset = offset;
    child->priority = priority;
    region_insert(parent, child);
    tn_memory_changed();
    tn_memory_commit();
}

void tn_region_add(TnRegion *parent, uint64_t offset, TnRegion *child)
{
    tn_region_add_overlap(parent, offset, child, 0);
}

void tn_region_remove(TnRegion *parent, TnRegion *child)
{
    g_return_if_fail(parent && child && child->parent == parent);
    tn_memory_begin();
    g_ptr_array_remove(parent->children, child);
    child->parent = NULL;
    tn_memory_changed();
    tn_memory_commit();
}

/* Stores a new value and notes the change, if it is one. */
#define REGION_CHANGE(field_, value_) \
    do { \
        if ((field_) != (value_)) { \
            tn_memory_begin(); \
            (field_) = (value_); \
            tn_memory_changed(); \
            tn_memory_commit(); \
        } \
    } while (0)

void tn_region_set_enabled(TnRegion *region, bool enabled)
{
    REGION_CHANGE(region->enabled, enabled);
}

void tn_region_set_offset(TnRegion *region, uint64_t offset)
{
    REGION_CHANGE(region->offset, offset);
}

void tn_region_set_size(TnRegion *region, uint64_t size)
{
    TnWide wide = region_size(size);
    g_return_if_fail(!region->ram || wide <= (TnWide)region->ram->size);
    REGION_CHANGE(region->size, wide);
}

void tn_region_set_alias_offset(TnRegion *alias, uint64_t offset)
{
    g_return_if_fail(alias->kind == TN_REGION_ALIAS);
    REGION_CHANGE(alias->alias_offset, offset);
}

void tn_region_set_readonly(TnRegion *region, bool readonly)
{
    REGION_CHANGE(region->readonly, readonly);
}

void tn_region_set_rom_mode(TnRegion *region, bool rom_mode)
{
    g_return_if_fail(region->kind == TN_REGION_ROM_DEVICE);
    REGION_CHANGE(region->rom_mode, rom_mode);
}

/* ---- Answers ----------------------------------------------------------------------------- */

bool tn_region_enabled(const TnRegion *region)
{
    return region->enabled;
}

uint64_t tn_region_size(const TnRegion *region)
{
    return (uint64_t)region->size;
}

const char *tn_region_name(const TnRegion *region)
{
    return region->name;
}

TnObject *tn_region_owner(const TnRegion *region)
{
    return region->owner;
}

uint8_t *tn_region_ram(TnRegion *region)
{
    return region->ram ? region->ram->host : NULL;
}
