#include "CMPI.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// MPI's own names without their prefix, and as both families declare them: a handle is passed in a register or
// a slot of eight bytes, of which MPICH's functions read the lower four. Where a function writes a handle, it is
// zero before, so that four written bytes are the whole value (little-endian machines).
#define FUNCTIONS(F) \
  F(Init_thread, (int *, char ***, int, int *)) \
  F(Finalize, (void)) \
  F(Abort, (intptr_t, int)) \
  F(Get_library_version, (char *, int *)) \
  F(Error_string, (int, char *, int *)) \
  F(Comm_rank, (intptr_t, int *)) \
  F(Comm_size, (intptr_t, int *)) \
  F(Comm_split, (intptr_t, int, int, intptr_t *)) \
  F(Comm_set_errhandler, (intptr_t, intptr_t)) \
  F(Comm_get_attr, (intptr_t, int, void *, int *)) \
  F(Isend, (const void *, int, intptr_t, int, int, intptr_t, intptr_t *)) \
  F(Irecv, (void *, int, intptr_t, int, int, intptr_t, intptr_t *)) \
  F(Test, (intptr_t *, int *, void *)) \
  F(Iprobe, (int, int, intptr_t, int *, void *)) \
  F(Get_count, (const void *, intptr_t, int *))

struct cmpi_library {
#define FIELD(name, parameters) int(*name) parameters;
  FUNCTIONS(FIELD)
#undef FIELD
  // What differs between the families.
  intptr_t world, byte, errors_return;
  int any_source, undefined, tag_bound_key;
  int source_field; // of the status, counted in ints
};

/// Room for the status of any family, aligned as all want it.
typedef union {
  int fields[16];
  size_t alignment;
} status;

enum { SERIALIZED = 2, LONGEST_TEXT = 8192 };

/// Open MPI: handles are addresses of its objects.
static bool fill_open_mpi(cmpi_library *mpi, void *image) {
  mpi->world = (intptr_t)dlsym(image, "ompi_mpi_comm_world");
  mpi->byte = (intptr_t)dlsym(image, "ompi_mpi_byte");
  mpi->errors_return = (intptr_t)dlsym(image, "ompi_mpi_errors_return");
  mpi->any_source = -1;
  mpi->undefined = -32766;
  mpi->tag_bound_key = 0;
  mpi->source_field = 0;
  return mpi->world && mpi->byte && mpi->errors_return;
}

/// MPICH, Intel MPI, MVAPICH, Cray MPICH: handles are numbers, the same ones by agreement
/// (https://www.mpich.org/abi/).
static void fill_mpich(cmpi_library *mpi) {
  mpi->world = 0x44000000;
  mpi->byte = 0x4c00010d;
  mpi->errors_return = 0x54000001;
  mpi->any_source = -2;
  mpi->undefined = -32766;
  mpi->tag_bound_key = 0x64400001;
  mpi->source_field = 2;
}

const cmpi_library *cmpi_open(const char *file, char *error, size_t capacity) {
  // Global, because Open MPI's own plug-ins look for its symbols.
  void *image = dlopen(file, RTLD_NOW | RTLD_GLOBAL);
  if (!image) {
    const char *reason = dlerror();
    snprintf(error, capacity, "%s", reason ? reason : "cannot be loaded");
    return NULL;
  }
  cmpi_library *mpi = calloc(1, sizeof *mpi);
  if (!mpi) {
    snprintf(error, capacity, "out of memory");
    return NULL;
  }
#define FIND(name, parameters) \
  if (!(mpi->name = (int(*) parameters)dlsym(image, "MPI_" #name))) { \
    snprintf(error, capacity, "%s has no MPI_" #name, file); \
    free(mpi); \
    return NULL; \
  }
  FUNCTIONS(FIND)
#undef FIND
  if (!fill_open_mpi(mpi, image)) fill_mpich(mpi);
  return mpi;
}

int cmpi_version(const cmpi_library *mpi, char *text, size_t capacity) {
  char whole[LONGEST_TEXT + 1] = "";
  int length = 0;
  int code = mpi->Get_library_version(whole, &length);
  snprintf(text, capacity, "%s", whole);
  return code;
}

void cmpi_error_text(const cmpi_library *mpi, int code, char *text, size_t capacity) {
  char whole[LONGEST_TEXT + 1] = "";
  int length = 0;
  if (mpi->Error_string(code, whole, &length) != 0) snprintf(whole, sizeof whole, "error %d", code);
  snprintf(text, capacity, "%s", whole);
}

int cmpi_init(const cmpi_library *mpi, bool *serialized) {
  int provided = 0;
  int code = mpi->Init_thread(NULL, NULL, SERIALIZED, &provided);
  if (code) return code;
  *serialized = provided >= SERIALIZED;
  return mpi->Comm_set_errhandler(mpi->world, mpi->errors_return);
}

int cmpi_finalize(const cmpi_library *mpi) { return mpi->Finalize(); }

int cmpi_abort(const cmpi_library *mpi, int status) { return mpi->Abort(mpi->world, status); }

cmpi_comm cmpi_world(const cmpi_library *mpi) { return mpi->world; }

int cmpi_rank(const cmpi_library *mpi, cmpi_comm comm, int *rank) { return mpi->Comm_rank(comm, rank); }

int cmpi_size(const cmpi_library *mpi, cmpi_comm comm, int *size) { return mpi->Comm_size(comm, size); }

int cmpi_tag_bound(const cmpi_library *mpi, int *bound) {
  int *value = NULL, found = 0;
  int code = mpi->Comm_get_attr(mpi->world, mpi->tag_bound_key, &value, &found);
  *bound = found && value ? *value : 32767; // what the standard promises
  return code;
}

int cmpi_split(const cmpi_library *mpi, cmpi_comm comm, int color, int key, cmpi_comm *part) {
  *part = 0;
  int code = mpi->Comm_split(comm, color < 0 ? mpi->undefined : color, key, part);
  if (code || color < 0) return code;
  return mpi->Comm_set_errhandler(*part, mpi->errors_return);
}

int cmpi_isend(
    const cmpi_library *mpi, const void *bytes, int count, int to, int tag, cmpi_comm comm,
    cmpi_request *request) {
  *request = 0;
  return mpi->Isend(bytes, count, mpi->byte, to, tag, comm, request);
}

int cmpi_irecv(
    const cmpi_library *mpi, void *bytes, int count, int from, int tag, cmpi_comm comm,
    cmpi_request *request) {
  *request = 0;
  return mpi->Irecv(bytes, count, mpi->byte, from, tag, comm, request);
}

int cmpi_test(const cmpi_library *mpi, cmpi_request *request, bool *done, int *received) {
  status status = {0};
  int flag = 0;
  int code = mpi->Test(request, &flag, &status);
  *done = flag;
  if (code || !flag) return code;
  return mpi->Get_count(&status, mpi->byte, received);
}

int cmpi_probe(const cmpi_library *mpi, int tag, cmpi_comm comm, bool *found, int *from, int *count) {
  status status = {0};
  int flag = 0;
  int code = mpi->Iprobe(mpi->any_source, tag, comm, &flag, &status);
  *found = flag;
  if (code || !flag) return code;
  *from = status.fields[mpi->source_field];
  return mpi->Get_count(&status, mpi->byte, count);
}
