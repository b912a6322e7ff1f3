// What the calls of the C ABI share: handles, the error of a thread, and arguments.
#pragma once

#include <exception>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "api/structs.h"
#include "core/status.h"
#include "core/tensor.h"
#include "edgekit/edgekit.h"
#include "engine/model.h"

struct ek_model {
  std::unique_ptr<edgekit::Model> model;
  mutable std::mutex error_mutex;
  mutable std::string last_error;
};

struct ek_values {
  std::vector<edgekit::NamedTensor> items;
};

namespace edgekit::api {

// Keeps the message of a failure for ek_last_error, and for ek_model_last_error where there is a model.
ek_status report(const Status& status, const ek_model* model = nullptr);

// No exception leaves a body. bad_alloc is an error of the device, any other exception a bug of edgekit.
template <typename Body>
Status caught(Body&& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return runtime_error("out of memory");
  } catch (const std::exception& error) {
    return {Code::kBug, std::string("a bug of edgekit: ") + error.what()};
  } catch (...) {
    return {Code::kBug, "a bug of edgekit: an unknown exception"};
  }
}

// Every call runs in one of these.
template <typename Body>
ek_status guarded(Body&& body) {
  return report(caught(body));
}
template <typename Body>
ek_status guarded(const ek_model* model, Body&& body) {
  return report(caught(body), model);
}

template <typename... Pointers>
Status require(Pointers... pointers) {
  if (((pointers != nullptr) && ...)) return {};
  return usage_error("a required argument is NULL");
}

[[nodiscard]] Status give_text(const std::string& text, char** out);
[[nodiscard]] ek_values* give_values(std::vector<NamedTensor> items);

[[nodiscard]] Status read_dtype(ek_dtype dtype, DType* out);
[[nodiscard]] Status read_shape(const std::int64_t* shape, std::int32_t rank, std::span<const std::int64_t>* out);
[[nodiscard]] Status read_tensor(const ek_tensor& tensor, TensorView* out);
[[nodiscard]] Result<std::vector<TensorView>> read_tensors(const ek_tensor* tensors, std::size_t count);

// The limits of a call that begins now; `options` may be NULL.
[[nodiscard]] Result<RunLimits> read_limits(const ek_model& model, const ek_run_options* options);

}  // namespace edgekit::api
