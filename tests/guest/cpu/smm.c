/* SPDX-License-Identifier: MIT */
/*
 * System management mode (SDM volume 3, chapter 34) on the PIIX4 machine: an SMI through the APM
 * control port, a handler of ours in the SMRAM at 0xa8000 that SeaBIOS leaves unlocked.
 */
#include "guest.h"

enum {
    PCI_ADDRESS = 0xcf8,
    PCI_DATA = 0xcfc,
    SMRAMC = 0x72,
    SMRAM_OPEN = 0x4a,
    SMRAM_CLOSED = 0x0a,
    APM_CONTROL = 0xb2,
    SMRAM_HANDLER = 0xa8000,
    RESULT = 0x7000,
    MARK = 0x534d4d21,
};

static void smram(uint8_t value)
{
    out32(PCI_ADDRESS, 0x80000000 | (SMRAMC & ~3));
    uint32_t now = in32(PCI_DATA);
    out32(PCI_ADDRESS, 0x80000000 | (SMRAMC & ~3));
    out32(PCI_DATA, (now & 0xff00ffff) | (uint32_t)value << 16);
}

/* 16-bit code; DS has base 0 and a limit of 4 GiB there, CS the base SMBASE. */
__asm__(".pushsection .rodata\n.code16\n"
        "smm_text:\n movl $0x534d4d21, %ds:(0x7000)\n"
        " mov %cr0, %eax\n addr32 movl %eax, (0x7004)\n"
        " pushf\n pop %ax\n movw %ax, (0x7008)\n"
        " mov %cs, %ax\n movw %ax, (0x700a)\n"
        " addr32 movl %cs:0xfefc, %eax\n addr32 movl %eax, (0x700c)\n"
        " xor %ebx, %ebx\n mov $0x1111, %cx\n movl $0, %esi\n rsm\n"
        "smm_text_end:\n.popsection\n"
#ifdef __x86_64__
        ".code64\n"
#else
        ".code32\n"
#endif
);
extern const uint8_t smm_text[], smm_text_end[];

CODE(rsm_outside, "rsm\n ret");

CODE(raise_smi,
     "push " RCX
     "\n mov $0x12345678, %ecx\n mov $0x77, %al\n stc\n out %al, $0xb2\n nop\n nop\n setc %al\n"
     "movzbl %al, %eax\n mov %eax, smm_carry\n mov %ecx, smm_register\n pop " RCX "\n ret");
uint32_t smm_carry, smm_register;

CASE(outside, "smm/rsm-outside-of-it-is-ud")
{
    expect(rsm_outside, UD, 0);
}

CASE(smi, "smm/smi-runs-the-handler-in-real-addresses-and-rsm-restores-all")
{
    volatile uint32_t *result = (uint32_t *)RESULT;
    volatile uint8_t *handler = (uint8_t *)SMRAM_HANDLER;
    uint8_t old[64];
    unsigned size = (unsigned)(smm_text_end - smm_text);

    smram(SMRAM_OPEN);
    for (unsigned i = 0; i < size; i++) {
        old[i] = handler[i];
        handler[i] = smm_text[i];
    }
    smram(SMRAM_CLOSED);
    result[0] = 0;
    word cr0 = READ(cr0), cr3 = READ(cr3);
    expect(raise_smi, NONE, 0);
    check(result[0] == MARK, "mark of the handler", result[0]);
    check(!(result[1] & (CR0_PE | (uint32_t)CR0_PG)), "cr0 in the handler", result[1]);
    check(!(result[2] & IF), "flags in the handler", result[2] & 0xffff);
    check(smm_register == 0x12345678, "ecx after rsm", smm_register);
    check(smm_carry == 1, "carry after rsm", smm_carry);
    check(READ(cr0) == cr0 && READ(cr3) == cr3, "cr0 after rsm", READ(cr0));
    smram(SMRAM_OPEN);
    for (unsigned i = 0; i < size; i++) {
        handler[i] = old[i];
    }
    smram(SMRAM_CLOSED);
}
