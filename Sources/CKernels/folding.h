// Owns how sixteen lanes become one value.
#pragma once

#include "vectors.h"

static inline __attribute__((always_inline)) void add(v16 *a, const v16 *b) { *a += *b; }

/// The larger of each two; the first where one is no number.
static inline __attribute__((always_inline)) void larger(v16 *a, const v16 *b) {
  m16 more = *b > *a;
  *a = (v16)((more & (m16)*b) | (~more & (m16)*a));
}

/// total = all sixteen lanes put together, in one order: lanes that are 8 apart, then 4, 2, 1.
#define FOLD_LANES(total, lanes, operation)                                                              \
  float total;                                                                                     \
  do {                                                                                             \
    v16 all_ = (lanes), other_;                                                                    \
    other_ = __builtin_shufflevector(all_, all_, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7); \
    operation(&all_, &other_);                                                                     \
    other_ = __builtin_shufflevector(all_, all_, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11); \
    operation(&all_, &other_);                                                                     \
    other_ = __builtin_shufflevector(all_, all_, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13); \
    operation(&all_, &other_);                                                                     \
    other_ = __builtin_shufflevector(all_, all_, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14); \
    operation(&all_, &other_);                                                                     \
    total = all_[0];                                                                               \
  } while (0)
