// Owns what transformers do token by token: patches, embedding, layer normalisation and the Gaussian error linear unit.

#include "tokens.h"

#include <math.h>

#include "exponential.h"
#include "folding.h"

void kernels_cut_patches(struct kernels_patches s, const float *x, float *rows) {
  for (int64_t image = 0; image < s.images; image++)
    for (int64_t top = 0; top < s.height; top += s.side)
      for (int64_t left = 0; left < s.width; left += s.side)
        for (int64_t c = 0; c < s.channels; c++)
          for (int64_t i = 0; i < s.side; i++, rows += s.side)
            memcpy(
                rows, x + ((image * s.channels + c) * s.height + top + i) * s.width + left,
                (size_t)s.side * sizeof *rows);
}

void kernels_join_patches(struct kernels_patches s, const float *rows, float *x) {
  for (int64_t image = 0; image < s.images; image++)
    for (int64_t top = 0; top < s.height; top += s.side)
      for (int64_t left = 0; left < s.width; left += s.side)
        for (int64_t c = 0; c < s.channels; c++)
          for (int64_t i = 0; i < s.side; i++, rows += s.side)
            memcpy(
                x + ((image * s.channels + c) * s.height + top + i) * s.width + left, rows,
                (size_t)s.side * sizeof *rows);
}

FOR_EACH_PROCESSOR
void kernels_embed(
    int64_t images, int64_t tokens, int64_t width, const float *x, const float *first, const float *positions,
    float *y) {
  for (int64_t image = 0; image < images; image++, y += (tokens + 1) * width, x += tokens * width) {
    for (int64_t i = 0; i < width; i++) y[i] = first[i] + positions[i];
    for (int64_t i = 0; i < tokens * width; i++) y[width + i] = x[i] + positions[width + i];
  }
}

FOR_EACH_PROCESSOR
void kernels_embed_sums(
    int64_t images, int64_t tokens, int64_t width, const float *dy, float *first, float *positions) {
  int64_t size = (tokens + 1) * width;
  memcpy(positions, dy, (size_t)size * sizeof *positions);
  for (int64_t image = 1; image < images; image++)
    for (int64_t i = 0; i < size; i++) positions[i] += dy[image * size + i];
  memcpy(first, positions, (size_t)width * sizeof *first);
}

FOR_EACH_PROCESSOR
void kernels_layer_norm(
    int64_t rows, int64_t width, float epsilon, const float *x, const float *scale, const float *shift, float *y,
    float *moments) {
  int64_t whole = width & ~15;
  for (int64_t row = 0; row < rows; row++, x += width, y += width, moments += 2) {
    v16 sums = {0};
    for (int64_t i = 0; i < whole; i += 16) sums += LOAD(x + i);
    for (int64_t i = whole; i < width; i++) sums[i & 15] += x[i];
    FOLD_LANES(sum, sums, add);
    float mean = sum / (float)width;
    v16 squares = {0};
    for (int64_t i = 0; i < whole; i += 16) {
      v16 d = LOAD(x + i) - mean;
      squares += d * d;
    }
    for (int64_t i = whole; i < width; i++) squares[i & 15] += (x[i] - mean) * (x[i] - mean);
    FOLD_LANES(square, squares, add);
    float inverse = 1 / sqrtf(square / (float)width + epsilon);
    for (int64_t i = 0; i < whole; i += 16)
      STORE(y + i, (LOAD(x + i) - mean) * inverse * LOAD(scale + i) + LOAD(shift + i));
    for (int64_t i = whole; i < width; i++) y[i] = (x[i] - mean) * inverse * scale[i] + shift[i];
    moments[0] = mean;
    moments[1] = inverse;
  }
}

// With g = scale · dy and n = (x − mean)/√(variance + ε): dx = (g − mean(g) − n · mean(g · n))/√(variance + ε).
FOR_EACH_PROCESSOR
void kernels_layer_norm_gradient(
    int64_t rows, int64_t width, const float *x, const float *scale, const float *moments, const float *dy,
    float *dx) {
  int64_t whole = width & ~15;
  for (int64_t row = 0; row < rows; row++, x += width, dy += width, dx += width, moments += 2) {
    float mean = moments[0], inverse = moments[1];
    v16 sums = {0}, products = {0};
    for (int64_t i = 0; i < whole; i += 16) {
      v16 g = LOAD(scale + i) * LOAD(dy + i);
      sums += g;
      products += g * (LOAD(x + i) - mean);
    }
    for (int64_t i = whole; i < width; i++) {
      float g = scale[i] * dy[i];
      sums[i & 15] += g;
      products[i & 15] += g * (x[i] - mean);
    }
    FOLD_LANES(sum, sums, add);
    FOLD_LANES(product, products, add);
    float a = inverse * sum / (float)width, b = inverse * inverse * inverse * product / (float)width;
    for (int64_t i = 0; i < whole; i += 16)
      STORE(dx + i, inverse * (LOAD(scale + i) * LOAD(dy + i)) - a - b * (LOAD(x + i) - mean));
    for (int64_t i = whole; i < width; i++) dx[i] = inverse * (scale[i] * dy[i]) - a - b * (x[i] - mean);
  }
}

FOR_EACH_PROCESSOR
void kernels_layer_norm_sums(
    int64_t rows, int64_t width, const float *x, const float *moments, const float *dy, float *dscale,
    float *dshift) {
  memset(dscale, 0, (size_t)width * sizeof *dscale);
  memset(dshift, 0, (size_t)width * sizeof *dshift);
  // In blocks of rows, of which each column's sums are short.
  for (int64_t start = 0; start < rows; start += 64) {
    int64_t end = start + 64 < rows ? start + 64 : rows, column = 0;
    for (; column + 16 <= width; column += 16) {
      v16 s = {0}, t = {0};
      for (int64_t row = start; row < end; row++) {
        v16 d = LOAD(dy + row * width + column);
        s += d * ((LOAD(x + row * width + column) - moments[2 * row]) * moments[2 * row + 1]);
        t += d;
      }
      STORE(dscale + column, LOAD(dscale + column) + s);
      STORE(dshift + column, LOAD(dshift + column) + t);
    }
    for (; column < width; column++) {
      float s = 0, t = 0;
      for (int64_t row = start; row < end; row++) {
        float d = dy[row * width + column];
        s += d * ((x[row * width + column] - moments[2 * row]) * moments[2 * row + 1]);
        t += d;
      }
      dscale[column] += s;
      dshift[column] += t;
    }
  }
}

/// With u = |x|/√2, t = 1/(1 + 0.38 u): tail = erfc(u)/2 = Φ(−|x|), and density = φ(x), the normal distribution's. The
/// polynomial is fitted to exp(u²) erfc(u) for u ≤ 9.5, relatively, to 2e-8 (the form is that of Abramowitz & Stegun,
/// 7.1.26).
static inline __attribute__((always_inline)) void normal_tail(const v16 *x, v16 *tail, v16 *density) {
  v16 argument = *x * *x * -0.5f, e;
  exponential(&argument, &e);
  v16 magnitude = (v16)((m16)*x & 0x7fffffff);
  v16 t = 1.0f / (1.0f + magnitude * (0.38f * 0.70710678f));
  v16 p = t * 0.05887409299612045f + -0.26180922985076904f;
  p = p * t + 0.36283677816390990f;
  p = p * t + -0.16022120416164398f;
  p = p * t + 0.22911702096462250f;
  p = p * t + 0.13906298577785492f;
  p = p * t + 0.20379321277141571f;
  p = p * t + 0.21393647789955140f;
  p = p * t + 0.21440987288951874f;
  *tail = 0.5f * e * (p * t);
  *density = 0.39894228f * e;
}

static inline __attribute__((always_inline)) void gelu(const v16 *x, v16 *y) {
  v16 tail, density;
  normal_tail(x, &tail, &density);
  m16 negative = *x < 0;
  *y = *x * (v16)((negative & (m16)tail) | (~negative & (m16)(1.0f - tail)));
}

static inline __attribute__((always_inline)) void gelu_slope(const v16 *x, v16 *slope) {
  v16 tail, density;
  normal_tail(x, &tail, &density);
  m16 negative = *x < 0;
  *slope = (v16)((negative & (m16)tail) | (~negative & (m16)(1.0f - tail))) + *x * density;
}

FOR_EACH_PROCESSOR
void kernels_gelu(int64_t count, const float *x, float *y) {
  for (int64_t i = 0; i < count; i += 16) {
    v16 value = {0};
    size_t bytes = (size_t)(count - i < 16 ? count - i : 16) * sizeof *x;
    if (bytes == sizeof value) value = LOAD(x + i);
    else memcpy(&value, x + i, bytes);
    gelu(&value, &value);
    if (bytes == sizeof value) STORE(y + i, value);
    else memcpy(y + i, &value, bytes);
  }
}

FOR_EACH_PROCESSOR
void kernels_gelu_gradient(int64_t count, const float *x, const float *dy, float *dx) {
  for (int64_t i = 0; i < count; i += 16) {
    v16 value = {0}, d = {0}, slope;
    size_t bytes = (size_t)(count - i < 16 ? count - i : 16) * sizeof *x;
    if (bytes == sizeof value) value = LOAD(x + i), d = LOAD(dy + i);
    else memcpy(&value, x + i, bytes), memcpy(&d, dy + i, bytes);
    gelu_slope(&value, &slope);
    d *= slope;
    if (bytes == sizeof value) STORE(dx + i, d);
    else memcpy(dx + i, &d, bytes);
  }
}
