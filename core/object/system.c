/* SPDX-License-Identifier: MIT */
/* System devices: on no bus; they offer regions, and their board maps them. */
#include "object/device.h"

typedef struct SystemDevice {
    GPtrArray *regions; /* borrowed TnRegion, in order of declaring */
} SystemDevice;

static SystemDevice *system_device(TnObject *dev)
{
    return tn_object_state(dev, TN_TYPE_SYSTEM_DEVICE);
}

void tn_system_device_add_region(TnObject *dev, TnRegion *region)
{
    SystemDevice *sys;

    g_return_if_fail(dev && region);
    sys = system_device(dev);
    g_return_if_fail(sys);
    g_ptr_array_add(sys->regions, region);
}

TnRegion *tn_system_device_region(TnObject *dev, unsigned n)
{
    SystemDevice *sys;

    g_return_val_if_fail(dev, NULL);
    sys = system_device(dev);
    g_return_val_if_fail(sys, NULL);
    return n < sys->regions->len ? sys->regions->pdata[n] : NULL;
}

void tn_system_device_map(TnObject *dev, unsigned n, uint64_t addr)
{
    TnRegion *region = tn_system_device_region(dev, n);

    g_return_if_fail(region);
    tn_region_add(tn_system_memory(), addr, region);
}

void tn_system_device_map_io(TnObject *dev, unsigned n, uint16_t port)
{
    TnRegion *region = tn_system_device_region(dev, n);

    g_return_if_fail(region);
    tn_region_add(tn_system_io(), port, region);
}

static bool system_init(TnObject *obj, void *state, GError **error)
{
    SystemDevice *sys = state;

    sys->regions = g_ptr_array_new();
    return true;
}

static void system_clear(TnObject *obj, void *state)
{
    SystemDevice *sys = state;

    g_clear_pointer(&sys->regions, g_ptr_array_unref);
}

static const TnTypeInfo system_device_type = {
    .size = sizeof(TnTypeInfo),
    .flags = TN_TYPE_ABSTRACT,
    .name = TN_TYPE_SYSTEM_DEVICE,
    .parent = TN_TYPE_DEVICE,
    .state_size = sizeof(SystemDevice),
    .description = "The ancestor of devices that their board maps",
    .init = system_init,
    .clear = system_clear,
};
TN_CORE_TYPE(system_device_type);
