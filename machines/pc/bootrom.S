/* SPDX-License-Identifier: MIT */
/*
 * The boot option ROM: carries out the script that boot.c wrote, when the firmware chooses it as
 * boot entry (BEV of the Plug and Play expansion header, PnP BIOS Specification 1.0A, 3.2).
 *
 * The script (struct BootScript in boot.c) is a fw_cfg item: pieces to copy into memory by DMA, a
 * memory map to fetch from the firmware (INT 15h, E820h), and how to enter the program: Linux's
 * real-mode setup (boot.rst, "Running the kernel"), or 32-bit protected mode (Multiboot, PVH).
 *
 * Code is position independent: it runs where the firmware put it and works in segment SCRATCH.
 */

#define SCRATCH_SEG   0x0800
#define SCRATCH       0x8000          /* linear */
#define STACK_TOP     0x0ff0
#define DMA           0x0000          /* the DMA command */
#define E820          0x0020          /* one entry of 24 bytes */
#define GDTR          0x0040
#define SCRIPT        0x1000          /* offsets in SCRATCH_SEG */
#define SCRIPT_SIZE   256

/* struct BootScript */
#define MODE          (SCRIPT + 0)
#define ENTRY         (SCRIPT + 4)
#define REG_EAX       (SCRIPT + 8)
#define REG_EBX       (SCRIPT + 12)
#define REG_ESP       (SCRIPT + 16)
#define MAP_KIND      (SCRIPT + 20)   /* 0 none, 1 Multiboot, 2 PVH */
#define MAP_AT        (SCRIPT + 24)
#define MAP_COUNT_AT  (SCRIPT + 28)
#define RSDP_AT       (SCRIPT + 32)
#define N_PIECES      (SCRIPT + 36)
#define PIECES        (SCRIPT + 40)   /* destination, size, key, offset */
#define PIECE_SIZE    16

#define BOOT_KEY      0x8010
#define CTL_READ      0x02
#define CTL_SKIP      0x04
#define CTL_SELECT    0x08
#define DMA_PORT_LOW  0x518

        .section .rodata
        .code16
        .globl  pc_boot_rom, pc_boot_rom_end
        .hidden pc_boot_rom, pc_boot_rom_end
        .balign 16
pc_boot_rom:
        .word   0xaa55
        .byte   (pc_boot_rom_end - pc_boot_rom) / 512
        lretw                           /* initialisation: nothing to do */
        .org    pc_boot_rom + 0x1a
        .word   pnp - pc_boot_rom
        .balign 16, 0
pnp:
        .ascii  "$PnP"
        .byte   1, 2                    /* revision, length / 16 */
        .word   0                       /* next header */
        .byte   0, 0                    /* reserved, checksum (set by boot.c) */
        .long   0                       /* device id */
        .word   maker - pc_boot_rom
        .word   product - pc_boot_rom
        .byte   2, 0, 0                 /* class: other boot device */
        .byte   0x64                    /* IPL device, read cacheable, shadowable */
        .word   0, 0                    /* boot connection and disconnection vectors */
        .word   bev - pc_boot_rom
        .word   0, 0

maker:  .asciz  "Tenon"
product: .asciz "Direct kernel boot"

        .balign 16, 0
bev:
        cli
        cld
        movw    $SCRATCH_SEG, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movl    $STACK_TOP, %esp

        movl    $(BOOT_KEY << 16 | CTL_SELECT | CTL_READ), %eax
        movl    $SCRIPT_SIZE, %ecx
        movl    $(SCRATCH + SCRIPT), %edi
        call    dma

        movw    $PIECES, %si
        movw    N_PIECES, %bp
1:      testw   %bp, %bp
        jz      pieces_done
        movl    8(%si), %eax            /* select, skip to the offset, read */
        shll    $16, %eax
        orl     $(CTL_SELECT | CTL_SKIP), %eax
        movl    12(%si), %ecx
        xorl    %edi, %edi
        call    dma
        movl    $CTL_READ, %eax
        movl    4(%si), %ecx
        movl    0(%si), %edi
        call    dma
        addw    $PIECE_SIZE, %si
        decw    %bp
        jmp     1b
pieces_done:
        cmpl    $0, MAP_KIND
        je      2f
        call    memory_map
2:      cmpl    $0, RSDP_AT
        je      3f
        call    find_rsdp
3:      cli
        cmpl    $0, MODE
        jne     protected

        /* Linux: segments at the setup code, entry 0x20 paragraphs above. */
        movl    REG_ESP, %ecx
        movl    ENTRY, %eax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss
        movl    %ecx, %esp
        addw    $0x20, %ax
        pushw   %ax
        pushw   $0
        lretw

/* Runs the DMA command eax with length ecx and address edi, and waits for its end. */
dma:
        bswapl  %eax
        movl    %eax, DMA
        bswapl  %ecx
        movl    %ecx, DMA + 4
        movl    $0, DMA + 8
        bswapl  %edi
        movl    %edi, DMA + 12
        movl    $(SCRATCH + DMA), %eax
        bswapl  %eax
        movw    $DMA_PORT_LOW, %dx
        outl    %eax, %dx
1:      movl    DMA, %eax
        testl   $0xfeffffff, %eax       /* all but the error bit of the big-endian word */
        jnz     1b
        ret

/* Writes the firmware's map at MAP_AT (below 1 MiB) and its length at MAP_COUNT_AT. */
memory_map:
        movl    MAP_AT, %esi
        xorl    %ebx, %ebx
1:      movw    $SCRATCH_SEG, %ax
        movw    %ax, %es
        movl    $0xe820, %eax
        movl    $24, %ecx
        movl    $0x534d4150, %edx       /* "SMAP" */
        movw    $E820, %di
        pushl   %esi
        int     $0x15
        popl    %esi
        jc      5f
        cmpl    $0x534d4150, %eax
        jne     5f
        movl    %esi, %eax              /* es:di = the entry's place */
        shrl    $4, %eax
        movw    %ax, %es
        movl    %esi, %edi
        andl    $15, %edi
        cmpl    $1, MAP_KIND
        jne     2f
        movl    $20, %eax               /* Multiboot: size first */
        movl    %eax, %es:(%di)
        addw    $4, %di
2:      pushl   %esi
        movw    $E820, %si
        movw    $5, %cx
3:      movl    (%si), %eax
        movl    %eax, %es:(%di)
        addw    $4, %si
        addw    $4, %di
        decw    %cx
        jnz     3b
        popl    %esi
        cmpl    $2, MAP_KIND
        jne     4f
        movl    $0, %eax                /* PVH: reserved last */
        movl    %eax, %es:(%di)
4:      addl    $24, %esi
        testl   %ebx, %ebx
        jnz     1b
5:      subl    MAP_AT, %esi            /* Multiboot counts bytes, PVH entries */
        movl    %esi, %eax
        cmpl    $2, MAP_KIND
        jne     6f
        xorl    %edx, %edx
        movl    $24, %ecx
        divl    %ecx
6:      movl    MAP_COUNT_AT, %edi
        jmp     store_low

/* Looks for the ACPI root pointer from 0xe0000 up (ACPI 6.4, 5.2.5.1) and stores its address. */
find_rsdp:
        movl    $0xe000, %ecx
1:      movw    %cx, %es
        cmpl    $0x20445352, %es:0      /* "RSD " */
        jne     2f
        cmpl    $0x20525450, %es:4      /* "PTR " */
        je      3f
2:      incl    %ecx
        cmpl    $0x10000, %ecx
        jb      1b
        ret
3:      movl    %ecx, %eax
        shll    $4, %eax
        movl    RSDP_AT, %edi

/* Stores eax at linear edi below 1 MiB. */
store_low:
        movl    %edi, %edx
        shrl    $4, %edx
        movw    %dx, %es
        andw    $15, %di
        movl    %eax, %es:(%di)
        ret

/* Flat 32-bit protected mode, as Multiboot 3.2 and PVH ask. */
protected:
        xorl    %eax, %eax
        movw    %cs, %ax
        shll    $4, %eax
        movl    %eax, %ebx
        addl    $(gdt - pc_boot_rom), %eax
        movw    $(gdt_end - gdt - 1), GDTR
        movl    %eax, GDTR + 2
        lgdtl   GDTR
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        addl    $(flat - pc_boot_rom), %ebx
        pushl   $0x08
        pushl   %ebx
        lretl

        .code32
flat:
        movw    $0x10, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %ax, %ss
        movl    SCRATCH + REG_ESP, %esp
        movl    SCRATCH + REG_EBX, %ebx
        movl    SCRATCH + REG_EAX, %eax
        movl    SCRATCH + ENTRY, %ecx
        jmp     *%ecx

        .balign 8
gdt:    .quad   0
        .quad   0x00cf9b000000ffff      /* code, 4 GiB */
        .quad   0x00cf93000000ffff      /* data, 4 GiB */
gdt_end:
        .org    pc_boot_rom + 1024      /* the last byte is the checksum, set by boot.c */
pc_boot_rom_end:

        .section .note.GNU-stack, "", @progbits
