/* SPDX-License-Identifier: MIT */
/* The families of cases of test-translate: each adds its own to GLib's tests. */
#ifndef TN_TESTS_TRANSLATE_CASES_H
#define TN_TESTS_TRANSLATE_CASES_H

void add_ir_cases(void);
void add_optimiser_cases(void);

#endif
