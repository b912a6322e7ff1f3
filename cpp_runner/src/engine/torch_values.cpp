#include "engine/torch_values.h"

#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <set>
#include <string_view>

namespace edgekit {
namespace {

const std::vector<std::pair<c10::ScalarType, DType>>& scalar_types() {
  static const std::vector<std::pair<c10::ScalarType, DType>> kTypes{
      {c10::ScalarType::Float, DType::kFloat32}, {c10::ScalarType::Double, DType::kFloat64},
      {c10::ScalarType::Byte, DType::kUint8},    {c10::ScalarType::Char, DType::kInt8},
      {c10::ScalarType::Int, DType::kInt32},     {c10::ScalarType::Long, DType::kInt64},
      {c10::ScalarType::Bool, DType::kBool}};
  return kTypes;
}

c10::ScalarType to_scalar_type(DType dtype) {
  for (const auto& [theirs, ours] : scalar_types()) {
    if (ours == dtype) return theirs;
  }
  return c10::ScalarType::Undefined;
}

bool overlaps(const at::Tensor& tensor, std::span<const TensorView> inputs) {
  const auto* data = static_cast<const std::byte*>(tensor.data_ptr());
  return std::any_of(inputs.begin(), inputs.end(), [&](const TensorView& input) {
    const std::less<const std::byte*> before;
    return !before(data, input.bytes.data()) && before(data, input.bytes.data() + input.bytes.size());
  });
}

// An output may be an input or a view of one. The caller owns those bytes, so they are copied.
Result<Tensor> from_tensor(at::Tensor tensor, const std::string& name, std::span<const TensorView> inputs) {
  if (tensor.is_quantized()) tensor = tensor.dequantize();
  for (const auto& [theirs, ours] : scalar_types()) {
    if (theirs != tensor.scalar_type()) continue;
    tensor = tensor.cpu().contiguous();
    auto owner = std::make_shared<at::Tensor>(overlaps(tensor, inputs) ? tensor.clone() : tensor);
    const auto* data = static_cast<const std::byte*>(owner->data_ptr());
    const Shape shape(owner->sizes().begin(), owner->sizes().end());
    return Tensor{ours, shape, std::shared_ptr<const std::byte>(owner, data), owner->nbytes()};
  }
  return runtime_error("output " + name + " is " + c10::toString(tensor.scalar_type()) +
                       "; expected float32, float64, uint8, int8, int32, int64 or bool");
}

template <typename T>
Result<Tensor> from_number(T value, DType dtype) {
  EK_ASSIGN(Allocation made, allocate_tensor(dtype, {}));
  std::memcpy(made.mutable_bytes.data(), &value, sizeof(T));
  return std::move(made.tensor);
}

// The key of a dict as docs/format.md writes it.
std::string quoted(const std::string& key) {
  std::string text = "'";
  for (const char c : key) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

// Walks a nested output: appends its tensors to the values and its nesting to the structure.
class Flattener {
 public:
  explicit Flattener(std::span<const TensorView> inputs) : inputs_(inputs) {}
  Status walk(const c10::IValue& value, const std::string& prefix) {
    if (value.isNone()) return spell("None");
    if (value.isTensor()) return leaf(from_tensor(value.toTensor(), name_of(prefix), inputs_), prefix);
    if (value.isInt()) return leaf(from_number(value.toInt(), DType::kInt64), prefix);
    if (value.isDouble()) return leaf(from_number(value.toDouble(), DType::kFloat64), prefix);
    if (value.isBool()) return leaf(from_number(value.toBool(), DType::kBool), prefix);
    if (value.isTuple()) return walk_tuple(value, prefix);
    if (value.isList()) return walk_list(value, prefix);
    if (value.isGenericDict()) return walk_dict(value, prefix);
    return runtime_error("output " + name_of(prefix) + " is a " + value.tagKind() +
                         "; expected tensors, numbers, None, and tuples, lists or dicts of them");
  }
  Values take() { return std::move(values_); }

 private:
  static std::string name_of(const std::string& prefix) { return prefix.empty() ? "0" : prefix; }
  static std::string join(const std::string& prefix, const std::string& key) {
    return prefix.empty() ? key : prefix + "." + key;
  }
  Status spell(const std::string& text) {
    values_.structure += text;
    return {};
  }
  Status leaf(Result<Tensor> tensor, const std::string& prefix) {
    EK_RETURN_IF_ERROR(tensor.status());
    values_.items.push_back({name_of(prefix), std::move(*tensor)});
    return spell("*");
  }
  Status walk_tuple(const c10::IValue& value, const std::string& prefix) {
    const auto& elements = value.toTupleRef().elements();
    (void)spell("(");
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (i > 0) (void)spell(", ");
      EK_RETURN_IF_ERROR(walk(elements[i], join(prefix, std::to_string(i))));
    }
    return spell(elements.size() == 1 ? ",)" : ")");
  }
  Status walk_list(const c10::IValue& value, const std::string& prefix) {
    const c10::List<c10::IValue> list = value.toList();
    (void)spell("[");
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (i > 0) (void)spell(", ");
      EK_RETURN_IF_ERROR(walk(list.get(i), join(prefix, std::to_string(i))));
    }
    return spell("]");
  }
  Status walk_dict(const c10::IValue& value, const std::string& prefix) {
    const auto dict = value.toGenericDict();
    bool first = true;
    (void)spell("{");
    for (const auto& entry : dict) {
      const std::string key = entry.key().isString() ? entry.key().toStringRef() : std::to_string(entry.key().toInt());
      (void)spell((first ? "" : ", ") + quoted(key) + ": ");
      first = false;
      EK_RETURN_IF_ERROR(walk(entry.value(), join(prefix, key)));
    }
    return spell("}");
  }

  std::span<const TensorView> inputs_;
  Values values_;
};

Status check_names(const std::vector<NamedTensor>& items) {
  std::set<std::string_view> seen;
  for (const NamedTensor& item : items) {
    if (!seen.insert(item.name).second)
      return runtime_error("two outputs have the name '" + item.name + "'; rename a key");
  }
  return {};
}

}  // namespace

std::vector<c10::IValue> to_ivalues(std::span<const TensorView> inputs) {
  std::vector<c10::IValue> values;
  values.reserve(inputs.size());
  for (const TensorView& input : inputs) {
    // from_blob takes a mutable address; edgekit.h documents when a model writes to it.
    auto* data = const_cast<std::byte*>(input.bytes.data());
    const at::IntArrayRef shape(input.shape.data(), input.shape.size());
    values.emplace_back(at::from_blob(data, shape, at::TensorOptions().dtype(to_scalar_type(input.dtype))));
  }
  return values;
}

Result<Values> from_ivalue(const c10::IValue& value, std::span<const TensorView> inputs) {
  Flattener flattener(inputs);
  EK_RETURN_IF_ERROR(flattener.walk(value, ""));
  Values values = flattener.take();
  EK_RETURN_IF_ERROR(check_names(values.items));
  return values;
}

}  // namespace edgekit
