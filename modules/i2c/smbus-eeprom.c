/* SPDX-License-Identifier: MIT */
/*
 * A serial EEPROM of 256 bytes, as memory modules carry one (24C02; SMBus addresses 0x50 to 0x57).
 * The first byte of a message is the offset, the others are stored from there on; reading goes on
 * from where the last message stopped, and wraps around.
 */
#include <string.h>

#include "spd.h"
#include "tenon/i2c.h"
#include "tenon/module.h"

typedef struct Eeprom {
    uint64_t module_size; /* of the memory module it describes; 0: blank */
    uint8_t offset;
    uint8_t bytes[SPD_SIZE];
} Eeprom;

static bool write_message(TnObject *dev, const uint8_t *bytes, unsigned n)
{
    Eeprom *s = tn_object_own_state(dev);

    if (n)
        s->offset = bytes[0];
    for (unsigned i = 1; i < n; i++)
        s->bytes[s->offset++] = bytes[i];
    return true;
}

static bool read_message(TnObject *dev, uint8_t *bytes, unsigned n)
{
    Eeprom *s = tn_object_own_state(dev);

    for (unsigned i = 0; i < n; i++)
        bytes[i] = s->bytes[s->offset++];
    return true;
}

static bool realize(TnObject *dev, void *state, GError **error)
{
    Eeprom *s = state;

    if (s->module_size && spd_module_size(s->module_size) != s->module_size) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "module-size=%" G_GUINT64_FORMAT ": a module "
                    "has a power of two from 8M to 1G", s->module_size);
        return false;
    }
    if (s->module_size)
        spd_make(s->bytes, s->module_size);
    return true;
}

/* What is stored stays; a start condition resets the offset's counter only with a message. */
static void reset(TnObject *dev, void *state, TnResetKind kind)
{
    ((Eeprom *)state)->offset = 0;
}

static const TnProperty properties[] = {
    { .name = "module-size", .kind = TN_PROP_SIZE, .offset = offsetof(Eeprom, module_size),
      .doc = "bytes of the SDRAM module that the contents describe; 0: blank" },
    { 0 },
};
static const TnStateField fields[] = {
    TN_STATE(U8, Eeprom, offset), TN_STATE_BUFFER(Eeprom, bytes), TN_STATE_LAST,
};
static const TnDeviceOps device_ops = {
    .size = sizeof(device_ops), .realize = realize, .reset = reset,
};
static const TnI2cDeviceOps i2c_ops = {
    .size = sizeof(i2c_ops), .write = write_message, .read = read_message,
};
static const TnInterfaceImpl interfaces[] = {
    { TN_IFACE_DEVICE, &device_ops }, { TN_IFACE_I2C_DEVICE, &i2c_ops }, { 0 },
};
static const TnTypeInfo type = {
    .size = sizeof(type), .name = "smbus-eeprom", .parent = TN_TYPE_I2C_DEVICE,
    .state_size = sizeof(Eeprom), .property_stride = TN_PROPERTY_STRIDE, .properties = properties,
    .state_stride = TN_STATE_STRIDE, .state = fields, .interfaces = interfaces,
    .description = "Serial EEPROM of a memory module",
};

static const TnTypeInfo *const types[] = { &type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks, TN_NOTE_NAME("smbus-eeprom") TN_NOTE_VERSION("0.1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_REQUIRES("i2c")
          TN_NOTE_INTERNAL_DEVICE("smbus-eeprom", "i2c-bus", "misc",
                                  "Serial EEPROM of a memory module"));
