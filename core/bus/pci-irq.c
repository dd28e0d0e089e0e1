/* SPDX-License-Identifier: MIT */
/*
 * INTx: each bridge turns the pins by the device's slot (PCI-to-PCI Bridge 1.2, 9.1); the root bus
 * counts who asserts each input of the host, since inputs are shared.
 */
#include "bus/pci-internal.h"

static void irq_count(PciBus *bus, unsigned n, int delta)
{
    if (n >= bus->n_irqs) {
        return;
    }
    bus->irq_counts[n] += delta;
    bus->set_irq(bus->irq_opaque, n, bus->irq_counts[n] > 0);
}

/* Tells the root bus that the device's pin changed. */
static void irq_route(PciDevice *pci, int delta)
{
    unsigned pin = pci->config[TN_PCI_INTERRUPT_PIN] - 1u;
    PciBus *bus = pci_bus_of(pci);
    while (bus && bus->bridge) {
        pin = (pin + (pci->devfn >> 3)) % PCI_PINS;
        pci = pci_device(bus->bridge);
        bus = pci_bus_of(pci);
    }
    if (bus && bus->map_irq) {
        irq_count(bus, bus->map_irq(bus->irq_opaque, pci->devfn, pin), delta);
    }
}

void tn_pci_irq_update(PciDevice *pci)
{
    uint8_t *status = pci->config + TN_PCI_STATUS;
    *status = (*status & ~TN_PCI_STATUS_INTERRUPT) |
              (pci->intx_level ? TN_PCI_STATUS_INTERRUPT : 0);
    bool asserted = pci->intx_level && !(pci_command(pci) & TN_PCI_COMMAND_INTX_DISABLE);
    if (asserted != pci->intx_asserted) {
        pci->intx_asserted = asserted;
        irq_route(pci, asserted ? 1 : -1);
    }
}

void tn_pci_set_irq(TnObject *dev, int level)
{
    PciDevice *pci = pci_device(dev);
    g_return_if_fail(pci);
    uint8_t pin = pci->config[TN_PCI_INTERRUPT_PIN];
    if (pin >= 1 && pin <= PCI_PINS && pci->intx_level != (level != 0)) {
        pci->intx_level = level != 0;
        tn_pci_irq_update(pci);
    }
}

static void irq_clear(PciBus *bus)
{
    g_clear_pointer(&bus->irq_counts, g_free);
    bus->n_irqs = 0;
}

void tn_pci_bus_set_irqs(TnObject *obj, void (*set_irq)(void *opaque, unsigned n, int level),
                         unsigned (*map_irq)(void *opaque, uint8_t devfn, unsigned pin),
                         void *opaque, unsigned n_irqs)
{
    PciBus *bus = pci_bus(obj);
    g_return_if_fail(bus && set_irq && map_irq);
    irq_clear(bus);
    bus->set_irq = set_irq;
    bus->map_irq = map_irq;
    bus->irq_opaque = opaque;
    bus->n_irqs = n_irqs;
    bus->irq_counts = g_new0(unsigned, n_irqs);
}

int tn_pci_bus_irq_level(TnObject *obj, unsigned n)
{
    PciBus *bus = pci_bus(obj);
    return bus && n < bus->n_irqs && bus->irq_counts[n] > 0;
}
