#include "engine/predict.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "core/clock.h"

namespace edgekit {
namespace {

struct Answer {
  Tensor picture;
  Values outputs;
  double decode_ms = 0.0;
  double predict_ms = 0.0;
};

std::string described(std::string_view task) {
  return (task == kMaskTask ? "a " : "") + std::string(task);
}

Result<const MethodSpec*> find_predict(const Package& package, std::string_view task) {
  const MethodSpec* method = package.manifest ? package.manifest->find_method("predict") : nullptr;
  if (method == nullptr) {
    return usage_error(package.path +
                       " has no predict method, so it takes no pictures; run a method on arrays instead");
  }
  const std::string& given = package.manifest->task;
  if (given == task) return method;
  if (given == kMaskTask || given == kLabelsTask || given == kBoxesTask) {
    return usage_error(package.path + ": predict of this package gives " + described(given) + ", not " +
                       described(task));
  }
  return usage_error(package.path + ": predict of this package gives '" + given +
                     "', which this runner does not know; use a newer edgekit-runner");
}

Status check_labels(const Package& package) {
  EK_ASSIGN(const MethodSpec* method, find_predict(package, kLabelsTask));
  const auto& outputs = method->outputs;
  const bool fits = outputs.size() == 2 && outputs[0].dtype == DType::kFloat32 && outputs[1].dtype == DType::kInt64;
  return fits
             ? Status()
             : package_error(package.path +
                             ": method predict does not give float32 scores and int64 indices; export the model again");
}

Status check_mask(const Package& package) {
  EK_ASSIGN(const MethodSpec* method, find_predict(package, kMaskTask));
  const auto& outputs = method->outputs;
  const bool fits = outputs.size() == 1 && outputs[0].dtype == DType::kUint8 && outputs[0].axes.size() == 2;
  return fits ? Status()
              : package_error(package.path + ": method predict does not give a uint8 mask; export the model again");
}

bool is_spec(const TensorSpec& spec, std::string_view name, DType dtype, std::size_t rank) {
  return spec.name == name && spec.dtype == dtype && spec.axes.size() == rank;
}

Status check_boxes(const Package& package) {
  EK_ASSIGN(const MethodSpec* method, find_predict(package, kBoxesTask));
  const auto& outputs = method->outputs;
  const bool fits = outputs.size() == 3 && is_spec(outputs[0], "boxes", DType::kFloat32, 2) &&
                    is_spec(outputs[1], "labels", DType::kInt64, 1) &&
                    is_spec(outputs[2], "scores", DType::kFloat32, 1);
  return fits ? Status()
              : package_error(package.path +
                              ": method predict does not give boxes, labels and scores; export the model again");
}

Result<Answer> answer(Model& model, const PictureSource& source, const RunLimits& limits) {
  Answer result;
  const Stopwatch decoding;
  const Manifest& manifest = *model.package().manifest;
  EK_ASSIGN(result.picture, source({manifest.resize, manifest.task != kLabelsTask}));
  result.decode_ms = decoding.elapsed_ms();
  const Stopwatch predicting;
  const TensorView view = result.picture.view();
  EK_ASSIGN(result.outputs, model.run("predict", {&view, 1}, limits));
  result.predict_ms = predicting.elapsed_ms();
  return result;
}

}  // namespace

Result<Segmentation> segment(Model& model, const PictureSource& source, const RunLimits& limits) {
  EK_RETURN_IF_ERROR(check_mask(model.package()));
  EK_ASSIGN(Answer found, answer(model, source, limits));
  if (found.outputs.items.empty()) return package_error(model.package().path + ": predict gives nothing");
  Tensor& mask = found.outputs.items[0].tensor;
  if (mask.dtype != DType::kUint8 || mask.shape.size() != 2 || mask.shape[0] != found.picture.shape[0] ||
      mask.shape[1] != found.picture.shape[1]) {
    return package_error(model.package().path + ": predict gives a mask " + shape_text(mask.shape) + " for a picture " +
                         shape_text(found.picture.shape) + "; export the model again");
  }
  return Segmentation{std::move(found.picture), std::move(mask), found.decode_ms, found.predict_ms};
}

Result<Prediction> predict(Model& model, const PictureSource& source, std::size_t most, const RunLimits& limits) {
  EK_RETURN_IF_ERROR(check_labels(model.package()));
  EK_ASSIGN(const Answer found, answer(model, source, limits));
  Prediction result;
  result.decode_ms = found.decode_ms;
  result.predict_ms = found.predict_ms;
  const auto& items = found.outputs.items;
  const TensorView scores = items[0].tensor.view(), indices = items[1].tensor.view();
  const std::size_t count = std::min(scores.bytes.size() / sizeof(float), indices.bytes.size() / sizeof(std::int64_t));
  for (std::size_t i = 0; i < std::min(most, count); ++i) {
    result.classes.push_back({element_as_int(indices, i), static_cast<float>(element_as_double(scores, i))});
  }
  return result;
}

Result<Detections> detect(Model& model, const PictureSource& source, double least, std::size_t most,
                          const RunLimits& limits) {
  EK_RETURN_IF_ERROR(check_boxes(model.package()));
  EK_ASSIGN(Answer found, answer(model, source, limits));
  const auto& items = found.outputs.items;
  const Tensor &boxes = items[0].tensor, &labels = items[1].tensor, &scores = items[2].tensor;
  if (boxes.shape != Shape{labels.shape[0], 4} || scores.shape != labels.shape) {
    return package_error(model.package().path + ": predict gives boxes " + shape_text(boxes.shape) + ", labels " +
                         shape_text(labels.shape) + " and scores " + shape_text(scores.shape) +
                         "; export the model again");
  }
  Detections result{std::move(found.picture), {}, found.decode_ms, found.predict_ms};
  const auto& names = model.package().labels;
  for (std::size_t i = 0; i < static_cast<std::size_t>(labels.shape[0]) && result.boxes.size() < most; ++i) {
    const double score = element_as_double(scores.view(), i);
    if (!(score >= least)) continue;
    const auto edge = [&](std::size_t side) {
      return static_cast<float>(element_as_double(boxes.view(), 4 * i + side));
    };
    const std::int64_t index = element_as_int(labels.view(), i);
    const bool named = index >= 0 && static_cast<std::size_t>(index) < names.size();
    const std::string label = named ? names[static_cast<std::size_t>(index)] : "class " + std::to_string(index);
    result.boxes.push_back({index, label, static_cast<float>(score), edge(0), edge(1), edge(2), edge(3)});
  }
  return result;
}

Result<std::vector<NamedTensor>> tensors_of(const std::vector<FoundBox>& boxes) {
  const auto count = static_cast<std::int64_t>(boxes.size());
  EK_ASSIGN(Allocation edges, allocate_tensor(DType::kFloat32, {count, 4}));
  EK_ASSIGN(Allocation labels, allocate_tensor(DType::kInt64, {count}));
  EK_ASSIGN(Allocation scores, allocate_tensor(DType::kFloat32, {count}));
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    const std::array box{boxes[i].left, boxes[i].top, boxes[i].right, boxes[i].bottom};
    std::memcpy(edges.mutable_bytes.data() + i * sizeof(box), box.data(), sizeof(box));
    std::memcpy(labels.mutable_bytes.data() + i * sizeof(boxes[i].index), &boxes[i].index, sizeof(boxes[i].index));
    std::memcpy(scores.mutable_bytes.data() + i * sizeof(boxes[i].score), &boxes[i].score, sizeof(boxes[i].score));
  }
  return std::vector<NamedTensor>{
      {"boxes", std::move(edges.tensor)}, {"labels", std::move(labels.tensor)}, {"scores", std::move(scores.tensor)}};
}

}  // namespace edgekit
