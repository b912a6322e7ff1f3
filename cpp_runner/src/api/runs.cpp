// Runs of a loaded model, on arrays, picture files and frames.
#include <algorithm>
#include <cstring>

#include "api/frames.h"
#include "api/handles.h"
#include "engine/predict.h"
#include "image/decode.h"
#include "image/mask.h"

using namespace edgekit::api;
using edgekit::Status;

namespace {

edgekit::Result<edgekit::Values> run(ek_model* model, const char* method, const ek_tensor* inputs, std::size_t count,
                                     const ek_run_options* options) {
  EK_ASSIGN(const auto limits, read_limits(*model, options));
  EK_ASSIGN(const auto views, read_tensors(inputs, count));
  return model->model->run(method, views, limits);
}

Status check_buffer(const edgekit::NamedTensor& output, const ek_buffer& buffer) {
  const auto& [name, tensor] = output;
  edgekit::DType dtype{};
  EK_RETURN_IF_ERROR(read_dtype(buffer.dtype, &dtype));
  if (dtype != tensor.dtype) {
    return edgekit::usage_error("output " + name + " is " + std::string(edgekit::dtype_name(tensor.dtype)) +
                                ", and its buffer is for " + std::string(edgekit::dtype_name(dtype)) +
                                "; pass one for the dtype of the output");
  }
  if (tensor.size_bytes > (buffer.data == nullptr ? 0 : buffer.capacity_bytes)) {
    return edgekit::usage_error("output " + name + " has " + std::to_string(tensor.size_bytes) + " bytes of shape " +
                                edgekit::shape_text(tensor.shape) + ", and its buffer has room for " +
                                std::to_string(buffer.data == nullptr ? 0 : buffer.capacity_bytes) +
                                "; pass a larger one");
  }
  if (tensor.shape.size() <= EK_MOST_AXES) return {};
  return edgekit::usage_error("output " + name + " has " + std::to_string(tensor.shape.size()) +
                              " axes, and a buffer holds at most " + std::to_string(EK_MOST_AXES) +
                              "; use ek_model_run");
}

void fill_buffer(const edgekit::Tensor& tensor, ek_buffer* buffer) {
  if (tensor.size_bytes > 0) std::memcpy(buffer->data, tensor.data.get(), tensor.size_bytes);
  buffer->size_bytes = tensor.size_bytes;
  buffer->rank = static_cast<std::int32_t>(tensor.shape.size());
  std::copy(tensor.shape.begin(), tensor.shape.end(), buffer->shape);
}

edgekit::PictureSource file(const char* path) {
  return [path](edgekit::PictureUse use) { return edgekit::decode_image(path, use); };
}

void give_classes(const ek_model& model, const edgekit::Prediction& result, ek_class* classes, std::size_t* count,
                  ek_predict_times* times) {
  *count = result.classes.size();
  for (std::size_t i = 0; i < result.classes.size(); ++i) {
    const auto& [index, score] = result.classes[i];
    classes[i] = {index, score, ek_model_label(&model, index)};
  }
  if (times != nullptr) *times = {result.decode_ms, result.predict_ms};
}

}  // namespace

edgekit::Result<edgekit::RunLimits> edgekit::api::read_limits(const ek_model& model, const ek_run_options* options) {
  ek_run_options chosen;
  ek_run_options_init(&chosen);
  EK_RETURN_IF_ERROR(read_struct(options, &chosen));
  if (chosen.deadline_ms >= 0.0) return model.model->limits(chosen.deadline_ms);
  return usage_error("deadline_ms is " + std::to_string(chosen.deadline_ms) + "; expected milliseconds, or 0 for none");
}

void ek_run_options_init_sized(ek_run_options* options, size_t struct_size) {
  init_struct(ek_run_options{}, options, struct_size);
}

void(ek_run_options_init)(ek_run_options* options) {
  ek_run_options_init_sized(options, kSizes<ek_run_options>.front());
}

ek_status ek_model_run(ek_model* model, const char* method, const ek_tensor* inputs, size_t count,
                       ek_values** outputs) {
  return ek_model_run_with(model, method, inputs, count, nullptr, outputs);
}

ek_status ek_model_run_with(ek_model* model, const char* method, const ek_tensor* inputs, size_t count,
                            const ek_run_options* options, ek_values** outputs) {
  return guarded(model, [&]() -> Status {
    EK_RETURN_IF_ERROR(require(model, method, outputs));
    EK_ASSIGN(auto values, run(model, method, inputs, count, options));
    *outputs = give_values(std::move(values.items));
    return {};
  });
}

ek_status ek_model_run_into(ek_model* model, const char* method, const ek_tensor* inputs, size_t count,
                            const ek_run_options* options, ek_buffer* buffers, size_t buffer_count) {
  return guarded(model, [&]() -> Status {
    EK_RETURN_IF_ERROR(require(model, method));
    if (buffer_count > 0) EK_RETURN_IF_ERROR(require(buffers));
    EK_ASSIGN(const auto values, run(model, method, inputs, count, options));
    const auto& items = values.items;
    if (items.size() != buffer_count) {
      return edgekit::usage_error("method " + std::string(method) + " gives " + std::to_string(items.size()) +
                                  " outputs, got " + std::to_string(buffer_count) + " buffers; pass one for each");
    }
    for (std::size_t i = 0; i < items.size(); ++i) EK_RETURN_IF_ERROR(check_buffer(items[i], buffers[i]));
    for (std::size_t i = 0; i < items.size(); ++i) fill_buffer(items[i].tensor, &buffers[i]);
    return {};
  });
}

void ek_model_stop(ek_model* model) {
  if (model != nullptr) model->model->stop();
}

ek_status ek_model_predict(ek_model* model, const char* image_path, ek_class* classes, size_t* count,
                           ek_predict_times* times) {
  return guarded(model, [&]() -> Status {
    EK_RETURN_IF_ERROR(require(model, image_path, classes, count));
    EK_ASSIGN(const auto result, edgekit::predict(*model->model, file(image_path), *count, model->model->limits()));
    give_classes(*model, result, classes, count, times);
    return {};
  });
}

ek_status ek_model_predict_frame(ek_model* model, const ek_frame* frame, const ek_run_options* options,
                                 ek_class* classes, size_t* count, ek_predict_times* times) {
  return guarded(model, [&]() -> Status {
    EK_RETURN_IF_ERROR(require(model, frame, classes, count));
    EK_ASSIGN(const auto limits, read_limits(*model, options));
    EK_ASSIGN(const auto given, read_frame(*frame));
    const auto source = [&](edgekit::PictureUse use) { return edgekit::picture_of(given, use.resize); };
    EK_ASSIGN(const auto result, edgekit::predict(*model->model, source, *count, limits));
    give_classes(*model, result, classes, count, times);
    return {};
  });
}

ek_status ek_model_segment(ek_model* model, const char* image_path, const char* mask_path, const char* overlay_path,
                           ek_values** mask, ek_predict_times* times) {
  return guarded(model, [&]() -> Status {
    EK_RETURN_IF_ERROR(require(model, image_path));
    EK_ASSIGN(auto found, edgekit::segment(*model->model, file(image_path), model->model->limits()));
    const auto view = found.mask.view();
    if (mask_path != nullptr) EK_RETURN_IF_ERROR(edgekit::write_mask_png(mask_path, view));
    if (overlay_path != nullptr) {
      EK_RETURN_IF_ERROR(edgekit::write_overlay_png(overlay_path, found.picture.view(), view));
    }
    if (times != nullptr) *times = {found.decode_ms, found.predict_ms};
    if (mask != nullptr) *mask = give_values({{"0", std::move(found.mask)}});
    return {};
  });
}

ek_status ek_model_detect(ek_model* model, const char* image_path, double min_score, size_t most,
                          const char* overlay_path, ek_values** boxes, ek_predict_times* times) {
  return guarded(model, [&]() -> Status {
    EK_RETURN_IF_ERROR(require(model, image_path));
    EK_ASSIGN(const auto found,
              edgekit::detect(*model->model, file(image_path), min_score, most, model->model->limits()));
    if (overlay_path != nullptr) {
      EK_RETURN_IF_ERROR(edgekit::write_boxes_png(overlay_path, found.picture.view(), found.boxes));
    }
    if (boxes != nullptr) {
      EK_ASSIGN(auto values, edgekit::tensors_of(found.boxes));
      *boxes = give_values(std::move(values));
    }
    if (times != nullptr) *times = {found.decode_ms, found.predict_ms};
    return {};
  });
}
