// PNG by libpng. Its error handler jumps, so no object with a destructor lives between setjmp and a jump.
#include "image/decode.h"

#include <array>
#include <csetjmp>
#include <cstring>
#include <vector>

#include <png.h>

namespace edgekit {
namespace {

struct Source {
  std::span<const std::byte> bytes;
  std::array<char, 128> message{};
};

void on_read(png_structp png, png_bytep to, png_size_t size) {
  auto* source = static_cast<Source*>(png_get_io_ptr(png));
  if (size > source->bytes.size()) png_error(png, "the file ends early");
  std::memcpy(to, source->bytes.data(), size);
  source->bytes = source->bytes.subspan(size);
}

[[noreturn]] void on_error(png_structp png, png_const_charp message) {
  auto* source = static_cast<Source*>(png_get_error_ptr(png));
  std::strncpy(source->message.data(), message, source->message.size() - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}  // warnings are about ancillary chunks, which change no pixel

class Png {
 public:
  explicit Png(Source* source)
      : png(png_create_read_struct(PNG_LIBPNG_VER_STRING, source, on_error, on_warning)),
        info(png == nullptr ? nullptr : png_create_info_struct(png)) {}
  ~Png() { png_destroy_read_struct(&png, &info, nullptr); }
  Png(const Png&) = delete;
  Png& operator=(const Png&) = delete;

  png_structp png;
  png_infop info;
};

bool read_header(Png& it, Source& source) {
  if (setjmp(png_jmpbuf(it.png)) != 0) return false;
  png_set_read_fn(it.png, &source, on_read);
  png_set_crc_action(it.png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);  // by default wrong ancillary ones pass
  png_set_user_limits(it.png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);       // check_pixel_count has a clearer message
  png_read_info(it.png, it.info);
  return true;
}

// Everything becomes 8-bit RGB: palettes and few bits expanded, 16 bits cut to their upper 8, alpha dropped.
bool read_rows(Png& it, png_bytepp rows) {
  if (setjmp(png_jmpbuf(it.png)) != 0) return false;
  const int color = png_get_color_type(it.png, it.info);
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(it.png);
  if ((color & PNG_COLOR_MASK_COLOR) == 0) {
    png_set_expand_gray_1_2_4_to_8(it.png);
    png_set_gray_to_rgb(it.png);
  }
  png_set_strip_16(it.png);
  png_set_strip_alpha(it.png);
  png_read_update_info(it.png, it.info);
  png_read_image(it.png, rows);
  png_read_end(it.png, it.info);
  return true;
}

int orientation_of(Png& it) {
  png_uint_32 size = 0;
  png_bytep exif = nullptr;
  if (png_get_eXIf_1(it.png, it.info, &size, &exif) == 0) return 1;
  return exif_orientation({reinterpret_cast<const std::byte*>(exif), size});
}

Status failure(const Source& source) {
  return usage_error(std::string("is a truncated or damaged PNG (") + source.message.data() + ")");
}

}  // namespace

Result<RawImage> decode_png(std::span<const std::byte> bytes) {
  Source source{bytes};
  Png it(&source);
  if (it.info == nullptr) return runtime_error("cannot be decoded: out of memory");
  if (!read_header(it, source)) return failure(source);
  RawImage raw;
  raw.width = png_get_image_width(it.png, it.info);
  raw.height = png_get_image_height(it.png, it.info);
  EK_RETURN_IF_ERROR(check_pixel_count(raw.width, raw.height));
  EK_ASSIGN(Allocation made, allocate_tensor(DType::kUint8, {static_cast<std::int64_t>(raw.height),
                                                             static_cast<std::int64_t>(raw.width), 3}));
  raw.pixels = made.tensor;
  auto* first = reinterpret_cast<png_bytep>(made.mutable_bytes.data());
  std::vector<png_bytep> rows(raw.height);
  for (std::size_t y = 0; y < raw.height; ++y) rows[y] = first + y * raw.width * 3;
  if (!read_rows(it, rows.data())) return failure(source);
  raw.orientation = orientation_of(it);
  return raw;
}

}  // namespace edgekit
