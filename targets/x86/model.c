/* SPDX-License-Identifier: MIT */
/*
 * The -cpu option: MODEL[,+feature][,-feature][,feature=on|off][,property=value]...
 */
#include "model.h"

#include <string.h>

#include "tenon/error.h"
#include "tenon/log.h"

extern const uint16_t x86_features_all[];

enum { DEFAULT_PHYS_BITS = 40, LEGACY_PHYS_BITS = 36, MIN_PHYS_BITS = 32, MAX_PHYS_BITS = 52 };
#define DEFAULT_TSC_HZ UINT64_C(1000000000)

typedef struct FeatureInfo {
    const char *name;
    uint16_t feature;
    bool implemented;
} FeatureInfo;

static const FeatureInfo feature_table[] = {
#define X86_FEATURE(name_, string, word, bit, implemented_)                                        \
    { string, X86_FEATURE_##name_, implemented_ },
#include "features.def"
#undef X86_FEATURE
};

/* Other spellings that command lines use. */
static const struct {
    const char *alias, *name;
} feature_aliases[] = {
    { "sse3", "pni" },          { "pclmuldq", "pclmulqdq" },
    { "sse4-1", "sse4.1" },     { "sse4-2", "sse4.2" },
    { "nodeid", "nodeid-msr" }, { "xd", "nx" },
    { "ffxsr", "fxsr-opt" },    { "i64", "lm" },
    { "lzcnt", "abm" },         { "pdpe1g", "pdpe1gb" },
    { "sha", "sha-ni" },        { "cr8-legacy", "cr8legacy" },
};

/* Names of the words as messages print them. */
static const char *const word_names[X86_N_WORDS] = {
    [X86_WORD_1_EDX] = "CPUID.01H:EDX",        [X86_WORD_1_ECX] = "CPUID.01H:ECX",
    [X86_WORD_81_EDX] = "CPUID.80000001H:EDX", [X86_WORD_81_ECX] = "CPUID.80000001H:ECX",
    [X86_WORD_7_EBX] = "CPUID.07H:EBX",        [X86_WORD_7_ECX] = "CPUID.07H:ECX",
    [X86_WORD_7_EDX] = "CPUID.07H:EDX",        [X86_WORD_71_EAX] = "CPUID.07H.1:EAX",
    [X86_WORD_D1_EAX] = "CPUID.0DH.1:EAX",     [X86_WORD_87_EDX] = "CPUID.80000007H:EDX",
    [X86_WORD_88_EBX] = "CPUID.80000008H:EBX", [X86_WORD_6_EAX] = "CPUID.06H:EAX",
};

static void feature_set(X86Model *m, unsigned feature, bool on)
{
    uint32_t bit = 1u << (feature & 31);
    m->features[feature >> 5] =
        on ? m->features[feature >> 5] | bit : m->features[feature >> 5] & ~bit;
}

static bool model_is_amd(const X86Model *m)
{
    return m->vendor[0] == 'A';
}

static bool feature_get(const X86Model *m, unsigned feature)
{
    return m->features[feature >> 5] >> (feature & 31) & 1;
}

/* '_' reads as '-'. */
static bool name_equal(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        char x = *a == '_' ? '-' : *a, y = *b == '_' ? '-' : *b;
        if (x != y)
            return false;
    }
    return *a == *b;
}

static const FeatureInfo *feature_find(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(feature_aliases); i++) {
        if (name_equal(feature_aliases[i].alias, name)) {
            name = feature_aliases[i].name;
            break;
        }
    }
    for (size_t i = 0; i < G_N_ELEMENTS(feature_table); i++)
        if (name_equal(feature_table[i].name, name))
            return &feature_table[i];
    return NULL;
}

/* ---- Properties ---- */

typedef struct Parse {
    X86Model *m;
    bool enforce, check;
    GError **error;
} Parse;

/* "WHAT 'name'", with the nearest of `known` (NULL-terminated). */
static void fail_unknown(GError **error, const char *what, const char *name, const char *const *known)
{
    const char *near = tn_suggest(name, known);

    g_set_error(error, TN_ERROR, TN_ERROR_UNKNOWN, "%s '%s'%s%s%s (see -cpu help)", what, name,
                near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static bool parse_bool(const char *name, const char *value, bool *out, GError **error)
{
    static const char *const on[] = { "on", "yes", "true", "y" };
    static const char *const off[] = { "off", "no", "false", "n" };

    for (size_t i = 0; i < G_N_ELEMENTS(on); i++) {
        if (!strcmp(value, on[i]) || !strcmp(value, off[i])) {
            *out = !strcmp(value, on[i]);
            return true;
        }
    }
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "%s=%s: expected on or off", name, value);
    return false;
}

static bool parse_number(const char *name, const char *value, uint64_t min, uint64_t max,
                         uint64_t *out, GError **error)
{
    char *end;
    guint64 n = g_ascii_strtoull(value, &end, 0);

    if (end == value || *end || *value == '-' || n < min || n > max) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "%s=%s: expected a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                    name, value, (guint64)min, (guint64)max);
        return false;
    }
    *out = n;
    return true;
}

typedef struct NumberProperty {
    const char *name;
    size_t offset;
    uint64_t min, max;
} NumberProperty;

static const NumberProperty number_properties[] = {
    { "family", offsetof(X86Model, family), 0, 0xff + 0xf },
    { "model", offsetof(X86Model, model), 0, 0xff },
    { "stepping", offsetof(X86Model, stepping), 0, 0xf },
    { "level", offsetof(X86Model, level), 0, 0x20 },
    { "xlevel", offsetof(X86Model, xlevel), 0, 0x8000001e },
    { "phys-bits", offsetof(X86Model, phys_bits), MIN_PHYS_BITS, MAX_PHYS_BITS },
};

static bool set_text(const char *name, const char *value, char *out, size_t min, size_t max,
                     GError **error)
{
    if (strlen(value) < min || strlen(value) > max) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "%s=%s: expected %zu to %zu characters",
                    name, value, min, max);
        return false;
    }
    strcpy(out, value);
    return true;
}

static bool set_tsc_frequency(X86Model *m, const char *value, GError **error)
{
    static const struct {
        char suffix;
        uint64_t scale;
    } scales[] = { { 'k', 1000 }, { 'K', 1000 }, { 'M', 1000000 }, { 'G', 1000000000 } };
    char *end;
    double n = g_ascii_strtod(value, &end);

    for (size_t i = 0; i < G_N_ELEMENTS(scales) && end != value && *end; i++) {
        if (*end == scales[i].suffix && !end[1]) {
            n *= (double)scales[i].scale;
            end++;
        }
    }
    if (end == value || *end || !(n >= 1e6) || !(n <= 1e11)) {
        g_set_error(error, TN_ERROR, TN_ERROR_INVALID,
                    "tsc-frequency=%s: expected a frequency from 1M to 100G (Hz)", value);
        return false;
    }
    m->tsc_hz = (uint64_t)n;
    return true;
}

/* What asks for nothing when off, and cannot be had. */
static bool set_refused(const char *name, const char *value, bool *known, GError **error)
{
    static const char *const names[] = { "kvm", "pmu", "host-phys-bits", "lmce",
                                         "vmware-cpuid-freq" };
    bool on;

    *known = false;
    if (g_str_has_prefix(name, "hv-") || g_str_has_prefix(name, "hv_")) {
        *known = true;
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                    "%s: Hyper-V enlightenments need a hardware accelerator", name);
        return false;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (!name_equal(names[i], name))
            continue;
        *known = true;
        if (!parse_bool(name, value, &on, error))
            return false;
        if (on)
            g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED, "%s=on needs a hardware accelerator",
                        name);
        return !on;
    }
    return true;
}

static bool set_known(Parse *p, const char *name, const char *value, bool *known)
{
    X86Model *m = p->m;
    uint64_t n;

    *known = true;
    for (size_t i = 0; i < G_N_ELEMENTS(number_properties); i++) {
        const NumberProperty *np = &number_properties[i];
        if (!name_equal(np->name, name))
            continue;
        if (!parse_number(name, value, np->min, np->max, &n, p->error))
            return false;
        *(uint32_t *)((char *)m + np->offset) = (uint32_t)n;
        return true;
    }
    if (name_equal("vendor", name))
        return set_text(name, value, m->vendor, 12, 12, p->error);
    if (name_equal("model-id", name))
        return set_text(name, value, m->model_id, 0, 48, p->error);
    if (name_equal("tsc-frequency", name))
        return set_tsc_frequency(m, value, p->error);
    if (name_equal("tcg-cpuid", name))
        return parse_bool(name, value, &m->hypervisor_leaf, p->error);
    if (name_equal("check", name))
        return parse_bool(name, value, &p->check, p->error);
    if (name_equal("enforce", name))
        return parse_bool(name, value, &p->enforce, p->error);
    if (name_equal("apic-id", name)) {
        bool ok = parse_number(name, value, 0, UINT32_MAX - 1, &n, p->error);
        m->apic_id = (int64_t)n;
        return ok;
    }
    return set_refused(name, value, known, p->error);
}

static bool set_unknown(const char *name, GError **error)
{
    const char *names[G_N_ELEMENTS(feature_table) + 1] = { NULL };
    unsigned n = 0;
    for (size_t i = 0; i < G_N_ELEMENTS(feature_table); i++)
        names[n++] = feature_table[i].name;
    fail_unknown(error, "no feature or property is called", name, names);
    return false;
}

/* "+f", "-f", "f", "f=on", "property=value". */
static bool parse_item(Parse *p, const char *item)
{
    g_autofree char *name = NULL;
    const char *value = "on", *eq;
    bool known, on;

    if (*item == '+' || *item == '-') {
        const FeatureInfo *f = feature_find(item + 1);
        if (!f)
            return set_unknown(item + 1, p->error);
        feature_set(p->m, f->feature, *item == '+');
        return true;
    }
    eq = strchr(item, '=');
    name = eq ? g_strndup(item, (gsize)(eq - item)) : g_strdup(item);
    if (eq)
        value = eq + 1;
    const FeatureInfo *f = feature_find(name);
    if (f) {
        if (!parse_bool(name, value, &on, p->error))
            return false;
        feature_set(p->m, f->feature, on);
        return true;
    }
    if (!set_known(p, name, value, &known))
        return false;
    return known || set_unknown(name, p->error);
}

/* ---- Models ---- */

static void model_unknown(const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (const X86ModelInfo *i = x86_models; i->name; i++)
        g_ptr_array_add(names, (void *)i->name);
    g_ptr_array_add(names, NULL);
    fail_unknown(error, "unable to find CPU model", name, (const char *const *)names->pdata);
}

static const X86ModelInfo *model_find(const char *name)
{
    for (const X86ModelInfo *i = x86_models; i->name; i++)
        if (!strcmp(i->name, name) || (i->alias && !strcmp(i->alias, name)))
            return i;
    return NULL;
}

static void model_features(X86Model *m, const X86ModelInfo *info)
{
    for (const uint16_t *const *list = info->features; *list; list++) {
        if (*list == x86_features_all) {
            for (size_t i = 0; i < G_N_ELEMENTS(feature_table); i++)
                if (feature_table[i].implemented)
                    feature_set(m, feature_table[i].feature, true);
        }
        for (const uint16_t *f = *list; *f; f++)
            feature_set(m, *f, true);
    }
    feature_set(m, X86_FEATURE_HYPERVISOR, true);
}

static X86Model *model_of(const X86ModelInfo *info)
{
    X86Model *m = g_new0(X86Model, 1);

    m->info = info;
    g_strlcpy(m->vendor, info->vendor, sizeof(m->vendor));
    g_strlcpy(m->model_id, info->model_id, sizeof(m->model_id));
    m->family = info->family;
    m->model = info->model;
    m->stepping = info->stepping;
    m->level = info->level;
    m->xlevel = info->xlevel;
    m->tsc_hz = DEFAULT_TSC_HZ;
    m->hypervisor_leaf = true;
    m->apic_id = -1;
    model_features(m, info);
    return m;
}

/* What the translator cannot do is left out, with a warning as wide as the cause. */
static unsigned model_mask(X86Model *m, bool warn)
{
    unsigned masked = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(feature_table); i++) {
        const FeatureInfo *f = &feature_table[i];
        if (f->implemented || !feature_get(m, f->feature))
            continue;
        if (warn)
            tn_warn("TCG doesn't support requested feature: %s.%s [bit %u]",
                    word_names[f->feature >> 5], f->name, f->feature & 31);
        feature_set(m, f->feature, false);
        masked++;
    }
    return masked;
}

/* Features that mean nothing without others. */
static void model_complete(X86Model *m)
{
    static const uint16_t avx[] = { X86_FEATURE_AVX2, X86_FEATURE_FMA, X86_FEATURE_F16C, 0 };

    if (!feature_get(m, X86_FEATURE_XSAVE)) {
        feature_set(m, X86_FEATURE_AVX, false);
        m->features[X86_WORD_D1_EAX] = 0;
    }
    if (!feature_get(m, X86_FEATURE_AVX))
        for (const uint16_t *f = avx; *f; f++)
            feature_set(m, *f, false);
    if (!m->phys_bits)
        m->phys_bits = feature_get(m, X86_FEATURE_LM) ? DEFAULT_PHYS_BITS
                       : feature_get(m, X86_FEATURE_PSE36) || feature_get(m, X86_FEATURE_PAE)
                           ? LEGACY_PHYS_BITS
                           : MIN_PHYS_BITS;
    if (m->features[X86_WORD_7_EBX] | m->features[X86_WORD_7_ECX] | m->features[X86_WORD_7_EDX])
        m->level = MAX(m->level, 7);
    if (feature_get(m, X86_FEATURE_XSAVE))
        m->level = MAX(m->level, 0xd);
    if (m->features[X86_WORD_81_EDX] | m->features[X86_WORD_81_ECX])
        m->xlevel = MAX(m->xlevel, 0x80000001);
    if (m->features[X86_WORD_87_EDX])
        m->xlevel = MAX(m->xlevel, 0x80000007);
    if (m->features[X86_WORD_88_EBX])
        m->xlevel = MAX(m->xlevel, 0x80000008);
}

static bool warned_before(const char *option)
{
    static GHashTable *seen; /* one warning for all vCPUs of a machine */

    if (!seen)
        seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    return !g_hash_table_add(seen, g_strdup(option));
}

X86Model *x86_model_new(const char *option, GError **error)
{
    g_auto(GStrv) items = g_strsplit(option, ",", -1);
    const X86ModelInfo *info = items[0] ? model_find(items[0]) : NULL;

    if (items[0] && strcmp(items[0], "host") == 0) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                    "CPU model 'host' needs a hardware accelerator (try 'max')");
        return NULL;
    }
    if (!info) {
        model_unknown(items[0] ? items[0] : "", error);
        return NULL;
    }
    Parse p = { .m = model_of(info), .check = true, .error = error };
    for (unsigned i = 1; items[i]; i++) {
        if (!parse_item(&p, items[i])) {
            g_free(p.m);
            return NULL;
        }
    }
    unsigned masked = model_mask(p.m, p.check && !warned_before(option));
    if (masked && p.enforce) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                    "enforce=on and %u features are not available", masked);
        g_free(p.m);
        return NULL;
    }
    model_complete(p.m);
    return p.m;
}

void x86_model_without_long_mode(X86Model *m)
{
    static const uint16_t features[] = { X86_FEATURE_LM,       X86_FEATURE_LAHF_LM,
                                         X86_FEATURE_FSGSBASE, X86_FEATURE_PCID,
                                         X86_FEATURE_LA57,     X86_FEATURE_PKU };

    for (size_t i = 0; i < G_N_ELEMENTS(features); i++)
        feature_set(m, features[i], false);
    if (!model_is_amd(m))
        feature_set(m, X86_FEATURE_SYSCALL, false);
}

/* ---- Listing ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void list_flags(GString *out)
{
    const char *names[G_N_ELEMENTS(feature_table)];
    gsize column = out->len;

    for (size_t i = 0; i < G_N_ELEMENTS(feature_table); i++)
        names[i] = feature_table[i].name;
    qsort(names, G_N_ELEMENTS(names), sizeof(names[0]), compare_names);
    g_string_append(out, "\nRecognized CPUID flags:\n ");
    column = out->len;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (out->len - column + strlen(names[i]) > 75) {
            g_string_append(out, "\n ");
            column = out->len;
        }
        g_string_append_printf(out, " %s", names[i]);
    }
    g_string_append_c(out, '\n');
}

void x86_model_list(GString *out)
{
    g_string_append(out, "Available CPUs:\n");
    for (const X86ModelInfo *i = x86_models; i->name; i++) {
        const char *text = i->model_id;
        if (!strcmp(i->name, "base"))
            text = "base CPU model type with no features enabled";
        else if (!strcmp(i->name, "max"))
            text = "Enables all features supported by the accelerator in the current host";
        g_string_append_printf(out, "x86 %-26s %s\n", i->name, text);
    }
    list_flags(out);
}

static void add_line(GPtrArray *lines, const char *name, const char *kind, const char *value)
{
    g_autofree char *head = g_strdup_printf("%s=<%s>", name, kind);
    g_ptr_array_add(lines, g_strdup_printf("  %-22s (default: %s)\n", head, value));
}

static void describe_properties(const X86Model *m, GPtrArray *lines)
{
    for (size_t i = 0; i < G_N_ELEMENTS(number_properties); i++) {
        const NumberProperty *np = &number_properties[i];
        g_autofree char *kind = g_strdup_printf("%" G_GUINT64_FORMAT "-%" G_GUINT64_FORMAT, np->min,
                                                np->max);
        g_autofree char *value = g_strdup_printf("%u", *(const uint32_t *)((const char *)m + np->offset));
        add_line(lines, np->name, kind, value);
    }
    g_autofree char *hz = g_strdup_printf("%" G_GUINT64_FORMAT, m->tsc_hz);
    add_line(lines, "tsc-frequency", "Hz", hz);
    add_line(lines, "vendor", "str", m->vendor);
    add_line(lines, "model-id", "str", m->model_id);
    add_line(lines, "apic-id", "uint32", "from the topology");
    add_line(lines, "tcg-cpuid", "bool", m->hypervisor_leaf ? "on" : "off");
    add_line(lines, "check", "bool", "on");
    add_line(lines, "enforce", "bool", "off");
}

bool x86_model_describe(const TnTargetInfo *target, const char *option, GString *out,
                        GError **error)
{
    g_autofree X86Model *m = x86_model_new(option, error);
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

    if (!m)
        return false;
    if (!strcmp(target->name, "i386"))
        x86_model_without_long_mode(m);
    describe_properties(m, lines);
    for (size_t i = 0; i < G_N_ELEMENTS(feature_table); i++)
        add_line(lines, feature_table[i].name, "bool",
                 feature_get(m, feature_table[i].feature) ? "on" : "off");
    qsort(lines->pdata, lines->len, sizeof(lines->pdata[0]), compare_names);
    g_string_append_printf(out, "%s options:\n", m->info->name);
    for (unsigned i = 0; i < lines->len; i++)
        g_string_append(out, lines->pdata[i]);
    return true;
}
