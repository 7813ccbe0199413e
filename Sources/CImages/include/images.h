// Decoding PNG (libpng) and JPEG (libjpeg-turbo) images to pixels, with settings under which equal files give equal
// pixels: the slow integer DCT, plain upsampling, no gamma. What is wrong comes back as text.
#ifndef BOBBIN_IMAGES_H
#define BOBBIN_IMAGES_H

#include <stddef.h>
#include <stdint.h>

enum { BOBBIN_PNG = 1, BOBBIN_JPEG = 2 };

/// Which format bytes begin with; 0: neither.
int bobbin_image_format(const uint8_t *bytes, size_t count);

/// The extents that an image's header tells. Returns 0, or -1 with a reason in `problem` (200 bytes).
int bobbin_image_size(const uint8_t *bytes, size_t count, int *width, int *height, char *problem);

/// Decodes to 8 bits a channel, rows from the top: `channels` is 1 (grey) or 3 (RGB) side by side. Transparent pixels
/// lie on black. `pixels` has room for width × height × channels of the header's extents. Returns 0, or -1.
int bobbin_image_decode(const uint8_t *bytes, size_t count, int channels, uint8_t *pixels, char *problem);

#endif
