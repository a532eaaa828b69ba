// Functions of one element, and SwiGLU and dropout.
#include "check.h"

double activation_of(nk_activation kind, double x) {
  switch (kind) {
  case NK_NONE: return x;
  case NK_GELU_TANH: return 0.5 * x * (1 + tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  case NK_GELU_ERF: return 0.5 * x * erfc(-x / sqrt(2));
  case NK_SQUARED_RELU: return x > 0 ? x * x : 0;
  case NK_SILU: return x / (1 + exp(-x));
  }
  return NAN;
}

double derivative_of(nk_activation kind, double x) {
  double t = tanh(sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)), s = 1 / (1 + exp(-x));
  switch (kind) {
  case NK_NONE: return 1;
  case NK_GELU_TANH:
    return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * sqrt(2 / M_PI) * (1 + 3 * 0.044715 * x * x);
  case NK_GELU_ERF: return 0.5 * erfc(-x / sqrt(2)) + x * exp(-x * x / 2) / sqrt(2 * M_PI);
  case NK_SQUARED_RELU: return x > 0 ? 2 * x : 0;
  case NK_SILU: return s + x * s * (1 - s);
  }
  return NAN;
}

/// y = f(x, dy, y before), its exact value, and the unit of its error.
typedef struct operation operation;
struct operation {
  void (*run)(nk_pool *pool, const operation *o, float *y, const float *x, const float *dy, int64_t count);
  double (*exact)(const operation *o, double x, double dy, double y, double *unit);
  nk_activation kind;
  float low, high;
};

static void run_exp(nk_pool *p, const operation *o, float *y, const float *x, const float *dy, int64_t n) {
  (void)o, (void)dy;
  nk_exp(p, y, x, n);
}
static void run_tanh(nk_pool *p, const operation *o, float *y, const float *x, const float *dy, int64_t n) {
  (void)o, (void)dy;
  nk_tanh(p, y, x, n);
}
static void run_erf(nk_pool *p, const operation *o, float *y, const float *x, const float *dy, int64_t n) {
  (void)o, (void)dy;
  nk_erf(p, y, x, n);
}
static void run_scale(nk_pool *p, const operation *o, float *y, const float *x, const float *dy, int64_t n) {
  (void)o, (void)dy;
  nk_scale(p, y, x, n, 0.3f);
}
static void run_add_scaled(nk_pool *p, const operation *o, float *y, const float *x, const float *dy, int64_t n) {
  (void)o, (void)dy;
  nk_add_scaled(p, y, x, n, 0.3f);
}
static void run_activate(nk_pool *p, const operation *o, float *y, const float *x, const float *dy, int64_t n) {
  (void)dy;
  nk_activate(p, o->kind, y, x, n);
}
static void run_backward(nk_pool *p, const operation *o, float *y, const float *x, const float *dy, int64_t n) {
  nk_activate_backward(p, o->kind, y, dy, x, n);
}

static void run_tanh_backward(nk_pool *p, const operation *o, float *y, const float *x, const float *dy, int64_t n) {
  (void)o;
  nk_tanh_backward(p, y, dy, x, n);
}

static double exact_exp(const operation *o, double x, double dy, double y, double *unit) {
  (void)o, (void)dy, (void)y;
  return *unit = exp(x);
}
static double exact_tanh(const operation *o, double x, double dy, double y, double *unit) {
  (void)o, (void)dy, (void)y;
  *unit = fabs(tanh(x)) + 0x1p-126;
  return tanh(x);
}
static double exact_tanh_backward(const operation *o, double x, double dy, double y, double *unit) {
  (void)o, (void)y;
  *unit = fabs(dy) * (1 - x * x);
  return dy * (1 - x * x);
}
static double exact_erf(const operation *o, double x, double dy, double y, double *unit) {
  (void)o, (void)dy, (void)y;
  *unit = fmin(fabs(erf(x)) + 0x1p-126, 0.5);  // 4e-7 relative and 2e-7 absolute
  return erf(x);
}
static double exact_scale(const operation *o, double x, double dy, double y, double *unit) {
  (void)o, (void)dy, (void)y;
  *unit = 0;
  return (float)(x * (double)0.3f);  // exact in double precision, so rounded once
}
static double exact_add_scaled(const operation *o, double x, double dy, double y, double *unit) {
  (void)o, (void)dy;
  *unit = fabs(y) + fabs(x * (double)0.3f);
  return y + x * (double)0.3f;
}
static double exact_activate(const operation *o, double x, double dy, double y, double *unit) {
  (void)dy, (void)y;
  *unit = fabs(x) * fmax(1, fabs(x)) + 0x1p-126;
  return activation_of(o->kind, x);
}
static double exact_backward(const operation *o, double x, double dy, double y, double *unit) {
  (void)y;
  *unit = fabs(dy) * (1 + fabs(x));
  return dy * derivative_of(o->kind, x);
}

// Beside the widths of vectors and the chunks that threads take.
static const int64_t counts[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 4095, 4096, 4097, 9001};
enum { COUNTS = sizeof counts / sizeof *counts };

static matrix spread(check *c, int64_t count, float low, float high) {
  matrix x = uniform(c, 1, count, 0);
  for (int64_t i = 0; i < count; i++) {
    x.at[i] = low + (high - low) * (x.at[i] + 1) / 2;
    if (i % 7 == 3) x.at[i] *= 1e-3f;
  }
  return x;
}

static void applies(check *c, const void *with) {
  const operation *o = with;
  for (int n = 0; n < COUNTS; n++) {
    matrix x = spread(c, counts[n], o->low, o->high), dy = uniform(c, 1, counts[n], 0);
    matrix before = uniform(c, 1, counts[n], 0), y = copy_of(c, before);
    o->run(c->pool, o, y.at, x.at, dy.at, counts[n]);
    for (int64_t i = 0; i < counts[n]; i++) {
      double unit, exact = o->exact(o, x.at[i], dy.at[i], before.at[i], &unit);
      near(c, y.at[i], exact, unit);
    }
    forget(c);
  }
}

/// Whether an element stands in a whole vector or in the rest must not show.
static void does_not_depend_on_neighbours(check *c, const void *with) {
  const operation *o = with;
  int64_t count = 700;
  matrix x = spread(c, count, o->low, o->high), dy = uniform(c, 1, count, 0), before = uniform(c, 1, count, 0);
  matrix y = copy_of(c, before);
  o->run(c->pool, o, y.at, x.at, dy.at, count);
  for (int64_t first = 0, part = 1; first + part <= count; first += part, part = part * 2 % 61 + 1) {
    matrix got = copy_of(c, part_of(before, 0, 1, first, part));
    o->run(c->pool, o, got.at, x.at + first, dy.at + first, part);
    same_all(c, got, part_of(y, 0, 1, first, part));
  }
}

static void limits(check *c, const void *with) {
  (void)with;
  float x[] = {INFINITY, -INFINITY, NAN, 0, -0.0f, 200, -200, 88.8f, -87.4f};
  enum { COUNT = sizeof x / sizeof *x };
  float e[COUNT], t[COUNT], f[COUNT];
  nk_exp(c->pool, e, x, COUNT);
  nk_tanh(c->pool, t, x, COUNT);
  nk_erf(c->pool, f, x, COUNT);
  holds(c, e[0] == INFINITY && e[1] == 0 && e[2] != e[2] && e[3] == 1 && e[4] == 1 && e[5] == INFINITY);
  holds(c, e[6] == 0 && e[7] == INFINITY && e[8] == 0);
  holds(c, t[0] == 1 && t[1] == -1 && t[2] != t[2] && t[3] == 0 && t[4] == 0 && t[5] == 1 && t[6] == -1);
  holds(c, f[0] == 1 && f[1] == -1 && f[2] != f[2] && f[3] == 0 && f[4] == 0 && f[5] == 1 && f[6] == -1);
}

// ---------------------------------------------------------------- SwiGLU

static void swiglu(check *c, const void *with) {
  (void)with;
  for (int64_t width = 1; width <= 67; width += 11)
    for (int64_t rows = 1; rows <= 19; rows += 9) {
      matrix x = spread(c, rows * 2 * width, -9, 9), dy = uniform(c, rows, width, 0);
      matrix y = empty(c, rows, width, 0), again = empty(c, rows, width, 0), dx = empty(c, rows, 2 * width, 0);
      matrix alone = empty(c, rows, 2 * width, 0);
      nk_swiglu_forward(c->pool, x.at, y.at, rows, width);
      nk_swiglu_backward(c->pool, dy.at, x.at, dx.at, again.at, rows, width);
      nk_swiglu_backward(c->pool, dy.at, x.at, alone.at, NULL, rows, width);
      for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < width; j++) {
          double gate = x.at[i * 2 * width + j], value = x.at[i * 2 * width + width + j];
          double d = dy.at[i * width + j], unit = fabs(gate * value) + 0x1p-126;
          near(c, y.at[i * width + j], activation_of(NK_SILU, gate) * value, unit);
          near(c, again.at[i * width + j], activation_of(NK_SILU, gate) * value, unit);
          near(c, dx.at[i * 2 * width + j], d * value * derivative_of(NK_SILU, gate),
               fabs(d * value) * (1 + fabs(gate)));
          near(c, dx.at[i * 2 * width + width + j], d * activation_of(NK_SILU, gate),
               fabs(d * gate) + 0x1p-126);
        }
      for (int64_t i = 0; i < rows * 2 * width; i++) holds(c, alone.at[i] == dx.at[i]);
      forget(c);
    }
}

static void swiglu_does_not_depend_on_neighbours(check *c, const void *with) {
  (void)with;
  int64_t rows = 20, width = 37;
  matrix x = spread(c, rows * 2 * width, -9, 9), y = empty(c, rows, width, 0), row = empty(c, 1, width, 0);
  nk_swiglu_forward(c->pool, x.at, y.at, rows, width);
  for (int64_t i = 0; i < rows; i++) {
    nk_swiglu_forward(c->pool, x.at + i * 2 * width, row.at, 1, width);
    same_all(c, row, part_of(y, i, 1, 0, width));
  }
}

#define OPERATION(...) &(const operation){__VA_ARGS__}
#define ACTIVATE(k) OPERATION(run_activate, exact_activate, k, -12, 12)
#define BACKWARD(k) OPERATION(run_backward, exact_backward, k, -12, 12)
#define BOTH(name, bound, ...)                                                        \
  {name, bound, applies, OPERATION(__VA_ARGS__)},                                     \
  {name " does not depend on its neighbours", 0, does_not_depend_on_neighbours, OPERATION(__VA_ARGS__)}

const claim elementwise_claims[] = {
    BOTH("exp", 2e-7, run_exp, exact_exp, 0, -87.3f, 88.7f),
    BOTH("tanh", 4e-7, run_tanh, exact_tanh, 0, -15, 15),
    BOTH("erf", 4e-7, run_erf, exact_erf, 0, -6, 6),
    BOTH("scale", 0, run_scale, exact_scale, 0, -100, 100),
    BOTH("add scaled", 1.2e-7, run_add_scaled, exact_add_scaled, 0, -10, 10),
    {"exp, tanh and erf at zero, infinity and NaN", 0, limits, NULL},
    {"activation: none", 0, applies, ACTIVATE(NK_NONE)},
    BOTH("activation: GeLU (tanh)", 3e-7, run_activate, exact_activate, NK_GELU_TANH, -12, 12),
    BOTH("activation: GeLU (erf)", 3e-7, run_activate, exact_activate, NK_GELU_ERF, -12, 12),
    BOTH("activation: squared ReLU", 1.2e-7, run_activate, exact_activate, NK_SQUARED_RELU, -12, 12),
    BOTH("activation: SiLU", 3e-7, run_activate, exact_activate, NK_SILU, -12, 12),
    {"derivative: none", 0, applies, BACKWARD(NK_NONE)},
    BOTH("derivative: GeLU (tanh)", 6e-7, run_backward, exact_backward, NK_GELU_TANH, -12, 12),
    BOTH("derivative: GeLU (erf)", 3e-7, run_backward, exact_backward, NK_GELU_ERF, -12, 12),
    BOTH("derivative: squared ReLU", 2e-7, run_backward, exact_backward, NK_SQUARED_RELU, -12, 12),
    BOTH("derivative: SiLU", 3e-7, run_backward, exact_backward, NK_SILU, -12, 12),
    BOTH("derivative: tanh, of its value", 2.4e-7, run_tanh_backward, exact_tanh_backward, 0, -1, 1),
    {"SwiGLU forward and backward", 5e-7, swiglu, NULL},
    {"SwiGLU does not depend on its neighbours", 0, swiglu_does_not_depend_on_neighbours, NULL},
    {0},
};
