/* SPDX-License-Identifier: MIT */
/*
 * What the command line says, before anything is made of it. Filled by the option table
 * (table.c), read by core/machine. Strings are owned; NULL where an option was not given.
 */
#ifndef TN_OPTION_SETTINGS_H
#define TN_OPTION_SETTINGS_H

#include "option/keyval.h"
#include "tenon/machine.h"

/* -accel, one of the list: tried in order until one can be used. */
typedef struct TnAccelChoice {
    char *name;
    TnKeyVals *options;
} TnAccelChoice;

typedef struct TnHelpRequest {
    char *option; /* "device" */
    char *about;  /* "edu" of -device edu,help; NULL for the list */
} TnHelpRequest;

typedef struct TnSettings {
    char *target;
    char *machine;
    GPtrArray *machine_options; /* TnKeyVals of -machine, in order */
    GPtrArray *accels;          /* TnAccelChoice */
    char *cpu;
    TnKeyVals *smp;
    uint64_t ram_size; /* bytes; 0: the machine's default */

    char *kernel, *initrd, *append, *dtb, *bios;
    GPtrArray *firmware_directories; /* char * */
    char *boot_order, *boot_once, *boot_splash;
    bool boot_menu, boot_menu_set, boot_strict;
    int64_t boot_splash_time, boot_reboot_timeout; /* ms; -1: not given */

    GPtrArray *objects;  /* TnKeyVals of -object, in order */
    GPtrArray *numa;     /* TnKeyVals of -numa, in order */
    GPtrArray *devices;  /* TnKeyVals of -device, in order */
    GPtrArray *globals;  /* TnGlobal */
    GPtrArray *chardevs; /* char *: -chardev, whole */
    GPtrArray *serials, *parallels, *debugcons; /* char *: short forms */
    bool nographic, display_none, no_defaults, paused;
    char *vga;

    char *name, *process_name, *uuid;
    char *rtc_base, *rtc_clock;
    char *log_items, *log_file, *log_filter;
    char *qtest, *qtest_log;
    bool module_lock;

    GPtrArray *help; /* TnHelpRequest, in order */
} TnSettings;

/* -global: applied to each new object whose type is or inherits from `driver`. */
typedef struct TnGlobal {
    char *driver, *property, *value;
    bool used;
} TnGlobal;

TnSettings *tn_settings_new(void);
void tn_settings_free(TnSettings *settings);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TnSettings, tn_settings_free)

/*
 * Reads the command line (argv[0] gives the target when it is called tenon-system-NAME). Policies
 * of the main loop, the module path and such are set at once; everything else is gathered.
 */
TnSettings *tn_settings_parse(int argc, char **argv, GError **error);

/* Answers the requests for help and the listings. False when there were none. */
bool tn_help_answer(const TnSettings *settings, int *exit_code);

/* -smp completed and checked as documented for a machine; `kv` NULL: one of everything. */
bool tn_smp_complete(const TnKeyVals *kv, const TnMachineOps *machine, const char *machine_name,
                     TnSmp *smp, GError **error);

#endif
