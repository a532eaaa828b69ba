// MPI, opened at run time.
#pragma once
