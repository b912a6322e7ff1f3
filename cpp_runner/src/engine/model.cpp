#include "engine/model.h"

#include <algorithm>

#include "core/clock.h"
#include "core/parallel.h"
#include "format/checks.h"
#include "format/pickles.h"
#include "image/decode.h"

namespace edgekit {
namespace {

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

// The resize inside `predict` takes memory by the size of its result.
Status check_picture(std::uint64_t resize, std::span<const TensorView> inputs) {
  if (resize == 0 || inputs.size() != 1 || inputs[0].shape.size() != 3) return {};
  const auto side = [&](std::size_t axis) { return static_cast<std::uint64_t>(inputs[0].shape[axis]); };
  Status status = check_pixel_count(side(1), side(0), resize);
  return status.ok() ? status : Status(status.code(), "the picture of predict " + status.message());
}

std::string join(const std::vector<Parameter>& parameters) {
  std::vector<std::string> texts;
  for (const Parameter& each : parameters) {
    texts.push_back(each.name + ": " + each.type + (each.required ? "" : ", optional"));
  }
  return join(texts);
}

bool is_tensor(const Parameter& each) {
  return each.type == "Tensor" || each.type == "Optional[Tensor]";
}

// Whether a method can be called with so many tensors.
bool takes_tensors(const std::vector<Parameter>& parameters, std::size_t count) {
  if (count > parameters.size()) return false;
  const auto after = parameters.begin() + static_cast<std::ptrdiff_t>(count);
  return std::all_of(parameters.begin(), after, is_tensor) &&
         std::none_of(after, parameters.end(), [](const Parameter& each) { return each.required; });
}

Status check_threads(const LoadOptions& options) {
  if (options.threads >= 0 && options.threads <= kMostThreads) return {};
  return usage_error("threads is " + std::to_string(options.threads) + "; it must be in 1 to " +
                     std::to_string(kMostThreads));
}

}  // namespace

Result<std::unique_ptr<Model>> Model::load(const std::string& path, const LoadOptions& options) {
  const Stopwatch watch;
  EK_RETURN_IF_ERROR(check_threads(options));
  return loaded(open_package(path, options.public_key), options, watch);
}

Result<std::unique_ptr<Model>> Model::load_memory(std::span<const std::byte> bytes, const LoadOptions& options) {
  const Stopwatch watch;
  EK_RETURN_IF_ERROR(check_threads(options));
  return loaded(open_package(MappedFile::borrow(bytes), "the model in memory", options.public_key), options, watch);
}

Result<std::unique_ptr<Model>> Model::loaded(Result<Package> package, const LoadOptions& options,
                                             const Stopwatch& watch) {
  EK_RETURN_IF_ERROR(package.status());
  std::unique_ptr<Model> model(new Model());
  model->package_ = std::move(*package);
  if (options.check_digests || options.public_key) EK_RETURN_IF_ERROR(check_digests(model->package_));
  EK_RETURN_IF_ERROR(check_pickles(model->package_));
  model->allow_nonfinite_ = options.allow_nonfinite;
  EK_RETURN_IF_ERROR(model->start_engine(options));
  model->package_.close();
  model->load_ms_ = watch.elapsed_ms();
  return model;
}

Status Model::start_engine(const LoadOptions& options) {
  const auto& manifest = package_.manifest;
  const auto warn = [&](const std::string& message) {
    if (options.warn) options.warn(message);
  };
  if (!manifest) {
    warn(
        package_.path +
        " has no edgekit manifest, so shapes and dtypes of inputs are not checked: wrong ones can give wrong answers " +
        "or end the process");
  }
  const Pool usual = package_.kind == ModelKind::kTorchScript ? Pool::kOpenmp : Pool::kXnnpack;
  pool_ = options.pool.value_or(manifest ? manifest->pool : usual);
  threads_ = options.threads > 0 ? options.threads : manifest ? manifest->threads.value_or(core_count()) : core_count();
  if (threads_ > core_count()) {
    warn(std::to_string(threads_) + " threads on " + std::to_string(core_count()) +
         " cores will be slower than one thread for each core");
  }
  const bool xnnpack = pool_ == Pool::kXnnpack;
  const ThreadPlan plan{xnnpack ? threads_ : 1, xnnpack ? 1 : threads_};
  EK_ASSIGN(row_, find_engine(options.engines, package_));
  EK_RETURN_IF_ERROR(check_quantized_engine(row_, package_));
  EK_ASSIGN(engine_, row_.make(package_, {{plan, manifest ? manifest->quantized_engine : ""}, options.optimize}));
  methods_ = engine_->methods();
  if (!manifest) return {};
  EK_RETURN_IF_ERROR(check_methods(*manifest));
  methods_.clear();
  for (const MethodSpec& spec : manifest->methods) methods_.push_back(spec.name);
  return {};
}

// A wrong number of arguments, or one of another type, would end the process inside the interpreter.
Status Model::check_methods(const Manifest& manifest) const {
  const std::vector<std::string> methods = engine_->methods();
  for (const MethodSpec& spec : manifest.methods) {
    const std::string subject = package_.path + ": the manifest's method " + spec.name;
    if (std::find(methods.begin(), methods.end(), spec.name) == methods.end()) {
      return package_error(subject + " is not in the model; export the model again");
    }
    const auto parameters = engine_->parameters(spec.name);
    if (!parameters || takes_tensors(*parameters, spec.inputs.size())) continue;
    return package_error(subject + " takes " + std::to_string(spec.inputs.size()) +
                         " inputs, but that of the model takes (" + join(*parameters) + "); export the model again");
  }
  return {};
}

Status Model::check_request(const std::string& method, std::span<const TensorView> inputs) const {
  const MethodSpec* spec = package_.manifest ? package_.manifest->find_method(method) : nullptr;
  if (std::find(methods_.begin(), methods_.end(), method) == methods_.end()) {
    return usage_error(package_.path + " has no method '" + method + "'; it has: " + join(methods_));
  }
  if (spec != nullptr) {
    EK_RETURN_IF_ERROR(check_inputs(*spec, inputs));
    if (method == "predict") EK_RETURN_IF_ERROR(check_picture(package_.manifest->resize, inputs));
  } else if (const auto parameters = engine_->parameters(method);
             parameters && !takes_tensors(*parameters, inputs.size())) {
    const bool wrap = std::any_of(parameters->begin(), parameters->end(),
                                  [](const Parameter& each) { return each.required && !is_tensor(each); });
    return usage_error(package_.path + ": method " + method + " takes (" + join(*parameters) + "), got " +
                       std::to_string(inputs.size()) + " tensors; " +
                       (wrap ? "wrap it in a module that takes tensors only" : "pass one array for each"));
  }
  return allow_nonfinite_ ? Status() : check_inputs_are_numbers(inputs);
}

Result<std::unique_lock<std::timed_mutex>> Model::take_turn(const std::string& method, const RunLimits& limits) {
  std::unique_lock<std::timed_mutex> lock(mutex_, std::defer_lock);
  if (!limits.deadline()) lock.lock();
  while (!lock.owns_lock() && !limits.reached()) (void)lock.try_lock_until(*limits.deadline());
  EK_RETURN_IF_ERROR(limits.check("method " + method));
  return lock;
}

Result<Values> Model::run(const std::string& method, std::span<const TensorView> inputs, const RunLimits& limits,
                          OutputCheck check) {
  EK_ASSIGN(const auto lock, take_turn(method, limits));
  EK_RETURN_IF_ERROR(check_request(method, inputs));
  const Stopwatch watch;
  auto outputs = engine_->run(method, inputs, limits);
  if (!outputs.ok()) return outputs;
  if (!first_ms_) first_ms_ = watch.elapsed_ms();
  if (check == OutputCheck::kNone) return outputs;
  if (package_.manifest) EK_RETURN_IF_ERROR(check_outputs(*package_.manifest->find_method(method), *outputs));
  if (!allow_nonfinite_) EK_RETURN_IF_ERROR(check_outputs_finite(*outputs));
  return outputs;
}

Result<std::vector<OperatorTime>> Model::profile(const std::string& method, std::span<const TensorView> inputs,
                                                 std::size_t iterations, const RunLimits& limits) {
  EK_ASSIGN(const auto lock, take_turn(method, limits));
  EK_RETURN_IF_ERROR(check_request(method, inputs));
  return engine_->profile(method, inputs, iterations, limits);
}

}  // namespace edgekit
