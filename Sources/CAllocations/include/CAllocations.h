/// Counts the heap allocations of the calling thread, so that a test can hold a hot path to a number and
/// `needletail benchmark` can print it.
///
/// Linking this target replaces malloc, calloc, realloc, posix_memalign, aligned_alloc and memalign of the
/// whole process, tests and product alike, by wrappers around glibc's own that count and pass on. A thread sees only what it
/// allocated itself: tests that run beside it do not disturb the count.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Whether allocations are counted: on Linux with glibc, and not under a sanitizer, which needs malloc for
/// itself. Elsewhere the count stays at 0.
bool allocations_are_counted(void);

/// Allocations that the calling thread has made so far.
uint64_t allocations_of_this_thread(void);
