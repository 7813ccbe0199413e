// Owns multi-head self-attention, forward and backward, one head of one image at a time: its scores stay in cache and
// are computed again for the gradient instead of being kept.

#include "tokens.h"

#include <math.h>

#include "exponential.h"
#include "folding.h"

#pragma STDC FP_CONTRACT ON

/// A head's matrices in scratch are filled up with zeros to whole blocks of sixteen rows and columns.
static int64_t padded(int64_t count) { return (count + 15) & ~15; }

/// A matrix's value in row i and column k is at values[i · row + k · column].
struct matrix {
  const float *values;
  int64_t row, column;
};

/// c (rows × ldc) = a (rows × inner) · b (inner × ldc), `vectors` vectors of four rows.
static inline __attribute__((always_inline)) void product_block(
    int vectors, int64_t inner, const float *a, int64_t row, int64_t column, const float *b, int64_t ldb,
    float *c) {
  v16 sums[4][4];
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < vectors; j++) sums[i][j] = (v16){0};
  for (int64_t k = 0; k < inner; k++)
    for (int j = 0; j < vectors; j++) {
      v16 values = LOAD(b + k * ldb + 16 * j);
      for (int i = 0; i < 4; i++) sums[i][j] += a[i * row + k * column] * values;
    }
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < vectors; j++) STORE(c + i * ldb + 16 * j, sums[i][j]);
}

/// c = a · b for the first `rows` rows (and up to three more); b and c have `width` columns, whole vectors.
static inline __attribute__((always_inline)) void product(
    int64_t rows, int64_t inner, int64_t width, struct matrix a, const float *b, float *c) {
  for (int64_t j = 0; j < width;) {
    // Five vectors are three and two rather than four and one.
    int64_t left = (width - j) / 16, vectors = left <= 4 ? left : left < 8 ? (left + 1) / 2 : 4;
    for (int64_t i = 0; i < rows; i += 4) {
      const float *from = a.values + i * a.row, *by = b + j;
      float *to = c + i * width + j;
      switch (vectors) {
        case 1: product_block(1, inner, from, a.row, a.column, by, width, to); break;
        case 2: product_block(2, inner, from, a.row, a.column, by, width, to); break;
        case 3: product_block(3, inner, from, a.row, a.column, by, width, to); break;
        default: product_block(4, inner, from, a.row, a.column, by, width, to);
      }
    }
    j += 16 * vectors;
  }
}

/// A head's values times `factor`, rows of `stride` floats, into padded rows of scratch.
static inline __attribute__((always_inline)) void gather(
    int64_t tokens, int64_t width, const float *from, int64_t stride, float factor, float *to) {
  int64_t whole = width & ~15;
  for (int64_t t = 0; t < tokens; t++, from += stride, to += padded(width)) {
    for (int64_t i = 0; i < whole; i += 16) STORE(to + i, factor * LOAD(from + i));
    for (int64_t i = whole; i < width; i++) to[i] = factor * from[i];
  }
}

static inline __attribute__((always_inline)) void scatter(
    int64_t tokens, int64_t width, const float *from, float factor, float *to, int64_t stride) {
  int64_t whole = width & ~15;
  for (int64_t t = 0; t < tokens; t++, from += padded(width), to += stride) {
    for (int64_t i = 0; i < whole; i += 16) STORE(to + i, factor * LOAD(from + i));
    for (int64_t i = whole; i < width; i++) to[i] = factor * from[i];
  }
}

/// A padded matrix of rows × columns, transposed.
static inline __attribute__((always_inline)) void transpose(
    int64_t rows, int64_t columns, const float *from, float *to) {
  for (int64_t i = 0; i < rows; i += 16)
    for (int64_t j = 0; j < columns; j += 16) {
      v16 r[16];
      for (int k = 0; k < 16; k++) r[k] = LOAD(from + (i + k) * columns + j);
      for (int k = 0; k < 16; k += 2) {
        v16 a = r[k], b = r[k + 1];
        r[k] = __builtin_shufflevector(a, b, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30);
        r[k + 1] = __builtin_shufflevector(a, b, 1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31);
      }
      for (int k = 0; k < 16; k += k % 2 ? 3 : 1) {
        v16 a = r[k], b = r[k + 2];
        r[k] = __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29);
        r[k + 2] = __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31);
      }
      for (int k = 0; k < 16; k += k % 4 == 3 ? 5 : 1) {
        v16 a = r[k], b = r[k + 4];
        r[k] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27);
        r[k + 4] = __builtin_shufflevector(a, b, 4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31);
      }
      for (int k = 0; k < 8; k++) {
        v16 a = r[k], b = r[k + 8];
        STORE(to + (j + k) * rows + i,
              __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23));
        STORE(to + (j + k + 8) * rows + i,
              __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31));
      }
    }
}

int64_t kernels_attention_scratch(struct kernels_heads s) {
  return padded(s.tokens) * (5 * padded(s.width) + padded(s.tokens));
}

int64_t kernels_attention_gradient_scratch(struct kernels_heads s) {
  return padded(s.tokens) * (7 * padded(s.width) + 2 * padded(s.tokens));
}

FOR_EACH_PROCESSOR
void kernels_attention(
    struct kernels_heads s, const float *x, float *y, float *moments, float *scratch) {
  int64_t all = s.heads * s.width, height = padded(s.tokens), width = padded(s.width), columns = padded(s.tokens);
  memset(scratch, 0, (size_t)kernels_attention_scratch(s) * sizeof *scratch);
  int64_t size = height * width;
  float *q = scratch, *k = q + size, *keys = k + size, *v = keys + size, *o = v + size, *p = o + size;
  struct matrix queries = {q, width, 1}, weights = {p, columns, 1};
  for (int64_t head = 0; head < s.images * s.heads; head++, moments += 2 * s.tokens) {
    int64_t image = head / s.heads, first = head % s.heads * s.width;
    const float *from = x + image * s.tokens * 3 * all + first;
    gather(s.tokens, s.width, from, 3 * all, 1 / sqrtf((float)s.width), q);
    gather(s.tokens, s.width, from + all, 3 * all, 1, k);
    transpose(height, width, k, keys);
    gather(s.tokens, s.width, from + 2 * all, 3 * all, 1, v);
    product(s.tokens, s.width, columns, queries, keys, p);
    for (int64_t t = 0; t < s.tokens; t++) {
      float *row = p + t * columns;
      for (int64_t i = s.tokens; i < columns; i++) row[i] = -INFINITY;
      v16 most = LOAD(row);
      for (int64_t i = 16; i < columns; i += 16) {
        v16 values = LOAD(row + i);
        larger(&most, &values);
      }
      FOLD_LANES(largest, most, larger);
      v16 sums = {0};
      for (int64_t i = 0; i < columns; i += 16) {
        v16 value = LOAD(row + i) - largest;
        exponential(&value, &value);
        STORE(row + i, value);
        sums += value;
      }
      FOLD_LANES(sum, sums, add);
      float inverse = 1 / sum;
      for (int64_t i = 0; i < columns; i += 16) STORE(row + i, LOAD(row + i) * inverse);
      moments[2 * t] = largest;
      moments[2 * t + 1] = inverse;
    }
    product(s.tokens, s.tokens, width, weights, v, o);
    scatter(s.tokens, s.width, o, 1, y + image * s.tokens * all + first, all);
  }
}

// With P = softmax(S), S = QKᵀ/√width, Y = PV: dV = PᵀdY, dP = dY Vᵀ, dS = P ∘ (dP − Σ P ∘ dP by row),
// dQ = dS K/√width, dK = dSᵀ Q/√width.
FOR_EACH_PROCESSOR
void kernels_attention_gradient(
    struct kernels_heads s, const float *x, const float *moments, const float *dy, float *dx,
    float *scratch) {
  int64_t all = s.heads * s.width, height = padded(s.tokens), width = padded(s.width), columns = padded(s.tokens);
  float factor = 1 / sqrtf((float)s.width);
  memset(scratch, 0, (size_t)kernels_attention_gradient_scratch(s) * sizeof *scratch);
  int64_t size = height * width;
  float *q = scratch, *k = q + size, *keys = k + size, *v = keys + size, *values = v + size, *d = values + size;
  float *result = d + size, *p = result + size, *ds = p + height * columns;
  for (int64_t head = 0; head < s.images * s.heads; head++, moments += 2 * s.tokens) {
    int64_t image = head / s.heads, first = head % s.heads * s.width;
    const float *from = x + image * s.tokens * 3 * all + first;
    float *to = dx + image * s.tokens * 3 * all + first;
    gather(s.tokens, s.width, from, 3 * all, factor, q);
    gather(s.tokens, s.width, from + all, 3 * all, 1, k);
    transpose(height, width, k, keys);
    gather(s.tokens, s.width, from + 2 * all, 3 * all, 1, v);
    transpose(height, width, v, values);
    gather(s.tokens, s.width, dy + image * s.tokens * all + first, all, 1, d);
    product(s.tokens, s.width, columns, (struct matrix){q, width, 1}, keys, p);
    product(s.tokens, s.width, columns, (struct matrix){d, width, 1}, values, ds);
    for (int64_t t = 0; t < s.tokens; t++) {
      float *row = p + t * columns, *slope = ds + t * columns;
      for (int64_t i = s.tokens; i < columns; i++) row[i] = -INFINITY;
      v16 products = {0};
      for (int64_t i = 0; i < columns; i += 16) {
        v16 value = LOAD(row + i) - moments[2 * t];
        exponential(&value, &value);
        value *= moments[2 * t + 1];
        STORE(row + i, value);
        products += value * LOAD(slope + i);
      }
      FOLD_LANES(sum, products, add);
      for (int64_t i = 0; i < columns; i += 16) STORE(slope + i, LOAD(row + i) * (LOAD(slope + i) - sum));
    }
    product(s.tokens, s.tokens, width, (struct matrix){ds, columns, 1}, k, result);
    scatter(s.tokens, s.width, result, factor, to, 3 * all);
    product(s.tokens, s.tokens, width, (struct matrix){ds, 1, columns}, q, result);
    scatter(s.tokens, s.width, result, 1, to + all, 3 * all);
    product(s.tokens, s.tokens, width, (struct matrix){p, 1, columns}, d, result);
    scatter(s.tokens, s.width, result, 1, to + 2 * all, 3 * all);
  }
}
