/* SPDX-License-Identifier: MIT */
/*
 * The machine "none": RAM when -m asks for it, a vCPU when -cpu does, and nothing else. For tests of
 * the program itself and for asking a CPU model questions.
 */
#include "tenon/machine.h"
#include "tenon/memory.h"
#include "tenon/module.h"

static bool none_init(TnObject *machine, void *state, const TnMachineConfig *config, GError **error)
{
    if (config->kernel || config->bios) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                    "the machine 'none' boots nothing: -kernel and -bios have no meaning");
        return false;
    }
    if (config->ram_size > 1) {
        TnRegion *ram = tn_machine_new_ram(machine, "ram", error);

        if (!ram)
            return false;
        tn_region_add(tn_system_memory(), 0, ram);
    }
    return !config->cpu_model || tn_machine_add_cpu(machine, 0, error);
}

static const TnMachineOps none_ops = {
    .size = sizeof(TnMachineOps),
    .default_ram_size = 1, /* less than a page: no RAM unless -m asks for it */
    .max_cpus = 1,
    .init = none_init,
    .no_serial = true,
    .no_parallel = true,
};

static const TnInterfaceImpl none_interfaces[] = {
    { TN_IFACE_MACHINE, &none_ops },
    { NULL, NULL },
};

static const TnTypeInfo none_type = {
    .size = sizeof(TnTypeInfo),
    .name = "none-machine",
    .parent = TN_TYPE_MACHINE,
    .interfaces = none_interfaces,
    .description = "empty machine",
};

static const TnTypeInfo *const types[] = { &none_type, NULL };
static const TnModuleHooks hooks = { .size = sizeof(hooks), .types = types };

TN_MODULE(hooks,
          TN_NOTE_NAME("machine-none") TN_NOTE_VERSION("1.0") TN_NOTE_LICENCE("MIT")
          TN_NOTE_MACHINE("none", "empty machine"));
