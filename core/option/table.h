/* SPDX-License-Identifier: MIT */
/* The table of options: one row per option, for parsing and for -h. */
#ifndef TN_OPTION_TABLE_H
#define TN_OPTION_TABLE_H

#include "option/settings.h"

typedef struct TnOption {
    const char *name;     /* without dashes; NULL: a heading (in `help`) */
    const char *argument; /* as -h shows it; NULL when it takes none */
    const char *help;     /* one or more lines; NULL: not shown (another name of the one before) */
    bool (*handle)(TnSettings *settings, const char *value, GError **error);
} TnOption;

/* Ended by a row without name and help. */
extern const TnOption tn_option_table[];

/* Options of such programs that are known and not there yet; NULL-terminated names. */
extern const char *const tn_options_unsupported[];

/* Handlers that are long enough to stand in files of their own. */
bool tn_option_machine(TnSettings *settings, const char *value, GError **error);
bool tn_option_accel(TnSettings *settings, const char *value, GError **error);
bool tn_option_memory(TnSettings *settings, const char *value, GError **error);
bool tn_option_boot(TnSettings *settings, const char *value, GError **error);
bool tn_option_global(TnSettings *settings, const char *value, GError **error);
bool tn_option_rtc(TnSettings *settings, const char *value, GError **error);
bool tn_option_name(TnSettings *settings, const char *value, GError **error);
bool tn_option_module(TnSettings *settings, const char *value, GError **error);
bool tn_option_uuid(TnSettings *settings, const char *value, GError **error);

/* Notes a request for help: `about` NULL for the list. Always true. */
bool tn_option_request_help(TnSettings *settings, const char *option, const char *about);
/* Prints the modules; format "json", else a table. */
void tn_help_modules(const char *format);
void tn_option_set_text(char **field, const char *value);
/* Adds accelerators from "a:b" with the same options (NULL for none; copied). */
void tn_settings_add_accels(TnSettings *settings, const char *names, const char *options);
void tn_settings_add_global(TnSettings *settings, const char *driver, const char *property,
                            const char *value);

#endif
