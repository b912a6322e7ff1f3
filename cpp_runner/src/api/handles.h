// What the calls of the C ABI share: handles, the error of a thread, and arguments.
#pragma once

#include <cstring>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/status.h"
#include "core/tensor.h"
#include "edgekit/edgekit.h"
#include "engine/model.h"

struct ek_model {
  std::unique_ptr<edgekit::Model> model;
};

struct ek_values {
  std::vector<edgekit::NamedTensor> items;
};

namespace edgekit::api {

// Keeps the message of a failure for ek_last_error.
ek_status report(const Status& status);

// Every call runs in here, and no exception leaves it. bad_alloc is an error of the device, any other exception a bug
// of edgekit.
template <typename Body>
ek_status guarded(Body&& body) {
  try {
    return report(body());
  } catch (const std::bad_alloc&) {
    return report(runtime_error("out of memory"));
  } catch (const std::exception& error) {
    return report({Code::kBug, std::string("a bug of edgekit: ") + error.what()});
  } catch (...) {
    return report({Code::kBug, "a bug of edgekit: an unknown exception"});
  }
}

template <typename... Pointers>
Status require(Pointers... pointers) {
  if (((pointers != nullptr) && ...)) return {};
  return usage_error("a required argument is NULL");
}

// A caller built with an older header has a shorter struct.
template <typename Struct>
Status check_size(const Struct& given) {
  if (given.struct_size >= sizeof(std::size_t) && given.struct_size <= sizeof(Struct)) return {};
  return usage_error("struct_size is " + std::to_string(given.struct_size) + "; expected at most " +
                     std::to_string(sizeof(Struct)) + ", fill the struct with its init function");
}

// The fields that a shorter struct lacks keep their defaults.
template <typename Struct>
Status read_struct(const Struct* given, Struct* options) {
  if (given == nullptr) return {};
  EK_RETURN_IF_ERROR(check_size(*given));
  std::memcpy(options, given, given->struct_size);
  return {};
}

// The caller gets the fields that its struct has.
template <typename Struct>
Status write_struct(Struct values, Struct* out) {
  EK_RETURN_IF_ERROR(check_size(*out));
  values.struct_size = out->struct_size;
  std::memcpy(out, &values, out->struct_size);
  return {};
}

[[nodiscard]] Status give_text(const std::string& text, char** out);
[[nodiscard]] ek_values* give_values(std::vector<NamedTensor> items);

[[nodiscard]] Status read_dtype(ek_dtype dtype, DType* out);
[[nodiscard]] Status read_shape(const std::int64_t* shape, std::int32_t rank, std::span<const std::int64_t>* out);
[[nodiscard]] Status read_tensor(const ek_tensor& tensor, TensorView* out);
[[nodiscard]] Result<std::vector<TensorView>> read_tensors(const ek_tensor* tensors, std::size_t count);

}  // namespace edgekit::api
