#include "image/boxes.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>

#include "image/font.h"
#include "image/mask.h"

namespace edgekit {
namespace {

constexpr int kSide = 200;  // of a picture on which a line is one pixel thick
constexpr int kCell = static_cast<int>(kGlyphWidth) + 1, kTag = static_cast<int>(kGlyphHeight) + 2;
constexpr int kBright = 128000;  // a colour of more light has black letters

int round_up_or_down(float value, int size, bool up) {
  if (!(value > 0.0f)) return 0;  // NaN too
  const float limited = std::min(value, static_cast<float>(size));
  return static_cast<int>(up ? std::ceil(limited) : std::floor(limited));
}

struct Range {
  int first, end;
};

// The first pixel and the one after the last, at least one pixel inside the picture.
Range range_of(float low, float high, int size) {
  const int first = std::min(round_up_or_down(low, size, false), size - 1);
  return {first, std::min(std::max(round_up_or_down(high, size, true), first + 1), size)};
}

class Canvas {
 public:
  Canvas(std::vector<std::uint8_t>& pixels, int width, int height)
      : pixels_(pixels), width_(width), height_(height), unit_(std::max(1, std::min(width, height) / kSide)) {}

  void draw(const FoundBox& box) {
    const Colour colour = class_colour(static_cast<std::uint8_t>((box.index % 255 + 254) % 255 + 1));
    const Range x = range_of(box.left, box.right, width_), y = range_of(box.top, box.bottom, height_);
    const int wide = std::min(unit_, x.end - x.first), high = std::min(unit_, y.end - y.first);
    fill(x, {y.first, y.first + high}, colour);
    fill(x, {y.end - high, y.end}, colour);
    fill({x.first, x.first + wide}, y, colour);
    fill({x.end - wide, x.end}, y, colour);
    char score[64];
    std::snprintf(score, sizeof(score), " %.2f", static_cast<double>(box.score));
    tag(box.label + score, x.first, y.first, colour);
  }

 private:
  void fill(Range x, Range y, const Colour& colour) {
    for (int row = y.first; row < std::min(y.end, height_); ++row) {
      for (int column = x.first; column < std::min(x.end, width_); ++column) {
        std::copy(colour.begin(), colour.end(), pixels_.begin() + (std::ptrdiff_t{row} * width_ + column) * 3);
      }
    }
  }

  // A line of text above a place, or below it where there is no room, as far as the picture has it.
  void tag(const std::string& text, int left, int top, const Colour& colour) {
    const auto starts = [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; };  // of a character
    const auto most = width_ / (kCell * unit_) + 1;
    const auto letters =
        static_cast<int>(std::min<std::ptrdiff_t>(most, std::count_if(text.begin(), text.end(), starts)));
    const int width = (letters * kCell + 1) * unit_, height = kTag * unit_;
    const int y = top >= height ? top - height : top, x = std::max(0, std::min(left, width_ - width));
    fill({x, x + width}, {y, y + height}, colour);
    const std::uint8_t ink = 299 * colour[0] + 587 * colour[1] + 114 * colour[2] >= kBright ? 0 : 255;
    int place = x + unit_;
    for (const char c : text) {
      if (place >= width_) break;
      if (!starts(c)) continue;
      letter(c, place, y + unit_, {ink, ink, ink});
      place += kCell * unit_;
    }
  }

  void letter(char c, int left, int top, const Colour& ink) {
    const char capital = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    const std::size_t known = std::min(kGlyphs.find(capital), kGlyphs.size());
    for (std::size_t row = 0; row < kGlyphHeight; ++row) {
      const unsigned bits = digit(known, 2 * row) << 4U | digit(known, 2 * row + 1);
      for (std::size_t column = 0; column < kGlyphWidth; ++column) {
        if ((bits >> (kGlyphWidth - 1 - column) & 1U) == 0) continue;
        const int x = left + static_cast<int>(column) * unit_, y = top + static_cast<int>(row) * unit_;
        fill({x, x + unit_}, {y, y + unit_}, ink);
      }
    }
  }

  static unsigned digit(std::size_t glyph, std::size_t place) {
    const char c = kGlyphRows[glyph * 2 * kGlyphHeight + place];
    return static_cast<unsigned>(c <= '9' ? c - '0' : c - 'A' + 10);
  }

  std::vector<std::uint8_t>& pixels_;
  int width_, height_;
  int unit_;  // the thickness of a line
};

}  // namespace

std::vector<std::uint8_t> draw_boxes(const TensorView& picture, const std::vector<FoundBox>& found) {
  std::vector<std::uint8_t> pixels(picture.bytes.size());
  if (pixels.empty()) return pixels;
  std::memcpy(pixels.data(), picture.bytes.data(), pixels.size());
  Canvas canvas(pixels, static_cast<int>(picture.shape[1]), static_cast<int>(picture.shape[0]));
  std::for_each(found.rbegin(), found.rend(), [&](const FoundBox& box) { canvas.draw(box); });
  return pixels;
}

Status write_boxes_png(const std::string& path, const TensorView& picture, const std::vector<FoundBox>& found) {
  const auto pixels = draw_boxes(picture, found);
  return write_picture_png(path, {DType::kUint8, picture.shape, std::as_bytes(std::span(pixels))});
}

}  // namespace edgekit
