// Sums and maxima over the ranks' buffers, element by element: each element is read once from every input and
// written once to every output. Plain stores: those that pass the caches by save a tenth to a quarter into another
// buffer, but in place, where the lines have just been read, take a quarter longer to twice as long.

enum { GROUP = 4 };  // vectors at a time, so that a step from input to input is worth its while

typedef uint16_t v16_unaligned __attribute__((vector_size(VECTOR_BYTES / 2), aligned(2)));

typedef struct {
  nk_pool *pool;
  const void *const *inputs;
  float *const *outputs;
  int n_inputs, n_outputs;
  int64_t first, count;
} reduce_state;

static inline __attribute__((always_inline)) vf element_vector(nk_element element, const void *input, int64_t i) {
  if (element == NK_F32) return load((const float *)input + i);
  return (vf)(__builtin_convertvector(*(const v16_unaligned *)((const uint16_t *)input + i), vi) << 16);
}

/// The first `count` < LANES elements.
static inline vf element_part(nk_element element, const void *input, int64_t i, int64_t count) {
  if (element == NK_F32) return load_part((const float *)input + i, count, 0);
  uint16_t lanes[LANES] = {0};
  memcpy(lanes, (const uint16_t *)input + i, (size_t)count * sizeof(uint16_t));
  return element_vector(element, lanes, 0);
}

static inline __attribute__((always_inline)) vf joined(nk_reduction reduction, vf a, vf b) {
  if (reduction == NK_SUM) return a + b;
  return choose((a > b) | (a != a), a, b);
}

static inline __attribute__((always_inline)) void reduce_range(const reduce_state *s, nk_reduction reduction,
                                                               nk_element element, int64_t i, int64_t end) {
  for (; i + GROUP * LANES <= end; i += GROUP * LANES) {
    vf x[GROUP];
    for (int g = 0; g < GROUP; g++) x[g] = element_vector(element, s->inputs[0], i + g * LANES);
    for (int n = 1; n < s->n_inputs; n++)
      for (int g = 0; g < GROUP; g++)
        x[g] = joined(reduction, x[g], element_vector(element, s->inputs[n], i + g * LANES));
    for (int n = 0; n < s->n_outputs; n++)
      for (int g = 0; g < GROUP; g++) store(s->outputs[n] + i + g * LANES, x[g]);
  }
  for (; i < end; i += LANES) {
    int64_t count = at_most(LANES, end - i);
    vf x = element_part(element, s->inputs[0], i, count);
    for (int n = 1; n < s->n_inputs; n++)
      x = joined(reduction, x, element_part(element, s->inputs[n], i, count));
    for (int n = 0; n < s->n_outputs; n++) store_part(s->outputs[n] + i, x, count);
  }
}

/// Declares `name_task`, the walk of one kind of reduction.
#define REDUCE(name, reduction, element)                                                     \
  static void name##_task(void *context, int worker) {                                       \
    const reduce_state *s = context;                                                         \
    (void)worker;                                                                            \
    for (int64_t begin, end; nk_claim(s->pool, s->count, CHUNK, &begin, &end);)              \
      reduce_range(s, reduction, element, s->first + begin, s->first + end);                 \
  }

REDUCE(sum_f32, NK_SUM, NK_F32)
REDUCE(sum_bf16, NK_SUM, NK_BF16)
REDUCE(max_f32, NK_MAX, NK_F32)
REDUCE(max_bf16, NK_MAX, NK_BF16)

static void reduce(nk_pool *pool, nk_reduction reduction, nk_element element, const void *const *inputs,
                   int n_inputs, float *const *outputs, int n_outputs, int64_t first, int64_t count) {
  static void (*const tasks[2][2])(void *, int) = {{sum_f32_task, sum_bf16_task}, {max_f32_task, max_bf16_task}};
  reduce_state s = {pool, inputs, outputs, n_inputs, n_outputs, first, count};
  nk_pool_loop(pool, tasks[reduction][element], &s);
}
