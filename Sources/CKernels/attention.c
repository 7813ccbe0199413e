// Owns multi-head self-attention, forward and backward, one head of one image at a time: its scores stay in cache and
// are computed again for the gradient instead of being kept.

#include "tokens.h"

#include <math.h>

#include "exponential.h"

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
  for (int64_t t = 0; t < tokens; t++)
    for (int64_t i = 0; i < width; i++) to[t * padded(width) + i] = factor * from[t * stride + i];
}

/// The same in columns.
static inline __attribute__((always_inline)) void gather_transposed(
    int64_t tokens, int64_t width, const float *from, int64_t stride, float *to) {
  for (int64_t i = 0; i < width; i++)
    for (int64_t t = 0; t < tokens; t++) to[i * padded(tokens) + t] = from[t * stride + i];
}

static inline __attribute__((always_inline)) void scatter(
    int64_t tokens, int64_t width, const float *from, float factor, float *to, int64_t stride) {
  for (int64_t t = 0; t < tokens; t++)
    for (int64_t i = 0; i < width; i++) to[t * stride + i] = factor * from[t * padded(width) + i];
}

int64_t kernels_attention_scratch(struct kernels_heads s) {
  return padded(s.tokens) * (4 * padded(s.width) + padded(s.tokens));
}

int64_t kernels_attention_gradient_scratch(struct kernels_heads s) {
  return padded(s.tokens) * (6 * padded(s.width) + 2 * padded(s.tokens));
}

FOR_EACH_PROCESSOR
void kernels_attention(
    struct kernels_heads s, const float *x, float *y, float *moments, float *scratch) {
  int64_t all = s.heads * s.width, height = padded(s.tokens), width = padded(s.width), columns = padded(s.tokens);
  memset(scratch, 0, (size_t)kernels_attention_scratch(s) * sizeof *scratch);
  float *q = scratch, *keys = q + height * width, *v = keys + height * width, *o = v + height * width;
  float *p = o + height * width;
  struct matrix queries = {q, width, 1}, weights = {p, columns, 1};
  for (int64_t head = 0; head < s.images * s.heads; head++, moments += 2 * s.tokens) {
    int64_t image = head / s.heads, first = head % s.heads * s.width;
    const float *from = x + image * s.tokens * 3 * all + first;
    gather(s.tokens, s.width, from, 3 * all, 1 / sqrtf((float)s.width), q);
    gather_transposed(s.tokens, s.width, from + all, 3 * all, keys);
    gather(s.tokens, s.width, from + 2 * all, 3 * all, 1, v);
    product(s.tokens, s.width, columns, queries, keys, p);
    for (int64_t t = 0; t < s.tokens; t++) {
      float *row = p + t * columns, largest = row[0];
      for (int64_t i = s.tokens; i < columns; i++) row[i] = -INFINITY;
      v16 most = LOAD(row);
      for (int64_t i = 16; i < columns; i += 16) {
        v16 values = LOAD(row + i);
        m16 more = values > most;
        most = (v16)((more & (m16)values) | (~more & (m16)most));
      }
      for (int64_t i = 0; i < 16; i++) largest = most[i] > largest ? most[i] : largest;
      v16 sums = {0};
      for (int64_t i = 0; i < columns; i += 16) {
        v16 value = LOAD(row + i) - largest;
        exponential(&value, &value);
        STORE(row + i, value);
        sums += value;
      }
      float sum = 0;
      for (int64_t i = 0; i < 16; i++) sum += sums[i];
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
  float *q = scratch, *k = q + size, *keys = k + size, *values = keys + size, *d = values + size, *result = d + size;
  float *p = result + size, *ds = p + height * columns;
  for (int64_t head = 0; head < s.images * s.heads; head++, moments += 2 * s.tokens) {
    int64_t image = head / s.heads, first = head % s.heads * s.width;
    const float *from = x + image * s.tokens * 3 * all + first;
    float *to = dx + image * s.tokens * 3 * all + first;
    gather(s.tokens, s.width, from, 3 * all, factor, q);
    gather(s.tokens, s.width, from + all, 3 * all, 1, k);
    gather_transposed(s.tokens, s.width, from + all, 3 * all, keys);
    gather_transposed(s.tokens, s.width, from + 2 * all, 3 * all, values);
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
      float sum = 0;
      for (int64_t i = 0; i < 16; i++) sum += products[i];
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
