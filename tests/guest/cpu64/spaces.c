/* SPDX-License-Identifier: MIT */
/*
 * What invalidations must reach: address spaces by PCID, global pages, large pages (SDM volume 3,
 * section 4.10.4). A translation that was not invalidated may be old or new; only what must be new
 * is checked.
 */
#include "guest.h"

enum { PAGE = 4096, LARGE_PAGE = 0x200000, MANY = 20, OLD = 1, NEW = 2 };
enum { ONE_ADDRESS, ONE_PCID, ALL_AND_GLOBAL, ALL_BUT_GLOBAL };
#define NO_FLUSH (1ull << 63)

static volatile uint8_t frame[2][PAGE] __attribute__((aligned(4096)));
static volatile uint8_t *const at = (uint8_t *)TEST_PAGES;
static word cr3;

static bool begin(void)
{
    if (!(cpuid(1, 0).c >> 17 & 1) || !(cpuid(7, 0).b >> 10 & 1)) {
        skip("no PCID or no INVPCID");
        return false;
    }
    cr3 = READ(cr3);
    WRITE(cr4, READ(cr4) | CR4_PCIDE | CR4_PGE);
    frame[0][0] = OLD;
    frame[1][0] = NEW;
    return true;
}

static void end(void)
{
    page_test_directory[0] = (word)page_test | PTE_U | PTE_W | PTE_P;
    WRITE(cr3, cr3);
    WRITE(cr4, READ(cr4) & ~(word)(CR4_PCIDE | CR4_PGE));
}

static void invpcid(uint64_t type, uint64_t pcid, uint64_t address)
{
    uint64_t what[2] = { pcid, address };
    __asm__ volatile("invpcid (%0), %1" : : "r"(what), "r"(type) : "memory");
}

static void map(unsigned which, uint64_t bits)
{
    page_test[0] = (word)frame[which] | PTE_P | PTE_W | bits;
}

/* Both identifiers have seen the old frame; 2 is in force. */
static void both_see_old(uint64_t bits)
{
    map(0, bits);
    invpcid(ALL_AND_GLOBAL, 0, 0);
    for (unsigned pcid = 1; pcid <= 2; pcid++) {
        WRITE(cr3, cr3 | pcid | NO_FLUSH);
        check(*at == OLD, "old frame", *at);
    }
    map(1, bits);
}

static void expect_new(unsigned pcid, const char *what)
{
    WRITE(cr3, cr3 | pcid | NO_FLUSH);
    check(*at == NEW, what, *at);
}

CASE(one_address, "spaces/invpcid-of-an-address-reaches-an-identifier-that-is-not-in-force")
{
    if (!begin())
        return;
    both_see_old(0);
    invpcid(ONE_ADDRESS, 1, TEST_PAGES);
    expect_new(1, "after invpcid of the address");
    both_see_old(0);
    invpcid(ONE_ADDRESS, 2, TEST_PAGES);
    expect_new(2, "after invpcid of the address in force");
    end();
}

CASE(one_pcid, "spaces/invpcid-of-an-identifier-drops-its-translations")
{
    if (!begin())
        return;
    both_see_old(0);
    invpcid(ONE_PCID, 1, 0);
    expect_new(1, "after invpcid of the identifier");
    both_see_old(0);
    invpcid(ALL_BUT_GLOBAL, 0, 0);
    expect_new(1, "identifier 1 after invpcid of all");
    expect_new(2, "identifier 2 after invpcid of all");
    end();
}

CASE(global, "spaces/global-pages-go-with-invlpg-and-invpcid-in-all-spaces")
{
    if (!begin())
        return;
    both_see_old(PTE_G);
    invlpg(TEST_PAGES);
    expect_new(2, "identifier in force after invlpg");
    expect_new(1, "the other one after invlpg of a global page");
    both_see_old(PTE_G);
    invpcid(ALL_AND_GLOBAL, 0, 0);
    expect_new(1, "after invpcid of all and global");
    both_see_old(PTE_G);
    WRITE(cr4, READ(cr4) & ~(word)CR4_PGE);
    expect_new(1, "after cr4.pge was cleared");
    end();
}

CASE(load_cr3, "spaces/load-of-cr3-flushes-its-identifier-unless-bit-63-says-no")
{
    if (!begin())
        return;
    both_see_old(0);
    WRITE(cr3, cr3 | 1);
    check(*at == NEW, "after a load that flushes", *at);
    both_see_old(0);
    WRITE(cr3, cr3 | 1 | NO_FLUSH);
    check(READ(cr3) == (cr3 | 1), "cr3 without bit 63", READ(cr3));
    check(*at == OLD || *at == NEW, "old or new after a load that does not", *at);
    both_see_old(0);
    WRITE(cr3, cr3);
    WRITE(cr4, READ(cr4) & ~(word)CR4_PCIDE);
    check(*at == NEW, "after cr4.pcide was cleared", *at);
    end();
}

CASE(many, "spaces/more-identifiers-than-any-tlb-keeps-stay-apart")
{
    if (!begin())
        return;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned pcid = 0; pcid < MANY; pcid++) {
            map(pcid & 1, 0);
            WRITE(cr3, cr3 | pcid);
            check(*at == (pcid & 1 ? NEW : OLD), "frame of an identifier", *at);
        }
    }
    map(1, 0);
    invpcid(ALL_BUT_GLOBAL, 0, 0);
    for (unsigned pcid = 0; pcid < MANY; pcid++)
        expect_new(pcid, "after invpcid of all");
    end();
}

CASE(split, "spaces/invlpg-drops-a-large-page-that-was-split")
{
    const word base = (word)frame & ~(word)(LARGE_PAGE - 1);
    volatile uint8_t *large = (uint8_t *)TEST_PAGES + ((word)frame[0] - base);
    volatile uint8_t *other = (uint8_t *)TEST_PAGES + ((word)frame[1] - base);
    const unsigned index = ((word)frame[0] - base) / PAGE;

    if (!begin())
        return;
    for (unsigned bits = 0; bits <= PTE_G; bits += PTE_G) {
        page_test_directory[0] = base | PTE_PS | PTE_P | PTE_W | bits;
        invpcid(ALL_AND_GLOBAL, 0, 0);
        check(*other == NEW && *large == OLD, "bytes through a large page", *large);
        page_test[index] = (word)frame[1] | PTE_P | PTE_W | bits;
        page_test_directory[0] = (word)page_test | PTE_P | PTE_W;
        invlpg((word)large);
        check(*large == NEW, "after the split", *large);
        page_test_directory[0] = base | PTE_PS | PTE_P | PTE_W | bits;
        invlpg((word)large);
        check(*large == OLD, "after the pages were joined", *large);
    }
    end();
}

CASE(marks, "spaces/accessed-and-dirty-are-set-again-after-an-invalidation")
{
    if (!begin())
        return;
    for (unsigned round = 0; round < 3; round++) {
        map(0, 0);
        if (round == 0)
            invlpg(TEST_PAGES);
        else if (round == 1)
            invpcid(ONE_ADDRESS, 0, TEST_PAGES);
        else
            WRITE(cr3, cr3);
        check(*at == OLD, "byte", *at);
        check((page_test[0] & (PTE_A | PTE_D)) == PTE_A, "entry after a read", page_test[0]);
        *at = OLD;
        check(page_test[0] & PTE_D, "entry after a write", page_test[0]);
    }
    end();
}

/* Section 4.10.4.1: a page fault invalidates what there is for its address. */
CODE(store_there, "movb $3, 0x40000000\n ret");
CASE(fault, "spaces/a-page-fault-drops-the-translation-of-its-address")
{
    static const word bits[] = { 0, PTE_G };

    if (!begin())
        return;
    WRITE(cr0, READ(cr0) | CR0_WP);
    for (unsigned i = 0; i < 2; i++) {
        page_test[0] = (word)frame[0] | PTE_P | bits[i];
        invlpg(TEST_PAGES);
        check(*at == OLD, "byte before", *at);
        expect(store_there, PF, PF_P | PF_W);
        map(1, bits[i]);
        /* What is walked next is in a block of its own: with check=on the walk of the interpreter is
         * the only one, before code stores the entry. */
        __asm__ volatile("jmp 1f\n 1:" ::: "memory");
        check(*at == NEW, bits[i] ? "global page after the fault" : "byte after the fault", *at);
    }
    end();
}
