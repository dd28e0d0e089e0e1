/* SPDX-License-Identifier: MIT */
/* The PIIX4's SMBus host: its registers and the transactions that they start. */
#ifndef TENON_MODULES_ACPI_SMBUS_HOST_H
#define TENON_MODULES_ACPI_SMBUS_HOST_H

#include "tenon/i2c.h"

enum { SMBUS_BLOCK_MAX = 32, SMBUS_REGISTERS = 8, SMBUS_PORTS = 16 };

typedef struct SmbusHost {
    TnObject *bus; /* borrowed: a child of the controller */
    uint8_t reg[SMBUS_REGISTERS];
    uint8_t block[SMBUS_BLOCK_MAX];
    uint8_t at; /* in block */
} SmbusHost;

void smbus_reset(SmbusHost *s);
uint8_t smbus_read(SmbusHost *s, unsigned offset);
void smbus_write(SmbusHost *s, unsigned offset, uint8_t value);
/* A transaction's end wants an interrupt. */
bool smbus_interrupts(const SmbusHost *s);

#endif
