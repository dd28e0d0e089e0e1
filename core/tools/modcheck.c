/* SPDX-License-Identifier: MIT */
/* The program `tenon-modcheck`. */
#include "modcheck/modcheck.h"

int main(int argc, char **argv)
{
    return tn_modcheck_main(argc, argv);
}
