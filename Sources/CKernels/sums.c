// Owns sums of what several tiles made of the same thing.

#include "kernels.h"
#include "vectors.h"

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
