#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE
#include "check.h"
#include <stdlib.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static const uint32_t POISON = 0x7FC0DEAD;

// Bytes before the forbidden page. Zero, except under emulators that read more than an instruction does.
#ifndef KERNEL_CHECKS_SLACK
#define KERNEL_CHECKS_SLACK 0
#endif

struct mapping {
  struct mapping *next;
  void *at;
  size_t size;
};

void *guarded(check *c, int64_t bytes) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), slack = KERNEL_CHECKS_SLACK,
         inside = ((size_t)bytes + slack + page - 1) / page * page;
  char *at = mmap(NULL, inside + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct mapping *mapping = malloc(sizeof *mapping);
  if (at == MAP_FAILED || !mapping || mprotect(at + inside, page, PROT_NONE) != 0) abort();
  *mapping = (struct mapping){c->mappings, at, inside + page};
  c->mappings = mapping;
  return at + inside - slack - bytes;
}

void forget(check *c) {
  while (c->mappings) {
    struct mapping *mapping = c->mappings;
    c->mappings = mapping->next;
    munmap(mapping->at, mapping->size);
    free(mapping);
  }
}

uint32_t next_bits(check *c) {  // SplitMix64 (Steele et al. 2014)
  uint64_t z = c->random += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return (uint32_t)((z ^ (z >> 31)) >> 32);
}

float next_uniform(check *c) { return (float)((int32_t)next_bits(c) >> 8) * 0x1p-23f; }

matrix empty(check *c, int64_t rows, int64_t columns, int64_t padding) {
  matrix x = {rows, columns, columns + padding, NULL};
  int64_t count = rows ? (rows - 1) * x.stride + columns : 0;
  x.at = guarded(c, count * (int64_t)sizeof(float));
  for (int64_t i = 0; i < count; i++) memcpy(x.at + i, &POISON, 4);
  return x;
}

matrix uniform(check *c, int64_t rows, int64_t columns, int64_t padding) {
  matrix x = empty(c, rows, columns, padding);
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < columns; j++) x.at[i * x.stride + j] = next_uniform(c);
  return x;
}

matrix copy_of(check *c, matrix x) {
  matrix y = empty(c, x.rows, x.columns, x.stride - x.columns);
  for (int64_t i = 0; i < x.rows; i++)
    memcpy(y.at + i * y.stride, x.at + i * x.stride, (size_t)x.columns * sizeof(float));
  return y;
}

float *uniform_row(check *c, int64_t count) { return uniform(c, 1, count, 0).at; }

static void add_error(check *c, double error) {
  if (!(error <= c->error)) c->error = error == error ? error : INFINITY;
}

static uint32_t bits_of(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  return bits;
}

static void digest(check *c, uint64_t bits) { c->digest = (c->digest ^ bits) * 0x100000001B3u; }  // as FNV-1a

void near(check *c, double got, double exact, double unit) {
  uint64_t bits;
  memcpy(&bits, &got, 8);
  digest(c, bits);
  if (got != exact) add_error(c, fabs(got - exact) / unit);
}

void same_bits(check *c, uint32_t got, uint32_t expected) {
  digest(c, got);
  if (got != expected) c->error += 1;
}

void same(check *c, float got, float expected) { same_bits(c, bits_of(got), bits_of(expected)); }

void holds(check *c, bool statement) {
  if (!statement) c->error = INFINITY;
}

void untouched(check *c, matrix x) {
  for (int64_t i = 0; i + 1 < x.rows; i++)
    for (int64_t j = x.columns; j < x.stride; j++) holds(c, bits_of(x.at[i * x.stride + j]) == POISON);
}

void near_all(check *c, matrix got, const double *exact, double unit) {
  for (int64_t i = 0; i < got.rows; i++)
    for (int64_t j = 0; j < got.columns; j++)
      near(c, got.at[i * got.stride + j], exact[i * got.columns + j], unit);
  untouched(c, got);
}

void same_all(check *c, matrix got, matrix expected) {
  for (int64_t i = 0; i < got.rows; i++)
    for (int64_t j = 0; j < got.columns; j++)
      same(c, got.at[i * got.stride + j], expected.at[i * expected.stride + j]);
}

double largest(const double *x, int64_t count) {
  double most = 0;
  for (int64_t i = 0; i < count; i++)
    if (fabs(x[i]) > most) most = fabs(x[i]);
  return most;
}

/// Checks one claim on every pool; returns how many of its two halves fail.
static int check_claim(const claim *claim, nk_pool **pools, int count, nk_check_report report, void *context) {
  check c = {0};
  uint64_t digest = 0;
  int other = 0;
  for (int i = 0; i < count; i++) {
    c.pool = pools[i];
    c.random = 1;
    c.digest = 0xCBF29CE484222325u;
    claim->run(&c, claim->with);
    forget(&c);
    if (i == 0) digest = c.digest;
    other += c.digest != digest;
  }
  char name[160];
  snprintf(name, sizeof name, "%s: the same bits on every number of threads", claim->name);
  report(context, claim->name, c.error, claim->bound, c.error <= claim->bound);
  report(context, name, other, 0, other == 0);
  return (c.error > claim->bound) + (other != 0);
}

int nk_check_all(nk_isa isa, int most_threads, nk_check_report report, void *context) {
  const claim *all[] = {pool_claims,        matrix_claims, attention_claims, rotary_claims,  norm_claims,
                        elementwise_claims, loss_claims,   optimizer_claims, storage_claims, shard_claims,
                        sampling_claims};
  nk_pool **pools = calloc((size_t)most_threads, sizeof *pools);
  int failures = 0, started = 0;
  while (started < most_threads && (pools[started] = nk_pool_create(started + 1, isa))) started++;
  if (started < most_threads) failures = -1;
  for (size_t file = 0; failures >= 0 && file < sizeof all / sizeof *all; file++)
    for (const claim *claim = all[file]; claim->name; claim++)
      failures += check_claim(claim, pools, started, report, context);
  for (int i = 0; i < started; i++) nk_pool_destroy(pools[i]);
  free(pools);
  return failures;
}
