// The manifest of a package: what docs/format.md promises, as plain structs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "core/tensor.h"

namespace edgekit {

inline constexpr int kSchemaMajor = 1;
inline constexpr int kMostThreads = 1024;
inline constexpr std::string_view kManifestRecord = "extra/edgekit/manifest.json";
inline constexpr std::string_view kGoldenRecord = "extra/edgekit/golden.json";
inline constexpr std::string_view kLabelsRecord = "extra/edgekit/labels.txt";
inline constexpr std::string_view kSerializationIdRecord = ".data/serialization_id";

struct TensorSpec {
  std::string name;
  DType dtype = DType::kFloat32;
  Shape shape;  // kFreeAxis where any extent goes
  double low = 0.0;
  double high = 1.0;
};

struct MethodSpec {
  std::string name;
  std::string structure;
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
};

struct Tolerance {
  double norm = 1e-5;
  double max = 1e-5;
  double absolute = 1e-5;
};

enum class Pool { kXnnpack, kOpenmp };

struct Manifest {
  std::string name;
  bool random_weights = false;
  std::string weights_seed;
  std::vector<MethodSpec> methods;
  Pool pool = Pool::kXnnpack;
  std::optional<int> threads;
  Tolerance tolerance;
  std::map<std::string, std::string> records;

  [[nodiscard]] const MethodSpec* find_method(std::string_view method) const;
};

[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text);

// Fails where `version` is no "MAJOR.MINOR" or has a newer MAJOR than this reader.
[[nodiscard]] Status check_schema_version(std::string_view what, const std::string& version);

// One label a line, with \uXXXX escapes, as UTF-8.
[[nodiscard]] std::vector<std::string> parse_labels(std::string_view text);

}  // namespace edgekit
