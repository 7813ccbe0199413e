// Owns the loops that compare activations with a target, and that change the order in which activations lie.
#pragma once

#include <stdint.h>

#pragma clang assume_nonnull begin

/// Σ(a − b)² in Double, in sixteen lanes that are added up in one order, so that bits don't depend on the processor.
double kernels_squared_distance(int64_t count, const float *a, const float *b);
/// Σa², likewise.
double kernels_squared_norm(int64_t count, const float *a);

/// y = factor · (a − b).
void kernels_scaled_difference(int64_t count, float factor, const float *a, const float *b, float *y);

/// y, row-major channels × pixels, = x, blocks of channels × pixels × the channels of the block.
void kernels_unblock(int64_t blocks, int64_t block, int64_t pixels, const float *x, float *y);

/// sums (rowsA × rowsB) += the products of a's rows with b's, each row `columns` Doubles that begin a stride apart. A
/// product's sum doesn't depend on which other rows there are.
void kernels_add_products(
    int64_t columns, int64_t rowsA, const double *a, int64_t strideA, int64_t rowsB, const double *b,
    int64_t strideB, double *sums);

#pragma clang assume_nonnull end
