/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TCPGUARD_TESTS_FUZZ_FUZZ_H
#define TCPGUARD_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* LLVMFuzzerTestOneInput() - what a fuzz target provides, for libFuzzer or for driver.c. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
