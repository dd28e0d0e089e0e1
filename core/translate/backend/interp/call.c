/* SPDX-License-Identifier: MIT */
/* Helper calls of the interpreter through libffi, with one prepared call interface per helper. */
#include "interp.h"

static ffi_type *arg_type(unsigned type)
{
    switch (type) {
    case TN_ARG_I32:
        return &ffi_type_uint32;
    case TN_ARG_I64:
        return &ffi_type_uint64;
    case TN_ARG_PTR:
        return &ffi_type_pointer;
    default:
        return &ffi_type_void;
    }
}

static InterpCall *call_new(const TnHelperInfo *helper)
{
    InterpCall *call = g_new0(InterpCall, 1);
    unsigned n = 0;

    call->helper = helper;
    if (!(helper->flags & TN_HELPER_PURE))
        call->types[n++] = &ffi_type_pointer;
    for (unsigned i = 0; i < helper->n_args && n < G_N_ELEMENTS(call->types); i++)
        call->types[n++] = arg_type(helper->args[i]);
    ffi_status status = ffi_prep_cif(&call->cif, FFI_DEFAULT_ABI, n, arg_type(helper->ret),
                                     call->types);
    g_assert(status == FFI_OK);
    return call;
}

const InterpCall *interp_call(unsigned number)
{
    static InterpCall **calls; /* by helper number; compilation is serialised */

    if (!calls)
        calls = g_new0(InterpCall *, interp_target->n_helpers);
    if (!calls[number])
        calls[number] = call_new(&interp_target->helpers[number]);
    return calls[number];
}

uint64_t interp_invoke(const InterpCall *call, TnCpu *cpu, const uint64_t args[4])
{
    const TnHelperInfo *helper = call->helper;
    union {
        uint32_t i32;
        uint64_t i64;
        void *ptr;
    } value[4];
    void *pointers[5];
    unsigned n = 0;
    union {
        ffi_arg narrow;
        uint64_t wide;
    } result = { 0 };

    if (!(helper->flags & TN_HELPER_PURE))
        pointers[n++] = &cpu;
    for (unsigned i = 0; i < helper->n_args; i++) {
        if (helper->args[i] == TN_ARG_I32)
            value[i].i32 = (uint32_t)args[i];
        else if (helper->args[i] == TN_ARG_PTR)
            value[i].ptr = (void *)(uintptr_t)args[i];
        else
            value[i].i64 = args[i];
        pointers[n++] = &value[i];
    }
    ffi_call((ffi_cif *)&call->cif, helper->fn, &result, pointers);
    switch (helper->ret) {
    case TN_ARG_VOID:
        return 0;
    case TN_ARG_I32:
        return (uint32_t)result.narrow;
    default:
        return result.wide;
    }
}
