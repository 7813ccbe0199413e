// Owns the exponential function sixteen at a time, for finite arguments.
#pragma once

#include "vectors.h"

/// y = eˣ to 2e-7 of itself, 0 below −87.
static inline __attribute__((always_inline)) void exponential(const v16 *x, v16 *y) {
  // x = k·ln 2 + r, |r| ≤ ln 2 / 2; eʳ by its series; k is rounded by adding a number whose unit is 1.
  v16 clamped = *x;
  m16 small = clamped < -87.0f, large = clamped > 88.0f;
  clamped = (v16)((~(small | large) & (m16)clamped) | (large & (m16)((v16){0} + 88.0f)));
  v16 shifted = clamped * 1.44269504f + 12582912.0f;
  v16 k = shifted - 12582912.0f;
  v16 r = (clamped - k * 0.693145752f) - k * 1.42860677e-06f;
  v16 e = 1.0f / 5040 * r + 1.0f / 720;
  e = e * r + 1.0f / 120;
  e = e * r + 1.0f / 24;
  e = e * r + 1.0f / 6;
  e = e * r + 0.5f;
  e = e * r + 1.0f;
  e = e * r + 1.0f;
  // 2ᵏ: the sum's last bits are k.
  m16 power = (((m16)shifted - 0x4b400000) + 127) << 23;
  *y = UNLESS(small, e * (v16)power);
}
