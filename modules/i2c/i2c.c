/* SPDX-License-Identifier: MIT */
/* The I2C bus: messages go to the device that has the address. */
#include "tenon/i2c.h"

#include "tenon/module.h"

enum { ADDRESS_MIN = 0x03, ADDRESS_MAX = 0x77 }; /* the others are reserved (SMBus 2.0, 5.2) */

typedef struct I2cDevice {
    uint8_t address;
} I2cDevice;

typedef struct Search {
    uint8_t address;
    TnObject *found, *except;
} Search;

static bool has_address(TnObject *child, void *data)
{
    Search *search = data;
    const I2cDevice *dev = tn_object_state(child, TN_TYPE_I2C_DEVICE);

    if (child != search->except && dev && dev->address == search->address)
        search->found = child;
    return !search->found;
}

static const TnI2cDeviceOps *device_at(TnObject *bus, uint8_t address, TnObject **dev)
{
    Search search = { .address = address };

    tn_object_each_child(bus, has_address, &search);
    *dev = search.found;
    return *dev ? tn_object_interface(*dev, TN_IFACE_I2C_DEVICE) : NULL;
}

static bool bus_write(TnObject *bus, uint8_t address, const uint8_t *bytes, unsigned n)
{
    TnObject *dev;
    const TnI2cDeviceOps *ops = device_at(bus, address, &dev);

    return ops && ops->write(dev, bytes, n);
}

static bool bus_read(TnObject *bus, uint8_t address, uint8_t *bytes, unsigned n)
{
    TnObject *dev;
    const TnI2cDeviceOps *ops = device_at(bus, address, &dev);

    return ops && ops->read(dev, bytes, n);
}

static bool plug(TnObject *bus, void *state, TnObject *dev, GError **error)
{
    const I2cDevice *i2c = tn_object_state(dev, TN_TYPE_I2C_DEVICE);
    Search search = { .address = i2c->address, .except = dev };

    tn_object_each_child(bus, has_address, &search);
    if (!search.found)
        return true;
    g_set_error(error, TN_ERROR, TN_ERROR_BUSY, "the address 0x%02x of the bus '%s' is taken",
                i2c->address, tn_object_name(bus));
    return false;
}

static const TnBusOps bus_ops = {
    .size = sizeof(bus_ops), .device_type = TN_TYPE_I2C_DEVICE, .plug = plug,
};
static const TnI2cBusOps i2c_ops = {
    .size = sizeof(i2c_ops), .write = bus_write, .read = bus_read,
};
static const TnInterfaceImpl bus_interfaces[] = {
    { TN_IFACE_BUS, &bus_ops }, { TN_IFACE_I2C_BUS, &i2c_ops }, { 0 },
};
static const TnTypeInfo bus_type = {
    .size = sizeof(bus_type), .name = TN_TYPE_I2C_BUS, .parent = TN_TYPE_BUS,
    .interfaces = bus_interfaces, .description = "An I2C or SMBus bus",
};

static const TnProperty device_properties[] = {
    { .name = "address", .kind = TN_PROP_UINT8, .offset = offsetof(I2cDevice, address),
      .min = ADDRESS_MIN, .max = ADDRESS_MAX, .def = "0x50",
      .doc = "7-bit address on the bus" },
    { 0 },
};
static const TnTypeInfo device_type = {
    .size = sizeof(device_type), .flags = TN_TYPE_ABSTRACT, .name = TN_TYPE_I2C_DEVICE,
    .parent = TN_TYPE_DEVICE, .state_size = sizeof(I2cDevice),
    .property_stride = TN_PROPERTY_STRIDE, .properties = device_properties,
    .description = "The ancestor of all devices on an I2C bus",
};

static const TnTypeInfo *const types[] = { &bus_type, &device_type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("i2c") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_PROVIDES("bus", "i2c-bus", "", "", "-", "An I2C or SMBus bus")
          TN_NOTE_PROVIDES("iface", "i2c-device", "", "", "-", "Devices on an I2C bus"));
