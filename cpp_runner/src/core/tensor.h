// Tensors: a dtype, a shape and row-major bytes. Independent of torch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"

namespace edgekit {

enum class DType { kFloat32, kFloat64, kUint8, kInt8, kInt32, kInt64, kBool };

[[nodiscard]] std::string_view dtype_name(DType dtype);
[[nodiscard]] std::size_t dtype_size(DType dtype);
[[nodiscard]] bool dtype_is_float(DType dtype);
[[nodiscard]] std::optional<DType> parse_dtype(std::string_view name);

// Calls `body` with a value of the C++ type of `dtype`, so that loops are written once.
template <typename Body>
auto dispatch_dtype(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::kFloat32:
      return body(float{});
    case DType::kFloat64:
      return body(double{});
    case DType::kUint8:
      return body(std::uint8_t{});
    case DType::kInt8:
      return body(std::int8_t{});
    case DType::kInt32:
      return body(std::int32_t{});
    case DType::kInt64:
      return body(std::int64_t{});
    case DType::kBool:
      break;
  }
  return body(bool{});
}

using Shape = std::vector<std::int64_t>;

// "[1, 3, 224, 224]"; a free axis (kFreeAxis) prints as "*".
inline constexpr std::int64_t kFreeAxis = -1;
[[nodiscard]] std::string shape_text(std::span<const std::int64_t> shape);

// The number of elements, or nothing where the shape has a negative axis or its size in bytes overflows.
[[nodiscard]] std::optional<std::size_t> element_count(std::span<const std::int64_t> shape, DType dtype);

// The position of flat element `index` on each axis.
[[nodiscard]] Shape unravel(std::size_t index, std::span<const std::int64_t> shape);

// A view of a tensor that another object owns; valid as long as the owner.
struct TensorView {
  DType dtype = DType::kFloat32;
  std::span<const std::int64_t> shape;
  std::span<const std::byte> bytes;
};

// A tensor that shares the ownership of its bytes.
struct Tensor {
  DType dtype = DType::kFloat32;
  Shape shape;
  std::shared_ptr<const std::byte> data;
  std::size_t size_bytes = 0;

  [[nodiscard]] TensorView view() const { return {dtype, shape, {data.get(), size_bytes}}; }
};

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

// What a method returns: flattened values and their nesting as docs/format.md writes it.
struct Values {
  std::string structure;
  std::vector<NamedTensor> items;
};

// A new tensor with uninitialised bytes; `mutable_bytes` stays valid as long as the tensor.
struct Allocation {
  Tensor tensor;
  std::span<std::byte> mutable_bytes;
};
[[nodiscard]] Result<Allocation> allocate_tensor(DType dtype, Shape shape);

// Element `index` as a double; integers beyond 2^53 are rounded, so exact comparisons use element_as_int.
[[nodiscard]] double element_as_double(const TensorView& tensor, std::size_t index);
[[nodiscard]] std::int64_t element_as_int(const TensorView& tensor, std::size_t index);

// Whether a float tensor is free of NaN and infinities; true for integers.
[[nodiscard]] bool all_finite(const TensorView& tensor);
// Whether a float tensor has a NaN; false for integers.
[[nodiscard]] bool has_nan(const TensorView& tensor);

}  // namespace edgekit
