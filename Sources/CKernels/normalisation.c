// Owns batch normalisation's passes over images: statistics, the affine map with what follows it, and their gradients.

#include "kernels.h"
#include "vectors.h"

/// Sixteen lanes of a block's per-channel values, repeated; `otherwise` without values.
#define LANES(name, values, from, block, otherwise)                                  \
  v16 name;                                                                          \
  for (int64_t lane_ = 0; lane_ < 16; lane_++)                                       \
    name[lane_] = (values) ? ((const float *)(values))[(from) + lane_ % (block)] : (otherwise)

/// Adds up the lanes that belong to one channel.
#define FOLD(sum, block, target)                                                     \
  for (int64_t channel_ = 0; channel_ < (block); channel_++) {                       \
    float total_ = 0;                                                                \
    for (int64_t lane_ = channel_; lane_ < 16; lane_ += (block)) total_ += (sum)[lane_]; \
    (target)[channel_] = total_;                                                     \
  }

FOR_EACH_PROCESSOR
void kernels_normalise(
    struct kernels_images shape, const float *x, const float *scale, const float *shift,
    struct kernels_addend addend, bool relu, float *y) {
  int64_t size = shape.pixels * shape.block, whole = size & ~15;
  for (int64_t plane = 0; plane < shape.images * shape.blocks; plane++) {
    int64_t first = plane % shape.blocks * shape.block;
    LANES(a, scale, first, shape.block, 1);
    LANES(b, shift, first, shape.block, 0);
    LANES(a2, addend.scale, first, shape.block, 1);
    LANES(b2, addend.shift, first, shape.block, 0);
    const float *from = x + plane * size, *added = addend.values ? addend.values + plane * size : 0;
    float *to = y + plane * size;
    if (!added) {
      for (int64_t i = 0; i < whole; i += 16) {
        v16 value = a * LOAD(from + i) + b;
        if (relu) value = UNLESS(value <= 0, value);
        STORE(to + i, value);
      }
    } else if (!addend.scale) {
      for (int64_t i = 0; i < whole; i += 16) {
        v16 value = a * LOAD(from + i) + b + LOAD(added + i);
        if (relu) value = UNLESS(value <= 0, value);
        STORE(to + i, value);
      }
    } else {
      for (int64_t i = 0; i < whole; i += 16) {
        v16 value = a * LOAD(from + i) + b + (a2 * LOAD(added + i) + b2);
        if (relu) value = UNLESS(value <= 0, value);
        STORE(to + i, value);
      }
    }
    for (int64_t i = whole; i < size; i++) {
      int64_t lane = i & 15;
      float value = a[lane] * from[i] + b[lane];
      if (added) value += addend.scale ? a2[lane] * added[i] + b2[lane] : added[i];
      to[i] = relu && value <= 0 ? 0 : value;
    }
  }
}

FOR_EACH_PROCESSOR
void kernels_moments(struct kernels_images shape, const float *x, float *sums) {
  int64_t size = shape.pixels * shape.block, whole = size & ~15, channels = shape.blocks * shape.block;
  for (int64_t plane = 0; plane < shape.images * shape.blocks; plane++) {
    const float *from = x + plane * size;
    float *target = sums + plane / shape.blocks * 3 * channels + plane % shape.blocks * shape.block;
    LANES(k, from, 0, shape.block, 0);
    v16 s = {0}, t = {0}, s2 = {0}, t2 = {0};
    int64_t i = 0;
    for (; i + 32 <= size; i += 32) {
      v16 u = LOAD(from + i) - k, w = LOAD(from + i + 16) - k;
      s += u;
      s2 += w;
      t += u * u;
      t2 += w * w;
    }
    for (; i < whole; i += 16) {
      v16 u = LOAD(from + i) - k;
      s += u;
      t += u * u;
    }
    s += s2;
    t += t2;
    for (; i < size; i++) {
      float u = from[i] - k[i & 15];
      s[i & 15] += u;
      t[i & 15] += u * u;
    }
    for (int64_t c = 0; c < shape.block; c++) target[c] = k[c];
    FOLD(s, shape.block, target + channels);
    FOLD(t, shape.block, target + 2 * channels);
  }
}

FOR_EACH_PROCESSOR
void kernels_normalise_sums(
    struct kernels_images shape, const float *d, const float *e, struct kernels_mask mask, const float *x,
    const float *mean, float *g, float *sums) {
  int64_t size = shape.pixels * shape.block, whole = size & ~15, channels = shape.blocks * shape.block;
  for (int64_t plane = 0; plane < shape.images * shape.blocks; plane++) {
    int64_t first = plane % shape.blocks * shape.block, at = plane * size;
    float *target = sums + plane / shape.blocks * 2 * channels + first;
    LANES(m, mean, first, shape.block, 0);
    LANES(a, mask.scale, first, shape.block, 0);
    LANES(b, mask.shift, first, shape.block, 0);
    v16 s = {0}, t = {0};
    for (int64_t i = at; i < at + whole; i += 16) {
      v16 value = LOAD(d + i), input = LOAD(x + i);
      if (e) value += LOAD(e + i);
      if (mask.output) value = UNLESS(LOAD(mask.output + i) <= 0, value);
      else if (mask.scale) value = UNLESS(a * input + b <= 0, value);
      if (g) STORE(g + i, value);
      s += value;
      t += value * (input - m);
    }
    for (int64_t i = at + whole; i < at + size; i++) {
      int64_t lane = (i - at) & 15;
      float value = d[i] + (e ? e[i] : 0);
      if (mask.output ? mask.output[i] <= 0 : mask.scale ? a[lane] * x[i] + b[lane] <= 0 : false) value = 0;
      if (g) g[i] = value;
      s[lane] += value;
      t[lane] += value * (x[i] - m[lane]);
    }
    FOLD(s, shape.block, target);
    FOLD(t, shape.block, target + channels);
  }
}

FOR_EACH_PROCESSOR
void kernels_normalise_gradient(
    struct kernels_images shape, const float *d, struct kernels_mask mask, const float *x, const float *mean,
    const float *a, const float *b, const float *c, float *dx) {
  int64_t size = shape.pixels * shape.block, whole = size & ~15;
  for (int64_t plane = 0; plane < shape.images * shape.blocks; plane++) {
    int64_t first = plane % shape.blocks * shape.block, at = plane * size;
    LANES(m, mean, first, shape.block, 0);
    LANES(scale, mask.scale, first, shape.block, 0);
    LANES(shift, mask.shift, first, shape.block, 0);
    LANES(va, a, first, shape.block, 0);
    LANES(vb, b, first, shape.block, 0);
    LANES(vc, c, first, shape.block, 0);
    for (int64_t i = at; i < at + whole; i += 16) {
      v16 value = LOAD(d + i), input = LOAD(x + i);
      if (mask.output) value = UNLESS(LOAD(mask.output + i) <= 0, value);
      else if (mask.scale) value = UNLESS(scale * input + shift <= 0, value);
      STORE(dx + i, va * value + vb * (input - m) + vc);
    }
    for (int64_t i = at + whole; i < at + size; i++) {
      int64_t lane = (i - at) & 15;
      float value = d[i];
      if (mask.output ? mask.output[i] <= 0 : mask.scale ? scale[lane] * x[i] + shift[lane] <= 0 : false) value = 0;
      dx[i] = va[lane] * value + vb[lane] * (x[i] - m[lane]) + vc[lane];
    }
  }
}
