/* SPDX-License-Identifier: MIT */
/*
 * tenon-modcheck inside: a check is a function that runs in a process of its own, about one module or
 * one thing that the module provides.
 */
#ifndef TN_MODCHECK_CHECK_H
#define TN_MODCHECK_CHECK_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "module/registry.h"

typedef struct CheckOptions {
    bool json;
    unsigned timeout;       /* seconds for each check */
    unsigned accesses;      /* of the register fuzzing */
    uint32_t seed;          /* of its random numbers */
    GPtrArray *settings;    /* char *: NAME.PROPERTY=VALUE */
    GPtrArray *helpers;     /* char *: NAME:TYPE[,PROPERTY=VALUE]... */
    GPtrArray *directories; /* char *: where modules are that others require */
} CheckOptions;

/* What a check is about, and what it says besides its outcome. */
typedef struct Check {
    const CheckOptions *options;
    const char *path;         /* of the module's file, absolute */
    const TnNote *note;       /* NULL when it cannot be read */
    const TnProvide *provide; /* of checks about one thing; else NULL */
    GString *skipped;         /* why the check has no answer; empty: it has one */
    GString *remark;          /* figures and the like; may be empty */
} Check;

/* False with an error that says what is wrong. */
typedef bool (*CheckFn)(Check *check, GError **error);

typedef struct CheckCase {
    const char *name;
    const char *kinds; /* of provides that it is run for, separated by spaces; NULL: once a module */
    CheckFn run;
} CheckCase;

/* The checks in order; ends with a NULL name. */
extern const CheckCase tn_check_cases[];

/* Says why the check cannot be made, and returns true. */
bool tn_check_skip(Check *check, const char *fmt, ...) G_GNUC_PRINTF(2, 3);
/* Sets the error and returns false. */
bool tn_check_fail(GError **error, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* ---- files.c: what the file says --------------------------------------------------------- */

bool tn_check_note(Check *check, GError **error);
bool tn_check_exports(Check *check, GError **error);
bool tn_check_symbols(Check *check, GError **error);
bool tn_check_scan_time(Check *check, GError **error);

/* ---- load.c ------------------------------------------------------------------------------ */

/* The module, found in its own directory and loaded; NULL with an error. */
TnModuleEntry *tn_check_load_module(Check *check, GError **error);
bool tn_check_load(Check *check, GError **error);
bool tn_check_init_and_fini(Check *check, GError **error);
bool tn_check_rollback(Check *check, GError **error);

/* ---- board.c: a machine with nothing but memory and buses --------------------------------- */

/* Makes the board, once a process: 16 MiB of RAM, a PCI and an ISA bus, the clock moved by hand. */
bool tn_board_make(GError **error);
/* Puts a new device of the type on a bus that takes it, or, if it needs none, into the container
 * `home`. Unrealized; owned by its place. `set` gives it its properties. *skip as below. */
typedef bool (*TnBoardSetFn)(const void *data, TnObject *dev, GError **error);
TnObject *tn_board_place(const char *type, const char *home, TnBoardSetFn set, const void *data,
                         bool *skip, GError **error);
/*
 * A device of the type on a bus that takes it, with the user's settings, realized and reset. NULL
 * with an error; *skip says that the board has no place for it or that a property must be set.
 */
TnObject *tn_board_device_new(Check *check, const char *type, bool *skip, GError **error);
/* Unplugs, unrealizes and frees it. */
void tn_board_device_free(TnObject *dev);
/* Maps the BARs of a PCI device; nothing for others. */
void tn_board_map(TnObject *dev);
/* The regions of a device that can be accessed: TnRegion, borrowed. g_ptr_array_unref. */
GPtrArray *tn_board_regions(TnObject *dev);
/* Random accesses of the device's regions and configuration, with time passing between them. */
void tn_board_poke(TnObject *dev, unsigned accesses, GRand *random);

/* ---- helpers.c: what a device needs beside it ---------------------------------------------- */

/* Makes what --with says of the device `name`, in order, realized and reset. Once a process. */
bool tn_helpers_make(Check *check, const char *name, GError **error);
/*
 * Gives a device the links that it must have and has not: to the helper that fits, else to a new
 * device of the very type that the link wants, or vCPU, when there is one.
 */
bool tn_helpers_link(TnObject *dev, GError **error);

/* ---- objects.c, devices.c ---------------------------------------------------------------- */

bool tn_check_create(Check *check, GError **error);
bool tn_check_properties(Check *check, GError **error);
bool tn_check_realize(Check *check, GError **error);
bool tn_check_save_and_load(Check *check, GError **error);
bool tn_check_registers(Check *check, GError **error);

/* ---- process.c --------------------------------------------------------------------------- */

typedef struct CheckResult {
    enum { CHECK_PASSED, CHECK_SKIPPED, CHECK_FAILED } outcome;
    char *reason; /* owned: why it failed or was skipped; NULL when passed */
    char *remark; /* owned; NULL for none */
    char *output; /* owned: the last lines that were printed, of a failed one; NULL for none */
    double seconds;
} CheckResult;

/* Runs a check in a process of its own, which is ended when its time is over. */
CheckResult tn_check_run(Check *check, CheckFn run);
void tn_check_result_clear(CheckResult *result);

/* ---- report.c ---------------------------------------------------------------------------- */

void tn_report_begin(const CheckOptions *options, unsigned n);
/* `name`: "edu.so/load", "edu.so/edu/realize". */
void tn_report_case(const CheckOptions *options, const char *name, const CheckResult *result);
/* The exit code: 0 when none failed. */
int tn_report_end(const CheckOptions *options);

#endif
