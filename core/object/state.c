/* SPDX-License-Identifier: MIT */
/* State tables to bytes and back; see state.h. What is loaded is not trusted. */
#include "object/state.h"

#include <string.h>

#include "tenon/clock.h"
#include "tenon/error.h"

/* Bytes that are read from front to back. */
typedef struct Reader {
    const uint8_t *bytes;
    size_t left;
} Reader;

typedef struct Field {
    char name[256];
    Reader value;
} Field;

/* ---- Little-endian numbers ---------------------------------------------------------------- */

static void put(GByteArray *out, uint64_t value, unsigned bytes)
{
    uint64_t le = GUINT64_TO_LE(value);

    g_byte_array_append(out, (const uint8_t *)&le, bytes);
}

static bool get(Reader *in, unsigned bytes, uint64_t *value)
{
    uint64_t le = 0;

    if (in->left < bytes)
        return false;
    memcpy(&le, in->bytes, bytes);
    in->bytes += bytes;
    in->left -= bytes;
    *value = GUINT64_FROM_LE(le);
    return true;
}

static unsigned kind_size(TnStateKind kind)
{
    switch (kind) {
    case TN_STATE_BOOL:
    case TN_STATE_U8:
        return 1;
    case TN_STATE_U16:
        return 2;
    case TN_STATE_U32:
        return 4;
    case TN_STATE_U64:
    case TN_STATE_TIMER:
        return 8;
    default:
        return 0;
    }
}

static uint64_t load_element(TnStateKind kind, const void *place)
{
    switch (kind) {
    case TN_STATE_BOOL:
        return *(const bool *)place;
    case TN_STATE_U8:
        return *(const uint8_t *)place;
    case TN_STATE_U16:
        return *(const uint16_t *)place;
    case TN_STATE_U32:
        return *(const uint32_t *)place;
    case TN_STATE_U64:
        return *(const uint64_t *)place;
    default:
        return (uint64_t)tn_timer_when(*(TnTimer *const *)place);
    }
}

static void store_element(TnStateKind kind, void *place, uint64_t value)
{
    switch (kind) {
    case TN_STATE_BOOL:
        *(bool *)place = value;
        break;
    case TN_STATE_U8:
        *(uint8_t *)place = value;
        break;
    case TN_STATE_U16:
        *(uint16_t *)place = value;
        break;
    case TN_STATE_U32:
        *(uint32_t *)place = value;
        break;
    case TN_STATE_U64:
        *(uint64_t *)place = value;
        break;
    default:
        if ((int64_t)value < 0)
            tn_timer_cancel(*(TnTimer **)place);
        else
            tn_timer_set(*(TnTimer **)place, (int64_t)value);
        break;
    }
}

/* ---- Fields ------------------------------------------------------------------------------ */

/* Begins a field and returns where its length stands, for end_field. */
static unsigned begin_field(GByteArray *out, const char *name)
{
    size_t length = MIN(strlen(name), UINT8_MAX);

    put(out, length, 1);
    g_byte_array_append(out, (const uint8_t *)name, length);
    put(out, 0, 4);
    return out->len - 4;
}

/* Fills in the length that stands at `at`. */
static void end_length(GByteArray *out, unsigned at)
{
    uint32_t le = GUINT32_TO_LE(out->len - at - 4);

    memcpy(out->data + at, &le, sizeof(le));
}

static bool corrupt(GError **error)
{
    g_set_error(error, TN_ERROR, TN_ERROR_INVALID, "the saved state is truncated or corrupt");
    return false;
}

static bool read_block(Reader *in, Reader *block)
{
    uint64_t length;

    if (!get(in, 4, &length) || length > in->left)
        return false;
    *block = (Reader){ in->bytes, length };
    in->bytes += length;
    in->left -= length;
    return true;
}

static bool read_field(Reader *in, Field *field)
{
    uint64_t length;

    if (!get(in, 1, &length) || length > in->left)
        return false;
    memcpy(field->name, in->bytes, length);
    field->name[length] = '\0';
    in->bytes += length;
    in->left -= length;
    return read_block(in, &field->value);
}

/* ---- Saving ------------------------------------------------------------------------------ */

/* Rows of a module's table may be shorter or longer than ours; what 1.0 has is in all. */
static const TnStateField *next_row(const TnStateField *f, uint32_t stride)
{
    return (const TnStateField *)((const char *)f + stride);
}

static void save_value(const TnStateField *f, uint32_t stride, const char *place, GByteArray *out)
{
    if (f->kind == TN_STATE_BYTES) {
        g_byte_array_append(out, (const uint8_t *)place, f->count);
        return;
    }
    for (uint32_t i = 0; i < f->count; i++, place += f->stride) {
        if (f->kind == TN_STATE_STRUCT) {
            unsigned at = out->len;

            put(out, 0, 4);
            tn_state_save(f->sub, stride, place, out);
            end_length(out, at);
        } else {
            put(out, load_element(f->kind, place), kind_size(f->kind));
        }
    }
}

void tn_state_save(const TnStateField *fields, uint32_t stride, const void *state, GByteArray *out)
{
    for (const TnStateField *f = fields; f && f->name; f = next_row(f, stride)) {
        unsigned at = begin_field(out, f->name);

        save_value(f, stride, (const char *)state + f->offset, out);
        end_length(out, at);
    }
}

static void save_registers(const TnRegisterBank *bank, const void *state, GByteArray *out)
{
    for (unsigned i = 0; tn_register_row(bank, i)->name; i++) {
        const TnRegister *reg = tn_register_row(bank, i);
        g_autofree char *name = g_strdup_printf("%s.%s", bank->name, reg->name);
        unsigned at;

        if (!reg->size_of_field || (reg->flags & TN_REG_NO_SAVE))
            continue;
        at = begin_field(out, name);
        put(out, tn_register_load_field(state, reg), reg->size_of_field);
        end_length(out, at);
    }
}

/* The device hooks of one level of the chain, or NULL. */
static const TnDeviceOps *ops_of(const TnType *type)
{
    for (unsigned i = 0; i < type->device_levels->len; i++) {
        TnDeviceLevel *level = &g_array_index(type->device_levels, TnDeviceLevel, i);

        if (level->depth == type->depth)
            return &level->ops;
    }
    return NULL;
}

static void save_level(TnObject *obj, const TnType *type, GByteArray *out)
{
    const TnDeviceOps *ops = ops_of(type);
    const void *state = tn_object_state_at(obj, type->depth);
    unsigned at;

    if (type->parent)
        save_level(obj, type->parent, out);
    if (!type->info.state && !(ops && ops->banks))
        return;
    at = begin_field(out, type->info.name);
    put(out, ops && ops->state_version ? ops->state_version : 1, 4);
    tn_state_save(type->info.state, type->info.state_stride, state, out);
    for (const TnRegisterBank *const *bank = ops ? ops->banks : NULL; bank && *bank; bank++)
        save_registers(*bank, state, out);
    end_length(out, at);
}

void tn_object_save(TnObject *obj, GByteArray *out)
{
    save_level(obj, obj->type, out);
}

/* ---- Loading ----------------------------------------------------------------------------- */

static bool load_value(const TnStateField *f, uint32_t stride, char *place, Reader value,
                       GError **error)
{
    if (f->kind == TN_STATE_BYTES) {
        if (value.left != f->count)
            return corrupt(error);
        memcpy(place, value.bytes, f->count);
        return true;
    }
    for (uint32_t i = 0; i < f->count; i++, place += f->stride) {
        uint64_t number;
        Reader element;

        if (f->kind == TN_STATE_STRUCT) {
            if (!read_block(&value, &element))
                return corrupt(error);
            if (!tn_state_load(f->sub, stride, place, element.bytes, element.left, error))
                return false;
        } else {
            if (!get(&value, kind_size(f->kind), &number))
                return corrupt(error);
            store_element(f->kind, place, number);
        }
    }
    return value.left == 0 || corrupt(error);
}

/* 1 loaded, 0 the table has no such field, -1 failed. */
static int load_known(const TnStateField *fields, uint32_t stride, void *state, const Field *field,
                      GError **error)
{
    for (const TnStateField *f = fields; f && f->name; f = next_row(f, stride)) {
        if (strcmp(f->name, field->name) != 0)
            continue;
        if (load_value(f, stride, (char *)state + f->offset, field->value, error))
            return 1;
        g_prefix_error(error, "%s: ", f->name);
        return -1;
    }
    return 0;
}

static bool unknown_field(const Field *field, GError **error)
{
    g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                "the saved state has '%s', which this version does not know", field->name);
    return false;
}

bool tn_state_load(const TnStateField *fields, uint32_t stride, void *state, const uint8_t *bytes,
                   size_t n, GError **error)
{
    Reader in = { bytes, n };
    Field field;
    int result;

    while (in.left) {
        if (!read_field(&in, &field))
            return corrupt(error);
        result = load_known(fields, stride, state, &field, error);
        if (result <= 0)
            return result == 0 ? unknown_field(&field, error) : false;
    }
    return true;
}

static bool load_register(const TnDeviceOps *ops, void *state, Field *field, GError **error)
{
    for (const TnRegisterBank *const *bank = ops ? ops->banks : NULL; bank && *bank; bank++) {
        size_t length = strlen((*bank)->name);
        uint64_t value;

        if (strncmp(field->name, (*bank)->name, length) != 0 || field->name[length] != '.')
            continue;
        for (unsigned i = 0; tn_register_row(*bank, i)->name; i++) {
            const TnRegister *reg = tn_register_row(*bank, i);

            if (!reg->size_of_field || strcmp(reg->name, field->name + length + 1) != 0)
                continue;
            if (field->value.left != reg->size_of_field ||
                !get(&field->value, reg->size_of_field, &value))
                return corrupt(error);
            tn_register_store_field(state, reg, value);
            return true;
        }
    }
    return unknown_field(field, error);
}

static bool load_level(TnObject *obj, const TnType *type, Reader in, GError **error)
{
    const TnDeviceOps *ops = ops_of(type);
    void *state = tn_object_state_at(obj, type->depth);
    uint64_t version, newest = ops && ops->state_version ? ops->state_version : 1;
    Field field;

    if (!get(&in, 4, &version))
        return corrupt(error);
    if (version > newest) {
        g_set_error(error, TN_ERROR, TN_ERROR_UNSUPPORTED,
                    "the saved state is of version %u, this is %u", (unsigned)version,
                    (unsigned)newest);
        return false;
    }
    while (in.left) {
        int result;

        if (!read_field(&in, &field))
            return corrupt(error);
        result = load_known(type->info.state, type->info.state_stride, state, &field, error);
        if (result < 0 || (result == 0 && !load_register(ops, state, &field, error)))
            return false;
    }
    return !ops || !ops->loaded || ops->loaded(obj, state, version, error);
}

static const TnType *level_called(const TnObject *obj, const char *name)
{
    for (const TnType *type = obj->type; type; type = type->parent)
        if (strcmp(type->info.name, name) == 0)
            return type;
    return NULL;
}

bool tn_object_load(TnObject *obj, const uint8_t *bytes, size_t n, GError **error)
{
    Reader in = { bytes, n };
    Field field;

    while (in.left) {
        const TnType *type;

        if (!read_field(&in, &field))
            return corrupt(error);
        type = level_called(obj, field.name);
        if (!type)
            return unknown_field(&field, error);
        if (!load_level(obj, type, field.value, error)) {
            g_prefix_error(error, "%s: ", obj->type->info.name);
            return false;
        }
    }
    return true;
}
