#include "core/npy.h"

#include <array>
#include <charconv>
#include <cstring>

#include "core/files.h"

namespace edgekit {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

struct DescrRow {
  std::string_view descr;
  DType dtype;
};
constexpr std::array<DescrRow, 7> kDescrs{{{"'<f4'", DType::kFloat32},
                                           {"'<f8'", DType::kFloat64},
                                           {"'|u1'", DType::kUint8},
                                           {"'|i1'", DType::kInt8},
                                           {"'<i4'", DType::kInt32},
                                           {"'<i8'", DType::kInt64},
                                           {"'|b1'", DType::kBool}}};

// The text of a value in the header, a Python dict literal that numpy always writes in the same way.
std::optional<std::string_view> header_value(std::string_view header, std::string_view key, char last) {
  const std::size_t at = header.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = header.substr(at + key.size());
  const std::size_t end = rest.find(last);
  if (end == std::string_view::npos) return std::nullopt;
  return rest.substr(0, end);
}

std::optional<DType> parse_descr(std::string_view text) {
  for (const DescrRow& row : kDescrs) {
    if (text == row.descr) return row.dtype;
  }
  return std::nullopt;
}

std::optional<Shape> parse_shape(std::string_view text) {
  if (text.empty() || text.front() != '(') return std::nullopt;
  text.remove_prefix(1);
  Shape shape;
  while (!text.empty()) {
    if (text.front() == ' ' || text.front() == ',') {
      text.remove_prefix(1);
      continue;
    }
    std::int64_t extent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), extent);
    if (error != std::errc()) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    shape.push_back(extent);
  }
  return shape;
}

struct Header {
  std::string_view text;
  std::size_t data_offset;
};

std::optional<Header> find_header(std::string_view bytes) {
  if (bytes.size() < 12 || !bytes.starts_with(kMagic)) return std::nullopt;
  const bool is_version1 = bytes[6] == 1;
  std::uint32_t size = 0;
  std::memcpy(&size, bytes.data() + 8, is_version1 ? 2 : 4);
  const std::size_t begin = is_version1 ? 10 : 12;
  if (size > bytes.size() - begin) return std::nullopt;
  return Header{bytes.substr(begin, size), begin + size};
}

}  // namespace

Result<Tensor> read_npy(const std::string& path) {
  constexpr std::size_t kMostBytes = (std::size_t{1} << 31) + (std::size_t{1} << 20);  // 2^28 elements and a header
  EK_ASSIGN(const auto file, read_file(path, kMostBytes));
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  const auto header = find_header(bytes);
  if (!header) return usage_error(path + " is not a .npy file; save the array with numpy.save");
  const auto descr = header_value(header->text, "'descr': ", ',');
  const auto order = header_value(header->text, "'fortran_order': ", ',');
  const auto extents = header_value(header->text, "'shape': ", ')');
  if (!descr || !order || !extents) return usage_error(path + ": the header of the .npy file is damaged");
  const auto dtype = parse_descr(*descr);
  if (!dtype) {
    return usage_error(path + " holds " + std::string(*descr) +
                       "; models take float32, float64, uint8, int8, int32, int64 or bool, little-endian");
  }
  if (*order != "False") return usage_error(path + " is in Fortran order; save numpy.ascontiguousarray(array)");
  const auto shape = parse_shape(*extents);
  if (!shape) return usage_error(path + ": the shape in the header of the .npy file is damaged");
  const auto count = element_count(*shape, *dtype);
  if (!count) return usage_error(path + " has the shape " + shape_text(*shape) + ", which is negative or too large");
  const std::size_t size = bytes.size() - header->data_offset;
  if (size != *count * dtype_size(*dtype)) {  // checked before allocating: a damaged header may ask for too much
    return usage_error(path + " has " + std::to_string(size) + " bytes of data, " + shape_text(*shape) + " needs " +
                       std::to_string(*count * dtype_size(*dtype)));
  }
  EK_ASSIGN(Allocation made, allocate_tensor(*dtype, *shape));
  std::memcpy(made.mutable_bytes.data(), bytes.data() + header->data_offset, made.mutable_bytes.size());
  return std::move(made.tensor);
}

Status write_npy(const std::string& path, const TensorView& tensor) {
  std::string shape;  // numpy writes (), (3,) and (3, 4)
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    if (i > 0) shape += ", ";
    shape += std::to_string(tensor.shape[i]);
  }
  if (tensor.shape.size() == 1) shape += ',';
  std::string dict = "{'descr': ";
  dict += kDescrs[static_cast<std::size_t>(tensor.dtype)].descr;
  dict += ", 'fortran_order': False, 'shape': (";
  dict += shape;
  dict += "), }";
  constexpr std::size_t kPrefix = 10;
  dict.append(63 - (kPrefix + dict.size()) % 64, ' ');
  dict += '\n';
  std::string head(kMagic);
  head += '\x01';
  head += '\0';
  head += static_cast<char>(dict.size() & 0xff);
  head += static_cast<char>(dict.size() >> 8);
  head += dict;
  return write_file_atomically(path, std::as_bytes(std::span(head)), tensor.bytes);
}

}  // namespace edgekit
