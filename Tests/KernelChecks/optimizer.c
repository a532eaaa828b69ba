// Updates and the norm of the gradients. The unit of an error is the sum of the absolute values of its terms.
#include "check.h"

static const int64_t counts[] = {0, 1, 3, 15, 16, 17, 33, 16383, 16384, 16385, 33000};
enum { COUNTS = sizeof counts / sizeof *counts };

typedef struct {
  float learning_rate, momentum, decay, scale;
  bool nesterov;
} sgd_settings;

static matrix squares(check *c, int64_t count) {
  matrix v = uniform(c, 1, count, 0);
  for (int64_t i = 0; i < count; i++) v.at[i] *= v.at[i];
  return v;
}

static const nk_adamw_args adamw_args = {
    .learning_rate = 0.01f, .beta1 = 0.9f, .beta2 = 0.95f, .epsilon = 1e-8f, .weight_decay = 0.1f,
    .correction1 = 0.271f, .correction2 = 0.142625f, .gradient_scale = 0.4f};

static void adamw(check *c, const void *with) {
  const nk_adamw_args *a = with;
  for (int n = 0; n < COUNTS; n++) {
    int64_t count = counts[n];
    matrix p0 = uniform(c, 1, count, 0), g0 = uniform(c, 1, count, 0), m0 = uniform(c, 1, count, 0);
    matrix v0 = squares(c, count);
    matrix p = copy_of(c, p0), g = copy_of(c, g0), m = copy_of(c, m0), v = copy_of(c, v0);
    nk_adamw(c->pool, a, p.at, g.at, m.at, v.at, count);
    for (int64_t i = 0; i < count; i++) {
      double gradient = (double)g0.at[i] * (double)a->gradient_scale;
      double beta1 = (double)a->beta1, beta2 = (double)a->beta2, rate = (double)a->learning_rate;
      double m1 = beta1 * m0.at[i] + (1 - beta1) * gradient;
      double v1 = beta2 * v0.at[i] + (1 - beta2) * gradient * gradient;
      double update = rate * (m1 / (double)a->correction1) / (sqrt(v1 / (double)a->correction2) + (double)a->epsilon);
      double unit_m = fabs(m0.at[i]) + fabs(gradient);
      near(c, m.at[i], m1, unit_m);
      near(c, v.at[i], v1, v0.at[i] + gradient * gradient);
      // An update close to zero carries the error of m, which is one of its terms.
      near(c, p.at[i], p0.at[i] * (1 - rate * (double)a->weight_decay) - update,
           fabs(p0.at[i]) + fabs(update) * (1 + unit_m / fabs(m1)));
      same(c, g.at[i], 0);
    }
    forget(c);
  }
}

static void sgd(check *c, const void *with) {
  const sgd_settings *s = with;
  for (int n = 0; n < COUNTS; n++) {
    int64_t count = counts[n];
    matrix p0 = uniform(c, 1, count, 0), g0 = uniform(c, 1, count, 0), v0 = uniform(c, 1, count, 0);
    matrix p = copy_of(c, p0), g = copy_of(c, g0), v = copy_of(c, v0);
    nk_sgd(c->pool, s->learning_rate, s->momentum, s->nesterov, s->decay, s->scale, p.at, g.at, v.at, count);
    for (int64_t i = 0; i < count; i++) {
      double gradient = (double)s->scale * g0.at[i] + (double)s->decay * p0.at[i];
      double v1 = (double)s->momentum * v0.at[i] + gradient;
      double unit = fabs(v0.at[i]) + fabs((double)s->scale * g0.at[i]) + fabs((double)s->decay * p0.at[i]);
      near(c, v.at[i], v1, unit);
      near(c, p.at[i], p0.at[i] - (double)s->learning_rate * (s->nesterov ? gradient + (double)s->momentum * v1 : v1),
           fabs(p0.at[i]) + (double)s->learning_rate * unit);
      same(c, g.at[i], 0);
    }
    forget(c);
  }
}

/// A parameter's update is the same wherever its arena begins and ends.
static void updates_do_not_depend_on_neighbours(check *c, const void *with) {
  (void)with;
  int64_t count = 17000;
  matrix p0 = uniform(c, 1, count, 0), g0 = uniform(c, 1, count, 0), m0 = uniform(c, 1, count, 0);
  matrix v0 = squares(c, count);
  for (int adaptive = 0; adaptive < 2; adaptive++) {
    matrix p = copy_of(c, p0), g = copy_of(c, g0), m = copy_of(c, m0), v = copy_of(c, v0);
    matrix p2 = copy_of(c, p0), g2 = copy_of(c, g0), m2 = copy_of(c, m0), v2 = copy_of(c, v0);
    if (adaptive) nk_adamw(c->pool, &adamw_args, p.at, g.at, m.at, v.at, count);
    else nk_sgd(c->pool, 0.1f, 0.9f, true, 0.01f, 0.5f, p.at, g.at, v.at, count);
    for (int64_t i = 0, part = 1; i < count; i += part, part = part * 3 % 1009 + 1) {
      if (part > count - i) part = count - i;
      if (adaptive) nk_adamw(c->pool, &adamw_args, p2.at + i, g2.at + i, m2.at + i, v2.at + i, part);
      else nk_sgd(c->pool, 0.1f, 0.9f, true, 0.01f, 0.5f, p2.at + i, g2.at + i, v2.at + i, part);
    }
    same_all(c, p2, p);
    same_all(c, m2, m);
    same_all(c, v2, v);
  }
}

static void sum_of_squares(check *c, const void *with) {
  (void)with;
  for (int n = 0; n < COUNTS; n++) {
    matrix x = uniform(c, 1, counts[n], 0);
    double exact = 0, got = nk_sum_of_squares(c->pool, x.at, counts[n]);
    for (int64_t i = 0; i < counts[n]; i++) exact += (double)x.at[i] * x.at[i];
    near(c, got, exact, exact + 0x1p-126);
    forget(c);
  }
}

const claim optimizer_claims[] = {
    {"AdamW", 3e-7, adamw, &adamw_args},
    {"SGD with momentum", 4e-7, sgd, &(const sgd_settings){0.1f, 0.9f, 0.01f, 0.5f, false}},
    {"SGD with Nesterov's momentum", 4e-7, sgd, &(const sgd_settings){0.1f, 0.9f, 0.01f, 0.5f, true}},
    {"SGD without momentum", 4e-7, sgd, &(const sgd_settings){0.1f, 0, 0, 1, false}},
    {"updates do not depend on their neighbours", 0, updates_do_not_depend_on_neighbours, NULL},
    {"sum of squares", 4e-7, sum_of_squares, NULL},
    {0},
};
