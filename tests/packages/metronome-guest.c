/* SPDX-License-Identifier: MIT */
/*
 * Runs in a guest: drives the metronome of contrib/module-template through sysfs, without a driver.
 * Its registers are in resource0, its configuration space in the file config.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    VENDOR_AND_DEVICE = 0xbea71234,
    COMMAND = 4, STATUS_HIGH = 6, MEMORY_AND_MASTER = 6, INTERRUPT_PENDING = 1 << 3,
    IDENTIFICATION = 0, CONTROL = 1, STATUS = 2, PERIOD = 3, BEATS = 4, ADDRESS = 6, /* words */
    RUN = 1, IRQ = 2, BEAT = 1,
    PAGE = 4096, PFN_BITS = 55, TRIES = 2000, PAUSE_US = 1000,
};

static void die(const char *what)
{
    printf("metronome: %s\n", what);
    exit(1);
}

/* Opens a file of the device in sysfs. */
static int open_file(const char *device, const char *file)
{
    char path[300];
    snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", device, file);
    return open(path, O_RDWR | O_SYNC);
}

/* The configuration file of the metronome; its name goes to `name`. */
static int find_device(char name[256])
{
    DIR *devices = opendir("/sys/bus/pci/devices");
    struct dirent *entry;

    while (devices && (entry = readdir(devices))) {
        uint32_t id = 0;
        int config = open_file(entry->d_name, "config");

        if (config >= 0 && pread(config, &id, sizeof(id), 0) == sizeof(id) &&
            id == VENDOR_AND_DEVICE) {
            strcpy(name, entry->d_name);
            return config;
        }
        close(config);
    }
    die("not on the bus");
    return -1;
}

/* Where a page of this process lies in the guest's memory. */
static uint64_t physical(void *page)
{
    uint64_t entry = 0;
    int map = open("/proc/self/pagemap", O_RDONLY);

    if (pread(map, &entry, sizeof(entry), (uintptr_t)page / PAGE * sizeof(entry)) != sizeof(entry))
        die("no pagemap");
    return (entry & ((UINT64_C(1) << PFN_BITS) - 1)) * PAGE;
}

int main(void)
{
    char name[256];
    int config = find_device(name), resource = open_file(name, "resource0");
    uint16_t command = MEMORY_AND_MASTER, pending = 0;
    volatile uint32_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
    volatile uint32_t *reg;

    if (pwrite(config, &command, sizeof(command), COMMAND) != sizeof(command))
        die("cannot be enabled");
    reg = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, resource, 0);
    if (reg == MAP_FAILED || page == MAP_FAILED)
        die("cannot be mapped");
    if (reg[IDENTIFICATION] != 0x0001bea7)
        die("wrong identification");
    *page = 0;
    reg[ADDRESS] = (uint32_t)physical((void *)page);
    reg[ADDRESS + 1] = (uint32_t)(physical((void *)page) >> 32);
    reg[PERIOD] = 5000;
    reg[CONTROL] = RUN | IRQ;
    for (int i = 0; i < TRIES && *page < 3; i++)
        usleep(PAUSE_US);
    if (*page < 3 || reg[BEATS] < 3)
        die("does not beat");
    if (pread(config, &pending, sizeof(pending), STATUS_HIGH) != sizeof(pending) ||
        !(pending & INTERRUPT_PENDING) || !(reg[STATUS] & BEAT))
        die("does not interrupt");
    reg[CONTROL] = 0;
    reg[STATUS] = BEAT;
    if (pread(config, &pending, sizeof(pending), STATUS_HIGH) != sizeof(pending) ||
        (pending & INTERRUPT_PENDING))
        die("cannot be acknowledged");
    printf("metronome: works\n");
    return 0;
}
