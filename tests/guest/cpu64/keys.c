/* SPDX-License-Identifier: MIT */
/* Protection keys and process-context identifiers (SDM volume 3, sections 4.6.2 and 4.10.1). */
#include "guest.h"

enum { KEY = 5, PKE_SHIFT = 59, ACCESS_DISABLE = 1, WRITE_DISABLE = 2, PAGE = 4096 };

static uint8_t frame[2][PAGE] __attribute__((aligned(4096)));

CODE(key_user_read, "mov (%rax), %cl\n int $0x80");
CODE(key_user_write, "movb $1, (%rax)\n int $0x80");
CODE(key_user_call, "jmp *%rax");
CODE(key_kernel_write, "mov code_argument, %rax\n movb $1, (%rax)\n ret");
CODE(read_pkru, "xor %ecx, %ecx\n rdpkru\n ret");
CODE(set_pkru, "xor %ecx, %ecx\n xor %edx, %edx\n mov code_argument, %eax\n wrpkru\n ret");

static void pkru(uint32_t value)
{
    code_argument = value;
    expect(set_pkru, NONE, 0);
    code_argument = TEST_PAGES;
}

CASE(keys, "keys/pkru-holds-off-user-pages-by-their-key")
{
    if (!(cpuid(7, 0).c & 8)) {
        skip("no protection keys");
        return;
    }
    expect(read_pkru, UD, 0);
    WRITE(cr4, READ(cr4) | CR4_PKE);
    WRITE(cr0, READ(cr0) | CR0_WP);
    frame[0][0] = 0xcd; /* INT 0x80 */
    frame[0][1] = 0x80;
    page_test[0] = (word)frame[0] | (uint64_t)KEY << PKE_SHIFT | PTE_P | PTE_W | PTE_U;
    invlpg(TEST_PAGES);
    pkru(0);
    expect_user(key_user_read, FINISHED, 0);
    pkru(ACCESS_DISABLE << 2 * KEY);
    expect_user(key_user_read, PF, PF_P | PF_U | PF_PK);
    expect_user(key_user_write, PF, PF_P | PF_U | PF_W | PF_PK);
    expect_user(key_user_call, FINISHED, 0); /* fetches are not held off */
    expect(key_kernel_write, PF, PF_P | PF_W | PF_PK);
    pkru(WRITE_DISABLE << 2 * KEY);
    expect_user(key_user_read, FINISHED, 0);
    expect_user(key_user_write, PF, PF_P | PF_U | PF_W | PF_PK);
    expect(key_kernel_write, PF, PF_P | PF_W | PF_PK);
    WRITE(cr0, READ(cr0) & ~(word)CR0_WP);
    expect(key_kernel_write, NONE, 0);
    pkru(0);
    WRITE(cr4, READ(cr4) & ~(word)CR4_PKE);
}

CODE(pcide_on, "mov %cr4, %rax\n bts $17, %rax\n mov %rax, %cr4\n ret");

CASE(pcid, "keys/pcid-keeps-translations-apart-and-wants-cr3-clear")
{
    volatile uint8_t *at = (uint8_t *)TEST_PAGES;
    word cr3 = READ(cr3);

    if (!(cpuid(1, 0).c >> 17 & 1)) {
        skip("no PCID");
        return;
    }
    WRITE(cr3, cr3 | 0x18); /* what are cache bits without PCID is an identifier with it */
    expect(pcide_on, GP, 0);
    WRITE(cr3, cr3);
    expect(pcide_on, NONE, 0);
    frame[0][0] = 1;
    frame[1][0] = 2;
    page_test[0] = (word)frame[0] | PTE_P | PTE_W;
    WRITE(cr3, cr3 | 1);
    check(*at == 1, "frame of identifier 1", *at);
    page_test[0] = (word)frame[1] | PTE_P | PTE_W;
    WRITE(cr3, cr3 | 2);
    check(*at == 2, "frame of identifier 2 after its load", *at);
    WRITE(cr3, cr3 | 1); /* bit 63 clear: flushes identifier 1 */
    check(*at == 2, "frame of identifier 1 after its load", *at);
    WRITE(cr3, cr3);
    WRITE(cr4, READ(cr4) & ~(word)CR4_PCIDE);
}
