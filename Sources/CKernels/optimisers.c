// Owns the loops over all parameters of a network, and attacks' steps.

#include "optimisers.h"

#include "vectors.h"

FOR_EACH_PROCESSOR
void kernels_sgd(
    int64_t count, float *p, const float *g, float *m, float rate, float decay, float momentum, bool nesterov) {
  for (int64_t i = 0; i < count; i += 16) {
    v16 x = LOAD(p + i), d = LOAD(g + i) + decay * x, step = d;
    if (m) {
      v16 moment = momentum * LOAD(m + i) + d;
      STORE(m + i, moment);
      step = nesterov ? d + momentum * moment : moment;
    }
    STORE(p + i, x - rate * step);
  }
}

FOR_EACH_PROCESSOR
void kernels_adam_step(int64_t count, struct kernels_adam s, float *p, const float *g, float *m, float *v) {
  float mean = 1 - s.beta1, square = 1 - s.beta2;
  for (int64_t i = 0; i < count; i += 16) {
    v16 x = LOAD(p + i), d = LOAD(g + i) + s.added * x, first = LOAD(m + i);
    first += mean * (d - first);
    v16 second = s.beta2 * LOAD(v + i) + square * d * d;
    STORE(m + i, first);
    STORE(v + i, second);
    STORE(p + i, s.kept * x - s.rate * first / (__builtin_elementwise_sqrt(second) / s.scale + s.epsilon));
  }
}

FOR_EACH_PROCESSOR
void kernels_approach(int64_t count, float taken, float *a, const float *x) {
  for (int64_t i = 0; i < count; i += 16) {
    v16 before = LOAD(a + i);
    STORE(a + i, before + taken * (LOAD(x + i) - before));
  }
}

FOR_EACH_PROCESSOR
void kernels_scale(int64_t count, float factor, float *a) {
  for (int64_t i = 0; i < count; i += 16) STORE(a + i, factor * LOAD(a + i));
}

typedef double d8 __attribute__((vector_size(64)));
typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));

FOR_EACH_PROCESSOR
double kernels_sum_of_squares(int64_t count, const float *a) {
  d8 sums = {0};
  for (int64_t i = 0; i < count; i += 8) {
    d8 x = __builtin_convertvector(*(const v8 *)(a + i), d8);
    sums += x * x;
  }
  double sum = 0;
  for (int i = 0; i < 8; i++) sum += sums[i];
  return sum;
}

FOR_EACH_PROCESSOR
bool kernels_all_finite(int64_t count, const float *a) {
  // x − x is 0 for every finite x and no number for the others.
  v16 sum = {0};
  for (int64_t i = 0; i < count; i += 16) {
    v16 x = LOAD(a + i);
    sum += x - x;
  }
  bool finite = true;
  for (int i = 0; i < 16; i++) finite = finite && sum[i] == 0;
  return finite;
}

static inline __attribute__((always_inline)) float sign_step(
    float x, float g, float clean, float step, float epsilon) {
  float moved = x + (g > 0 ? step : g < 0 ? -step : 0);
  float low = clean - epsilon, high = clean + epsilon;
  float inside = moved < low ? low : moved > high ? high : moved;
  return inside < 0 ? 0 : inside > 1 ? 1 : inside;
}

FOR_EACH_PROCESSOR
void kernels_sign_step(
    int64_t pixels, float *restrict x, const float *restrict g, const float *restrict clean, float step,
    float epsilon) {
  for (int64_t i = 0; i < pixels; i++) x[i] = sign_step(x[i], g[i], clean[i], step, epsilon);
}
