// Runs the `predict` method on a picture: it gives labels, or a mask.
#pragma once

#include <string>
#include <vector>

#include "core/status.h"
#include "engine/model.h"

namespace edgekit {

struct Class {
  std::int64_t index = 0;
  float score = 0.0f;
};

struct Prediction {
  std::vector<Class> classes;  // best first
  double decode_ms = 0.0;
  double predict_ms = 0.0;
};

struct Segmentation {
  Tensor picture;  // uint8 [H, W, 3]
  Tensor mask;     // uint8 [H, W]: the class of each pixel
  double decode_ms = 0.0;
  double predict_ms = 0.0;
};

// For a package whose task is labels.
[[nodiscard]] Result<Prediction> predict(Model& model, const std::string& image_path, std::size_t most);

// For a package whose task is a mask.
[[nodiscard]] Result<Segmentation> segment(Model& model, const std::string& image_path);

}  // namespace edgekit
