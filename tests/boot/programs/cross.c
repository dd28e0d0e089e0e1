/* SPDX-License-Identifier: MIT */
/*
 * One thread's loop writes to a number within an instruction; another first executes the instruction
 * while the loop goes round. When the loop has ended, the instruction has the last number.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { ROUNDS = 100, STORES = 300000, PAGE = 4096, NUMBER = 2 };

/* movabs $0, %rax; ret */
static const uint8_t code[] = { 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xc3 };

static volatile int go;

/* Counts down to 1 in one block of code. */
static void *write_numbers(void *page)
{
    uint64_t left = STORES;

    while (!go)
        ;
    __asm__ volatile("1: mov %0, (%1)\n dec %0\n jnz 1b" : "+r"(left)
                     : "r"((uint8_t *)page + NUMBER) : "memory", "cc");
    return NULL;
}

/* In two. */
static void *write_by_turns(void *page)
{
    uint64_t left = STORES;

    while (!go)
        ;
    __asm__ volatile("jmp 1f\n nop\n 1: mov %0, (%1)\n jmp 2f\n nop\n 2: dec %0\n jnz 1b"
                     : "+r"(left) : "r"((uint8_t *)page + NUMBER) : "memory", "cc");
    return NULL;
}

static uint64_t call(void *page)
{
    uint64_t (*function)(void);

    memcpy(&function, &page, sizeof(function));
    return function();
}

/* What the first and the last call returned. */
static int run(void *(*write)(void *), unsigned long *first, unsigned long *last)
{
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                      0);
    volatile uint8_t *number = (uint8_t *)page + NUMBER;
    pthread_t writer;

    if (page == MAP_FAILED)
        return 1;
    memcpy(page, code, sizeof(code));
    go = 0;
    if (pthread_create(&writer, NULL, write, page))
        return 1;
    go = 1;
    while (!number[0] && !number[1] && !number[2])
        ;
    *first = call(page);
    pthread_join(writer, NULL);
    *last = call(page);
    return munmap(page, PAGE);
}

int main(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        unsigned long first = 0, last = 0;

        if (run(i % 2 ? write_by_turns : write_numbers, &first, &last))
            return 1;
        printf("first %lu last %lu\n", first, last);
    }
    return 0;
}
