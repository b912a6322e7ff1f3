#include "engine/torch_bridge.h"

#include <ATen/Parallel.h>
#include <ATen/core/dynamic_type.h>
#include <dlfcn.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <stdexcept>

#include "core/clock.h"
#include "engine/torch_values.h"

namespace edgekit {
namespace {

struct {
  std::mutex door;  // held while a run waits to change the settings, so that no other run begins
  std::mutex mutex;
  std::condition_variable idle;
  int threads = 0;               // of the XNNPACK pool; 0 before the first run
  std::string quantized_engine;  // empty before the first run that needs one
  int runs = 0;                  // at the moment
} process;

// Found by name, because linking with -fopenmp could add a second OpenMP runtime to that of libtorch. NULL where this
// libtorch lacks them.
template <typename Function>
Function* find(const char* symbol) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_DEFAULT, symbol));
}
struct {
  int (*openmp_threads)() = find<int()>("omp_get_max_threads");
  void (*set_openmp_threads)(int) = find<void(int)>("omp_set_num_threads");
  // The name for C; the lower-case one is for Fortran. It gives the number before.
  int (*set_mkl_threads)(int) = find<int(int)>("MKL_Set_Num_Threads_Local");
} const thread_pools;

void set_openmp(int threads) {
  if (thread_pools.set_openmp_threads != nullptr) thread_pools.set_openmp_threads(threads);
}

int set_mkl(int threads) {
  return thread_pools.set_mkl_threads == nullptr ? 0 : thread_pools.set_mkl_threads(threads);
}

// The limits of the run in this thread. libtorch may throw another exception in place of ours, so it is recorded.
struct ActiveLimits {
  const RunLimits* limits = nullptr;
  bool ended = false;
};
thread_local ActiveLimits active;

class LimitScope {
 public:
  explicit LimitScope(const RunLimits& limits) { active = {&limits, false}; }
  ~LimitScope() { active = {}; }
  LimitScope(const LimitScope&) = delete;
  LimitScope& operator=(const LimitScope&) = delete;

  // The result of a run, or the error of the limits if they ended it.
  template <typename T>
  [[nodiscard]] Result<T> judge(Result<T> result, const std::string& what) const {
    return active.ended ? Result<T>(active.limits->check(what)) : std::move(result);
  }
};

// The sums of the callbacks below. A call inside another one counts as part of it. A thread has one profile at a time.
struct Profile {
  std::map<std::string, OperatorTime> operators;
  int depth = 0;
};
thread_local Profile* active_profile = nullptr;

struct OperatorStart : at::ObserverContext {
  Stopwatch watch;
};

// libtorch also calls the callbacks in the threads of `fork`, where no profile is active.
std::unique_ptr<at::ObserverContext> on_operator_start(const at::RecordFunction&) {
  if (active_profile == nullptr) return nullptr;
  ++active_profile->depth;
  return std::make_unique<OperatorStart>();
}

void on_operator_end(const at::RecordFunction& function, at::ObserverContext* context) {
  if (active_profile == nullptr || context == nullptr) return;
  const double elapsed_ms = static_cast<OperatorStart*>(context)->watch.elapsed_ms();
  if (--active_profile->depth > 0) return;
  OperatorTime& time = active_profile->operators[function.name()];
  time.name = function.name();
  time.total_ms += elapsed_ms;
  ++time.calls;
}

class ProfileScope {
 public:
  ProfileScope(Profile* profile, at::RecordScope scope) {
    active_profile = profile;
    handle_ =
        at::addThreadLocalCallback(at::RecordFunctionCallback(on_operator_start, on_operator_end).scopes({scope}));
  }
  ~ProfileScope() {
    at::removeCallback(handle_);
    active_profile = nullptr;
  }
  ProfileScope(const ProfileScope&) = delete;
  ProfileScope& operator=(const ProfileScope&) = delete;

 private:
  at::CallbackHandle handle_;
};

std::vector<OperatorTime> longest_first(Profile& profile) {
  std::vector<OperatorTime> times;
  for (auto& [name, time] : profile.operators) times.push_back(std::move(time));
  std::sort(times.begin(), times.end(), [](const auto& a, const auto& b) { return a.total_ms > b.total_ms; });
  return times;
}

// The lite interpreter has its own form of types.
std::string type_text(const c10::TypePtr& type) {
  const auto* dynamic = type->castRaw<c10::DynamicType>();
  return dynamic == nullptr ? type->annotation_str() : dynamic->fallback()->annotation_str();
}

}  // namespace

ProcessLease::ProcessLease(const ProcessSettings& settings)
    : openmp_before_(thread_pools.openmp_threads == nullptr ? 0 : thread_pools.openmp_threads()) {
  const auto& [xnnpack, openmp] = settings.threads;
  const std::string& engine = settings.quantized_engine;
  {
    const std::lock_guard<std::mutex> door(process.door);
    std::unique_lock<std::mutex> lock(process.mutex);
    const bool other_engine = !engine.empty() && process.quantized_engine != engine;
    if (process.threads != xnnpack || other_engine) process.idle.wait(lock, [] { return process.runs == 0; });
    if (process.threads != xnnpack) {
      at::set_num_threads(xnnpack);
      process.threads = xnnpack;
    }
    if (other_engine) {
      set_torch_quantized_engine(engine);
      process.quantized_engine = engine;
    }
    ++process.runs;
  }
  // libtorch sets OpenMP at the first parallel operator of a thread. Asking for the number makes it do so now.
  (void)at::get_num_threads();
  set_openmp(openmp);
  mkl_before_ = set_mkl(openmp);
}

ProcessLease::~ProcessLease() {
  if (openmp_before_ > 0) set_openmp(openmp_before_);
  (void)set_mkl(mkl_before_);
  const std::lock_guard<std::mutex> lock(process.mutex);
  if (--process.runs == 0) process.idle.notify_one();
}

void check_limits() {
  if (active.limits == nullptr || !active.limits->reached()) return;
  active.ended = true;
  throw std::runtime_error("a limit of the run is reached");
}

Result<Values> TorchEngine::run(const std::string& method, std::span<const TensorView> inputs,
                                const RunLimits& limits) {
  const std::string what = "method " + method;
  const LimitScope scope(limits);
  auto result = catching(Code::kRuntime, what + " failed", [&]() -> Result<Values> {
    const ProcessLease lease(process_);
    const c10::InferenceMode inference;
    return from_ivalue(call(method, to_ivalues(inputs)), inputs);
  });
  return scope.judge(std::move(result), what);
}

Result<std::vector<OperatorTime>> TorchEngine::profile(const std::string& method, std::span<const TensorView> inputs,
                                                       std::size_t iterations, const RunLimits& limits) {
  const std::string what = "method " + method;
  const LimitScope scope(limits);
  auto result = catching(Code::kRuntime, what + " failed", [&]() -> Result<std::vector<OperatorTime>> {
    const ProcessLease lease(process_);
    const c10::InferenceMode inference;
    Profile profile;
    {
      const ProfileScope profiling(&profile, scope_);
      for (std::size_t i = 0; i < iterations; ++i) (void)call(method, to_ivalues(inputs));
    }
    return longest_first(profile);
  });
  return scope.judge(std::move(result), what);
}

std::optional<std::vector<Parameter>> parameters_of(const torch::jit::Function& function) {
  try {
    const auto& arguments = function.getSchema().arguments();
    if (arguments.empty()) return std::nullopt;
    std::vector<Parameter> parameters;
    for (std::size_t i = 1; i < arguments.size(); ++i) {  // the first one is the module
      const auto& fallback = arguments[i].default_value();
      // Lite files say None where there is no default.
      parameters.push_back({arguments[i].name(), type_text(arguments[i].type()), !fallback || fallback->isNone()});
    }
    return parameters;
  } catch (const c10::Error&) {
    return std::nullopt;
  }
}

std::vector<std::string> TorchEngine::methods() const {
  std::vector<std::string> names;
  for (const auto& [name, parameters] : signatures_) names.push_back(name);
  return names;
}

std::optional<std::vector<Parameter>> TorchEngine::parameters(const std::string& method) const {
  const auto found = signatures_.find(method);
  return found == signatures_.end() ? std::nullopt : found->second;
}

}  // namespace edgekit
