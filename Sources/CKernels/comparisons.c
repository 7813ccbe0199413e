// Owns the comparison of activations with a target, and the order in which activations lie.

#include "comparisons.h"

#include "vectors.h"

typedef float v8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef double d8 __attribute__((vector_size(64)));

#define LOAD8(p) (*(const v8 *)(p))

/// total = two times eight lanes put together, in one order: lanes that are 8 apart, then 4, 2, 1.
#define FOLD_DOUBLES(total, first, second)                               \
  double total;                                                          \
  do {                                                                   \
    d8 s_ = (first) + (second);                                          \
    total = ((s_[0] + s_[4]) + (s_[2] + s_[6])) + ((s_[1] + s_[5]) + (s_[3] + s_[7])); \
  } while (0)

FOR_EACH_PROCESSOR
double kernels_squared_distance(int64_t count, const float *a, const float *b) {
  d8 first = {0}, second = {0};
  int64_t whole = count & ~15;
  for (int64_t i = 0; i < whole; i += 16) {
    d8 x = __builtin_convertvector(LOAD8(a + i), d8) - __builtin_convertvector(LOAD8(b + i), d8);
    d8 y = __builtin_convertvector(LOAD8(a + i + 8), d8) - __builtin_convertvector(LOAD8(b + i + 8), d8);
    first += x * x;
    second += y * y;
  }
  for (int64_t i = whole; i < count; i++) {
    double x = (double)a[i] - b[i];
    if (i & 8) second[i & 7] += x * x;
    else first[i & 7] += x * x;
  }
  FOLD_DOUBLES(total, first, second);
  return total;
}

FOR_EACH_PROCESSOR
double kernels_squared_norm(int64_t count, const float *a) {
  d8 first = {0}, second = {0};
  int64_t whole = count & ~15;
  for (int64_t i = 0; i < whole; i += 16) {
    d8 x = __builtin_convertvector(LOAD8(a + i), d8);
    d8 y = __builtin_convertvector(LOAD8(a + i + 8), d8);
    first += x * x;
    second += y * y;
  }
  for (int64_t i = whole; i < count; i++) {
    double x = a[i];
    if (i & 8) second[i & 7] += x * x;
    else first[i & 7] += x * x;
  }
  FOLD_DOUBLES(total, first, second);
  return total;
}

FOR_EACH_PROCESSOR
void kernels_scaled_difference(int64_t count, float factor, const float *a, const float *b, float *y) {
  int64_t whole = count & ~15;
  for (int64_t i = 0; i < whole; i += 16) STORE(y + i, factor * (LOAD(a + i) - LOAD(b + i)));
  for (int64_t i = whole; i < count; i++) y[i] = factor * (a[i] - b[i]);
}

void kernels_unblock(int64_t blocks, int64_t block, int64_t pixels, const float *x, float *y) {
  for (int64_t b = 0; b < blocks; b++, x += block * pixels, y += block * pixels)
    for (int64_t c = 0; c < block; c++)
      for (int64_t i = 0; i < pixels; i++) y[c * pixels + i] = x[i * block + c];
}

typedef double d8u __attribute__((vector_size(64), aligned(8), may_alias));

/// Rows of one block of columns against each other, as many of each as the tile has: every product has eight lanes of its
/// own whatever the tile.
#define PRODUCTS(A, B)                                                                              \
  do {                                                                                              \
    d8 lanes[A][B] = {0};                                                                           \
    double rest[A][B] = {0};                                                                        \
    for (int64_t k = 0; k < whole; k += 8) {                                                        \
      d8 x[A], y[B];                                                                                \
      for (int i = 0; i < A; i++) x[i] = *(const d8u *)(p + i * strideA + k);                       \
      for (int j = 0; j < B; j++) y[j] = *(const d8u *)(q + j * strideB + k);                       \
      for (int i = 0; i < A; i++)                                                                   \
        for (int j = 0; j < B; j++) lanes[i][j] += x[i] * y[j];                                     \
    }                                                                                               \
    for (int64_t k = whole; k < count; k++)                                                         \
      for (int i = 0; i < A; i++)                                                                   \
        for (int j = 0; j < B; j++) rest[i][j] += p[i * strideA + k] * q[j * strideB + k];          \
    for (int i = 0; i < A; i++)                                                                     \
      for (int j = 0; j < B; j++) {                                                                 \
        d8 s = lanes[i][j];                                                                         \
        double total = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));           \
        out[i * rowsB + j] += total + rest[i][j];                                                   \
      }                                                                                             \
  } while (0)

FOR_EACH_PROCESSOR
void kernels_add_products(
    int64_t columns, int64_t rowsA, const double *a, int64_t strideA, int64_t rowsB, const double *b,
    int64_t strideB, double *sums) {
  const int64_t block = 1024;
  for (int64_t start = 0; start < columns; start += block) {
    int64_t count = columns - start < block ? columns - start : block, whole = count & ~7;
    for (int64_t i = 0; i < rowsA;) {
      int64_t many = rowsA - i >= 4 ? 4 : 1;
      for (int64_t j = 0; j < rowsB;) {
        const double *p = a + i * strideA + start, *q = b + j * strideB + start;
        double *out = sums + i * rowsB + j;
        if (many == 4 && rowsB - j >= 4) {
          PRODUCTS(4, 4);
          j += 4;
        } else if (many == 4) {
          PRODUCTS(4, 1);
          j += 1;
        } else if (rowsB - j >= 4) {
          PRODUCTS(1, 4);
          j += 4;
        } else {
          PRODUCTS(1, 1);
          j += 1;
        }
      }
      i += many;
    }
  }
}
