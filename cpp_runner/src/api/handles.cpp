#include "api/handles.h"

#include <cstdlib>
#include <cstring>

namespace edgekit::api {
namespace {

thread_local std::string last_error;

}  // namespace

ek_status report(const Status& status, const ek_model* model) {
  if (!status.ok()) last_error = status.message();
  if (!status.ok() && model != nullptr) {
    const std::lock_guard<std::mutex> lock(model->error_mutex);
    model->last_error = status.message();
  }
  return static_cast<ek_status>(status.code());
}

Status give_text(const std::string& text, char** out) {
  *out = static_cast<char*>(std::malloc(text.size() + 1));
  if (*out == nullptr) return runtime_error("out of memory");
  std::memcpy(*out, text.c_str(), text.size() + 1);
  return {};
}

ek_values* give_values(std::vector<NamedTensor> items) {
  return new ek_values{std::move(items)};
}

Status read_dtype(ek_dtype dtype, DType* out) {
  if (dtype < EK_FLOAT32 || dtype > EK_BOOL) {
    return usage_error("ek_dtype " + std::to_string(static_cast<int>(dtype)) +
                       " is unknown; expected EK_FLOAT32 to EK_BOOL");
  }
  *out = static_cast<DType>(dtype);
  return {};
}

Status read_shape(const std::int64_t* shape, std::int32_t rank, std::span<const std::int64_t>* out) {
  if (rank < 0 || (rank > 0 && shape == nullptr))
    return usage_error("the shape of a tensor is NULL, or its rank is negative");
  *out = {shape, static_cast<std::size_t>(rank)};
  return {};
}

Status read_tensor(const ek_tensor& tensor, TensorView* out) {
  EK_RETURN_IF_ERROR(read_dtype(tensor.dtype, &out->dtype));
  EK_RETURN_IF_ERROR(read_shape(tensor.shape, tensor.rank, &out->shape));
  out->bytes = {static_cast<const std::byte*>(tensor.data), tensor.size_bytes};
  const auto count = element_count(out->shape, out->dtype);
  if (count && *count * dtype_size(out->dtype) == tensor.size_bytes && (tensor.data || *count == 0)) return {};
  return usage_error("a tensor of shape " + shape_text(out->shape) + " has size_bytes " +
                     std::to_string(tensor.size_bytes) + " or no data; expected row-major bytes of the shape");
}

Result<std::vector<TensorView>> read_tensors(const ek_tensor* tensors, std::size_t count) {
  if (count > 0) EK_RETURN_IF_ERROR(require(tensors));
  std::vector<TensorView> views(count);
  for (std::size_t i = 0; i < count; ++i) EK_RETURN_IF_ERROR(read_tensor(tensors[i], &views[i]));
  return views;
}

}  // namespace edgekit::api

const char* ek_last_error(void) {
  return edgekit::api::last_error.c_str();
}

const char* ek_model_last_error(const ek_model* model) {
  using edgekit::Status;
  thread_local std::string copy;  // other threads may fail while the caller reads it
  if (model == nullptr) return "";
  const Status status = edgekit::api::caught([&]() -> Status {
    const std::lock_guard<std::mutex> lock(model->error_mutex);
    copy = model->last_error;
    return {};
  });
  return status.ok() ? copy.c_str() : "out of memory";
}
