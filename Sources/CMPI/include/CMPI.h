// MPI, opened at run time: nothing of it is needed to build, and a binary starts where none is installed.
//
// Every function but the first few returns MPI's error code, 0 where all went well; `cmpi_error_text` says
// what a code means. Messages are bytes. Handles are integers wide enough for those of Open MPI, which are
// pointers, and those of MPICH and its kin, which are 32-bit integers.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// A loaded library. It stays loaded: MPI starts once in the life of a process.
typedef struct cmpi_library cmpi_library;
typedef intptr_t cmpi_comm;
typedef intptr_t cmpi_request;

/// Loads `file`; null when there is none or it is no MPI, with the reason in `error`.
const cmpi_library *cmpi_open(const char *file, char *error, size_t capacity);

/// "Open MPI v4.1.4, …", cut at `capacity`. May be called before `cmpi_init`.
int cmpi_version(const cmpi_library *mpi, char *text, size_t capacity);
void cmpi_error_text(const cmpi_library *mpi, int code, char *text, size_t capacity);

/// Starts MPI for threads that take turns; `*serialized`: whether they may.
int cmpi_init(const cmpi_library *mpi, bool *serialized);
int cmpi_finalize(const cmpi_library *mpi);
int cmpi_abort(const cmpi_library *mpi, int status);

cmpi_comm cmpi_world(const cmpi_library *mpi);
int cmpi_rank(const cmpi_library *mpi, cmpi_comm comm, int *rank);
int cmpi_size(const cmpi_library *mpi, cmpi_comm comm, int *size);
/// The largest tag.
int cmpi_tag_bound(const cmpi_library *mpi, int *bound);
/// A communicator of those who give the same color, in the order of their keys. All of `comm` call; who gives
/// a negative color is in none and must not use `*part`.
int cmpi_split(const cmpi_library *mpi, cmpi_comm comm, int color, int key, cmpi_comm *part);

int cmpi_isend(
    const cmpi_library *mpi, const void *bytes, int count, int to, int tag, cmpi_comm comm,
    cmpi_request *request);
int cmpi_irecv(
    const cmpi_library *mpi, void *bytes, int count, int from, int tag, cmpi_comm comm,
    cmpi_request *request);
/// `*done`: whether the request is over; then it is gone, and `*received` are the bytes of a receive.
int cmpi_test(const cmpi_library *mpi, cmpi_request *request, bool *done, int *received);
/// `*found`: whether a message with `tag` waits, from whom and how long.
int cmpi_probe(const cmpi_library *mpi, int tag, cmpi_comm comm, bool *found, int *from, int *count);
