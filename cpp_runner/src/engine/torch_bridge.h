// Shared by the engines on libtorch: threads, loading, methods, timing of operators. Only engine files include this.
#pragma once

#include <ATen/core/function.h>
#include <ATen/core/function_schema.h>
#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <caffe2/serialize/read_adapter_interface.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/vision_operators.h"
#include "format/package.h"

namespace edgekit {

// Runs `body`; an exception of libtorch becomes an error with `code` and a message that begins with `what`.
template <typename Body>
auto catching(Code code, const std::string& what, Body&& body) -> decltype(body()) {
  try {
    return body();
  } catch (const c10::Error& error) {
    return Status(code, what + ": " + error.what_without_backtrace());
  } catch (const std::exception& error) {
    return Status(code, what + ": " + error.what());
  }
}

// While it exists, the process has the quantized engine, and its XNNPACK pool and this thread's OpenMP and MKL have the
// sizes of the settings. By default two pools of libtorch compete for the same cores, which costs up to 280 times the
// latency. Runs with the same settings run at the same time. A run with others waits until they have ended, and later
// runs wait behind it. At its end the thread, which belongs to the host, has its own OpenMP and MKL settings again.
class ProcessLease {
 public:
  explicit ProcessLease(const ProcessSettings& settings);
  ~ProcessLease();
  ProcessLease(const ProcessLease&) = delete;
  ProcessLease& operator=(const ProcessLease&) = delete;

 private:
  int openmp_before_;
  int mkl_before_ = 0;
};

// Gives libtorch the same bytes whose digests were checked, even if the path now leads to another file.
class MappedAdapter : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit MappedAdapter(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {}

  size_t size() const override { return file_->bytes().size(); }
  size_t read(uint64_t position, void* buffer, size_t count, const char*) const override {
    const auto bytes = file_->bytes();
    if (position >= bytes.size()) return 0;
    const std::size_t available = std::min(count, bytes.size() - static_cast<std::size_t>(position));
    std::memcpy(buffer, bytes.data() + position, available);
    return available;
  }

 private:
  std::shared_ptr<const MappedFile> file_;
};

// Ends the run of this thread with an exception if one of its limits is reached. Engines call it between operators.
void check_limits();

// The parameters of each method; nothing where the file does not contain them.
using Signatures = std::map<std::string, std::optional<std::vector<Parameter>>>;
[[nodiscard]] std::optional<std::vector<Parameter>> parameters_of(const torch::jit::Function& function);

template <typename Module>
Signatures signatures_of(const Module& module) {
  Signatures found;
  for (const auto& method : module.get_methods()) found.emplace(method.name(), parameters_of(method.function()));
  return found;
}

// What all engines on libtorch share; `scope` is how the interpreter of a module labels its operators.
class TorchEngine : public Engine {
 public:
  TorchEngine(ProcessSettings process, at::RecordScope scope, Signatures signatures)
      : process_(std::move(process)), scope_(scope), signatures_(std::move(signatures)) {}
  std::vector<std::string> methods() const final;
  std::optional<std::vector<Parameter>> parameters(const std::string& method) const final;
  Result<Values> run(const std::string& method, std::span<const TensorView> inputs, const RunLimits& limits) final;
  Result<std::vector<OperatorTime>> profile(const std::string& method, std::span<const TensorView> inputs,
                                            std::size_t iterations, const RunLimits& limits) final;

 private:
  virtual c10::IValue call(const std::string& method, std::vector<c10::IValue> inputs) = 0;

  ProcessSettings process_;
  at::RecordScope scope_;
  Signatures signatures_;
};

// Loads a module and makes its engine. Loading computes too, so it holds a lease.
template <typename EngineOfModule, typename Load>
Result<std::unique_ptr<Engine>> make_torch_engine(const Package& package, const EngineOptions& options, Load&& load) {
  using Made = Result<std::unique_ptr<Engine>>;
  return catching(Code::kBadPackage, package.path + " cannot be loaded", [&]() -> Made {
    const ProcessLease lease(options.process);
    const auto make = [&] { return std::unique_ptr<Engine>(new EngineOfModule(load(), options.process)); };
    try {
      return make();
    } catch (const std::exception& error) {
      if (!lacks_vision_operators(error)) throw;
    }
    register_vision_operators();
    return make();
  });
}

// The version, operators and quantized engines of this libtorch, for the rows of its engines.
[[nodiscard]] std::string torch_version();
[[nodiscard]] Result<std::vector<OperatorInfo>> torch_operators();
[[nodiscard]] std::vector<std::string> torch_quantized_engines();
// The engine must be one of them.
void set_torch_quantized_engine(const std::string& name);

}  // namespace edgekit
