// Runs the `predict` method on a picture: it gives labels, a mask or boxes.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/status.h"
#include "engine/model.h"
#include "image/boxes.h"
#include "image/decode.h"

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

struct Detections {
  Tensor picture;               // uint8 [H, W, 3]
  std::vector<FoundBox> boxes;  // best first
  double decode_ms = 0.0;
  double predict_ms = 0.0;
};

// Makes the picture, uint8 [H, W, 3], when it is needed.
using PictureSource = std::function<Result<Tensor>(PictureUse use)>;

// For a package whose task is labels.
[[nodiscard]] Result<Prediction> predict(Model& model, const PictureSource& source, std::size_t most,
                                         const RunLimits& limits);

// For a package whose task is a mask.
[[nodiscard]] Result<Segmentation> segment(Model& model, const PictureSource& source, const RunLimits& limits);

// For a package whose task is boxes: at most `most` of those that have the least score.
[[nodiscard]] Result<Detections> detect(Model& model, const PictureSource& source, double least, std::size_t most,
                                        const RunLimits& limits);
// Boxes as tensors: boxes float32 [K, 4], labels int64 [K], scores float32 [K].
[[nodiscard]] Result<std::vector<NamedTensor>> tensors_of(const std::vector<FoundBox>& boxes);

}  // namespace edgekit
