/* SPDX-License-Identifier: MIT */
/*
 * The qtest commands. Each answers with one line, "OK [VALUE]" or "FAIL reason". Numbers are in C's
 * notation. Intercepted lines report by themselves: "IRQ raise N", "IRQ lower N".
 */
#include "qtest/qtest.h"

#include <string.h>

#include "clock/clock-internal.h"
#include "tenon/error.h"
#include "tenon/irq.h"
#include "tenon/memory.h"
#include "tenon/module.h"

enum { MAX_BYTES = 32 << 20 };

/* A row: the words after the name are handed over; `arg` tells sizes apart. */
typedef struct Command {
    const char *name;
    int min_words, max_words; /* arguments */
    bool (*run)(TnQtest *q, char **w, unsigned arg, GError **error);
    unsigned arg;
} Command;

static bool number(const char *text, uint64_t *value, GError **error)
{
    char *end;
    *value = g_ascii_strtoull(text, &end, 0);
    if (*text && !*end)
        return true;
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' is not a number", text);
    return false;
}

/* ---- Clock ------------------------------------------------------------------------------ */

static bool answer_clock(TnQtest *q)
{
    tn_qtest_send(q, "OK %" G_GINT64_FORMAT, tn_clock_now(TN_CLOCK_VIRTUAL));
    return true;
}

static bool clock_step(TnQtest *q, char **w, unsigned arg, GError **error)
{
    uint64_t ns = 0;
    int64_t now = tn_clock_now(TN_CLOCK_VIRTUAL), when;
    if (w[0]) {
        if (!number(w[0], &ns, error))
            return false;
        when = now + (int64_t)ns;
    } else {
        when = tn_clock_next_deadline();
    }
    if (when >= now)
        tn_clock_step_to(when);
    return answer_clock(q);
}

static bool clock_set(TnQtest *q, char **w, unsigned arg, GError **error)
{
    uint64_t when;
    if (!number(w[0], &when, error))
        return false;
    tn_clock_step_to((int64_t)when);
    return answer_clock(q);
}

/* ---- Port I/O and memory ---------------------------------------------------------------- */

static bool port_out(TnQtest *q, char **w, unsigned size, GError **error)
{
    uint64_t port, value;
    if (!number(w[0], &port, error) || !number(w[1], &value, error))
        return false;
    tn_memory_store(tn_system_io_space(), port & 0xffff, size, value, TN_MEM_ATTR_NONE);
    tn_qtest_send(q, "OK");
    return true;
}

static bool port_in(TnQtest *q, char **w, unsigned size, GError **error)
{
    uint64_t port, value = UINT64_MAX;
    if (!number(w[0], &port, error))
        return false;
    tn_memory_load(tn_system_io_space(), port & 0xffff, size, &value, TN_MEM_ATTR_NONE);
    value &= UINT64_MAX >> (64 - size * 8);
    tn_qtest_send(q, "OK 0x%04x", (unsigned)value);
    return true;
}

static bool store(TnQtest *q, char **w, unsigned size, GError **error)
{
    uint64_t addr, value;
    if (!number(w[0], &addr, error) || !number(w[1], &value, error))
        return false;
    tn_memory_store(tn_system_memory_space(), addr, size, value, TN_MEM_ATTR_NONE);
    tn_qtest_send(q, "OK");
    return true;
}

static bool load(TnQtest *q, char **w, unsigned size, GError **error)
{
    uint64_t addr, value = UINT64_MAX;
    if (!number(w[0], &addr, error))
        return false;
    tn_memory_load(tn_system_memory_space(), addr, size, &value, TN_MEM_ATTR_NONE);
    value &= UINT64_MAX >> (64 - size * 8);
    tn_qtest_send(q, "OK 0x%016" G_GINT64_MODIFIER "x", value);
    return true;
}

/* Address and size of a block command; the size within MAX_BYTES. */
static bool span(char **w, uint64_t *addr, uint64_t *n, GError **error)
{
    if (!number(w[0], addr, error) || !number(w[1], n, error))
        return false;
    if (*n <= MAX_BYTES)
        return true;
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "size %s is more than %d", w[1], MAX_BYTES);
    return false;
}

enum { AS_HEX, AS_BASE64 };

static bool read_block(TnQtest *q, char **w, unsigned form, GError **error)
{
    uint64_t addr, n;
    if (!span(w, &addr, &n, error))
        return false;
    g_autofree uint8_t *buf = g_malloc(n + 1);
    tn_memory_read(tn_system_memory_space(), addr, buf, n, TN_MEM_ATTR_NONE);
    if (form == AS_BASE64) {
        g_autofree char *text = g_base64_encode(buf, n);
        tn_qtest_send(q, "OK %s", text);
        return true;
    }
    GString *hex = g_string_sized_new(n * 2);
    for (uint64_t i = 0; i < n; i++)
        g_string_append_printf(hex, "%02x", buf[i]);
    tn_qtest_send(q, "OK 0x%s", hex->str);
    g_string_free(hex, true);
    return true;
}

/* The bytes of "0x0123ab...", n of them; missing ones are zero. */
static bool parse_hex(const char *text, uint8_t *buf, uint64_t n, GError **error)
{
    const char *p = g_str_has_prefix(text, "0x") ? text + 2 : NULL;
    for (uint64_t i = 0; p && i < n && *p; i++, p += 2) {
        if (!g_ascii_isxdigit(p[0]) || !g_ascii_isxdigit(p[1])) {
            p = NULL;
            break;
        }
        buf[i] = (uint8_t)(g_ascii_xdigit_value(p[0]) << 4 | g_ascii_xdigit_value(p[1]));
    }
    if (!p)
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "data is not 0x and pairs of hex digits");
    return p != NULL;
}

static bool write_block(TnQtest *q, char **w, unsigned form, GError **error)
{
    uint64_t addr, n;
    if (!span(w, &addr, &n, error))
        return false;
    g_autofree uint8_t *buf = g_malloc0(n + 1);
    if (form == AS_BASE64) {
        gsize got;
        g_autofree guchar *data = g_base64_decode(w[2], &got);
        memcpy(buf, data, MIN(got, n));
    } else if (!parse_hex(w[2], buf, n, error)) {
        return false;
    }
    tn_memory_write(tn_system_memory_space(), addr, buf, n, TN_MEM_ATTR_NONE);
    tn_qtest_send(q, "OK");
    return true;
}

static bool set_block(TnQtest *q, char **w, unsigned arg, GError **error)
{
    uint64_t addr, n, value;
    if (!span(w, &addr, &n, error) || !number(w[2], &value, error))
        return false;
    tn_memory_set(tn_system_memory_space(), addr, (uint8_t)value, n, TN_MEM_ATTR_NONE);
    tn_qtest_send(q, "OK");
    return true;
}

/* ---- Interrupt lines -------------------------------------------------------------------- */

static void intercepted(void *opaque, const char *group, unsigned n, int level)
{
    tn_qtest_send(opaque, "IRQ %s %u", level ? "raise" : "lower", n);
}

static bool intercept(TnQtest *q, char **w, unsigned in, GError **error)
{
    TnObject *dev = tn_object_find(w[0], error);
    if (!dev)
        return false;
    bool ok = in ? tn_irq_intercept_in(dev, NULL, intercepted, q)
                 : tn_irq_intercept_out(dev, NULL, intercepted, q);
    if (!ok) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' has no unnamed %s lines", w[0],
                    in ? "input" : "output");
        return false;
    }
    tn_qtest_send(q, "OK");
    return true;
}

static bool set_irq_in(TnQtest *q, char **w, unsigned arg, GError **error)
{
    uint64_t n, level;
    TnObject *dev = tn_object_find(w[0], error);
    if (!dev || !number(w[2], &n, error) || !number(w[3], &level, error))
        return false;
    const char *group = strcmp(w[1], "unnamed-gpio-in") ? w[1] : NULL;
    TnIrq *irq = tn_irq_in(dev, group, (unsigned)n);
    if (!irq) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "'%s' has no input '%s' %s", w[0], w[1], w[2]);
        return false;
    }
    tn_irq_set(irq, (int)level);
    tn_qtest_send(q, "OK");
    return true;
}

/* ---- Others ----------------------------------------------------------------------------- */

static bool endianness(TnQtest *q, char **w, unsigned arg, GError **error)
{
    tn_qtest_send(q, "OK little");
    return true;
}

/* module_load PREFIX NAME: the type "PREFIXNAME" or "NAME". */
static bool module_load(TnQtest *q, char **w, unsigned arg, GError **error)
{
    g_autofree char *joined = g_strconcat(w[0], w[1], NULL);
    if (!tn_type_find(joined, NULL) && !tn_type_find(w[1], error))
        return false;
    tn_qtest_send(q, "OK");
    return true;
}

static const Command commands[] = {
    { "clock_step", 0, 1, clock_step, 0 },
    { "clock_set", 1, 1, clock_set, 0 },
    { "outb", 2, 2, port_out, 1 },
    { "outw", 2, 2, port_out, 2 },
    { "outl", 2, 2, port_out, 4 },
    { "inb", 1, 1, port_in, 1 },
    { "inw", 1, 1, port_in, 2 },
    { "inl", 1, 1, port_in, 4 },
    { "writeb", 2, 2, store, 1 },
    { "writew", 2, 2, store, 2 },
    { "writel", 2, 2, store, 4 },
    { "writeq", 2, 2, store, 8 },
    { "readb", 1, 1, load, 1 },
    { "readw", 1, 1, load, 2 },
    { "readl", 1, 1, load, 4 },
    { "readq", 1, 1, load, 8 },
    { "read", 2, 2, read_block, AS_HEX },
    { "b64read", 2, 2, read_block, AS_BASE64 },
    { "write", 3, 3, write_block, AS_HEX },
    { "b64write", 3, 3, write_block, AS_BASE64 },
    { "memset", 3, 3, set_block, 0 },
    { "irq_intercept_in", 1, 1, intercept, true },
    { "irq_intercept_out", 1, 1, intercept, false },
    { "set_irq_in", 4, 4, set_irq_in, 0 },
    { "module_load", 2, 2, module_load, 0 },
    { "endianness", 0, 0, endianness, 0 },
};

void tn_qtest_command(TnQtest *q, char **words)
{
    g_autoptr(GError) error = NULL;
    int n = (int)g_strv_length(words) - 1;
    for (unsigned i = 0; i < G_N_ELEMENTS(commands); i++) {
        const Command *c = &commands[i];
        if (strcmp(c->name, words[0]))
            continue;
        if (n < c->min_words || n > c->max_words)
            tn_qtest_send(q, "FAIL %s takes %d to %d arguments, not %d", c->name, c->min_words,
                          c->max_words, n);
        else if (!c->run(q, words + 1, c->arg, &error))
            tn_qtest_send(q, "FAIL %s", error->message);
        return;
    }
    tn_qtest_send(q, "FAIL Unknown command '%s'", words[0]);
}
