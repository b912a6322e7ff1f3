// A loaded model: its package, the engine that runs it, and the checks around both.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/clock.h"
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
  // A file that the caller has in memory during the call.
  [[nodiscard]] static Result<std::unique_ptr<Model>> load_memory(std::span<const std::byte> bytes,
                                                                  const LoadOptions& options);

  // May be called from several threads; one call runs at a time.
  [[nodiscard]] Result<Values> run(const std::string& method, std::span<const TensorView> inputs,
                                   const RunLimits& limits, OutputCheck check = OutputCheck::kAll);
  [[nodiscard]] Result<std::vector<OperatorTime>> profile(const std::string& method, std::span<const TensorView> inputs,
                                                          std::size_t iterations, const RunLimits& limits);

  // The limits of a call that begins now: it ends at the next `stop`, and at a deadline unless that is 0.
  [[nodiscard]] RunLimits limits(double deadline_ms = 0.0) const { return RunLimits(stops_, deadline_ms); }
  // Ends the calls that have begun; later ones are not affected. May be called from any thread.
  void stop() { ++stops_; }

  [[nodiscard]] const Package& package() const { return package_; }
  // Those that a run accepts, in the order of the manifest.
  [[nodiscard]] const std::vector<std::string>& methods() const { return methods_; }
  [[nodiscard]] std::string_view engine_name() const { return row_.name; }
  [[nodiscard]] std::string runtime_version() const { return row_.version(); }
  [[nodiscard]] int threads() const { return threads_; }
  [[nodiscard]] Pool pool() const { return pool_; }
  [[nodiscard]] double load_ms() const { return load_ms_; }
  // The duration of the first run; nothing before that run.
  [[nodiscard]] std::optional<double> first_ms() const { return first_ms_; }

 private:
  Model() = default;
  [[nodiscard]] static Result<std::unique_ptr<Model>> loaded(Result<Package> package, const LoadOptions& options,
                                                             const Stopwatch& watch);
  [[nodiscard]] Status start_engine(const LoadOptions& options);
  [[nodiscard]] Status check_methods(const Manifest& manifest) const;
  [[nodiscard]] Result<std::unique_lock<std::timed_mutex>> take_turn(const std::string& method,
                                                                     const RunLimits& limits);
  [[nodiscard]] Status check_request(const std::string& method, std::span<const TensorView> inputs) const;

  Package package_;
  std::vector<std::string> methods_;
  EngineFactory row_;
  std::unique_ptr<Engine> engine_;
  std::timed_mutex mutex_;
  std::atomic<std::uint64_t> stops_ = 0;
  int threads_ = 1;
  Pool pool_ = Pool::kXnnpack;
  bool allow_nonfinite_ = false;
  double load_ms_ = 0.0;
  std::optional<double> first_ms_;
};

}  // namespace edgekit
