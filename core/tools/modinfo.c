/* SPDX-License-Identifier: MIT */
/* The program `tenon-modinfo`. */
#include "module/modinfo.h"

int main(int argc, char **argv)
{
    return tn_modinfo_main(argc, argv);
}
