// The chunks of a PNG that decide its pixels, checked by the rules of docs/format.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/status.h"

namespace edgekit {

struct PngChunks {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool has_palette = false;
  std::vector<std::span<const std::byte>> critical;  // IHDR, the PLTE of a palette, and every IDAT, whole
  std::vector<std::span<const std::byte>> data;      // the contents of the IDAT chunks
  std::span<const std::byte> exif;                   // the content of the first eXIf
};

// Reads the chunks up to IEND. It takes no memory for their contents. `resize` limits the size, as in decode_image.
[[nodiscard]] Result<PngChunks> read_png_chunks(std::span<const std::byte> file, std::uint64_t resize);

}  // namespace edgekit
