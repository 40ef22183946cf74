/* tests/support/fuzz.h - what a fuzz target defines, for libFuzzer and for our own replay driver alike.
 *
 * Life: one function per program. Threads: one. Purity: as the code under test.
 */
#ifndef GN_TESTS_SUPPORT_FUZZ_H
#define GN_TESTS_SUPPORT_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* Runs the code under test on `data`, which it borrows. Returns 0. A finding is a failed check, a sanitizer report or
 * an abort. The result must depend on `data` alone. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Optional: called once before the first input. Returns 0. */
int LLVMFuzzerInitialize(int *argc, char ***argv);

#endif
