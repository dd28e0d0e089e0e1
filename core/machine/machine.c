/* SPDX-License-Identifier: MIT */
/*
 * Makes the machine: the order of things is target, objects, machine object and its properties,
 * topology, RAM, accelerator, chardevs, the board's init, -device, the board's ready, realize, first reset.
 */
#include "machine/machine.h"

#include <string.h>

#include "chardev/chardev-internal.h"
#include "clock/clock-internal.h"
#include "clock/runstate-internal.h"
#include "machine/firmware.h"
#include "machine/globals.h"
#include "machine/memory.h"
#include "machine/objects.h"
#include "machine/running.h"
#include "module/registry.h"
#include "object/device.h"
#include "option/parse.h"

static const TnTargetInfo *target;
static TnMachineOps ops; /* a copy, missing members NULL */
static void *machine_state;
static TnMachineConfig config;
static bool config_complete;

/* ---- The target ------------------------------------------------------------------------- */

const TnTargetInfo *tn_running_target(void)
{
    return target;
}

const char *tn_target_name(void)
{
    return target ? target->name : NULL;
}

bool tn_target_select(const char *name, GError **error)
{
    g_autofree char *interface = g_strconcat("target/", name, NULL);

    if (!target)
        target = tn_interface_find(interface, error);
    return target != NULL;
}

/* ---- The machine object ------------------------------------------------------------------ */

const TnMachineConfig *tn_machine_config(void)
{
    return config_complete ? &config : NULL;
}

static bool check_target(const char *name, GError **error)
{
    g_auto(GStrv) targets = ops.targets ? g_strsplit(ops.targets, ",", -1) : NULL;

    if (!targets || g_strv_contains((const char *const *)targets, target->name))
        return true;
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                "the machine '%s' is for the targets %s, not for '%s'", name, ops.targets,
                target->name);
    return false;
}

static bool add_machine(const char *name, TnObject **machine, GError **error)
{
    const char *canonical;
    g_autofree char *type = NULL;
    const TnMachineOps *vtable;

    if (!tn_registry_require("machine", name, &canonical, error))
        return false;
    type = tn_registry_type_name("machine", canonical);
    *machine = tn_object_new_child(tn_object_root(), "machine", type, error);
    if (!*machine)
        return false;
    vtable = tn_object_interface_state(*machine, TN_IFACE_MACHINE, &machine_state);
    if (!vtable || vtable->size < offsetof(TnMachineOps, ready)) {
        g_set_error(error, TN_ERROR, TN_ERROR_BROKEN, "the type '%s' is not a machine", type);
        return false;
    }
    memcpy(&ops, vtable, MIN(vtable->size, sizeof(ops)));
    return check_target(name, error) &&
           tn_object_new_child(*machine, "cpus", "container", error) &&
           tn_object_new_child(*machine, "peripheral", "container", error);
}

static bool set_properties(TnObject *machine, const GPtrArray *options, GError **error)
{
    for (unsigned i = 0; i < options->len; i++) {
        const TnKeyVals *kv = options->pdata[i];

        for (unsigned j = 0; j < kv->items->len; j++) {
            const TnKeyVal *item = kv->items->pdata[j];

            if (!tn_object_set(machine, item->key, item->value, error)) {
                g_prefix_error(error, "-machine: ");
                tn_keyvals_mark(kv, item, error);
                return false;
            }
        }
    }
    return true;
}

/* `smp` is kept by reference. */
static bool fill_config(const TnSettings *s, TnObject *machine, const char *name, const TnSmp *smp,
                        GError **error)
{
    config = (TnMachineConfig){
        .size = sizeof(config),
        .smp = smp,
        .cpu_model = s->cpu,
        .kernel = s->kernel,
        .initrd = s->initrd,
        .append = s->append,
        .dtb = s->dtb,
        .bios = s->bios,
        .boot_order = s->boot_order,
        .boot_once = s->boot_once,
        .boot_menu = s->boot_menu,
        .boot_menu_set = s->boot_menu_set,
        .boot_strict = s->boot_strict,
        .boot_splash = s->boot_splash,
        .boot_splash_time = s->boot_splash_time,
        .boot_reboot_timeout = s->boot_reboot_timeout,
        .name = s->name,
        .uuid = s->uuid,
        .no_defaults = s->no_defaults,
        .graphic = !s->nographic,
        .vga = s->vga,
    };
    config_complete = tn_machine_memory_plan(s, machine, name, &ops, &config, error);
    return config_complete;
}

void tn_machine_assume_config(uint64_t ram_size)
{
    static const TnSmp one = { .size = sizeof(one), .cpus = 1, .maxcpus = 1, .sockets = 1, .dies = 1,
                               .clusters = 1, .cores = 1, .threads = 1 };

    config = (TnMachineConfig){ .size = sizeof(config), .ram_size = ram_size,
                                .max_ram_size = ram_size, .smp = &one, .boot_splash_time = -1,
                                .boot_reboot_timeout = -1 };
    config_complete = true;
}

/* Options that only make sense with another one. */
static bool check_settings(const TnSettings *s, GError **error)
{
    const char *what = s->initrd ? "-initrd" : s->append ? "-append" : NULL;

    if (!what || s->kernel)
        return true;
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "%s needs -kernel", what);
    return false;
}

/* ---- vCPUs ------------------------------------------------------------------------------- */

TnCpu *tn_machine_add_cpu(TnObject *machine, unsigned index, GError **error)
{
    bool is_64 = g_str_has_suffix(target->name, "64");
    const char *model = config.cpu_model ? config.cpu_model : ops.default_cpu[is_64 ? 0 : 1];
    TnCpu *cpu = tn_cpu_new(model, index, error);

    if (!cpu)
        g_prefix_error(error, "-cpu %s: ", model ? model : "(default)");
    return cpu;
}

/* ---- Reset ------------------------------------------------------------------------------- */

/* Devices, then what the board has besides, then the vCPUs; then every output is derived anew. */
static void reset_machine(TnShutdownCause cause)
{
    TnObject *machine = tn_machine_object();
    TnObject *cpus = NULL;

    for (unsigned i = 0; machine->children && i < machine->children->len; i++) {
        TnObject *child = machine->children->pdata[i];

        if (strcmp(tn_object_name(child), "cpus") == 0)
            cpus = child;
        else
            tn_device_reset_pass(child, TN_RESET_COLD);
    }
    if (ops.reset)
        ops.reset(machine, machine_state);
    if (cpus)
        tn_device_reset_pass(cpus, TN_RESET_COLD);
    tn_device_settle_pass(machine);
}

/* ---- Building ---------------------------------------------------------------------------- */

static bool add_devices(const TnSettings *s, GError **error)
{
    for (unsigned i = 0; i < s->devices->len; i++)
        if (!tn_device_add(s->devices->pdata[i], error))
            return false;
    return true;
}

static bool populate(TnObject *machine, TnSettings *s, GError **error)
{
    if (!tn_chardevs_make(s, &ops, error) ||
        !ops.init(machine, machine_state, &config, error) || !add_devices(s, error) ||
        (ops.ready && !ops.ready(machine, machine_state, error)) ||
        !tn_device_realize_tree(machine, error))
        return false;
    tn_globals_warn_unused();
    tn_run_set_reset(reset_machine);
    tn_machine_reset(TN_SHUTDOWN_HOST_COMMAND);
    tn_device_set_running(true);
    return true;
}

bool tn_machine_build(TnSettings *s, GError **error)
{
    const char *name = s->machine;
    TnObject *machine;
    static TnSmp smp; /* the configuration points to it */

    tn_globals_install(s->globals);
    tn_firmware_set_directories(s->firmware_directories);
    if (!check_settings(s, error) || !tn_rtc_configure(s->rtc_base, s->rtc_clock, error) ||
        !tn_target_select(s->target, error) || !tn_objects_make(s->objects, error))
        return false;
    name = name ? name : target->default_machine ? target->default_machine : "none";
    if (!add_machine(name, &machine, error) ||
        !set_properties(machine, s->machine_options, error) ||
        !tn_smp_complete(s->smp, &ops, name, &smp, error) ||
        !fill_config(s, machine, name, &smp, error))
        return false;
    return tn_accel_select(s->accels, s, error) && populate(machine, s, error);
}

void tn_machine_destroy(void)
{
    TnObject *root = tn_object_root();

    tn_device_set_running(false);
    if (tn_machine_object())
        tn_object_unparent(tn_machine_object());
    tn_chardev_close_all(); /* what the machine sent last goes out; terminals are put back */
    while (root->children && root->children->len)
        tn_object_unparent(root->children->pdata[root->children->len - 1]);
    tn_machine_memory_clear();
}
