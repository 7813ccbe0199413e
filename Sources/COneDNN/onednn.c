// Owns the translation to oneDNN's C interface of version 2 or 3, whichever is installed. Version 2 describes an
// operation in a structure and makes the primitive's descriptor from that; version 3 does both in one call.

#include "onednn.h"

#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#if DNNL_VERSION_MAJOR < 2 || DNNL_VERSION_MAJOR > 3 || (DNNL_VERSION_MAJOR == 2 && DNNL_VERSION_MINOR < 6)
#error "Bobbin knows oneDNN 2.6 to 3.x (the package libdnnl-dev)."
#endif

// libgomp's own header hides in the compiler's folder, where clang doesn't look.
void omp_set_num_threads(int count);
int omp_get_dynamic(void);

const onednn_status onednn_status_unimplemented = dnnl_unimplemented;

const char *onednn_status_text(onednn_status status) { return dnnl_status2str((dnnl_status_t)status); }

// The process and its threads

struct onednn_library onednn_loaded_library(void) {
  const dnnl_version_t *version = dnnl_version();
  bool serial = version->cpu_runtime == DNNL_RUNTIME_OMP || version->cpu_runtime == DNNL_RUNTIME_SEQ;
  return (struct onednn_library){version->major, version->minor, version->patch, serial};
}

const char *onednn_instructions(void) {
  const char *name = dnnl_cpu_isa2str(dnnl_get_effective_cpu_isa());
  const char *prefix = "cpu_isa_";
  return strncmp(name, prefix, strlen(prefix)) == 0 ? name + strlen(prefix) : name;
}

bool onednn_computes_bfloat16(void) {
  const char *name = onednn_instructions();
  return strstr(name, "bf16") || strstr(name, "amx") || strstr(name, "fp16");
}

int onednn_preferred_block(void) { return strstr(onednn_instructions(), "512") ? 16 : 8; }

bool onednn_threads_are_dynamic(void) { return omp_get_dynamic() != 0; }
void onednn_use_one_thread(void) { omp_set_num_threads(1); }

#if defined(__x86_64__)
const bool onednn_flushes_subnormals = true;

unsigned onednn_flush_subnormals(void) {
  unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);  // FTZ: results; DAZ: inputs
  return before;
}

void onednn_restore_arithmetic(unsigned before) {
  // The flags of what happened since then stay.
  _mm_setcsr((before & ~0x3fu) | (_mm_getcsr() & 0x3fu));
}
#else
const bool onednn_flushes_subnormals = false;
unsigned onednn_flush_subnormals(void) { return 0; }
void onednn_restore_arithmetic(unsigned before) { (void)before; }
#endif

onednn_status onednn_engine_create(onednn_engine **engine) {
  dnnl_status_t status = dnnl_set_default_fpmath_mode(dnnl_fpmath_mode_strict);
  return status != dnnl_success ? status : dnnl_engine_create(engine, dnnl_cpu, 0);
}

onednn_status onednn_stream_create(onednn_stream **stream, onednn_engine *engine) {
  return dnnl_stream_create(stream, engine, dnnl_stream_default_flags);
}

void onednn_stream_destroy(onednn_stream *stream) { dnnl_stream_destroy(stream); }

// Memory

// An `onednn_layout` is oneDNN's memory descriptor: a structure in version 2, a handle in version 3.
#if DNNL_VERSION_MAJOR == 2
typedef const dnnl_memory_desc_t *borrowed;
#else
typedef const_dnnl_memory_desc_t borrowed;
#endif

static borrowed of(const onednn_layout *layout) { return (borrowed)layout; }

static dnnl_data_type_t type(enum onednn_element element) {
  return element == onednn_element_bfloat16 ? dnnl_bf16 : dnnl_f32;
}

#if DNNL_VERSION_MAJOR == 2
onednn_status onednn_layout_copy(onednn_layout **copy, const onednn_layout *layout) {
  dnnl_memory_desc_t *desc = malloc(sizeof *desc);
  if (!desc) return dnnl_out_of_memory;
  *desc = *of(layout);
  *copy = (onednn_layout *)desc;
  return dnnl_success;
}

onednn_status onednn_layout_create_strided(
    onednn_layout **layout, enum onednn_element element, int rank, const int64_t *shape, const int64_t *strides) {
  dnnl_memory_desc_t desc;
  dnnl_status_t status = dnnl_memory_desc_init_by_strides(&desc, rank, shape, type(element), strides);
  return status != dnnl_success ? status : onednn_layout_copy(layout, (onednn_layout *)&desc);
}

onednn_status onednn_layout_create_any(
    onednn_layout **layout, enum onednn_element element, int rank, const int64_t *shape) {
  dnnl_memory_desc_t desc;
  dnnl_status_t status = dnnl_memory_desc_init_by_tag(&desc, rank, shape, type(element), dnnl_format_tag_any);
  return status != dnnl_success ? status : onednn_layout_copy(layout, (onednn_layout *)&desc);
}

onednn_status onednn_layout_create_blocked(onednn_layout **layout, const int64_t *shape, int block) {
  dnnl_memory_desc_t desc;
  dnnl_status_t status = dnnl_memory_desc_init_by_tag(
      &desc, 4, shape, dnnl_f32, block == 16 ? dnnl_nChw16c : dnnl_nChw8c);
  return status != dnnl_success ? status : onednn_layout_copy(layout, (onednn_layout *)&desc);
}

void onednn_layout_destroy(onednn_layout *layout) { free(layout); }

enum onednn_element onednn_layout_element(const onednn_layout *layout) {
  return of(layout)->data_type == dnnl_bf16 ? onednn_element_bfloat16 : onednn_element_float32;
}

int onednn_layout_shape(const onednn_layout *layout, int64_t *shape) {
  memcpy(shape, of(layout)->dims, sizeof(int64_t) * (size_t)of(layout)->ndims);
  return of(layout)->ndims;
}
#else
onednn_status onednn_layout_copy(onednn_layout **copy, const onednn_layout *layout) {
  return dnnl_memory_desc_clone((dnnl_memory_desc_t *)copy, of(layout));
}

onednn_status onednn_layout_create_strided(
    onednn_layout **layout, enum onednn_element element, int rank, const int64_t *shape, const int64_t *strides) {
  return dnnl_memory_desc_create_with_strides((dnnl_memory_desc_t *)layout, rank, shape, type(element), strides);
}

onednn_status onednn_layout_create_any(
    onednn_layout **layout, enum onednn_element element, int rank, const int64_t *shape) {
  return dnnl_memory_desc_create_with_tag(
      (dnnl_memory_desc_t *)layout, rank, shape, type(element), dnnl_format_tag_any);
}

onednn_status onednn_layout_create_blocked(onednn_layout **layout, const int64_t *shape, int block) {
  return dnnl_memory_desc_create_with_tag(
      (dnnl_memory_desc_t *)layout, 4, shape, dnnl_f32, block == 16 ? dnnl_nChw16c : dnnl_nChw8c);
}

void onednn_layout_destroy(onednn_layout *layout) { dnnl_memory_desc_destroy((dnnl_memory_desc_t)layout); }

enum onednn_element onednn_layout_element(const onednn_layout *layout) {
  dnnl_data_type_t type = dnnl_data_type_undef;
  dnnl_memory_desc_query(of(layout), dnnl_query_data_type, &type);
  return type == dnnl_bf16 ? onednn_element_bfloat16 : onednn_element_float32;
}

int onednn_layout_shape(const onednn_layout *layout, int64_t *shape) {
  int rank = 0;
  const dnnl_dims_t *dims = NULL;
  dnnl_memory_desc_query(of(layout), dnnl_query_ndims_s32, &rank);
  dnnl_memory_desc_query(of(layout), dnnl_query_dims, &dims);
  if (dims) memcpy(shape, *dims, sizeof(int64_t) * (size_t)rank);
  return rank;
}
#endif

/// The inner blocks of a layout (how many there are, their sizes and axes) and the strides of its axes.
static bool blocking(const onednn_layout *layout, int *count, int64_t *sizes, int64_t *axes, int64_t *strides) {
#if DNNL_VERSION_MAJOR == 2
  const dnnl_memory_desc_t *desc = of(layout);
  if (desc->format_kind != dnnl_blocked || desc->format_desc.blocking.inner_nblks > 1) return false;
  *count = desc->format_desc.blocking.inner_nblks;
  *sizes = desc->format_desc.blocking.inner_blks[0];
  *axes = desc->format_desc.blocking.inner_idxs[0];
  memcpy(strides, desc->format_desc.blocking.strides, sizeof(int64_t) * (size_t)desc->ndims);
#else
  int rank = 0;
  dnnl_format_kind_t kind = dnnl_format_kind_undef;
  const dnnl_dims_t *found = NULL;
  dnnl_memory_desc_query(of(layout), dnnl_query_ndims_s32, &rank);
  if (dnnl_memory_desc_query(of(layout), dnnl_query_format_kind, &kind) != dnnl_success || kind != dnnl_blocked)
    return false;
  dnnl_memory_desc_query(of(layout), dnnl_query_inner_nblks_s32, count);
  if (*count > 1) return false;
  if (*count == 1) {
    dnnl_memory_desc_query(of(layout), dnnl_query_inner_blks, &found);
    *sizes = (*found)[0];
    dnnl_memory_desc_query(of(layout), dnnl_query_inner_idxs, &found);
    *axes = (*found)[0];
  }
  dnnl_memory_desc_query(of(layout), dnnl_query_strides, &found);
  memcpy(strides, *found, sizeof(int64_t) * (size_t)rank);
#endif
  return true;
}

int onednn_layout_channel_block(const onednn_layout *layout) {
  int64_t shape[DNNL_MAX_NDIMS], strides[DNNL_MAX_NDIMS], block = 1, axis = 1;
  int count = 0, rank = onednn_layout_shape(layout, shape);
  if (rank < 2 || !blocking(layout, &count, &block, &axis, strides)) return 0;
  if (count == 0) block = 1;
  else if (axis != 1) return 0;
  int64_t expected = block;
  for (int i = rank - 1; i >= 1; i--) {
    int64_t size = i == 1 ? (shape[1] + block - 1) / block : shape[i];
    if (shape[i] != 1 && size != 1 && strides[i] != expected) return 0;
    expected *= size;
  }
  return shape[0] == 1 || strides[0] == expected ? (int)block : 0;
}

_Static_assert(onednn_largest_rank == DNNL_MAX_NDIMS, "room for every shape");

size_t onednn_layout_byte_count(const onednn_layout *layout) { return dnnl_memory_desc_get_size(of(layout)); }

bool onednn_layout_is_same(const onednn_layout *a, const onednn_layout *b) {
  return dnnl_memory_desc_equal(of(a), of(b)) != 0;
}

onednn_status onednn_memory_create(
    onednn_memory **memory, const onednn_layout *layout, onednn_engine *engine) {
  return dnnl_memory_create(memory, of(layout), engine, DNNL_MEMORY_NONE);
}

void onednn_memory_destroy(onednn_memory *memory) { dnnl_memory_destroy(memory); }

onednn_status onednn_memory_place(onednn_memory *memory, void *address) {
  return dnnl_memory_set_data_handle(memory, address);
}

// Primitives

// oneDNN's names for each role: of an argument and, where descriptors tell it, of a layout.
static const struct {
  int argument;
  dnnl_query_t layout;
} roles[] = {
    [onednn_role_source] = {DNNL_ARG_SRC, dnnl_query_src_md},
    [onednn_role_weights] = {DNNL_ARG_WEIGHTS, dnnl_query_weights_md},
    [onednn_role_bias] = {DNNL_ARG_BIAS, dnnl_query_undef},
    [onednn_role_target] = {DNNL_ARG_DST, dnnl_query_dst_md},
    [onednn_role_workspace] = {DNNL_ARG_WORKSPACE, dnnl_query_workspace_md},
    [onednn_role_scratchpad] = {DNNL_ARG_SCRATCHPAD, dnnl_query_scratchpad_md},
    [onednn_role_source_gradient] = {DNNL_ARG_DIFF_SRC, dnnl_query_diff_src_md},
    [onednn_role_weights_gradient] = {DNNL_ARG_DIFF_WEIGHTS, dnnl_query_diff_weights_md},
    [onednn_role_bias_gradient] = {DNNL_ARG_DIFF_BIAS, dnnl_query_undef},
    [onednn_role_target_gradient] = {DNNL_ARG_DIFF_DST, dnnl_query_diff_dst_md},
    [onednn_role_addend] = {DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, dnnl_query_undef},
};

static dnnl_status_t append_post_ops(dnnl_post_ops_t operations, const onednn_layout *addend, bool relu) {
  dnnl_status_t status = dnnl_success;
  if (addend) status = dnnl_post_ops_append_binary(operations, dnnl_binary_add, of(addend));
  if (status != dnnl_success || !relu) return status;
#if DNNL_VERSION_MAJOR == 2
  return dnnl_post_ops_append_eltwise(operations, 1, dnnl_eltwise_relu, 0, 0);
#else
  return dnnl_post_ops_append_eltwise(operations, dnnl_eltwise_relu, 0, 0);
#endif
}

onednn_status onednn_attributes_create(
    onednn_attributes **attributes, const onednn_layout *addend, bool relu) {
  dnnl_status_t status = dnnl_primitive_attr_create(attributes);
  if (status != dnnl_success) return status;
  dnnl_post_ops_t operations = NULL;
  status = dnnl_primitive_attr_set_fpmath_mode(*attributes, dnnl_fpmath_mode_strict);
  if (status == dnnl_success)
    status = dnnl_primitive_attr_set_scratchpad_mode(*attributes, dnnl_scratchpad_mode_user);
  if (status == dnnl_success) status = dnnl_post_ops_create(&operations);
  if (status == dnnl_success) status = append_post_ops(operations, addend, relu);
  if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(*attributes, operations);
  dnnl_post_ops_destroy(operations);
  if (status != dnnl_success) {
    dnnl_primitive_attr_destroy(*attributes);
    *attributes = NULL;
  }
  return status;
}

void onednn_attributes_destroy(onednn_attributes *attributes) { dnnl_primitive_attr_destroy(attributes); }

void onednn_descriptor_destroy(onednn_descriptor *descriptor) { dnnl_primitive_desc_destroy(descriptor); }

const onednn_layout *onednn_descriptor_layout(const onednn_descriptor *descriptor, enum onednn_role role) {
  borrowed desc = dnnl_primitive_desc_query_md(descriptor, roles[role].layout, 0);
  return desc && dnnl_memory_desc_get_size(desc) > 0 ? (const onednn_layout *)desc : NULL;
}

const char *onednn_descriptor_implementation(const onednn_descriptor *descriptor) {
  const char *name = NULL;
  dnnl_primitive_desc_query(descriptor, dnnl_query_impl_info_str, 0, &name);
  return name ? name : "";
}

#if DNNL_VERSION_MAJOR == 2
/// Version 2's second step.
static dnnl_status_t describe(
    dnnl_status_t described, const void *operation, onednn_descriptor **descriptor, onednn_engine *engine,
    const onednn_attributes *attributes, const onednn_descriptor *forward) {
  return described != dnnl_success
             ? described
             : dnnl_primitive_desc_create(descriptor, operation, attributes, engine, forward);
}
#else
static const dnnl_dims_t no_dilation = {0};
#endif
static const dnnl_dims_t no_padding = {0};

static dnnl_alg_kind_t algorithm(const struct onednn_convolution *c) {
  return c->algorithm == onednn_algorithm_winograd ? dnnl_convolution_winograd : dnnl_convolution_direct;
}

// Always for training: asked for inference, 2.6 takes implementations that are slower and can't add.
onednn_status onednn_convolution_forward(
    onednn_descriptor **descriptor, onednn_engine *engine, const struct onednn_convolution *c,
    const onednn_attributes *attributes) {
#if DNNL_VERSION_MAJOR == 2
  dnnl_convolution_desc_t operation;
  return describe(
      dnnl_convolution_forward_desc_init(
          &operation, dnnl_forward_training, algorithm(c), of(c->source), of(c->weights), of(c->bias),
          of(c->target), c->stride, c->padding, c->padding),
      &operation, descriptor, engine, attributes, NULL);
#else
  return dnnl_convolution_forward_primitive_desc_create(
      descriptor, engine, dnnl_forward_training, algorithm(c), of(c->source), of(c->weights), of(c->bias),
      of(c->target), c->stride, no_dilation, c->padding, c->padding, attributes);
#endif
}

onednn_status onednn_convolution_backward_source(
    onednn_descriptor **descriptor, onednn_engine *engine, const struct onednn_convolution *c,
    const onednn_attributes *attributes, const onednn_descriptor *forward) {
#if DNNL_VERSION_MAJOR == 2
  dnnl_convolution_desc_t operation;
  return describe(
      dnnl_convolution_backward_data_desc_init(
          &operation, algorithm(c), of(c->source), of(c->weights), of(c->target), c->stride, c->padding,
          c->padding),
      &operation, descriptor, engine, attributes, forward);
#else
  return dnnl_convolution_backward_data_primitive_desc_create(
      descriptor, engine, algorithm(c), of(c->source), of(c->weights), of(c->target), c->stride, no_dilation,
      c->padding, c->padding, forward, attributes);
#endif
}

onednn_status onednn_convolution_backward_weights(
    onednn_descriptor **descriptor, onednn_engine *engine, const struct onednn_convolution *c,
    const onednn_attributes *attributes, const onednn_descriptor *forward) {
#if DNNL_VERSION_MAJOR == 2
  dnnl_convolution_desc_t operation;
  return describe(
      dnnl_convolution_backward_weights_desc_init(
          &operation, algorithm(c), of(c->source), of(c->weights), of(c->bias), of(c->target), c->stride,
          c->padding, c->padding),
      &operation, descriptor, engine, attributes, forward);
#else
  return dnnl_convolution_backward_weights_primitive_desc_create(
      descriptor, engine, algorithm(c), of(c->source), of(c->weights), of(c->bias), of(c->target), c->stride,
      no_dilation, c->padding, c->padding, forward, attributes);
#endif
}

onednn_status onednn_linear_backward_weights(
    onednn_descriptor **descriptor, onednn_engine *engine, const struct onednn_linear *l,
    const onednn_attributes *attributes) {
  // oneDNN wants to know the forward one, to keep layouts alike; here they are given.
  onednn_descriptor *forward = NULL;
#if DNNL_VERSION_MAJOR == 2
  dnnl_inner_product_desc_t operation;
  onednn_status status = describe(
      dnnl_inner_product_forward_desc_init(
          &operation, dnnl_forward_training, of(l->source), of(l->weights), of(l->bias), of(l->target)),
      &operation, &forward, engine, attributes, NULL);
  if (status != dnnl_success) return status;
  status = describe(
      dnnl_inner_product_backward_weights_desc_init(
          &operation, of(l->source), of(l->weights), of(l->bias), of(l->target)),
      &operation, descriptor, engine, attributes, forward);
#else
  onednn_status status = dnnl_inner_product_forward_primitive_desc_create(
      &forward, engine, dnnl_forward_training, of(l->source), of(l->weights), of(l->bias), of(l->target), attributes);
  if (status != dnnl_success) return status;
  status = dnnl_inner_product_backward_weights_primitive_desc_create(
      descriptor, engine, of(l->source), of(l->weights), of(l->bias), of(l->target), forward, attributes);
#endif
  dnnl_primitive_desc_destroy(forward);
  return status;
}

static dnnl_alg_kind_t pooling_algorithm(const struct onednn_pooling *p) {
  return p->kind == onednn_pooling_kind_maximum ? dnnl_pooling_max : dnnl_pooling_avg_exclude_padding;
}

onednn_status onednn_pooling_forward(
    onednn_descriptor **descriptor, onednn_engine *engine, const struct onednn_pooling *p,
    const onednn_attributes *attributes) {
  dnnl_prop_kind_t kind = p->for_inference ? dnnl_forward_inference : dnnl_forward_training;
#if DNNL_VERSION_MAJOR == 2
  dnnl_pooling_desc_t operation;
  return describe(
      dnnl_pooling_forward_desc_init(
          &operation, kind, pooling_algorithm(p), of(p->source), of(p->target), p->stride, p->window, p->padding,
          p->padding),
      &operation, descriptor, engine, attributes, NULL);
#else
  return dnnl_pooling_forward_primitive_desc_create(
      descriptor, engine, kind, pooling_algorithm(p), of(p->source), of(p->target), p->stride, p->window,
      no_dilation, p->padding, p->padding, attributes);
#endif
}

onednn_status onednn_pooling_backward(
    onednn_descriptor **descriptor, onednn_engine *engine, const struct onednn_pooling *p,
    const onednn_attributes *attributes, const onednn_descriptor *forward) {
#if DNNL_VERSION_MAJOR == 2
  dnnl_pooling_desc_t operation;
  return describe(
      dnnl_pooling_backward_desc_init(
          &operation, pooling_algorithm(p), of(p->source), of(p->target), p->stride, p->window, p->padding,
          p->padding),
      &operation, descriptor, engine, attributes, forward);
#else
  return dnnl_pooling_backward_primitive_desc_create(
      descriptor, engine, pooling_algorithm(p), of(p->source), of(p->target), p->stride, p->window, no_dilation,
      p->padding, p->padding, forward, attributes);
#endif
}

onednn_status onednn_reorder(
    onednn_descriptor **descriptor, onednn_engine *engine, const onednn_layout *source,
    const onednn_layout *target, const onednn_attributes *attributes) {
  return dnnl_reorder_primitive_desc_create(descriptor, of(source), engine, of(target), engine, attributes);
}

onednn_status onednn_primitive_create(onednn_primitive **primitive, const onednn_descriptor *descriptor) {
  return dnnl_primitive_create(primitive, descriptor);
}

void onednn_primitive_destroy(onednn_primitive *primitive) { dnnl_primitive_destroy(primitive); }

onednn_status onednn_primitive_run(
    const onednn_primitive *primitive, onednn_stream *stream, const struct onednn_argument *arguments,
    int count) {
  dnnl_exec_arg_t translated[onednn_most_arguments];
  if (count > onednn_most_arguments) return dnnl_invalid_arguments;
  for (int i = 0; i < count; i++)
    translated[i] = (dnnl_exec_arg_t){roles[arguments[i].role].argument, arguments[i].memory};
  return dnnl_primitive_execute(primitive, stream, count, translated);
}
