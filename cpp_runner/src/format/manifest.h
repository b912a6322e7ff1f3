// The manifest of a package: the fields of docs/format.md that the runner reads, as plain structs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/status.h"
#include "core/tensor.h"
#include "format/axes.h"

namespace edgekit {

inline constexpr int kSchemaMajor = 2;
inline constexpr int kMostThreads = 1024;
inline constexpr std::string_view kLabelsTask = "labels";  // what `predict` gives; other tasks are unknown
inline constexpr std::string_view kMaskTask = "mask";
inline constexpr std::string_view kBoxesTask = "boxes";
inline constexpr std::string_view kManifestRecord = "extra/edgekit/manifest.json";
inline constexpr std::string_view kGoldenRecord = "extra/edgekit/golden.json";
inline constexpr std::string_view kLabelsRecord = "extra/edgekit/labels.txt";
inline constexpr std::string_view kSignatureRecord = "extra/edgekit/signature";
inline constexpr std::string_view kSerializationIdRecord = ".data/serialization_id";

struct TensorSpec {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<Axis> axes;
  Shape shape;  // the extents of the axes; kFreeAxis where several are valid
  double low = 0.0;
  double high = 1.0;
  bool unproven = false;  // of an output: a wrong model could give the same answers
};

struct MethodSpec {
  std::string name;
  std::optional<std::string> structure;  // nothing where it depends on the data
  std::vector<TensorSpec> inputs;
  std::vector<TensorSpec> outputs;
};

inline constexpr double kDefaultBound = 1e-5;
inline constexpr double kNoiseCap = 1e-3;  // of a tolerance that nobody loosened
struct Tolerance {
  double norm = kDefaultBound;
  double max = kDefaultBound;
  double absolute = kDefaultBound;
  bool loosened = false;
};

enum class Pool { kXnnpack, kOpenmp };

struct Manifest {
  std::string name;
  std::string weights;  // their kind: "named", "checkpoint", "random", "factory" or "embedded"
  std::vector<MethodSpec> methods;
  Pool pool = Pool::kXnnpack;
  std::optional<int> threads;
  std::string quantized_engine;  // that packed the quantized weights; empty if there are none
  Tolerance tolerance;
  std::uint64_t resize = 0;       // of the image contract: the shorter side that `predict` makes; 0 if there is none
  std::string task{kLabelsTask};  // of the image contract
  std::map<std::string, std::string> records;

  [[nodiscard]] const MethodSpec* find_method(std::string_view method) const;
  // The outputs that a wrong model could also give: "forward: 0".
  [[nodiscard]] std::vector<std::string> unproven() const;
  // Whether a range was proved for each axis of the inputs. The image contract limits those of `predict`.
  [[nodiscard]] bool ranges_are_proved() const;
};

// "x: float32 [1..4, 3]", and "forward(x: float32 [1..4, 3]) -> 0: float32 [*, 10]".
[[nodiscard]] std::string describe(const TensorSpec& spec);
[[nodiscard]] std::string describe(const MethodSpec& method);

[[nodiscard]] Result<Manifest> parse_manifest(std::string_view text);

// Fails where `version` is not "MAJOR.MINOR" (1 to 6 digits each), or its MAJOR is newer than this reader.
[[nodiscard]] Status check_schema_version(std::string_view what, const std::string& version);

}  // namespace edgekit
