// Owns the loops of transformers: images cut into patches, layer normalisation, the Gaussian error linear unit and
// attention. Tokens lie row by row, image after image. What belongs to a token or an image is computed from it alone,
// so that its bits don't depend on its place; sums over tokens are taken in their order.
#pragma once

#include <stdint.h>

#pragma clang assume_nonnull begin

/// Row-major images, C × H × W each, and the side of the square patches that they are cut into, row by row.
struct kernels_patches {
  int64_t images, channels, height, width, side;
};

/// rows (images · patches × C·side·side) = the patches of x, each channel by channel.
void kernels_cut_patches(struct kernels_patches shape, const float *x, float *rows);
/// x = the images of these patches.
void kernels_join_patches(struct kernels_patches shape, const float *rows, float *x);

/// y (images × (tokens + 1) × width) = the first token, then those of x (images × tokens × width), plus positions
/// ((tokens + 1) × width).
void kernels_embed(
    int64_t images, int64_t tokens, int64_t width, const float *x, const float *first, const float *positions,
    float *y);
/// first, positions = sums over images of dy, in their order.
void kernels_embed_sums(
    int64_t images, int64_t tokens, int64_t width, const float *dy, float *first, float *positions);

/// y = scale · (x − mean)/√(variance + epsilon) + shift of each row of `width` values, with the row's mean and biased
/// variance (Ba, Kiros & Hinton 2016). `moments` gets mean and 1/√(variance + epsilon), rows × 2.
void kernels_layer_norm(
    int64_t rows, int64_t width, float epsilon, const float *x, const float *scale, const float *shift, float *y,
    float *moments);
/// dx, the gradient by x.
void kernels_layer_norm_gradient(
    int64_t rows, int64_t width, const float *x, const float *scale, const float *moments, const float *dy,
    float *dx);
/// The gradients by scale and shift: sums over rows of dy · (x − mean)/√(variance + epsilon) and of dy.
void kernels_layer_norm_sums(
    int64_t rows, int64_t width, const float *x, const float *moments, const float *dy, float *dscale,
    float *dshift);

/// y = x · Φ(x), Φ the distribution function of the normal distribution (Hendrycks & Gimpel 2016), to 4e-6 of it.
void kernels_gelu(int64_t count, const float *x, float *y);
/// dx = dy · (Φ(x) + x · φ(x)); dx and dy may be the same.
void kernels_gelu_gradient(int64_t count, const float *x, const float *dy, float *dx);

/// Self-attention of `heads` heads, each of `width` values: a token's 3 · heads · width values are its queries, keys
/// and values, each head by head.
struct kernels_heads {
  int64_t images, tokens, heads, width;
};

/// The floats that attention, or its gradient, needs for scratch.
int64_t kernels_attention_scratch(struct kernels_heads shape);
int64_t kernels_attention_gradient_scratch(struct kernels_heads shape);
/// y (tokens × heads · width) = softmax(QKᵀ/√width) V of each head (Vaswani et al. 2017, equation 1). `moments` gets each
/// score row's maximum and 1/Σexp(score − maximum), images × heads × tokens × 2. Products are fused with additions
/// where the processor does that.
void kernels_attention(
    struct kernels_heads shape, const float *x, float *y, float *moments, float *scratch);
/// dx, the gradient by x, from that by y.
void kernels_attention_gradient(
    struct kernels_heads shape, const float *x, const float *moments, const float *dy, float *dx,
    float *scratch);

#pragma clang assume_nonnull end
