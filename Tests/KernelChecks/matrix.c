// nk_gemm. The unit of an error is the sum of the absolute values of all that is added: |a|·|b| + |c| + …
#include "check.h"

typedef struct {
  bool transpose_a, transpose_b;
  bool accumulate, bias, residual, activated, derivative;
  nk_activation activation;
} product;

// Beside the tiles' edges (6, 12 by 8, 16, 32), the few rows that take their own path, the blocks of k (384),
// the shares (96 rows, 256 columns) and the packed blocks (1536 rows, 2048 columns).
static const int64_t shapes[][3] = {
    {1, 1, 1},    {1, 1, 0},     {3, 5, 0},      {7, 33, 0},     {0, 4, 3},     {4, 0, 3},    {1, 50, 383},
    {2, 33, 384}, {3, 95, 385},  {4, 130, 800},  {5, 31, 64},    {6, 16, 7},    {7, 17, 9},   {12, 32, 384},
    {11, 8, 383}, {13, 33, 385}, {25, 65, 17},   {97, 257, 11},  {96, 64, 40},  {30, 40, 800}, {1540, 9, 5},
    {9, 2100, 5}, {2, 2100, 3},  {70, 530, 24},
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

typedef struct {
  matrix a, b, c, before, residual, activated, at;
  float *bias;
  nk_gemm_args args;
} operands;

static operands operands_of(check *c, const product *p, const int64_t *shape, int64_t padding) {
  int64_t m = shape[0], n = shape[1], k = shape[2];
  operands o = {
      .a = p->transpose_a ? uniform(c, k, m, padding) : uniform(c, m, k, padding),
      .b = p->transpose_b ? uniform(c, n, k, padding * 2) : uniform(c, k, n, padding * 2),
      .before = p->accumulate ? uniform(c, m, n, padding * 3) : empty(c, m, n, padding * 3),
      .residual = uniform(c, m, n, padding),
      .activated = empty(c, m, n, padding),
      .at = uniform(c, m, n, padding),
      .bias = uniform_row(c, n),
  };
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++) o.at.at[i * o.at.stride + j] *= 4;
  o.c = copy_of(c, o.before);
  o.args = (nk_gemm_args){
      .m = m, .n = n, .k = k, .a = o.a.at, .lda = o.a.stride, .transpose_a = p->transpose_a,
      .b = o.b.at, .ldb = o.b.stride, .transpose_b = p->transpose_b, .c = o.c.at, .ldc = o.c.stride,
      .accumulate = p->accumulate, .bias = p->bias ? o.bias : NULL,
      .residual = p->residual ? o.residual.at : NULL, .ldr = o.residual.stride, .activation = p->activation,
      .activated = p->activated ? o.activated.at : NULL, .ld_activated = o.activated.stride,
      .derivative_at = p->derivative ? o.at.at : NULL, .ld_derivative = o.at.stride,
  };
  return o;
}

static void check_element(check *c, const product *p, const operands *o, int64_t i, int64_t j) {
  double exact = 0, unit = 0x1p-126;
  for (int64_t k = 0; k < o->args.k; k++) {
    double a = p->transpose_a ? o->a.at[k * o->a.stride + i] : o->a.at[i * o->a.stride + k];
    double b = p->transpose_b ? o->b.at[j * o->b.stride + k] : o->b.at[k * o->b.stride + j];
    exact += a * b;
    unit += fabs(a * b);
  }
  double others[] = {p->accumulate ? o->before.at[i * o->before.stride + j] : 0, p->bias ? o->bias[j] : 0,
                     p->residual ? o->residual.at[i * o->residual.stride + j] : 0};
  for (int l = 0; l < 3; l++) {
    exact += others[l];
    unit += fabs(others[l]);
  }
  if (p->derivative) {
    double derivative = derivative_of(p->activation, o->at.at[i * o->at.stride + j]);
    exact *= derivative;
    unit *= 1 + fabs(derivative);
  }
  float got = o->c.at[i * o->c.stride + j];
  near(c, got, exact, unit);
  // The activation is one of what was stored, so its error does not contain that of the sum.
  if (p->activated)
    near(c, o->activated.at[i * o->activated.stride + j], activation_of(p->activation, got),
         fabs((double)got) * fmax(1, fabs((double)got)) + 0x1p-126);
}

static void multiplies(check *c, const void *with) {
  const product *p = with;
  for (int s = 0; s < SHAPES; s++) {
    operands o = operands_of(c, p, shapes[s], s % 3);
    nk_gemm(c->pool, &o.args);
    for (int64_t i = 0; i < o.args.m; i++)
      for (int64_t j = 0; j < o.args.n; j++) check_element(c, p, &o, i, j);
    untouched(c, o.c);
    untouched(c, o.activated);
    forget(c);
  }
}

/// Computes rows and columns of the same product apart, and expects what the whole gave.
static void parts(check *c, const product *p, const int64_t *shape) {
  static const int64_t ranges[][2] = {{0, 1}, {3, 5}, {1, 4}, {2, 6}, {5, 10}, {7, 40}, {0, 95}, {30, 110}};
  enum { RANGES = sizeof ranges / sizeof *ranges };
  operands o = operands_of(c, p, shape, 1);
  nk_gemm(c->pool, &o.args);
  for (int r = 0; r < RANGES; r++) {
    int64_t row = ranges[r][0] % shape[0], rows = ranges[r][1] - ranges[r][0];
    int64_t column = ranges[RANGES - 1 - r][0] * 2 % shape[1];
    int64_t columns = (ranges[RANGES - 1 - r][1] - ranges[RANGES - 1 - r][0]) * 2 + 1;
    if (rows > shape[0] - row) rows = shape[0] - row;
    if (columns > shape[1] - column) columns = shape[1] - column;
    matrix got = copy_of(c, part_of(o.before, row, rows, column, columns));
    matrix activated = empty(c, rows, columns, 0);
    nk_gemm_args args = o.args;
    args.m = rows;
    args.n = columns;
    args.a += p->transpose_a ? row : row * args.lda;
    args.b += p->transpose_b ? column * args.ldb : column;
    args.c = got.at;
    args.ldc = got.stride;
    if (args.bias) args.bias += column;
    if (args.residual) args.residual += row * args.ldr + column;
    if (args.derivative_at) args.derivative_at += row * args.ld_derivative + column;
    if (args.activated) {
      args.activated = activated.at;
      args.ld_activated = activated.stride;
    }
    nk_gemm(c->pool, &args);
    same_all(c, got, part_of(o.c, row, rows, column, columns));
    if (p->activated) same_all(c, activated, part_of(o.activated, row, rows, column, columns));
  }
  forget(c);
}

static void does_not_depend_on_neighbours(check *c, const void *with) {
  static const int64_t whole[][3] = {{110, 300, 390}, {13, 97, 800}, {5, 70, 64}, {3, 40, 385}};
  for (int s = 0; s < 4; s++) parts(c, with, whole[s]);
}

#define PRODUCT(...) &(const product){__VA_ARGS__}
#define NN .transpose_a = false
#define NT .transpose_b = true
#define TN .transpose_a = true
#define TT .transpose_a = true, .transpose_b = true
#define EPILOGUE .bias = true, .residual = true, .activated = true, .activation = NK_GELU_TANH

const claim matrix_claims[] = {
    {"gemm NN", 5e-7, multiplies, PRODUCT(NN)},
    {"gemm NT", 5e-7, multiplies, PRODUCT(NT)},
    {"gemm TN", 5e-7, multiplies, PRODUCT(TN)},
    {"gemm TT", 5e-7, multiplies, PRODUCT(TT)},
    {"gemm NN accumulated", 5e-7, multiplies, PRODUCT(NN, .accumulate = true)},
    {"gemm NT accumulated", 5e-7, multiplies, PRODUCT(NT, .accumulate = true)},
    {"gemm TN accumulated", 5e-7, multiplies, PRODUCT(TN, .accumulate = true)},
    {"gemm TT accumulated", 5e-7, multiplies, PRODUCT(TT, .accumulate = true)},
    {"gemm NT with bias", 5e-7, multiplies, PRODUCT(NT, .bias = true)},
    {"gemm NN with residual", 5e-7, multiplies, PRODUCT(NN, .residual = true)},
    {"gemm TN accumulated with bias and residual", 5e-7, multiplies,
     PRODUCT(TN, .accumulate = true, .bias = true, .residual = true)},
    {"gemm NT activated by nothing", 5e-7, multiplies, PRODUCT(NT, .activated = true)},
    {"gemm NT activated by GeLU (tanh)", 5e-7, multiplies, PRODUCT(NT, EPILOGUE)},
    {"gemm NN activated by GeLU (erf)", 5e-7, multiplies, PRODUCT(NN, .activated = true, .activation = NK_GELU_ERF)},
    {"gemm NT activated by squared ReLU", 5e-7, multiplies,
     PRODUCT(NT, .bias = true, .activated = true, .activation = NK_SQUARED_RELU)},
    {"gemm TN activated by SiLU", 5e-7, multiplies, PRODUCT(TN, .activated = true, .activation = NK_SILU)},
    {"gemm NN times derivative of nothing", 5e-7, multiplies, PRODUCT(NN, .derivative = true)},
    {"gemm NN times derivative of GeLU (tanh)", 1e-6, multiplies,
     PRODUCT(NN, .derivative = true, .activation = NK_GELU_TANH)},
    {"gemm NT times derivative of GeLU (erf)", 5e-7, multiplies,
     PRODUCT(NT, .derivative = true, .activation = NK_GELU_ERF)},
    {"gemm NN times derivative of squared ReLU", 5e-7, multiplies,
     PRODUCT(NN, .derivative = true, .activation = NK_SQUARED_RELU)},
    {"gemm TN times derivative of SiLU", 5e-7, multiplies,
     PRODUCT(TN, .derivative = true, .activation = NK_SILU)},
    {"gemm NN does not depend on its neighbours", 0, does_not_depend_on_neighbours, PRODUCT(NN)},
    {"gemm NT does not depend on its neighbours", 0, does_not_depend_on_neighbours, PRODUCT(NT)},
    {"gemm TN does not depend on its neighbours", 0, does_not_depend_on_neighbours, PRODUCT(TN)},
    {"gemm TT does not depend on its neighbours", 0, does_not_depend_on_neighbours, PRODUCT(TT)},
    {"gemm NT accumulated does not depend on its neighbours", 0, does_not_depend_on_neighbours,
     PRODUCT(NT, .accumulate = true)},
    {"gemm NT with epilogue does not depend on its neighbours", 0, does_not_depend_on_neighbours,
     PRODUCT(NT, EPILOGUE)},
    {"gemm NN times derivative does not depend on its neighbours", 0, does_not_depend_on_neighbours,
     PRODUCT(NN, .derivative = true, .activation = NK_GELU_ERF)},
    {0},
};
