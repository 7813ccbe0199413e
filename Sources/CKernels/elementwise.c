// Owns sums of arrays and what a ReLU lets through.

#include "kernels.h"
#include "vectors.h"

FOR_EACH_PROCESSOR
void kernels_add(int64_t count, const float *a, const float *b, const float *output, float *y) {
  int64_t whole = count & ~15;
  for (int64_t i = 0; i < whole; i += 16) {
    v16 value = LOAD(a + i);
    if (b) value += LOAD(b + i);
    if (output) value = UNLESS(LOAD(output + i) <= 0, value);
    STORE(y + i, value);
  }
  for (int64_t i = whole; i < count; i++) y[i] = output && output[i] <= 0 ? 0 : b ? a[i] + b[i] : a[i];
}

FOR_EACH_PROCESSOR
void kernels_add_relu(int64_t count, const float *a, const float *b, float *y) {
  int64_t whole = count & ~15;
  for (int64_t i = 0; i < whole; i += 16) {
    v16 value = LOAD(a + i) + LOAD(b + i);
    STORE(y + i, UNLESS(value <= 0, value));
  }
  for (int64_t i = whole; i < count; i++) {
    float value = a[i] + b[i];
    y[i] = value <= 0 ? 0 : value;
  }
}

FOR_EACH_PROCESSOR
void kernels_sum(int64_t count, const float *x, int64_t parts, int64_t stride, float *y) {
  int64_t whole = count & ~15;
  for (int64_t i = 0; i < whole; i += 16) {
    v16 total = LOAD(x + i);
    for (int64_t part = 1; part < parts; part++) total += LOAD(x + part * stride + i);
    STORE(y + i, total);
  }
  for (int64_t i = whole; i < count; i++) {
    float total = x[i];
    for (int64_t part = 1; part < parts; part++) total += x[part * stride + i];
    y[i] = total;
  }
}
