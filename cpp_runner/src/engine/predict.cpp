#include "engine/predict.h"

#include <algorithm>

#include "core/clock.h"
#include "image/decode.h"

namespace edgekit {
namespace {

Status check_predict(const Package& package) {
  const MethodSpec* method = package.manifest ? package.manifest->find_method("predict") : nullptr;
  if (method == nullptr) {
    return usage_error(package.path +
                       " has no predict method, so it takes no pictures; run a method on arrays instead");
  }
  const auto& outputs = method->outputs;
  const bool fits = outputs.size() == 2 && outputs[0].dtype == DType::kFloat32 && outputs[1].dtype == DType::kInt64;
  return fits
             ? Status()
             : package_error(package.path +
                             ": method predict does not give float32 scores and int64 indices; export the model again");
}

}  // namespace

Result<Prediction> predict(Model& model, const std::string& image_path, std::size_t most) {
  EK_RETURN_IF_ERROR(check_predict(model.package()));
  Prediction result;
  const Stopwatch decoding;
  EK_ASSIGN(const Tensor image, decode_image(image_path, model.package().manifest->resize));
  result.decode_ms = decoding.elapsed_ms();
  const Stopwatch predicting;
  const TensorView view = image.view();
  EK_ASSIGN(const Values outputs, model.run("predict", {&view, 1}));
  result.predict_ms = predicting.elapsed_ms();
  const TensorView scores = outputs.items[0].tensor.view(), indices = outputs.items[1].tensor.view();
  const std::size_t count = std::min(scores.bytes.size() / sizeof(float), indices.bytes.size() / sizeof(std::int64_t));
  for (std::size_t i = 0; i < std::min(most, count); ++i) {
    result.classes.push_back({element_as_int(indices, i), static_cast<float>(element_as_double(scores, i))});
  }
  return result;
}

}  // namespace edgekit
