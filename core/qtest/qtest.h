/* SPDX-License-Identifier: MIT */
/* The qtest accelerator: its connection (qtest.c) and its commands (commands.c). */
#ifndef TN_QTEST_QTEST_H
#define TN_QTEST_QTEST_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct TnQtest TnQtest;

/* Sends one line (without its end) to the test. [main +lock] */
void tn_qtest_send(TnQtest *q, const char *fmt, ...) G_GNUC_PRINTF(2, 3);

/* Carries out one command, split into words, and sends the answer. [main +lock] */
void tn_qtest_command(TnQtest *q, char **words);

#endif
