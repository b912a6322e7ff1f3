#include "engine/torch_bridge.h"

#include <ATen/Parallel.h>
#include <ATen/core/function_schema.h>
#include <ATen/ops/from_blob.h>
#include <dlfcn.h>

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>

#include "core/clock.h"

namespace edgekit {
namespace {

struct {
  std::mutex door;  // held by whoever waits to change the pool, so that no new run begins
  std::mutex mutex;
  std::condition_variable idle;
  int threads = 0;  // 0 before the first run
  int runs = 0;     // under way
} pool;
thread_local int thread_openmp = 0;  // what OpenMP and MKL are set to in this thread; 0 where unknown

void call_if_found(const char* symbol, int argument) {
  // By name: linking with -fopenmp could bring a second OpenMP runtime beside the one libtorch carries.
  if (auto* function = reinterpret_cast<void (*)(int)>(::dlsym(RTLD_DEFAULT, symbol))) function(argument);
}

void set_openmp_of_thread(int threads) {
  // libtorch sets OpenMP itself at a thread's first parallel operator; asking for the number gets that over with.
  (void)at::get_num_threads();
  call_if_found("omp_set_num_threads", threads);
  call_if_found("MKL_Set_Num_Threads_Local", threads);  // in C; the name in small letters is Fortran's
  thread_openmp = threads;
}

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

// A model may give back its input or a view of it, whose bytes are the caller's: those are copied.
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

// A dict's key as docs/format.md spells it.
std::string quoted(const std::string& key) {
  std::string text = "'";
  for (const char c : key) {
    if (c == '\'' || c == '\\') text += '\\';
    text += c;
  }
  return text + "'";
}

// Walks a nested output: appends its values to `values` and its spelling to the structure.
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

std::vector<c10::IValue> to_ivalues(std::span<const TensorView> inputs) {
  std::vector<c10::IValue> values;
  values.reserve(inputs.size());
  for (const TensorView& input : inputs) {
    // from_blob wants a mutable address; edgekit.h says when a model would write there.
    auto* data = const_cast<std::byte*>(input.bytes.data());
    const at::IntArrayRef shape(input.shape.data(), input.shape.size());
    values.emplace_back(at::from_blob(data, shape, at::TensorOptions().dtype(to_scalar_type(input.dtype))));
  }
  return values;
}

Result<Values> from_ivalue(const c10::IValue& value, std::span<const TensorView> inputs) {
  Flattener flattener(inputs);
  EK_RETURN_IF_ERROR(flattener.walk(value, ""));
  return flattener.take();
}

// Where the callbacks below add up, calls inside of another one as a part of it; one profile runs in a thread at a
// time.
struct Profile {
  std::map<std::string, OperatorTime> operators;
  int depth = 0;
};
thread_local Profile* active_profile = nullptr;

struct OperatorStart : at::ObserverContext {
  Stopwatch watch;
};

// libtorch takes the callbacks along to the threads of `fork`, where no profile is active.
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

}  // namespace

ThreadLease::ThreadLease(const ThreadPlan& plan) {
  {
    const std::lock_guard<std::mutex> door(pool.door);
    std::unique_lock<std::mutex> lock(pool.mutex);
    if (pool.threads != plan.xnnpack) {
      pool.idle.wait(lock, [] { return pool.runs == 0; });
      at::set_num_threads(plan.xnnpack);
      pool.threads = plan.xnnpack;
      thread_openmp = 0;
    }
    ++pool.runs;
  }
  if (thread_openmp != plan.openmp) set_openmp_of_thread(plan.openmp);
}

ThreadLease::~ThreadLease() {
  const std::lock_guard<std::mutex> lock(pool.mutex);
  if (--pool.runs == 0) pool.idle.notify_one();
}

Result<Values> TorchEngine::run(const std::string& method, std::span<const TensorView> inputs) {
  return catching(Code::kRuntime, "method " + method + " failed", [&]() -> Result<Values> {
    const ThreadLease lease(threads_);
    const c10::InferenceMode inference;
    return from_ivalue(call(method, to_ivalues(inputs)), inputs);
  });
}

Result<std::vector<OperatorTime>> TorchEngine::profile(const std::string& method, std::span<const TensorView> inputs,
                                                       std::size_t iterations) {
  return catching(Code::kRuntime, "method " + method + " failed", [&]() -> Result<std::vector<OperatorTime>> {
    const ThreadLease lease(threads_);
    const c10::InferenceMode inference;
    Profile profile;
    {
      const ProfileScope active(&profile, scope_);
      for (std::size_t i = 0; i < iterations; ++i) (void)call(method, to_ivalues(inputs));
    }
    return longest_first(profile);
  });
}

std::optional<Arity> arity_of(const c10::FunctionSchema& schema) {
  if (schema.arguments().empty()) return std::nullopt;
  Arity arity;
  for (std::size_t i = 1; i < schema.arguments().size(); ++i) {
    const auto& fallback = schema.arguments()[i].default_value();
    ++arity.most;
    // Lite files say None where there is no default.
    if (!fallback || fallback->isNone()) ++arity.least;
  }
  return arity;
}

}  // namespace edgekit
