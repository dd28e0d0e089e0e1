/* SPDX-License-Identifier: MIT */
/* Opening and closing, between chardev.c and make.c. */
#ifndef TN_CHARDEV_MAKE_H
#define TN_CHARDEV_MAKE_H

#include "tenon/chardev.h"

bool tn_chardev_open(TnChardev *chr, GError **error);
void tn_chardev_close(TnChardev *chr);

#endif
