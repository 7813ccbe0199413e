// Owns what every file of loops is written with: sixteen floats at a time, made for several processors.
#pragma once

#include <stdint.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

typedef float v16 __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t m16 __attribute__((vector_size(64)));

#if defined(__x86_64__) && defined(__linux__)
#define FOR_EACH_PROCESSOR __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define FOR_EACH_PROCESSOR
#endif

#define LOAD(p) (*(const v16 *)(p))
#define STORE(p, v) (*(v16 *)(p) = (v))
/// `v` where not `condition`, else 0: what is no number stays so.
#define UNLESS(condition, v) ((v16)(~(m16)(condition) & (m16)(v)))

// bfloat16: the upper half of a float. Sums and products are those of floats; a result is rounded to the nearest, of
// two equally near ones to the even one.

typedef uint16_t u16x16 __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint32_t u32x16 __attribute__((vector_size(64)));

#define LOAD_HALF(p) ((v16)(__builtin_convertvector(*(const u16x16 *)(p), u32x16) << 16))
#define STORE_HALF(p, v)                                                              \
  do {                                                                                \
    u32x16 bits_ = (u32x16)(v);                                                       \
    bits_ = (bits_ + 0x7fff + ((bits_ >> 16) & 1)) >> 16;                             \
    *(u16x16 *)(p) = __builtin_convertvector(bits_, u16x16);                          \
  } while (0)

static inline float load_half(const uint16_t *p) {
  uint32_t bits = (uint32_t)*p << 16;
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static inline void store_half(uint16_t *p, float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  *p = (uint16_t)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
