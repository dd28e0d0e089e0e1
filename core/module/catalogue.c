/* SPDX-License-Identifier: MIT */
/*
 * The catalogue of what is missing. Two sources: names that users of such programs type and that
 * this version has no module for, below; and the modules of this build, listed with their packages
 * in the file `catalogue` in the module directory (lines KIND|NAME|MODULE|PACKAGE, made by
 * tenon-modinfo). The file is looked at only when a name is missing.
 */
#include "module/catalogue.h"

#include <stdbool.h>
#include <string.h>

#include "module/registry.h"

typedef struct Known {
    const char *kind;
    const char *names; /* separated by spaces */
} Known;

static const Known not_built[] = {
    { "accel", "kvm xen hvf whpx nvmm" },
    { "machine", "q35 microvm xenpv xenfv virt" },
    { "chardev", "socket udp msmouse vc ringbuf pipe serial tty parallel parport braille testdev "
                 "spicevmc spiceport" },
    { "device", "VGA std-vga cirrus-vga vmware-svga qxl qxl-vga bochs-display ramfb virtio-vga "
                "virtio-gpu-pci virtio-blk-pci virtio-scsi-pci virtio-net-pci virtio-rng-pci "
                "virtio-balloon-pci virtio-serial-pci virtio-9p-pci virtio-input-host-pci "
                "virtio-keyboard-pci virtio-mouse-pci virtio-tablet-pci virtio-crypto-pci "
                "vhost-vsock-pci e1000 e1000e igb rtl8139 pcnet ne2k_pci ne2k_isa vmxnet3 i82551 "
                "i82557b i82559er ide-hd ide-cd piix3-ide piix4-ide ich9-ahci ahci isa-fdc floppy "
                "nvme nvme-ns lsi53c895a megasas mptsas1068 pvscsi scsi-hd scsi-cd scsi-generic "
                "usb-ehci nec-usb-xhci qemu-xhci piix3-usb-uhci pci-ohci usb-hub usb-kbd usb-mouse "
                "usb-tablet usb-storage usb-serial usb-net usb-audio usb-host sb16 adlib gus "
                "cs4231a "
                "AC97 ES1370 intel-hda ich9-intel-hda hda-duplex hda-output hda-micro ib700 "
                "i6300esb tpm-tis tpm-crb ipmi-bmc-sim isa-ipmi-kcs isa-ipmi-bt vmgenid "
                "intel-iommu amd-iommu pcie-root-port pci-bridge ivshmem-plain ivshmem-doorbell "
                "vfio-pci loader guest-loader nvdimm pc-dimm" },
    { "target", "aarch64 arm riscv64 riscv32 ppc64 ppc mips mips64 mipsel mips64el s390x sparc64 "
                "sparc loongarch64 alpha hppa m68k microblaze or1k sh4 tricore xtensa avr cris" },
    { "object", "memory-backend-ram memory-backend-file memory-backend-memfd rng-random rng-egd "
                "rng-builtin secret tls-creds-x509 tls-creds-psk tls-creds-anon iothread "
                "throttle-group authz-simple authz-list filter-dump can-bus input-linux" },
};

static bool is_known(const char *kind, const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(not_built); i++) {
        g_auto(GStrv) names = NULL;

        if (strcmp(not_built[i].kind, kind) != 0)
            continue;
        names = g_strsplit(not_built[i].names, " ", -1);
        if (g_strv_contains((const char *const *)names, name))
            return true;
    }
    return false;
}

enum { KIND, NAME, MODULE, PACKAGE, FIELDS };

/* The line about a name, split; NULL when the build has none. g_strfreev. */
static char **find_line(const char *catalogue, const char *kind, const char *name)
{
    g_auto(GStrv) lines = g_strsplit(catalogue, "\n", -1);

    for (char **line = lines; *line; line++) {
        char **field = g_strsplit(*line, "|", FIELDS);

        if (g_strv_length(field) == FIELDS && strcmp(field[KIND], kind) == 0 &&
            strcmp(field[NAME], name) == 0)
            return field;
        g_strfreev(field);
    }
    return NULL;
}

/* The catalogue of the directories that the modules of this build are in: the last of the path. */
static char **find_built(const char *kind, const char *name)
{
    const char *const *directory = tn_registry_directories();
    g_autofree char *path = NULL, *text = NULL;

    while (directory[1])
        directory++;
    path = g_build_filename(*directory, "catalogue", NULL);
    return g_file_get_contents(path, &text, NULL, NULL) && g_utf8_validate(text, -1, NULL)
               ? find_line(text, kind, name) : NULL;
}

TnError tn_catalogue_missing(const char *kind, const char *noun, const char *name, GString *message)
{
    g_auto(GStrv) line = find_built(kind, name);

    if (line) {
        g_string_append_printf(message, "the %s '%s' is not installed: it is in the module '%s' of "
                               "the package '%s'", noun, name, line[MODULE], line[PACKAGE]);
        return TN_ERROR_NOT_INSTALLED;
    }
    if (!is_known(kind, name))
        return TN_ERROR_UNKNOWN;
    g_string_append_printf(message, "the %s '%s' is known, but this version has no module for it",
                           noun, name);
    return TN_ERROR_NOT_BUILT;
}
