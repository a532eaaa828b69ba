// What claims are made of: memory that ends at a forbidden page, random numbers, and comparisons.
#pragma once

#include "KernelChecks.h"
#include <math.h>
#include <string.h>

/// One claim being checked on one pool.
typedef struct {
  nk_pool *pool;
  uint64_t random;   // the state of the generator: each claim sees the same numbers on every pool
  double error;      // the largest so far
  uint64_t digest;   // of the bits of all results compared so far
  struct mapping *mappings;
} check;

typedef struct {
  const char *name;
  double bound;
  void (*run)(check *c, const void *with);
  const void *with;
} claim;

/// The claims of each file, ended by one without a name.
extern const claim pool_claims[], matrix_claims[], attention_claims[], rotary_claims[], norm_claims[],
    elementwise_claims[], loss_claims[], optimizer_claims[], storage_claims[], shard_claims[],
    sampling_claims[];

// ---------------------------------------------------------------- memory

/// Memory that ends where a page begins that nobody may touch: whoever reads on, stops here.
/// It lives until `forget`.
void *guarded(check *c, int64_t bytes);
void forget(check *c);

/// Rows of floats, `stride` apart. What lies between the rows is a NaN: read, it spoils a result;
/// written, `near_all` and `same_all` notice.
typedef struct {
  int64_t rows, columns, stride;
  float *at;
} matrix;

/// All elements are NaN, so that none may stay unwritten.
matrix empty(check *c, int64_t rows, int64_t columns, int64_t padding);
/// Uniform in [−1, 1).
matrix uniform(check *c, int64_t rows, int64_t columns, int64_t padding);
matrix copy_of(check *c, matrix x);
float *uniform_row(check *c, int64_t count);

float next_uniform(check *c);
uint32_t next_bits(check *c);

// ---------------------------------------------------------------- comparisons

/// The error is |got − exact| / unit.
void near(check *c, double got, double exact, double unit);
/// The error is the number of elements whose bits differ.
void same(check *c, float got, float expected);
void same_bits(check *c, uint32_t got, uint32_t expected);
/// The error is infinite when the statement is wrong.
void holds(check *c, bool statement);

/// All elements, with exact[rows·columns] without gaps; nothing between the rows may have been written.
void near_all(check *c, matrix got, const double *exact, double unit);
void same_all(check *c, matrix got, matrix expected);
void untouched(check *c, matrix x);

double largest(const double *x, int64_t count);

// ---------------------------------------------------------------- shared references

double activation_of(nk_activation kind, double x);
double derivative_of(nk_activation kind, double x);

/// Some rows and columns of a matrix, as one that shares its memory.
static inline matrix part_of(matrix x, int64_t row, int64_t rows, int64_t column, int64_t columns) {
  return (matrix){rows, columns, x.stride, x.at + row * x.stride + column};
}
