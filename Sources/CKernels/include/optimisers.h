// Owns the loops over all parameters of a network: update rules, moving averages, gradients' lengths; and the
// steps of attacks over images.
//
// All counts but those of pixels are multiples of sixteen. Each value depends on those at its own place alone, so that runs may be cut
// anywhere.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// d = g + decay · p; m = momentum · m + d; p −= rate · m, or with `nesterov` rate · (d + momentum · m). Without m it is
/// d itself.
void kernels_sgd(
    int64_t count, float *p, const float *g, float *_Nullable m, float rate, float decay, float momentum,
    bool nesterov);

/// A step of Adam: d = g + added · p; m += (1 − beta1) · (d − m); v = beta2 · v + (1 − beta2) · d · d;
/// p = kept · p − rate · m / (√v / scale + epsilon).
struct kernels_adam {
  float kept, added, beta1, beta2, rate, scale, epsilon;
};
void kernels_adam_step(int64_t count, struct kernels_adam step, float *p, const float *g, float *m, float *v);

/// a += taken · (x − a).
void kernels_approach(int64_t count, float taken, float *a, const float *x);

/// a = factor · a.
void kernels_scale(int64_t count, float factor, float *a);

/// Σa², in eight Doubles side by side that are added up in one order.
double kernels_sum_of_squares(int64_t count, const float *a);

/// Whether no value is infinite or no number.
bool kernels_all_finite(int64_t count, const float *a);

/// x moves by `step` along the sign of g (0 stays), then into ±epsilon around `clean`, then into [0, 1].
void kernels_sign_step(
    int64_t pixels, float *x, const float *g, const float *clean, float step, float epsilon);

#pragma clang assume_nonnull end
