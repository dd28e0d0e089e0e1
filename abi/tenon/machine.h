/* SPDX-License-Identifier: MIT */
/*
 * Machines: a board module builds itself in the "machine" interface's init from the
 * configuration that the command line gave. Also run states, reset and shutdown.
 */
#ifndef TENON_MACHINE_H
#define TENON_MACHINE_H

#include "tenon/cpu.h"
#include "tenon/device.h"
#include "tenon/memory.h"

TN_BEGIN_DECLS

/* A machine type is named NAME "-machine", e.g. "pc-machine"; -machine properties are its
 * properties. */
#define TN_TYPE_MACHINE "machine"
#define TN_IFACE_MACHINE "machine"

/* -smp, checked and completed: cpus <= maxcpus = sockets * dies * clusters * cores * threads.
 * Read by reference only, so that it may grow. */
typedef struct TnSmp {
    uint32_t size;
    uint32_t cpus, maxcpus, sockets, dies, clusters, cores, threads;
} TnSmp;

/*
 * -numa, checked and completed. Distances are those of ACPI's SLIT: 10 is the node itself, 255 out
 * of reach.
 */
typedef struct TnNuma {
    uint32_t size;
    uint32_t n_nodes;
    const uint64_t *ram;       /* bytes of each node; the sum is the machine's RAM */
    const uint32_t *cpu_node;  /* by vCPU index, maxcpus of them */
    const uint8_t *distance;   /* n_nodes rows, by source; NULL when none was given */
} TnNuma;

/* What the command line asked of the machine. Strings are borrowed, NULL when not given. */
typedef struct TnMachineConfig {
    uint32_t size;
    uint32_t flags;
    uint64_t ram_size;      /* bytes */
    uint64_t max_ram_size;
    uint32_t ram_slots;
    uint32_t reserved;
    const TnSmp *smp;       /* never NULL */
    const char *cpu_model;  /* the whole of -cpu, NULL for the machine's default */
    const char *kernel, *initrd, *append, *dtb;
    const char *bios;       /* file name, searched on the firmware path; NULL: machine's default */
    const char *boot_order, *boot_once; /* "cdn"-like letters */
    bool boot_menu, boot_menu_set, boot_strict;
    const char *boot_splash;
    int64_t boot_splash_time, boot_reboot_timeout; /* ms; -1 not given */
    const char *name, *uuid;
    bool no_defaults;       /* -nodefaults */
    bool graphic;           /* false with -nographic */
    TnObject *ram_backend;  /* of -machine memory-backend=, or NULL */
    const char *vga;        /* -vga */
    const TnNuma *numa;     /* NULL without -numa; only with TN_MACHINE_NUMA */
} TnMachineConfig;

/* The vtable of TN_IFACE_MACHINE. */
typedef struct TnMachineOps {
    uint32_t size;
    uint32_t flags;
    uint64_t default_ram_size;   /* bytes; 0: 128 MiB */
    uint32_t max_cpus;           /* 0: 1 */
    uint32_t smp_features;       /* TN_SMP_* that -smp may use */
    const char *default_cpu[2];  /* for 64-bit and 32-bit targets; NULL: the target's */
    const char *targets;         /* comma-separated targets that it serves; NULL: any */
    bool no_serial, no_parallel; /* does not want default serial or parallel chardevs */
    /* Builds the board: RAM, CPUs, buses, devices. [main +lock] */
    bool (*init)(TnObject *machine, void *state, const TnMachineConfig *config, GError **error);
    /* After every -device has been made, before the first reset: firmware tables. May be NULL. */
    bool (*ready)(TnObject *machine, void *state, GError **error);
    /* Resets what is not a device. Devices and CPUs are reset by the core. May be NULL. */
    void (*reset)(TnObject *machine, void *state);
} TnMachineOps;

/* TnMachineOps.flags */
enum {
    TN_MACHINE_NUMA = 1u << 0, /* tells the guest of config->numa */
};

/* Levels of -smp beside sockets, cores and threads: bits of TnMachineOps.smp_features. */
enum {
    TN_SMP_DIES = 1u << 0,
    TN_SMP_CLUSTERS = 1u << 1,
};

/* The running machine's configuration. Borrowed; NULL before it is complete. [any] */
TN_API const TnMachineConfig *tn_machine_config(void);

/* Makes a vCPU of the running target (see internal/target.h), below the machine's "cpus". The
 * thread starts with the machine. `index` counts from 0. NULL with an error. [main +lock] */
TN_API TnCpu *tn_machine_add_cpu(TnObject *machine, unsigned index, GError **error);

/*
 * The machine's RAM as one region of config->ram_size bytes: anonymous memory of the host, the back
 * end of -machine memory-backend=, or those of the NUMA nodes in a row. To be asked for once, by
 * the machine's init. `owner` and `name` as for tn_region_new_ram; borrowed; NULL with an error
 * when the host has no such memory. [main +lock]
 */
TN_API TnRegion *tn_machine_new_ram(TnObject *owner, const char *name, GError **error);

/* Where a vCPU stands in the topology: the vCPU `index` below maxcpus by socket, die, cluster, core
 * and thread, each numbered within the level above. Threads count fastest. [any] */
typedef struct TnCpuPlace {
    uint32_t socket, die, cluster, core, thread;
} TnCpuPlace;
TN_API TnCpuPlace tn_smp_place(const TnSmp *smp, unsigned index);

/* The guest-visible name of the running target ("x86_64"), borrowed; NULL before it is chosen.
 * [any] */
TN_API const char *tn_target_name(void);

/* Firmware and option ROM files: searched in -L directories, then the search path. NULL with an
 * error that names the file, the directories and the package. g_free. [main] */
TN_API char *tn_firmware_find(const char *name, GError **error);
/* The same, and its bytes; g_bytes_unref. [main] */
TN_API GBytes *tn_firmware_load(const char *name, GError **error);

/* ---- Run states ------------------------------------------------------------------------- */

typedef enum TnRunState {
    TN_RUN_PRELAUNCH = 0,
    TN_RUN_RUNNING = 1,
    TN_RUN_PAUSED = 2,
    TN_RUN_SHUTDOWN = 3,
    TN_RUN_SUSPENDED = 4,
    TN_RUN_GUEST_PANICKED = 5,
    TN_RUN_INTERNAL_ERROR = 6,
    TN_RUN_DEBUG = 7,
    TN_RUN_IO_ERROR = 8,
    TN_RUN_SAVE_VM = 9,
    TN_RUN_RESTORE_VM = 10,
    TN_RUN_WATCHDOG = 11,
} TnRunState;

typedef enum TnShutdownCause {
    TN_SHUTDOWN_HOST_SIGNAL = 0,
    TN_SHUTDOWN_HOST_UI = 1,
    TN_SHUTDOWN_HOST_COMMAND = 2,
    TN_SHUTDOWN_GUEST_SHUTDOWN = 3,
    TN_SHUTDOWN_GUEST_RESET = 4,
    TN_SHUTDOWN_GUEST_PANIC = 5,
} TnShutdownCause;

/* The machine's present state. [any] */
TN_API TnRunState tn_run_state(void);
/* Its name as users know it: "running", "paused", ... Static. [any] */
TN_API const char *tn_run_state_name(TnRunState state);
/* Whether vCPUs and the virtual clock run. [any] */
TN_API bool tn_machine_running(void);
/* Requests; the main loop carries them out. `cause` decides with -action and -no-reboot what
 * comes of a reset or shutdown; `state` is the state to stop in. [any] */
TN_API void tn_machine_request_reset(TnShutdownCause cause);
TN_API void tn_machine_request_shutdown(TnShutdownCause cause);
TN_API void tn_machine_request_suspend(void);
TN_API void tn_machine_request_wakeup(void);
TN_API void tn_machine_request_stop(TnRunState state);
TN_API void tn_machine_request_start(void);
/* Ends the process with an exit code after the main loop's round (isa-debug-exit). [any] */
TN_API void tn_machine_exit(int code);
/* The guest reported a panic: -action panic= decides. `info` (for the log) may be NULL. [any] */
TN_API void tn_machine_guest_panic(const char *info);

/* Calls fn(opaque, running, state) [main +lock] at every run state change, while `owner` lives.
 * [main +lock] */
TN_API void tn_run_state_listen(TnObject *owner, void (*fn)(void *opaque, bool running, TnRunState state),
                                void *opaque);

/* Calls fn(opaque) [main +lock] at system reset after devices, in order of registering, while
 * `owner` lives. [main +lock] */
TN_API void tn_reset_listen(TnObject *owner, void (*fn)(void *opaque), void *opaque);

/* Calls fn(opaque) [main +lock] when the power button is pressed, while `owner` lives: for the
 * power management device. [main +lock] */
TN_API void tn_powerdown_listen(TnObject *owner, void (*fn)(void *opaque), void *opaque);
/* Presses the power button. [any] */
TN_API void tn_machine_request_powerdown(void);

TN_END_DECLS

#endif
