// Named tensors: what a run gives, .npy files, and generated numbers.
#include "api/handles.h"
#include "core/npy.h"
#include "format/golden.h"

using namespace edgekit::api;
using edgekit::Status;

size_t ek_values_count(const ek_values* values) {
  return values == nullptr ? 0 : values->items.size();
}

ek_status ek_values_get(const ek_values* values, size_t index, ek_tensor* tensor, const char** name) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(values, tensor));
    if (index >= values->items.size())
      return edgekit::usage_error("there is no value " + std::to_string(index) + "; there are " +
                                  std::to_string(values->items.size()));
    const auto& [item_name, item] = values->items[index];
    *tensor = {static_cast<ek_dtype>(item.dtype), static_cast<std::int32_t>(item.shape.size()), item.shape.data(),
               item.data.get(), item.size_bytes};
    if (name != nullptr) *name = item_name.c_str();
    return {};
  });
}

void ek_values_destroy(ek_values* values) {
  delete values;
}

ek_status ek_npy_read(const char* path, ek_values** values) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(path, values));
    EK_ASSIGN(auto tensor, edgekit::read_npy(path));
    *values = give_values({{"0", std::move(tensor)}});
    return {};
  });
}

ek_status ek_npy_write(const char* path, const ek_tensor* tensor) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(path, tensor));
    edgekit::TensorView view;
    EK_RETURN_IF_ERROR(read_tensor(*tensor, &view));
    return edgekit::write_npy(path, view);
  });
}

ek_status ek_generate(ek_dtype dtype, const int64_t* shape, int32_t rank, uint32_t seed, double low, double high,
                      ek_values** values) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(values));
    edgekit::GoldenInput input{"0", {}, {}, seed, low, high, {}};
    EK_RETURN_IF_ERROR(read_dtype(dtype, &input.dtype));
    std::span<const std::int64_t> extents;
    EK_RETURN_IF_ERROR(read_shape(shape, rank, &extents));
    input.shape.assign(extents.begin(), extents.end());
    EK_ASSIGN(auto tensor, edgekit::make_input(input));
    *values = give_values({{"0", std::move(tensor)}});
    return {};
  });
}
