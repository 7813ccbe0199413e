// Owns Bobbin's view of oneDNN, the same for versions 2 and 3, whose C interfaces differ in how memory layouts and
// primitives are described. It deliberately decides nothing: which primitives a layer needs, in which layouts and
// when they run stands in Swift.
//
// Each function is oneDNN's own of nearly the same name. What isn't NULL after a success belongs to the caller and
// has its `…_destroy`.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

/// 0, or oneDNN's code for what went wrong.
typedef int onednn_status;
/// oneDNN's code for a primitive that this version or processor doesn't have.
extern const onednn_status onednn_status_unimplemented;
const char *onednn_status_text(onednn_status status);

// The process and its threads

struct onednn_library {
  int major, minor, patch;
  /// Whether `onednn_use_one_thread` holds: its threads are OpenMP's, or it has none.
  bool can_be_serial;
};
/// The library that is loaded.
struct onednn_library onednn_loaded_library(void);
/// The instruction sets that it may use here, by its own name (`avx512_core_bf16`).
const char *onednn_instructions(void);
/// Whether OpenMP may change the size of its teams (OMP_DYNAMIC).
bool onednn_threads_are_dynamic(void);
/// Makes oneDNN serial on the calling thread.
void onednn_use_one_thread(void);
/// Makes subnormal numbers zero on the calling thread, as inputs and as results. Returns what puts it back.
unsigned onednn_flush_subnormals(void);
void onednn_restore_arithmetic(unsigned before);
/// Whether `onednn_flush_subnormals` does anything on this processor.
extern const bool onednn_flushes_subnormals;

typedef struct dnnl_engine onednn_engine;
/// The CPU engine. float32 stays float32 (strict arithmetic), whatever the environment says.
onednn_status onednn_engine_create(onednn_engine *_Nullable *_Nonnull engine);

/// An order of execution; one for each thread that computes.
typedef struct dnnl_stream onednn_stream;
onednn_status onednn_stream_create(onednn_stream *_Nullable *_Nonnull stream, onednn_engine *engine);
void onednn_stream_destroy(onednn_stream *stream);

// Memory

/// What a tensor's values are.
enum __attribute__((enum_extensibility(closed))) onednn_element {
  onednn_element_float32,
  /// The upper half of a float32.
  onednn_element_bfloat16,
};
/// Whether this processor has instructions for bfloat16, and the library may use them.
bool onednn_computes_bfloat16(void);
/// How many channels of an image lie together in the layouts that suit this processor: 8 or 16.
int onednn_preferred_block(void);

/// How a tensor lies in memory; immutable.
typedef struct onednn_layout onednn_layout;
/// Of the given strides, in elements.
onednn_status onednn_layout_create_strided(
    onednn_layout *_Nullable *_Nonnull layout, enum onednn_element element, int rank, const int64_t *shape,
    const int64_t *strides);
/// For a primitive's description only: whichever suits the primitive best.
onednn_status onednn_layout_create_any(
    onednn_layout *_Nullable *_Nonnull layout, enum onednn_element element, int rank, const int64_t *shape);
/// Images whose channels lie in blocks of 8 or 16, pixel after pixel.
onednn_status onednn_layout_create_blocked(
    onednn_layout *_Nullable *_Nonnull layout, const int64_t *shape, int block);
onednn_status onednn_layout_copy(onednn_layout *_Nullable *_Nonnull copy, const onednn_layout *layout);
void onednn_layout_destroy(onednn_layout *layout);
enum { onednn_largest_rank = 12 };
/// Writes at most `onednn_largest_rank` sizes; returns the rank.
int onednn_layout_shape(const onednn_layout *layout, int64_t *shape);
enum onednn_element onednn_layout_element(const onednn_layout *layout);
/// Padding included.
size_t onednn_layout_byte_count(const onednn_layout *layout);
bool onednn_layout_is_same(const onednn_layout *a, const onednn_layout *b);
/// How many channels lie side by side in each pixel of N×C×H×W: 1 row by row, 8 or 16 in blocks (filled up with
/// zeros); 0 in any other order.
int onednn_layout_channel_block(const onednn_layout *layout);

/// A layout over an address.
typedef struct dnnl_memory onednn_memory;
onednn_status onednn_memory_create(
    onednn_memory *_Nullable *_Nonnull memory, const onednn_layout *layout, onednn_engine *engine);
void onednn_memory_destroy(onednn_memory *memory);
onednn_status onednn_memory_place(onednn_memory *memory, void *_Nullable address);

// Primitives

/// What a tensor is to a primitive.
enum __attribute__((enum_extensibility(closed))) onednn_role {
  onednn_role_source,
  onednn_role_weights,
  onednn_role_bias,
  onednn_role_target,
  onednn_role_workspace,
  onednn_role_scratchpad,
  onednn_role_source_gradient,
  onednn_role_weights_gradient,
  onednn_role_bias_gradient,
  onednn_role_target_gradient,
  /// What a fused addition adds.
  onednn_role_addend,
};

/// How a primitive computes (strictly, with scratch memory from the caller) and what is fused behind it.
typedef struct dnnl_primitive_attr onednn_attributes;
/// First the addition of a tensor of the layout `addend`, where there is one, then a ReLU.
onednn_status onednn_attributes_create(
    onednn_attributes *_Nullable *_Nonnull attributes, const onednn_layout *_Nullable addend, bool relu);
void onednn_attributes_destroy(onednn_attributes *attributes);

/// A primitive's description: what it computes, with the layouts that oneDNN chose.
typedef struct dnnl_primitive_desc onednn_descriptor;
void onednn_descriptor_destroy(onednn_descriptor *descriptor);
/// The layout of one of its tensors, alive as long as the descriptor; NULL where it has no such tensor.
const onednn_layout *_Nullable onednn_descriptor_layout(
    const onednn_descriptor *descriptor, enum onednn_role role);
/// The name of the implementation (`jit:avx512_core`); `ref…` are slow ones.
const char *onednn_descriptor_implementation(const onednn_descriptor *descriptor);

enum __attribute__((enum_extensibility(closed))) onednn_algorithm {
  onednn_algorithm_direct,
  /// Only in version 2, for some shapes and directions. A backward one takes a forward Winograd one for a hint.
  onednn_algorithm_winograd,
};
/// A two-dimensional convolution: source N×C×H×W, weights O×C×h×w, bias O (or none), target N×O×H'×W'. Of backward
/// ones these are the layouts of the gradients.
struct onednn_convolution {
  enum onednn_algorithm algorithm;
  const onednn_layout *source, *weights, *_Nullable bias, *target;
  int64_t stride[2], padding[2];
};
onednn_status onednn_convolution_forward(
    onednn_descriptor *_Nullable *_Nonnull descriptor, onednn_engine *engine,
    const struct onednn_convolution *convolution, const onednn_attributes *attributes);
onednn_status onednn_convolution_backward_source(
    onednn_descriptor *_Nullable *_Nonnull descriptor, onednn_engine *engine,
    const struct onednn_convolution *convolution, const onednn_attributes *attributes,
    const onednn_descriptor *forward);
onednn_status onednn_convolution_backward_weights(
    onednn_descriptor *_Nullable *_Nonnull descriptor, onednn_engine *engine,
    const struct onednn_convolution *convolution, const onednn_attributes *attributes,
    const onednn_descriptor *forward);

/// The gradients by weights (outputs × inputs) and bias (outputs) of a product of matrices: source rows × inputs, target
/// rows × outputs.
struct onednn_linear {
  const onednn_layout *source, *weights, *bias, *target;
};
onednn_status onednn_linear_backward_weights(
    onednn_descriptor *_Nullable *_Nonnull descriptor, onednn_engine *engine, const struct onednn_linear *linear,
    const onednn_attributes *attributes);

enum __attribute__((enum_extensibility(closed))) onednn_pooling_kind {
  onednn_pooling_kind_maximum,
  onednn_pooling_kind_mean,
};
/// The same padding on every side; a mean leaves it out. Of a backward one these are the layouts of the gradients.
struct onednn_pooling {
  enum onednn_pooling_kind kind;
  const onednn_layout *source, *target;
  int64_t window[2], stride[2], padding[2];
  bool for_inference;
};
onednn_status onednn_pooling_forward(
    onednn_descriptor *_Nullable *_Nonnull descriptor, onednn_engine *engine, const struct onednn_pooling *pooling,
    const onednn_attributes *attributes);
onednn_status onednn_pooling_backward(
    onednn_descriptor *_Nullable *_Nonnull descriptor, onednn_engine *engine, const struct onednn_pooling *pooling,
    const onednn_attributes *attributes, const onednn_descriptor *forward);

/// A copy from one layout to another.
onednn_status onednn_reorder(
    onednn_descriptor *_Nullable *_Nonnull descriptor, onednn_engine *engine, const onednn_layout *source,
    const onednn_layout *target, const onednn_attributes *attributes);

/// A compiled primitive. Several threads may run it at once, each with tensors and a stream of its own.
typedef struct dnnl_primitive onednn_primitive;
onednn_status onednn_primitive_create(
    onednn_primitive *_Nullable *_Nonnull primitive, const onednn_descriptor *descriptor);
void onednn_primitive_destroy(onednn_primitive *primitive);

struct onednn_argument {
  enum onednn_role role;
  onednn_memory *memory;
};
enum { onednn_most_arguments = 16 };
/// Runs it on the calling thread.
onednn_status onednn_primitive_run(
    const onednn_primitive *primitive, onednn_stream *stream, const struct onednn_argument *arguments, int count);

#pragma clang assume_nonnull end
