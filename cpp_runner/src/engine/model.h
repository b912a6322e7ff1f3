// A loaded model: its package, the engine that runs it, and the checks around both.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "core/status.h"
#include "core/tensor.h"
#include "engine/engine.h"
#include "engine/registry.h"
#include "format/package.h"

namespace edgekit {

struct LoadOptions {
  int threads = 0;  // 0: the number in the manifest, else the number of cores
  std::optional<Pool> pool;
  bool check_digests = true;
  std::optional<PublicKey> public_key;  // with one, the package must be signed by it, and its digests are checked
  bool allow_nonfinite = false;
  bool optimize = true;
  std::function<void(const std::string&)> warn;
  EngineTable engines = engines_of_build();
};

// kNone leaves the checks of outputs to the caller, who compares them with other values.
enum class OutputCheck { kAll, kNone };

class Model {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Model>> load(const std::string& path, const LoadOptions& options);

  // May be called from several threads; one call runs at a time.
  [[nodiscard]] Result<Values> run(const std::string& method, std::span<const TensorView> inputs,
                                   OutputCheck check = OutputCheck::kAll);
  [[nodiscard]] Result<std::vector<OperatorTime>> profile(const std::string& method, std::span<const TensorView> inputs,
                                                          std::size_t iterations);

  [[nodiscard]] const Package& package() const { return package_; }
  [[nodiscard]] std::string_view engine_name() const { return row_.name; }
  [[nodiscard]] std::string runtime_version() const { return row_.version(); }
  [[nodiscard]] int threads() const { return threads_; }
  [[nodiscard]] Pool pool() const { return pool_; }
  [[nodiscard]] double load_ms() const { return load_ms_; }
  // The duration of the first run; nothing before that run.
  [[nodiscard]] std::optional<double> first_ms() const { return first_ms_; }

 private:
  Model() = default;
  [[nodiscard]] Status start_engine(const LoadOptions& options);
  [[nodiscard]] Status check_methods(const Manifest& manifest) const;
  [[nodiscard]] Status check_request(const std::string& method, std::span<const TensorView> inputs) const;

  Package package_;
  EngineFactory row_;
  std::unique_ptr<Engine> engine_;
  std::mutex mutex_;
  int threads_ = 1;
  Pool pool_ = Pool::kXnnpack;
  bool allow_nonfinite_ = false;
  double load_ms_ = 0.0;
  std::optional<double> first_ms_;
};

}  // namespace edgekit
