// Owns the loops of batch normalisation over images of one element type, and those of sums of images. Included once for
// each type, after ELEMENT, OF_ELEMENT(name), LOAD_ELEMENT, STORE_ELEMENT, GET and PUT are defined.

struct OF_ELEMENT(addend) {
  const ELEMENT *values;
  const float *scale, *shift;
};

struct OF_ELEMENT(mask) {
  const ELEMENT *output;
  const float *scale, *shift;
};

FOR_EACH_PROCESSOR
static void OF_ELEMENT(normalise)(
    struct kernels_images shape, const ELEMENT *x, const float *scale, const float *shift,
    struct OF_ELEMENT(addend) addend, bool relu, ELEMENT *y) {
  int64_t size = shape.pixels * shape.block, whole = size & ~15;
  for (int64_t plane = 0; plane < shape.images * shape.blocks; plane++) {
    int64_t first = plane % shape.blocks * shape.block;
    LANES(a, scale, first, shape.block, 1);
    LANES(b, shift, first, shape.block, 0);
    LANES(a2, addend.scale, first, shape.block, 1);
    LANES(b2, addend.shift, first, shape.block, 0);
    const ELEMENT *from = x + plane * size, *added = addend.values ? addend.values + plane * size : 0;
    ELEMENT *to = y + plane * size;
    if (!added) {
      for (int64_t i = 0; i < whole; i += 16) {
        v16 value = a * LOAD_ELEMENT(from + i) + b;
        if (relu) value = UNLESS(value <= 0, value);
        STORE_ELEMENT(to + i, value);
      }
    } else if (!addend.scale) {
      for (int64_t i = 0; i < whole; i += 16) {
        v16 value = a * LOAD_ELEMENT(from + i) + b + LOAD_ELEMENT(added + i);
        if (relu) value = UNLESS(value <= 0, value);
        STORE_ELEMENT(to + i, value);
      }
    } else {
      for (int64_t i = 0; i < whole; i += 16) {
        v16 value = a * LOAD_ELEMENT(from + i) + b + (a2 * LOAD_ELEMENT(added + i) + b2);
        if (relu) value = UNLESS(value <= 0, value);
        STORE_ELEMENT(to + i, value);
      }
    }
    for (int64_t i = whole; i < size; i++) {
      int64_t lane = i & 15;
      float value = a[lane] * GET(from + i) + b[lane];
      if (added) value += addend.scale ? a2[lane] * GET(added + i) + b2[lane] : GET(added + i);
      PUT(to + i, relu && value <= 0 ? 0 : value);
    }
  }
}

FOR_EACH_PROCESSOR
static void OF_ELEMENT(moments)(struct kernels_images shape, const ELEMENT *x, float *sums) {
  int64_t size = shape.pixels * shape.block, whole = size & ~15, channels = shape.blocks * shape.block;
  for (int64_t plane = 0; plane < shape.images * shape.blocks; plane++) {
    const ELEMENT *from = x + plane * size;
    float *target = sums + plane / shape.blocks * 3 * channels + plane % shape.blocks * shape.block;
    v16 k;
    for (int64_t lane = 0; lane < 16; lane++) k[lane] = GET(from + lane % shape.block);
    v16 s = {0}, t = {0}, s2 = {0}, t2 = {0};
    int64_t i = 0;
    for (; i + 32 <= size; i += 32) {
      v16 u = LOAD_ELEMENT(from + i) - k, w = LOAD_ELEMENT(from + i + 16) - k;
      s += u;
      s2 += w;
      t += u * u;
      t2 += w * w;
    }
    for (; i < whole; i += 16) {
      v16 u = LOAD_ELEMENT(from + i) - k;
      s += u;
      t += u * u;
    }
    s += s2;
    t += t2;
    for (; i < size; i++) {
      float u = GET(from + i) - k[i & 15];
      s[i & 15] += u;
      t[i & 15] += u * u;
    }
    for (int64_t c = 0; c < shape.block; c++) target[c] = k[c];
    FOLD(s, shape.block, target + channels);
    FOLD(t, shape.block, target + 2 * channels);
  }
}

FOR_EACH_PROCESSOR
static void OF_ELEMENT(normalise_sums)(
    struct kernels_images shape, const ELEMENT *d, const ELEMENT *e, struct OF_ELEMENT(mask) mask, const ELEMENT *x,
    const float *mean, ELEMENT *g, float *sums) {
  int64_t size = shape.pixels * shape.block, whole = size & ~15, channels = shape.blocks * shape.block;
  for (int64_t plane = 0; plane < shape.images * shape.blocks; plane++) {
    int64_t first = plane % shape.blocks * shape.block, at = plane * size;
    float *target = sums + plane / shape.blocks * 2 * channels + first;
    LANES(m, mean, first, shape.block, 0);
    LANES(a, mask.scale, first, shape.block, 0);
    LANES(b, mask.shift, first, shape.block, 0);
    v16 s = {0}, t = {0};
    for (int64_t i = at; i < at + whole; i += 16) {
      v16 value = LOAD_ELEMENT(d + i), input = LOAD_ELEMENT(x + i);
      if (e) value += LOAD_ELEMENT(e + i);
      if (mask.output) value = UNLESS(LOAD_ELEMENT(mask.output + i) <= 0, value);
      else if (mask.scale) value = UNLESS(a * input + b <= 0, value);
      if (g) STORE_ELEMENT(g + i, value);
      s += value;
      t += value * (input - m);
    }
    for (int64_t i = at + whole; i < at + size; i++) {
      int64_t lane = (i - at) & 15;
      float input = GET(x + i), value = GET(d + i);
      if (e) value += GET(e + i);
      if (mask.output ? GET(mask.output + i) <= 0 : mask.scale ? a[lane] * input + b[lane] <= 0 : false) value = 0;
      if (g) PUT(g + i, value);
      s[lane] += value;
      t[lane] += value * (input - m[lane]);
    }
    FOLD(s, shape.block, target);
    FOLD(t, shape.block, target + channels);
  }
}

FOR_EACH_PROCESSOR
static void OF_ELEMENT(normalise_gradient)(
    struct kernels_images shape, const ELEMENT *d, struct OF_ELEMENT(mask) mask, const ELEMENT *x, const float *mean,
    const float *a, const float *b, const float *c, ELEMENT *dx) {
  int64_t size = shape.pixels * shape.block, whole = size & ~15;
  for (int64_t plane = 0; plane < shape.images * shape.blocks; plane++) {
    int64_t first = plane % shape.blocks * shape.block, at = plane * size;
    LANES(m, mean, first, shape.block, 0);
    LANES(scale, mask.scale, first, shape.block, 0);
    LANES(shift, mask.shift, first, shape.block, 0);
    LANES(va, a, first, shape.block, 0);
    LANES(vb, b, first, shape.block, 0);
    LANES(vc, c, first, shape.block, 0);
    for (int64_t i = at; i < at + whole; i += 16) {
      v16 value = LOAD_ELEMENT(d + i), input = LOAD_ELEMENT(x + i);
      if (mask.output) value = UNLESS(LOAD_ELEMENT(mask.output + i) <= 0, value);
      else if (mask.scale) value = UNLESS(scale * input + shift <= 0, value);
      STORE_ELEMENT(dx + i, va * value + vb * (input - m) + vc);
    }
    for (int64_t i = at + whole; i < at + size; i++) {
      int64_t lane = (i - at) & 15;
      float input = GET(x + i), value = GET(d + i);
      if (mask.output ? GET(mask.output + i) <= 0 : mask.scale ? scale[lane] * input + shift[lane] <= 0 : false) value = 0;
      PUT(dx + i, va[lane] * value + vb[lane] * (input - m[lane]) + vc[lane]);
    }
  }
}

FOR_EACH_PROCESSOR
static void OF_ELEMENT(add)(
    int64_t count, const ELEMENT *a, const ELEMENT *b, const ELEMENT *output, bool relu, ELEMENT *y) {
  int64_t whole = count & ~15;
  for (int64_t i = 0; i < whole; i += 16) {
    v16 value = LOAD_ELEMENT(a + i);
    if (b) value += LOAD_ELEMENT(b + i);
    if (output) value = UNLESS(LOAD_ELEMENT(output + i) <= 0, value);
    if (relu) value = UNLESS(value <= 0, value);
    STORE_ELEMENT(y + i, value);
  }
  for (int64_t i = whole; i < count; i++) {
    float value = GET(a + i);
    if (b) value += GET(b + i);
    PUT(y + i, (output && GET(output + i) <= 0) || (relu && value <= 0) ? 0 : value);
  }
}
