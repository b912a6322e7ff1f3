// Runs the `predict` method on a picture.
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

[[nodiscard]] Result<Prediction> predict(Model& model, const std::string& image_path, std::size_t most);

}  // namespace edgekit
