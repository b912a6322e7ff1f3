// What the two engines on libtorch share: threads, tensors, nested outputs, timing of operators. Only engine files
// include this.
#pragma once

#include <ATen/core/ivalue.h>
#include <ATen/record_function.h>
#include <c10/core/InferenceMode.h>
#include <c10/util/Exception.h>
#include <caffe2/serialize/read_adapter_interface.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>

#include "engine/engine.h"

namespace edgekit {

// Runs `body` and turns what libtorch throws into an error with `code` that begins with `what`.
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

// Held around every run: the process's XNNPACK pool and this thread's OpenMP and MKL are as the plan says. libtorch's
// default lets two pools fight for the same cores, which costs up to 280 times the latency. Runs of one pool size go
// side by side; another size waits until they are over, and those that come later wait behind it.
class ThreadLease {
 public:
  explicit ThreadLease(const ThreadPlan& plan);
  ~ThreadLease();
  ThreadLease(const ThreadLease&) = delete;
  ThreadLease& operator=(const ThreadLease&) = delete;
};

// Hands libtorch the very bytes whose digests were checked, whatever has become of the file's name since.
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

// What runs on libtorch, whatever file the module came from; `scope` is what its interpreter calls an operator.
class TorchEngine : public Engine {
 public:
  TorchEngine(ThreadPlan threads, at::RecordScope scope) : threads_(threads), scope_(scope) {}
  Result<Values> run(const std::string& method, std::span<const TensorView> inputs) final;
  Result<std::vector<OperatorTime>> profile(const std::string& method, std::span<const TensorView> inputs,
                                            std::size_t iterations) final;

 private:
  virtual c10::IValue call(const std::string& method, std::vector<c10::IValue> inputs) = 0;

  ThreadPlan threads_;
  at::RecordScope scope_;
};

// The number of inputs by a method's schema; its first argument is the module.
[[nodiscard]] std::optional<Arity> arity_of(const c10::FunctionSchema& schema);

[[nodiscard]] Result<std::unique_ptr<Engine>> make_lite_engine(const Package& package, const EngineOptions& options);
[[nodiscard]] Result<std::unique_ptr<Engine>> make_torchscript_engine(const Package& package,
                                                                      const EngineOptions& options);

}  // namespace edgekit
