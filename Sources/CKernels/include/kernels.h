// Owns the loops that are ours between a library's primitives, in C because the compiler of Swift makes them for the
// oldest processor of its kind; here each is made for several and the best one is taken when the program starts.
//
// Bits don't depend on which one: nothing is contracted to fused multiply-adds, and every sum is kept in sixteen lanes
// that are added up in one order. Loops of transformers are tokens.h's, those over all parameters optimisers.h's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// What a thread does while it waits for something that comes within microseconds.
static inline void kernels_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Images as their values lie in memory: image after image, block of channels after block, pixel after pixel, the
/// channels of the block. Row-major images have blocks of one channel. A block's channels divide sixteen.
struct kernels_images {
  int64_t images;
  /// Blocks of channels; the last one may be filled up with channels of zeros.
  int64_t blocks;
  /// Channels in a block.
  int64_t block;
  /// Pixels of one channel.
  int64_t pixels;
  /// Whether values are bfloat16, the upper halves of floats. They are computed with as floats.
  bool half;
};

/// Channels, those that fill up the last block included.
static inline int64_t kernels_channels(struct kernels_images shape) { return shape.blocks * shape.block; }

// In all functions below, `x`, `y`, `g` … are images of the given shape, and per-channel values are arrays of
// blocks · block floats.

/// An image to add, and what is done to it first (both NULL: nothing).
struct kernels_addend {
  const void *_Nullable values;
  const float *_Nullable scale;
  const float *_Nullable shift;
};

/// y = scale · x + shift (+ the addend), and 0 where that is at most 0 if `relu`. x and y may be the same.
void kernels_normalise(
    struct kernels_images shape, const void *x, const float *scale, const float *shift,
    struct kernels_addend addend, bool relu, void *y);

/// For each image and channel three sums over its pixels, images × 3 × channels: the first value k, Σ(x − k) and
/// Σ(x − k)².
void kernels_moments(struct kernels_images shape, const void *x, float *sums);

/// What a ReLU let through: where `output` is above 0 or, without it, where scale · x + shift is; without either
/// everything.
struct kernels_mask {
  const void *_Nullable output;
  const float *_Nullable scale;
  const float *_Nullable shift;
};

/// g = d + e where the mask lets through, else 0, and for each image and channel Σg and Σg·(x − mean), images × 2 ×
/// channels. `e` may be NULL, and `g` where nobody wants it.
void kernels_normalise_sums(
    struct kernels_images shape, const void *d, const void *_Nullable e, struct kernels_mask mask, const void *x,
    const float *mean, void *_Nullable g, float *sums);

/// dx = a · g + b · (x − mean) + c, with g = d where the mask lets through, else 0.
void kernels_normalise_gradient(
    struct kernels_images shape, const void *d, struct kernels_mask mask, const void *x, const float *mean,
    const float *a, const float *b, const float *c, void *dx);

/// y = a + b (b may be NULL: nothing) for `count` values of any order, bfloat16 if `half`; 0 where `output` is at most
/// 0, if it isn't NULL, and where the sum is, if `relu`.
void kernels_add(
    int64_t count, bool half, const void *a, const void *_Nullable b, const void *_Nullable output, bool relu, void *y);

/// y = the sum of `parts` arrays that lie `stride` floats apart, in their order.
void kernels_sum(int64_t count, const float *x, int64_t parts, int64_t stride, float *y);

#pragma clang assume_nonnull end
