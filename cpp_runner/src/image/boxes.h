// Boxes drawn on their picture, as docs/format.md says.
#pragma once

#include <string>
#include <vector>

#include "core/status.h"
#include "core/tensor.h"

namespace edgekit {

struct FoundBox {
  std::int64_t index = 0;  // the class
  std::string label;
  float score = 0.0f;
  float left = 0.0f, top = 0.0f, right = 0.0f, bottom = 0.0f;  // in pixels of the picture
};

// A copy of the pixels of a picture, uint8 [H, W, 3], with frames, labels and scores. The first box is drawn last, over
// the others.
[[nodiscard]] std::vector<std::uint8_t> draw_boxes(const TensorView& picture, const std::vector<FoundBox>& found);

// Writes that as a PNG file.
[[nodiscard]] Status write_boxes_png(const std::string& path, const TensorView& picture,
                                     const std::vector<FoundBox>& found);

}  // namespace edgekit
