/* SPDX-License-Identifier: MIT */
/* The types that everything derives from. */
#include "object/type.h"

#include "tenon/internal/accel.h"
#include "tenon/machine.h"

static const TnTypeInfo object_type = {
    .size = sizeof(TnTypeInfo),
    .flags = TN_TYPE_ABSTRACT,
    .name = TN_TYPE_OBJECT,
    .description = "The ancestor of all types",
};
TN_CORE_TYPE(object_type);

static const TnTypeInfo container_type = {
    .size = sizeof(TnTypeInfo),
    .name = "container",
    .description = "A folder of the composition tree",
};
TN_CORE_TYPE(container_type);

static const TnTypeInfo bus_type = {
    .size = sizeof(TnTypeInfo),
    .flags = TN_TYPE_ABSTRACT,
    .name = TN_TYPE_BUS,
    .description = "The ancestor of all buses",
};
TN_CORE_TYPE(bus_type);

/* What every machine has; core/machine reads it. */
typedef struct MachineState {
    char *memory_backend;
} MachineState;

static const TnProperty machine_properties[] = {
    { .name = "memory-backend", .kind = TN_PROP_STRING,
      .offset = offsetof(MachineState, memory_backend),
      .doc = "id of the memory back end (-object) that is the RAM" },
    { 0 },
};

static const TnTypeInfo machine_type = {
    .size = sizeof(TnTypeInfo),
    .flags = TN_TYPE_ABSTRACT,
    .name = TN_TYPE_MACHINE,
    .state_size = sizeof(MachineState),
    .property_stride = TN_PROPERTY_STRIDE,
    .properties = machine_properties,
    .description = "The ancestor of all machines",
};
TN_CORE_TYPE(machine_type);

static const TnTypeInfo accel_type = {
    .size = sizeof(TnTypeInfo),
    .flags = TN_TYPE_ABSTRACT,
    .name = TN_TYPE_ACCEL,
    .description = "The ancestor of all accelerators",
};
TN_CORE_TYPE(accel_type);
