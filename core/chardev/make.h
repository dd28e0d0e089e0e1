/* SPDX-License-Identifier: MIT */
/* Opening and closing, between the files of this folder. */
#ifndef TN_CHARDEV_MAKE_H
#define TN_CHARDEV_MAKE_H

#include "tenon/chardev.h"

bool tn_chardev_open(TnChardev *chr, GError **error);
void tn_chardev_close(TnChardev *chr);
/* A descriptor channel met the end of file. */
void tn_chardev_ended(TnChardev *chr);

#endif
