/* SPDX-License-Identifier: MIT */
/*
 * Logging: the items of -d, the file of -D, guest errors and messages to the user.
 *
 * The log is one stream behind one mutex, or with -d tid one stream a thread. Guest errors are
 * limited per call site and device: a burst, then what one second lets through, so that a guest in
 * a loop cannot fill a disk.
 */
#include "clock/log-internal.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "clock/trace.h"
#include "tenon/error.h"

typedef struct LogItem {
    uint32_t bit;
    const char *name;
    const char *doc;
} LogItem;

static const LogItem log_items[] = {
    { TN_LOG_OUT_ASM, "out_asm", "show generated host code for each block" },
    { TN_LOG_IN_ASM, "in_asm", "show the guest code of each block" },
    { TN_LOG_OP, "op", "show the micro operations of each block" },
    { TN_LOG_OP_OPT, "op_opt", "show the micro operations after optimisation" },
    { TN_LOG_INT, "int", "show interrupts and exceptions in short form" },
    { TN_LOG_EXEC, "exec", "show each block before it runs (lots of output)" },
    { TN_LOG_CPU, "cpu", "show the registers before each block (lots of output)" },
    { TN_LOG_FPU, "fpu", "with cpu: also floating point registers" },
    { TN_LOG_MMU, "mmu", "log MMU activity" },
    { TN_LOG_PCALL, "pcall", "x86: log protected mode far calls, returns and exceptions" },
    { TN_LOG_CPU_RESET, "cpu_reset", "show the registers before a CPU is reset" },
    { TN_LOG_UNIMP, "unimp", "log the use of hardware that is not modelled" },
    { TN_LOG_GUEST_ERROR, "guest_errors", "log what a guest does against the hardware's rules" },
    { TN_LOG_PAGE, "page", "log changes of the memory map" },
    { TN_LOG_NOCHAIN, "nochain", "do not chain blocks, so that exec and cpu are complete" },
    { TN_LOG_TID, "tid", "one log file a thread; -D must contain %d" },
};

enum {
    LOG_EVERY_ITEM = ~(TN_LOG_TID | TN_LOG_NOCHAIN | TN_LOG_TRACE),
    GUEST_ERROR_BURST = 10,            /* per site and window */
    GUEST_ERROR_WINDOW_US = 1000000,
    GUEST_ERROR_SITES = 4096,          /* then the table starts anew */
};

uint32_t tn_log_mask;

static GMutex log_mutex;
static char *log_path;        /* of -D; NULL is stderr */
static FILE *log_stream;      /* the shared stream; NULL is stderr */
static __thread FILE *log_thread_stream; /* with -d tid */
static __thread bool log_thread_tried;

/* ---- Items ------------------------------------------------------------------------------- */

static const LogItem *log_item_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(log_items); i++) {
        if (strcmp(log_items[i].name, name) == 0) {
            return &log_items[i];
        }
    }
    return NULL;
}

static bool log_item_parse(const char *word, uint32_t *mask, GPtrArray *globs, GError **error)
{
    const LogItem *item = log_item_find(word);
    if (item) {
        *mask |= item->bit;
    } else if (strcmp(word, "all") == 0) {
        *mask |= (uint32_t)LOG_EVERY_ITEM & ((1u << 17) - 1);
    } else if (strcmp(word, "none") == 0) {
        *mask = 0;
    } else if (g_str_has_prefix(word, "trace:") && word[6]) {
        *mask |= TN_LOG_TRACE;
        g_ptr_array_add(globs, (void *)(word + 6));
    } else {
        g_set_error(error, TN_ERROR, TN_ERROR_UNKNOWN,
                    "'%s' is no log item; -d help lists them", word);
        return false;
    }
    return true;
}

bool tn_log_set_items(const char *items, GError **error)
{
    g_auto(GStrv) words = g_strsplit(items, ",", -1);
    g_autoptr(GPtrArray) globs = g_ptr_array_new();
    uint32_t mask = 0;
    for (char **word = words; *word; word++) {
        if (!log_item_parse(*word, &mask, globs, error)) {
            return false;
        }
    }
    if ((mask & TN_LOG_TID) && !(log_path && strstr(log_path, "%d"))) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "tid needs -D with a file name that contains %%d");
        return false;
    }
    tn_trace_clear();
    for (unsigned i = 0; i < globs->len; i++) {
        tn_log_add_trace(globs->pdata[i]);
    }
    __atomic_store_n(&tn_log_mask, mask, __ATOMIC_RELAXED);
    return true;
}

char *tn_log_help(void)
{
    GString *text = g_string_new("Log items (comma separated):\n");
    for (size_t i = 0; i < G_N_ELEMENTS(log_items); i++) {
        g_string_append_printf(text, "%-16s %s\n", log_items[i].name, log_items[i].doc);
    }
    g_string_append(text, "all              every item but nochain, tid and trace points\n"
                          "trace:PATTERN    switch trace points on, * and ? match\n");
    return g_string_free(text, FALSE);
}

char *tn_log_items(void)
{
    GString *text = g_string_new(NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(log_items); i++) {
        if (tn_log_mask & log_items[i].bit) {
            g_string_append_printf(text, "%s%s", text->len ? "," : "", log_items[i].name);
        }
    }
    return g_string_free(text, FALSE);
}

void tn_log_add_trace(const char *glob)
{
    tn_trace_add(glob);
    __atomic_or_fetch(&tn_log_mask, TN_LOG_TRACE, __ATOMIC_RELAXED);
}

/* ---- The stream -------------------------------------------------------------------------- */

static FILE *log_open(const char *path, int number, GError **error)
{
    const char *mark = strstr(path, "%d");
    g_autofree char *name = mark ? g_strdup_printf("%.*s%d%s", (int)(mark - path), path, number,
                                                   mark + 2)
                                 : g_strdup(path);
    FILE *stream = fopen(name, "we");
    if (!stream) {
        g_set_error(error, TN_ERROR, TN_ERROR_IO, "cannot open '%s': %s", name, g_strerror(errno));
        return NULL;
    }
    setvbuf(stream, NULL, _IOLBF, 0);
    return stream;
}

bool tn_log_set_file(const char *path, GError **error)
{
    FILE *stream = NULL;
    if (path && !(stream = log_open(path, getpid(), error))) {
        return false;
    }
    g_mutex_lock(&log_mutex);
    if (log_stream) {
        fclose(log_stream);
    }
    log_stream = stream;
    g_free(log_path);
    log_path = g_strdup(path);
    g_mutex_unlock(&log_mutex);
    return true;
}

static FILE *log_own_stream(void)
{
    if (!log_thread_tried && log_path) {
        log_thread_tried = true;
        log_thread_stream = log_open(log_path, gettid(), NULL);
    }
    return log_thread_stream;
}

FILE *tn_log_begin(void)
{
    g_mutex_lock(&log_mutex);
    FILE *own = tn_log_enabled(TN_LOG_TID) ? log_own_stream() : NULL;
    return own ? own : log_stream ? log_stream : stderr;
}

void tn_log_end(void)
{
    g_mutex_unlock(&log_mutex);
}

void tn_log(TnLogItem item, const char *fmt, ...)
{
    if (!tn_log_enabled(item)) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    vfprintf(tn_log_begin(), fmt, args);
    tn_log_end();
    va_end(args);
}

/* ---- Guest errors ------------------------------------------------------------------------ */

typedef struct GuestErrorSite {
    int64_t window; /* start, in us */
    unsigned shown, dropped;
} GuestErrorSite;

/* True when this one may be shown. `dropped` gets what was left out since. Under log_mutex. */
static bool guest_error_allowed(uintptr_t key, unsigned *dropped)
{
    static GHashTable *sites;
    if (!sites || g_hash_table_size(sites) >= GUEST_ERROR_SITES) {
        g_clear_pointer(&sites, g_hash_table_unref);
        sites = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    }
    GuestErrorSite *site = g_hash_table_lookup(sites, (void *)key);
    if (!site) {
        site = g_new0(GuestErrorSite, 1);
        g_hash_table_insert(sites, (void *)key, site);
    }
    int64_t now = g_get_monotonic_time();
    *dropped = 0;
    if (now - site->window >= GUEST_ERROR_WINDOW_US) {
        *dropped = site->dropped;
        *site = (GuestErrorSite){ .window = now };
    }
    if (site->shown >= GUEST_ERROR_BURST) {
        site->dropped++;
        return false;
    }
    site->shown++;
    return true;
}

static void __attribute__((nonnull(4), format(printf, 4, 0)))
guest_report(uintptr_t site, const char *who, const char *kind, const char *fmt, va_list args)
{
    who = who ? who : "machine";
    FILE *stream = tn_log_begin();
    unsigned dropped;
    if (guest_error_allowed(site ^ ((uintptr_t)g_str_hash(who) << 20), &dropped)) {
        if (dropped) {
            fprintf(stream, "%s: %u similar messages were left out\n", who, dropped);
        }
        fprintf(stream, "%s: %s: ", who, kind);
        vfprintf(stream, fmt, args);
        size_t n = strlen(fmt);
        if (n == 0 || fmt[n - 1] != '\n') {
            fputc('\n', stream);
        }
    }
    tn_log_end();
}

void tn_guest_error(const char *who, const char *fmt, ...)
{
    if (!tn_log_enabled(TN_LOG_GUEST_ERROR)) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    guest_report((uintptr_t)__builtin_return_address(0), who, "guest error", fmt, args);
    va_end(args);
}

void tn_unimplemented(const char *who, const char *fmt, ...)
{
    if (!tn_log_enabled(TN_LOG_UNIMP)) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    guest_report((uintptr_t)__builtin_return_address(0), who, "not modelled", fmt, args);
    va_end(args);
}

/* ---- Messages to the user ---------------------------------------------------------------- */

static void user_message(const char *kind, const char *fmt, va_list args)
{
    g_autofree char *text = g_strdup_vprintf(fmt, args);
    g_strchomp(text);
    fprintf(stderr, "tenon: %s%s\n", kind, text);
}

void tn_warn(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    user_message("warning: ", fmt, args);
    va_end(args);
}

void tn_info(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    user_message("", fmt, args);
    va_end(args);
}
