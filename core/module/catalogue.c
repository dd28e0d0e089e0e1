/* SPDX-License-Identifier: MIT */
/*
 * The catalogue; see catalogue.h. A name is looked for in the files of packages first: what a
 * distribution says of its own packages is more than what the build knew.
 */
#include "module/catalogue.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "module/packages.h"
#include "module/registry.h"
#include "module/trust.h"
#include "tenon-built-modules.h"

enum { MAX_FILE = 4 << 20 }; /* bytes of a file of packages */

/* ---- What the build knows ---------------------------------------------------------------- */

/* All that the modules of the source tree provide. */
static const struct {
    const char *kind, *name, *module;
} in_tree[] = {
#include "module/tenon-in-tree.h"
};

/* Names that users of such programs type and that this version has no module for. */
typedef struct Known {
    const char *kind;
    const char *names; /* separated by spaces */
} Known;

static const Known not_built[] = {
    { "accel", "kvm xen hvf whpx nvmm" },
    { "machine", "q35 microvm xenpv xenfv virt" },
    { "chardev", "udp msmouse vc ringbuf serial tty parallel parport braille testdev "
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

static bool is_in_words(const char *text, const char *word)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);

    return g_strv_contains((const char *const *)words, word);
}

static bool is_known(const char *kind, const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(not_built); i++)
        if (strcmp(not_built[i].kind, kind) == 0 && is_in_words(not_built[i].names, name))
            return true;
    return false;
}

static const char *in_tree_module(const char *kind, const char *name)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(in_tree); i++)
        if (strcmp(in_tree[i].kind, kind) == 0 && strcmp(in_tree[i].name, name) == 0)
            return in_tree[i].module;
    return NULL;
}

/* ---- The files of packages ---------------------------------------------------------------- */

static GPtrArray *items; /* TnPackaged, owned */
static GPtrArray *files; /* TnCatalogueFile, owned */

static void add_file(const char *path, GError *error)
{
    TnCatalogueFile *file = g_new0(TnCatalogueFile, 1);

    file->path = g_strdup(path);
    file->error = error;
    g_ptr_array_add(files, file);
}

/* The whole of an open file. g_free; NULL with an error. */
static char *read_whole(int fd, size_t *size, GError **error)
{
    g_autofree char *text = g_malloc(MAX_FILE + 1);
    ssize_t got;

    for (*size = 0; *size <= MAX_FILE; *size += got) {
        got = read(fd, text + *size, MAX_FILE + 1 - *size);
        if (got < 0) {
            g_set_error(error, TN_ERROR, TN_ERROR_IO, "it cannot be read: %s", g_strerror(errno));
            return NULL;
        }
        if (got == 0)
            return g_realloc(g_steal_pointer(&text), *size + 1);
    }
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "it is larger than %d bytes", MAX_FILE);
    return NULL;
}

static void read_file(int directory, const char *folder, const char *name)
{
    g_autofree char *path = g_build_filename(folder, name, NULL), *text = NULL;
    GError *error = NULL;
    int fd = tn_trust_open_file(directory, name, NULL, &error);
    size_t size;

    if (fd >= 0) {
        text = read_whole(fd, &size, &error);
        close(fd);
    }
    if (text)
        tn_packages_parse(text, size, items, &error);
    add_file(path, error);
}

static int compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The files of an open folder, by name. */
static void read_files(DIR *dir, const char *path)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const struct dirent *entry;

    while ((entry = readdir(dir)))
        if (g_str_has_suffix(entry->d_name, ".json"))
            g_ptr_array_add(names, g_strdup(entry->d_name));
    g_ptr_array_sort(names, compare_names);
    for (unsigned i = 0; i < names->len; i++)
        read_file(dirfd(dir), path, names->pdata[i]);
}

static void read_folder(const char *parent)
{
    g_autofree char *path = g_build_filename(parent, "catalog.d", NULL);
    GError *error = NULL;
    DIR *dir = NULL;
    int fd;

    if (access(path, F_OK) != 0)
        return;
    fd = tn_trust_open_directory(path, &error);
    if (error)
        add_file(path, error);
    if (fd >= 0)
        dir = fdopendir(fd);
    if (!dir)
        return;
    read_files(dir, path);
    closedir(dir);
}

static void ensure_read(void)
{
    if (files)
        return;
    items = g_ptr_array_new();
    files = g_ptr_array_new();
    for (const char *const *dir = tn_registry_directories(); *dir; dir++)
        read_folder(*dir);
    read_folder(TN_DATA_DIR);
}

const GPtrArray *tn_catalogue_files(void)
{
    ensure_read();
    return files;
}

/* ---- Questions --------------------------------------------------------------------------- */

static const TnPackaged *find_packaged(const char *kind, const char *name)
{
    ensure_read();
    for (unsigned i = 0; i < items->len; i++) {
        const TnPackaged *item = items->pdata[i];

        if (strcmp(item->kind, kind) == 0 && strcmp(item->name, name) == 0)
            return item;
    }
    return NULL;
}

char *tn_catalogue_module_hint(const char *module)
{
    ensure_read();
    for (unsigned i = 0; i < items->len; i++) {
        const TnPackaged *item = items->pdata[i];

        if (g_strcmp0(item->module, module) == 0)
            return tn_packaged_hint(item);
    }
    return NULL;
}

static TnProblem *make_problem(TnProblemCode code, const char *kind, const char *name,
                               const char *module)
{
    TnProblem *problem = g_new0(TnProblem, 1);

    problem->code = code;
    problem->kind = g_strdup(kind);
    problem->name = g_strdup(name);
    problem->module = g_strdup(module);
    if (code == TN_PROBLEM_NOT_INSTALLED && module)
        problem->cause = g_strdup_printf("it is in the module '%s'", module);
    else if (code == TN_PROBLEM_NOT_BUILT && module)
        problem->cause = g_strdup_printf("this build leaves out the module '%s'", module);
    else if (code == TN_PROBLEM_NOT_BUILT)
        problem->cause = g_strdup("this version has no module for it");
    return problem;
}

TnProblem *tn_catalogue_problem(const char *kind, const char *name)
{
    const TnPackaged *packaged = find_packaged(kind, name);
    const char *module = in_tree_module(kind, name);
    TnProblem *problem;

    if (packaged) {
        problem = make_problem(TN_PROBLEM_NOT_INSTALLED, kind, name,
                               packaged->module ? packaged->module : module);
        problem->hint = tn_packaged_hint(packaged);
        return problem;
    }
    if (module)
        return make_problem(is_in_words(TN_BUILT_MODULES, module) ? TN_PROBLEM_NOT_INSTALLED
                                                                  : TN_PROBLEM_NOT_BUILT,
                            kind, name, module);
    return is_known(kind, name) ? make_problem(TN_PROBLEM_NOT_BUILT, kind, name, NULL) : NULL;
}
