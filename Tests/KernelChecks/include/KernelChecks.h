// Every kernel of CKernels.h against a naive reference in double precision written here, within a stated
// bound, on one instruction set; and the two promises of that header, to the bit.
//
// Plain C with no test framework, so that the same claims hold natively (Tests/TensorsTests) and on other
// processors under an emulator (Scripts/checks/portability.sh).
#pragma once

#include "CKernels.h"

#ifdef __cplusplus
extern "C" {
#endif

/// What became of a claim: the largest error over all its cases, in the unit that the claim's check names,
/// and the bound that it must not pass. Claims about bits count the elements that differ; their bound is 0.
typedef void (*nk_check_report)(void *context, const char *claim, double error, double bound, bool ok);

/// Checks every claim on pools of 1, 2, … `most_threads` threads, which must give the same bits.
/// Returns how many claims failed; −1 when the processor lacks `isa` or a thread cannot be started.
int nk_check_all(nk_isa isa, int most_threads, nk_check_report report, void *context);

#ifdef __cplusplus
}
#endif
