// Owns batch normalisation's passes over images (statistics, the affine map with what follows it, and their gradients)
// and sums of images, for float and for bfloat16.

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

#define ELEMENT float
#define OF_ELEMENT(name) name##_float
#define LOAD_ELEMENT LOAD
#define STORE_ELEMENT STORE
#define GET(p) (*(p))
#define PUT(p, v) (*(p) = (v))
#include "normalisation.h"
#undef ELEMENT
#undef OF_ELEMENT
#undef LOAD_ELEMENT
#undef STORE_ELEMENT
#undef GET
#undef PUT

#define ELEMENT uint16_t
#define OF_ELEMENT(name) name##_half
#define LOAD_ELEMENT LOAD_HALF
#define STORE_ELEMENT STORE_HALF
#define GET load_half
#define PUT store_half
#include "normalisation.h"

void kernels_normalise(
    struct kernels_images shape, const void *x, const float *scale, const float *shift,
    struct kernels_addend addend, bool relu, void *y) {
  if (shape.half)
    normalise_half(
        shape, x, scale, shift, (struct addend_half){addend.values, addend.scale, addend.shift}, relu, y);
  else
    normalise_float(
        shape, x, scale, shift, (struct addend_float){addend.values, addend.scale, addend.shift}, relu, y);
}

void kernels_moments(struct kernels_images shape, const void *x, float *sums) {
  if (shape.half) moments_half(shape, x, sums);
  else moments_float(shape, x, sums);
}

void kernels_normalise_sums(
    struct kernels_images shape, const void *d, const void *e, struct kernels_mask mask, const void *x,
    const float *mean, void *g, float *sums) {
  if (shape.half)
    normalise_sums_half(
        shape, d, e, (struct mask_half){mask.output, mask.scale, mask.shift}, x, mean, g, sums);
  else
    normalise_sums_float(
        shape, d, e, (struct mask_float){mask.output, mask.scale, mask.shift}, x, mean, g, sums);
}

void kernels_normalise_gradient(
    struct kernels_images shape, const void *d, struct kernels_mask mask, const void *x, const float *mean,
    const float *a, const float *b, const float *c, void *dx) {
  if (shape.half)
    normalise_gradient_half(
        shape, d, (struct mask_half){mask.output, mask.scale, mask.shift}, x, mean, a, b, c, dx);
  else
    normalise_gradient_float(
        shape, d, (struct mask_float){mask.output, mask.scale, mask.shift}, x, mean, a, b, c, dx);
}

void kernels_add(
    int64_t count, bool half, const void *a, const void *b, const void *output, bool relu, void *y) {
  if (half) add_half(count, a, b, output, relu, y);
  else add_float(count, a, b, output, relu, y);
}
