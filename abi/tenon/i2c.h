/* SPDX-License-Identifier: MIT */
/*
 * I2C and SMBus. A host controller makes a bus of TN_TYPE_I2C_BUS; devices inherit from
 * TN_TYPE_I2C_DEVICE, which has the property "address", and answer messages. What SMBus calls a
 * protocol (SMBus 2.0, 5.5) is a message written, a message read, or one after the other.
 */
#ifndef TENON_I2C_H
#define TENON_I2C_H

#include "tenon/device.h"

TN_BEGIN_DECLS

#define TN_TYPE_I2C_BUS "i2c-bus"
#define TN_TYPE_I2C_DEVICE "i2c-device"

#define TN_IFACE_I2C_BUS "i2c-bus-ops"
#define TN_IFACE_I2C_DEVICE "i2c-device-ops"

/* The vtable of TN_IFACE_I2C_BUS: what a host controller calls. All [main +lock] or [vcpu +lock]. */
typedef struct TnI2cBusOps {
    uint32_t size;
    uint32_t flags;
    /* Sends a message of n bytes to an address of 7 bits. False when nobody acknowledges; n of 0 asks
     * only for that. */
    bool (*write)(TnObject *bus, uint8_t address, const uint8_t *bytes, unsigned n);
    /* Receives a message of n bytes. */
    bool (*read)(TnObject *bus, uint8_t address, uint8_t *bytes, unsigned n);
} TnI2cBusOps;

/* The vtable of TN_IFACE_I2C_DEVICE: the same, from the side of the device that is addressed. */
typedef struct TnI2cDeviceOps {
    uint32_t size;
    uint32_t flags;
    bool (*write)(TnObject *dev, const uint8_t *bytes, unsigned n);
    bool (*read)(TnObject *dev, uint8_t *bytes, unsigned n);
} TnI2cDeviceOps;

TN_END_DECLS

#endif
