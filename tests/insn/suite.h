/* SPDX-License-Identifier: MIT */
/* Types of the instruction suite's runner and what it wants from its platform. */
#ifndef INSN_SUITE_H
#define INSN_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "layout.h"

/* State to start a case with. Registers in encoding order: rax rcx rdx rbx rsp rbp rsi rdi r8... */
struct row {
    uint64_t gpr[16];
    uint64_t rflags;
    uint64_t window;
    uint8_t fx[512];
    uint8_t ymmh[256];
    uint8_t memory[WINDOW_SIZE];
};

/* State a case ended with. The fields from `vector` on tell of the fault, if there was one. */
struct outcome {
    uint64_t gpr[16];
    uint64_t rflags;
    uint64_t rip;
    uint8_t fx[512];
    uint8_t ymmh[256];
    uint8_t memory[WINDOW_SIZE];
    uint64_t vector;
    uint64_t error;
    uint64_t cr2;
    uint64_t reserved;
};

_Static_assert(offsetof(struct row, fx) == AT_FX, "layout.h");
_Static_assert(offsetof(struct row, memory) == AT_WINDOW, "layout.h");
_Static_assert(offsetof(struct outcome, vector) == AT_VECTOR, "layout.h");
_Static_assert(offsetof(struct outcome, cr2) == AT_CR2, "layout.h");

/* An instruction form: code that ends by jumping to case_exit, run once for each row. */
struct form {
    uint64_t code;
    uint32_t rows;     /* index of the first row of its kind */
    uint16_t count;    /* rows to run */
    uint8_t state;     /* STATE_* */
    uint8_t mask_rule; /* enum mask_rule */
    uint32_t flags;    /* rflags bits that the manual defines */
    uint32_t features; /* bits of host_features() needed */
    uint16_t fsw;      /* x87 status word bits that the manual defines */
    uint16_t reserved[3];
};

/* Flags that are defined or not depending on the count in CL. */
enum mask_rule {
    MASK_FIXED,
    MASK_SHIFT8, /* SHL, SHR, SAR of each operand size by CL */
    MASK_SHIFT16,
    MASK_SHIFT32,
    MASK_SHIFT64,
    MASK_ROTATE32, /* rotates by CL: OF only for a count of one */
    MASK_ROTATE64,
    MASK_DOUBLE16, /* SHLD, SHRD by CL */
    MASK_DOUBLE32,
    MASK_DOUBLE64,
};

extern const struct form forms[];
extern const uint32_t form_count;
extern const struct row rows[];

extern struct outcome outcome;
extern uint64_t case_entry;
extern uint32_t case_state;
extern uintptr_t case_stack;

void run_case(const struct row *row);
void case_fault_exit(void);

/* The suite's whole run: options are `first=N last=N row=N dump norf`. */
void suite_main(const char *options);

uint32_t host_features(void);

/* The platform: the Linux process or the bare machine. */
void platform_write(const void *data, size_t size);

#endif
