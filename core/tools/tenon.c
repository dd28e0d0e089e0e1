/* SPDX-License-Identifier: MIT */
/* The program `tenon`. */
#include "machine/main.h"

int main(int argc, char **argv)
{
    return tn_main(argc, argv);
}
