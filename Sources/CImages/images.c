#include "images.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>
#include <png.h>

static void say(char *problem, const char *text) { snprintf(problem, 200, "%s", text); }

int bobbin_image_format(const uint8_t *bytes, size_t count) {
  static const uint8_t png[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  if (count >= 8 && memcmp(bytes, png, 8) == 0) return BOBBIN_PNG;
  if (count >= 3 && bytes[0] == 0xff && bytes[1] == 0xd8 && bytes[2] == 0xff) return BOBBIN_JPEG;
  return 0;
}

// PNG, by the simplified interface.

static int png_begin(png_image *image, const uint8_t *bytes, size_t count, char *problem) {
  memset(image, 0, sizeof *image);
  image->version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(image, bytes, count)) return 0;
  say(problem, image->message);
  png_image_free(image);
  return -1;
}

static int png_decode(const uint8_t *bytes, size_t count, int channels, uint8_t *pixels, char *problem) {
  png_image image;
  if (png_begin(&image, bytes, count, problem) != 0) return -1;
  image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_color black = {0, 0, 0};
  int ok = png_image_finish_read(&image, &black, pixels, 0, NULL) && image.warning_or_error < 2;
  if (!ok) say(problem, image.message);
  png_image_free(&image);
  return ok ? 0 : -1;
}

// JPEG. libjpeg ends the program on an error unless it is led elsewhere.

struct jpeg_failure {
  struct jpeg_error_mgr base;
  jmp_buf place;
  char *problem;
};

static void jpeg_fail(j_common_ptr jpeg) {
  struct jpeg_failure *failure = (struct jpeg_failure *)jpeg->err;
  char text[JMSG_LENGTH_MAX];
  (*jpeg->err->format_message)(jpeg, text);
  say(failure->problem, text);
  longjmp(failure->place, 1);
}

// A warning means damage (a file that ends early is filled with grey), so it is an error.
static void jpeg_warn(j_common_ptr jpeg, int level) {
  if (level < 0) jpeg_fail(jpeg);
}

static int jpeg_read(const uint8_t *bytes, size_t count, int channels, int *width, int *height, uint8_t *pixels,
                     char *problem) {
  struct jpeg_decompress_struct jpeg;
  struct jpeg_failure failure;
  jpeg.err = jpeg_std_error(&failure.base);
  failure.base.error_exit = jpeg_fail;
  failure.base.emit_message = jpeg_warn;
  failure.problem = problem;
  if (setjmp(failure.place)) {
    jpeg_destroy_decompress(&jpeg);
    return -1;
  }
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, bytes, count);
  jpeg_read_header(&jpeg, TRUE);
  if (width) *width = (int)jpeg.image_width;
  if (height) *height = (int)jpeg.image_height;
  if (pixels) {
    jpeg.out_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg.dct_method = JDCT_ISLOW;
    jpeg.do_fancy_upsampling = FALSE;
    jpeg.do_block_smoothing = FALSE;
    jpeg_start_decompress(&jpeg);
    while (jpeg.output_scanline < jpeg.output_height) {
      JSAMPROW row = pixels + (size_t)jpeg.output_scanline * jpeg.output_width * (size_t)channels;
      jpeg_read_scanlines(&jpeg, &row, 1);
    }
    jpeg_finish_decompress(&jpeg);
  }
  jpeg_destroy_decompress(&jpeg);
  return 0;
}

int bobbin_image_size(const uint8_t *bytes, size_t count, int *width, int *height, char *problem) {
  switch (bobbin_image_format(bytes, count)) {
    case BOBBIN_PNG: {
      png_image image;
      if (png_begin(&image, bytes, count, problem) != 0) return -1;
      *width = (int)image.width;
      *height = (int)image.height;
      png_image_free(&image);
      return 0;
    }
    case BOBBIN_JPEG: return jpeg_read(bytes, count, 0, width, height, NULL, problem);
    default: say(problem, "is neither PNG nor JPEG"); return -1;
  }
}

int bobbin_image_decode(const uint8_t *bytes, size_t count, int channels, uint8_t *pixels, char *problem) {
  if (bobbin_image_format(bytes, count) == BOBBIN_PNG) return png_decode(bytes, count, channels, pixels, problem);
  return jpeg_read(bytes, count, channels, NULL, NULL, pixels, problem);
}
