/* SPDX-License-Identifier: MIT */
/*
 * Page faults and access rights with 64-bit entries: PAE in the 32-bit kernel, four levels in the
 * 64-bit one (SDM volume 3, sections 4.5 to 4.8). One page-table entry at TEST_PAGES is the cases'.
 */
#include "guest.h"

#ifndef __x86_64__
#define TEST_PAGES 0x40000000ul
#endif

enum { EFER = 0xc0000080, EFER_NXE = 1 << 11, PAGE = 4096, LARGE_PAGE = 0x200000 };
#define RESERVED_BIT (1ull << 51)

static uint8_t frames[4][PAGE] __attribute__((aligned(4096)));
static word saved_cr0, saved_cr3, saved_cr4;

CODE(page_read, "mov code_argument, " RAX "\n mov (" RAX "), %cl\n ret");
CODE(page_write, "mov code_argument, " RAX "\n movb $1, (" RAX ")\n ret");
CODE(page_modify, "mov code_argument, " RAX "\n incb (" RAX ")\n ret");
CODE(page_call, "mov code_argument, " RAX "\n call *" RAX "\n ret");
CODE(page_read_ac, "mov code_argument, " RAX "\n stac\n mov (" RAX "), %cl\n clac\n ret");
CODE(user_read, "mov (" RAX "), %cl\n int $0x80");
CODE(user_write, "movb $1, (" RAX ")\n int $0x80");
CODE(user_jump_page, "jmp *" RAX);

/* Paging as the cases want it; the 64-bit kernel has it already. */
static void begin(void)
{
    saved_cr0 = READ(cr0);
    saved_cr3 = READ(cr3);
    saved_cr4 = READ(cr4);
#ifndef __x86_64__
    for (uint64_t i = 0; i < 512; i++) {
        page_directory[i] = i * LARGE_PAGE | PTE_PS | PTE_U | PTE_W | PTE_P;
    }
    page_test_directory[0] = (word)page_test | PTE_U | PTE_W | PTE_P;
    page_pointers[0] = (word)page_directory | PTE_P;
    page_pointers[1] = (word)page_test_directory | PTE_P;
    WRITE(cr3, page_pointers);
    WRITE(cr4, saved_cr4 | CR4_PAE);
    wrmsr(EFER, rdmsr(EFER) | EFER_NXE);
    WRITE(cr0, saved_cr0 | CR0_PG);
#endif
    WRITE(cr0, READ(cr0) | CR0_WP);
}

static void end(void)
{
    page_test_directory[0] = (word)page_test | PTE_U | PTE_W | PTE_P;
    WRITE(cr4, (READ(cr4) & ~(word)(CR4_SMEP | CR4_SMAP | CR4_PGE)));
    WRITE(cr0, saved_cr0);
    WRITE(cr4, saved_cr4);
    WRITE(cr3, saved_cr3);
}

static void map(unsigned page, uint64_t bits)
{
    page_test[page] = (word)frames[page] | bits;
    invlpg(TEST_PAGES + page * PAGE);
    code_argument = TEST_PAGES + page * PAGE + 8;
}

static void expect_fault(void (*code)(void), word error)
{
    expect(code, PF, error);
    check(event.cr2 == code_argument, "cr2", event.cr2);
}

static void expect_user_fault(void (*code)(void), word error)
{
    expect_user(code, PF, error);
    check(event.cr2 == code_argument, "cr2", event.cr2);
}

CASE(absent, "paging/absent-page-tells-of-write-and-user")
{
    begin();
    map(0, 0);
    page_test[0] = 0;
    expect_fault(page_read, 0);
    expect_fault(page_write, PF_W);
    expect_fault(page_modify, PF_W);
    expect_user_fault(user_read, PF_U);
    expect_user_fault(user_write, PF_U | PF_W);
    expect_user_fault(user_jump_page, PF_U | PF_I);
    end();
}

CASE(read_only, "paging/read-only-page-stops-user-and-with-wp-the-kernel")
{
    begin();
    map(0, PTE_P | PTE_U);
    expect(page_read, NONE, 0);
    expect_fault(page_write, PF_P | PF_W);
    expect_user(user_read, FINISHED, 0);
    expect_user_fault(user_write, PF_P | PF_W | PF_U);
    WRITE(cr0, READ(cr0) & ~(word)CR0_WP);
    expect(page_write, NONE, 0);
    expect_user_fault(user_write, PF_P | PF_W | PF_U);
    end();
}

CASE(supervisor, "paging/supervisor-page-stops-user")
{
    begin();
    map(0, PTE_P | PTE_W);
    expect(page_write, NONE, 0);
    expect_user_fault(user_read, PF_P | PF_U);
    expect_user_fault(user_write, PF_P | PF_W | PF_U);
    end();
}

CASE(upper, "paging/upper-level-restricts-the-lower-one")
{
    begin();
    map(0, PTE_P | PTE_W | PTE_U);
    page_test_directory[0] = (word)page_test | PTE_P | PTE_U;
    WRITE(cr3, READ(cr3));
    expect_fault(page_write, PF_P | PF_W);
    page_test_directory[0] = (word)page_test | PTE_P | PTE_W;
    WRITE(cr3, READ(cr3));
    expect(page_write, NONE, 0);
    expect_user_fault(user_read, PF_P | PF_U);
    page_test_directory[0] = 0;
    WRITE(cr3, READ(cr3));
    expect_fault(page_read, 0);
    end();
}

CASE(no_execute, "paging/fetch-from-no-execute-page-is-a-fetch-fault")
{
    begin();
    frames[0][8] = 0xc3;
    map(0, PTE_P | PTE_W | PTE_U);
    expect(page_call, NONE, 0);
    map(0, PTE_P | PTE_W | PTE_U | PTE_NX);
    expect(page_read, NONE, 0);
    expect_fault(page_call, PF_P | PF_I);
    expect_user_fault(user_jump_page, PF_P | PF_I | PF_U);
    end();
}

CASE(nx_reserved, "paging/no-execute-bit-is-reserved-without-efer-nxe")
{
    begin();
    map(0, PTE_P | PTE_W | PTE_NX);
    wrmsr(EFER, rdmsr(EFER) & ~(uint64_t)EFER_NXE);
    invlpg(TEST_PAGES);
    expect_fault(page_read, PF_P | PF_RSVD);
    wrmsr(EFER, rdmsr(EFER) | EFER_NXE);
    end();
}

CASE(reserved, "paging/reserved-bit-in-an-entry-is-rsvd")
{
    begin();
    if ((cpuid(0x80000008, 0).a & 0xff) > 51) {
        skip("the processor has 52 physical address bits");
    } else {
        map(0, PTE_P | PTE_W | PTE_U | RESERVED_BIT);
        expect_fault(page_read, PF_P | PF_RSVD);
        expect_user_fault(user_write, PF_P | PF_W | PF_U | PF_RSVD);
        page_test_directory[0] = 0x2000 | PTE_PS | PTE_P | PTE_W; /* bit 13 of a 2 MiB page */
        WRITE(cr3, READ(cr3));
        expect_fault(page_read, PF_P | PF_RSVD);
    }
    end();
}

CASE(accessed_dirty, "paging/reads-set-accessed-and-writes-set-dirty")
{
    begin();
    map(0, PTE_P | PTE_W | PTE_U);
    page_test_directory[0] &= ~(uint64_t)PTE_A;
    WRITE(cr3, READ(cr3));
    expect(page_read, NONE, 0);
    check((page_test[0] & (PTE_A | PTE_D)) == PTE_A, "entry after a read", page_test[0]);
    check(page_test_directory[0] & PTE_A, "directory after a read", page_test_directory[0]);
    expect(page_write, NONE, 0);
    check((page_test[0] & (PTE_A | PTE_D)) == (PTE_A | PTE_D), "entry after a write", page_test[0]);
    check(!(page_test_directory[0] & PTE_D), "directory after a write", page_test_directory[0]);
    /* What faults leaves both alone. */
    map(0, PTE_P);
    expect_fault(page_write, PF_P | PF_W);
    check(!(page_test[0] & PTE_D), "entry after a fault", page_test[0]);
    end();
}

CASE(large, "paging/large-page-maps-2-mib")
{
    static volatile uint8_t here = 0x5a;

    begin();
    page_test_directory[0] = ((word)&here & ~(word)(LARGE_PAGE - 1)) | PTE_PS | PTE_P | PTE_W;
    WRITE(cr3, READ(cr3));
    volatile uint8_t *alias = (uint8_t *)(TEST_PAGES + ((word)&here & (LARGE_PAGE - 1)));
    check(*alias == 0x5a, "byte through a large page", *alias);
    *alias = 0x66;
    check(here == 0x66, "byte written through it", here);
    check(page_test_directory[0] & PTE_D, "dirty bit of a large page", page_test_directory[0]);
    end();
}

CASE(remap, "paging/invlpg-and-cr3-make-a-change-seen")
{
    volatile uint8_t *at = (uint8_t *)TEST_PAGES;

    begin();
    frames[0][0] = 1;
    frames[1][0] = 2;
    map(0, PTE_P | PTE_W);
    check(*at == 1, "first frame", *at);
    page_test[0] = (word)frames[1] | PTE_P | PTE_W;
    invlpg(TEST_PAGES);
    check(*at == 2, "second frame after invlpg", *at);
    page_test[0] = (word)frames[0] | PTE_P | PTE_W;
    WRITE(cr3, READ(cr3));
    check(*at == 1, "first frame after a load of cr3", *at);
    end();
}

/* Code that is called often enough to be found without a look at the page tables. */
static word call_frame(void)
{
    enum { ROUNDS = 20 };
    word (*volatile other)(void) = (word(*)(void))(word)TEST_PAGES;
    word sum = 0;

    for (unsigned i = 0; i < ROUNDS; i++)
        sum += other();
    return sum / ROUNDS;
}

/* mov $value, %eax; jmp to offset 0 of the next page */
static void write_code(unsigned frame, uint8_t value)
{
    static const uint8_t jump[] = { 0xb8, 0, 0, 0, 0, 0xe9 };
    int32_t distance = PAGE - (int32_t)sizeof(jump) - 4;

    for (unsigned i = 0; i < sizeof(jump); i++)
        frames[frame][i] = jump[i];
    frames[frame][1] = value;
    for (unsigned i = 0; i < 4; i++)
        frames[frame][sizeof(jump) + i] = (uint8_t)(distance >> 8 * i);
}

CASE(remap_code, "paging/invlpg-and-cr3-make-a-change-of-code-seen")
{
    begin();
    write_code(0, 1);
    write_code(1, 2);
    frames[2][0] = 0xc3; /* ret */
    frames[3][0] = 0x04; /* add $0x40, %al; ret */
    frames[3][1] = 0x40;
    frames[3][2] = 0xc3;
    map(0, PTE_P | PTE_W);
    page_test[1] = (word)frames[2] | PTE_P | PTE_W;
    check(call_frame() == 1, "first frame", call_frame());
    page_test[0] = (word)frames[1] | PTE_P | PTE_W;
    invlpg(TEST_PAGES);
    check(call_frame() == 2, "second frame after invlpg", call_frame());
    page_test[1] = (word)frames[3] | PTE_P | PTE_W;
    invlpg(TEST_PAGES + PAGE);
    check(call_frame() == 0x42, "the page behind it after invlpg", call_frame());
    page_test[0] = (word)frames[0] | PTE_P | PTE_W;
    WRITE(cr3, READ(cr3));
    check(call_frame() == 0x41, "first frame after a load of cr3", call_frame());
    frames[3][1] = 0x20;
    check(call_frame() == 0x21, "code that was overwritten", call_frame());
    end();
}

/* nop; jmp to the last byte but one of the page, where mov $value, %eax begins; ret */
static void write_crossing(unsigned first, unsigned second, uint8_t value)
{
    static const uint8_t start[] = { 0x90, 0xe9 }, rest[] = { 0, 0, 0, 0xc3 };
    int32_t distance = PAGE - 2 - (int32_t)sizeof(start) - 4;

    for (unsigned i = 0; i < sizeof(start); i++)
        frames[first][i] = start[i];
    for (unsigned i = 0; i < 4; i++)
        frames[first][sizeof(start) + i] = (uint8_t)(distance >> 8 * i);
    frames[first][PAGE - 2] = 0xb8;
    frames[first][PAGE - 1] = value;
    for (unsigned i = 0; i < sizeof(rest); i++)
        frames[second][i] = rest[i];
    frames[second][0] = value;
}

CASE(remap_crossing, "paging/jump-to-code-over-an-edge-sees-changes-of-both-pages")
{
    begin();
    write_crossing(0, 1, 1);
    write_crossing(2, 3, 2);
    for (unsigned bits = 0; bits <= PTE_G; bits += PTE_G) {
        WRITE(cr4, READ(cr4) | CR4_PGE);
        map(0, PTE_P | PTE_W | bits);
        map(1, PTE_P | PTE_W | bits);
        check(call_frame() == 0x101, "first frames", call_frame());
        page_test[1] = (word)frames[3] | PTE_P | PTE_W | bits;
        invlpg(TEST_PAGES + PAGE);
        check(call_frame() == 0x201, "another second page", call_frame());
        page_test[0] = (word)frames[2] | PTE_P | PTE_W | bits;
        invlpg(TEST_PAGES);
        check(call_frame() == 0x202, "another first page", call_frame());
        frames[3][0] = 3;
        check(call_frame() == 0x302, "second page overwritten", call_frame());
        frames[3][0] = 2;
        page_test[1] = 0;
        invlpg(TEST_PAGES + PAGE);
        code_argument = TEST_PAGES;
        expect(page_call, PF, PF_I * !!(rdmsr(EFER) & EFER_NXE));
        check(event.cr2 == TEST_PAGES + PAGE, "cr2", event.cr2);
    }
    end();
}

CODE(cross_read, "mov code_argument, " RAX "\n mov (" RAX "), " RCX "\n ret");
CODE(cross_write, "mov code_argument, " RAX "\n mov $-1, " RCX "\n mov " RCX ", (" RAX ")\n ret");

CASE(crossing_store, "paging/store-over-an-edge-writes-nothing-when-it-faults")
{
    begin();
    map(1, 0);
    page_test[1] = 0;
    map(0, PTE_P | PTE_W);
    frames[0][PAGE - 1] = 0x77;
    code_argument = TEST_PAGES + PAGE - 1;
    expect(cross_read, PF, 0);
    check(event.cr2 == TEST_PAGES + PAGE, "cr2", event.cr2);
    expect(cross_write, PF, PF_W);
    check(event.cr2 == TEST_PAGES + PAGE, "cr2", event.cr2);
    check(frames[0][PAGE - 1] == 0x77, "byte before the edge", frames[0][PAGE - 1]);
    end();
}

static bool has7(unsigned bit)
{
    return cpuid(7, 0).b >> bit & 1;
}

CASE(smep, "paging/smep-stops-the-kernel-from-running-user-pages")
{
    if (!has7(7)) {
        skip("no SMEP");
        return;
    }
#ifdef __x86_64__
    begin();
    frames[0][8] = 0xc3;
    map(0, PTE_P | PTE_W | PTE_U);
    WRITE(cr4, READ(cr4) | CR4_SMEP);
    expect_fault(page_call, PF_P | PF_I);
    expect(page_read, NONE, 0);
    end();
#else
    skip("the 32-bit kernel runs from user pages");
#endif
}

CASE(smap, "paging/smap-stops-the-kernel-from-touching-user-pages-unless-ac")
{
    if (!has7(20)) {
        skip("no SMAP");
        return;
    }
#ifdef __x86_64__
    begin();
    map(0, PTE_P | PTE_W | PTE_U);
    expect(page_read, NONE, 0);
    expect(page_read_ac, NONE, 0);
    WRITE(cr4, READ(cr4) | CR4_SMAP);
    expect_fault(page_read, PF_P);
    expect_fault(page_write, PF_P | PF_W);
    expect(page_read_ac, NONE, 0);
    WRITE(cr4, READ(cr4) & ~(word)CR4_SMAP);
    expect(page_read, NONE, 0);
    expect(page_write, NONE, 0);
    WRITE(cr4, READ(cr4) | CR4_SMAP);
    expect_user(user_read, FINISHED, 0);
    end();
#else
    skip("the 32-bit kernel runs from user pages");
#endif
}
