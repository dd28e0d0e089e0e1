/* SPDX-License-Identifier: MIT */
/*
 * Machines: a board module builds itself in the "machine" interface's init from the
 * configuration that the command line gave. Also run states, reset and shutdown.
 */
#ifndef TENON_MACHINE_H
#define TENON_MACHINE_H

#include "tenon/cpu.h"
#include "tenon/device.h"

TN_BEGIN_DECLS

/* A machine type is named NAME "-machine", e.g. "pc-machine"; -machine properties are its
 * properties. */
#define TN_TYPE_MACHINE "machine"
#define TN_IFACE_MACHINE "machine"

/* -smp, checked and completed: cpus <= maxcpus = sockets * dies * clusters * cores * threads. */
typedef struct TnSmp {
    uint32_t size;
    uint32_t cpus, maxcpus, sockets, dies, clusters, cores, threads;
} TnSmp;

/* What the command line asked of the machine. Strings are borrowed, NULL when not given. */
typedef struct TnMachineConfig {
    uint32_t size;
    uint32_t flags;
    uint64_t ram_size;      /* bytes */
    uint64_t max_ram_size;
    uint32_t ram_slots;
    TnSmp smp;
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
} TnMachineConfig;

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

enum {
    TN_SMP_DIES = 1u << 0,
    TN_SMP_CLUSTERS = 1u << 1,
};

/* The running machine's configuration. Borrowed; NULL before it is complete. [any] */
TN_API const TnMachineConfig *tn_machine_config(void);

/* Makes a vCPU of the running target (see internal/target.h), below the machine's "cpus". The
 * thread starts with the machine. [main] */
TN_API TnCpu *tn_machine_add_cpu(TnObject *machine, unsigned index, GError **error);

/* The guest-visible name of the running target ("x86_64"). */
TN_API const char *tn_target_name(void);

/* Firmware and option ROM files: searched in -L directories, then the search path. NULL with an
 * error that names the file, the directories and the package. g_free. */
TN_API char *tn_firmware_find(const char *name, GError **error);
TN_API GBytes *tn_firmware_load(const char *name, GError **error);

/* ---- Run states ------------------------------------------------------------------------- */

typedef enum TnRunState {
    TN_RUN_PRELAUNCH, TN_RUN_RUNNING, TN_RUN_PAUSED, TN_RUN_SHUTDOWN, TN_RUN_SUSPENDED,
    TN_RUN_GUEST_PANICKED, TN_RUN_INTERNAL_ERROR, TN_RUN_DEBUG, TN_RUN_IO_ERROR, TN_RUN_SAVE_VM,
    TN_RUN_RESTORE_VM, TN_RUN_WATCHDOG,
} TnRunState;

typedef enum TnShutdownCause {
    TN_SHUTDOWN_HOST_SIGNAL, TN_SHUTDOWN_HOST_UI, TN_SHUTDOWN_HOST_COMMAND,
    TN_SHUTDOWN_GUEST_SHUTDOWN, TN_SHUTDOWN_GUEST_RESET, TN_SHUTDOWN_GUEST_PANIC,
} TnShutdownCause;

TN_API TnRunState tn_run_state(void);
TN_API const char *tn_run_state_name(TnRunState state); /* "running", "paused", ... */
TN_API bool tn_machine_running(void);
/* Requests are carried out by the main loop. [any] */
TN_API void tn_machine_request_reset(TnShutdownCause cause);
TN_API void tn_machine_request_shutdown(TnShutdownCause cause);
TN_API void tn_machine_request_suspend(void);
TN_API void tn_machine_request_wakeup(void);
TN_API void tn_machine_request_stop(TnRunState state);
TN_API void tn_machine_request_start(void);
/* Ends the process with an exit code after the main loop's round (isa-debug-exit). [any] */
TN_API void tn_machine_exit(int code);
/* The guest reported a panic: -action panic=. `info` may be NULL. */
TN_API void tn_machine_guest_panic(const char *info);

/* Calls fn at every run state change. [main +lock] */
TN_API void tn_run_state_listen(TnObject *owner, void (*fn)(void *opaque, bool running, TnRunState state),
                                void *opaque);

/* Calls fn at system reset after devices, in order of registering. */
TN_API void tn_reset_listen(TnObject *owner, void (*fn)(void *opaque), void *opaque);

/* Wake-up from S3 and power button as events for the power management device. */
TN_API void tn_powerdown_listen(TnObject *owner, void (*fn)(void *opaque), void *opaque);
TN_API void tn_machine_request_powerdown(void);

TN_END_DECLS

#endif
