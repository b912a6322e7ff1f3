// A loaded model: its options, specs and reports. runs.cpp has its runs.
#include "api/handles.h"
#include "report/reports.h"

using namespace edgekit::api;
using edgekit::Status;

namespace {

edgekit::Result<const edgekit::TensorSpec*> find_spec(const ek_model* model, const char* method, std::size_t index,
                                                      bool input) {
  EK_RETURN_IF_ERROR(require(model, method));
  const edgekit::Package& package = model->model->package();
  if (!package.manifest) return edgekit::usage_error(package.path + " has no manifest, so its specs are unknown");
  const edgekit::MethodSpec* found = package.manifest->find_method(method);
  if (found == nullptr) return edgekit::usage_error(package.path + " has no method '" + method + "'");
  const auto& specs = input ? found->inputs : found->outputs;
  if (index < specs.size()) return &specs[index];
  return edgekit::usage_error("method " + found->name + " has " + std::to_string(specs.size()) +
                              (input ? " inputs" : " outputs") + ", so there is no number " + std::to_string(index));
}

Status give_spec(const ek_model* model, const char* method, std::size_t index, bool input, ek_spec* out) {
  EK_RETURN_IF_ERROR(require(out));
  EK_ASSIGN(const edgekit::TensorSpec* spec, find_spec(model, method, index, input));
  *out = {spec->name.c_str(), static_cast<ek_dtype>(spec->dtype), static_cast<std::int32_t>(spec->shape.size()),
          spec->shape.data()};
  return {};
}

Status give_axis(const edgekit::TensorSpec& spec, std::int32_t index, ek_axis* out) {
  if (index < 0 || static_cast<std::size_t>(index) >= spec.axes.size()) {
    return edgekit::usage_error("input " + spec.name + " has " + std::to_string(spec.axes.size()) +
                                " axes, so there is no number " + std::to_string(index));
  }
  const edgekit::Axis& axis = spec.axes[static_cast<std::size_t>(index)];
  const char* symbol = axis.symbol.empty() ? nullptr : axis.symbol.c_str();
  return write_struct(
      {sizeof(ek_axis), axis.min, axis.max, axis.multiple, symbol, axis.kind == edgekit::AxisKind::kAny ? 0 : 1}, out);
}

Status give_model(edgekit::Result<std::unique_ptr<edgekit::Model>> loaded, ek_model** out) {
  EK_RETURN_IF_ERROR(loaded.status());
  *out = new ek_model{std::move(*loaded), {}, {}};
  return {};
}

edgekit::Result<edgekit::LoadOptions> read_options(const ek_options* given) {
  ek_options options;
  ek_options_init(&options);
  EK_RETURN_IF_ERROR(read_struct(given, &options));
  edgekit::LoadOptions load;
  load.threads = options.threads;
  if (options.pool < EK_POOL_AUTO || options.pool > EK_POOL_OPENMP) {
    return edgekit::usage_error("ek_pool " + std::to_string(static_cast<int>(options.pool)) +
                                " is unknown; expected EK_POOL_AUTO to EK_POOL_OPENMP");
  }
  if (options.pool == EK_POOL_XNNPACK) load.pool = edgekit::Pool::kXnnpack;
  if (options.pool == EK_POOL_OPENMP) load.pool = edgekit::Pool::kOpenmp;
  load.check_digests = options.check_digests != 0;
  if (options.public_key != nullptr) {
    EK_ASSIGN(load.public_key, edgekit::parse_public_key(options.public_key));
  }
  load.allow_nonfinite = options.allow_nonfinite != 0;
  load.optimize = options.optimize != 0;
  if (options.warn != nullptr) {
    load.warn = [warn = options.warn, user = options.user](const std::string& message) { warn(user, message.c_str()); };
  }
  return load;
}

Status read_bench_options(const ek_bench_options& options, edgekit::BenchOptions* out) {
  if (options.iterations < 1)
    return edgekit::usage_error("iterations is " + std::to_string(options.iterations) + "; expected at least 1");
  if (options.warmup < 0)
    return edgekit::usage_error("warmup is " + std::to_string(options.warmup) + "; expected at least 0");
  if (options.method != nullptr) out->method = options.method;
  out->iterations = static_cast<std::size_t>(options.iterations);
  out->min_seconds = options.min_seconds;
  out->warmup = static_cast<std::size_t>(options.warmup);
  out->per_operator = options.per_operator != 0;
  return {};
}

Status verdict(const edgekit::VerifyReport& report) {
  if (report.passed()) return {};
  if (!report.agrees) {
    return {edgekit::Code::kVerdictFailed, "verify failed: the answers differ from those of the original model"};
  }
  std::string names;
  for (const std::string& output : report.unproven) names += (names.empty() ? "" : ", ") + output;
  return {edgekit::Code::kVerdictFailed, "verify proves nothing about " + names +
                                             ": the golden cases give almost the same answer, so a wrong model would " +
                                             "agree too; export the model with other inputs"};
}

}  // namespace

void ek_options_init_sized(ek_options* options, size_t struct_size) {
  ek_options defaults{};
  defaults.check_digests = 1;
  defaults.optimize = 1;
  init_struct(defaults, options, struct_size);
}

void(ek_options_init)(ek_options* options) {
  ek_options_init_sized(options, kSizes<ek_options>.front());
}

ek_status ek_model_load(const char* path, const ek_options* options, ek_model** model) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(path, model));
    EK_ASSIGN(const auto load_options, read_options(options));
    return give_model(edgekit::Model::load(path, load_options), model);
  });
}

ek_status ek_model_load_memory(const void* data, size_t size_bytes, const ek_options* options, ek_model** model) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(data, model));
    EK_ASSIGN(const auto load_options, read_options(options));
    const std::span bytes(static_cast<const std::byte*>(data), size_bytes);
    return give_model(edgekit::Model::load_memory(bytes, load_options), model);
  });
}

void ek_model_destroy(ek_model* model) {
  delete model;
}

const char* ek_model_method(const ek_model* model, size_t index) {
  if (model == nullptr || index >= model->model->methods().size()) return nullptr;
  return model->model->methods()[index].c_str();
}

const char* ek_model_manifest(const ek_model* model) {
  return model == nullptr ? "" : model->model->package().manifest_text.c_str();
}

ek_status ek_model_input(const ek_model* model, const char* method, size_t index, ek_spec* spec) {
  return guarded(model, [&] { return give_spec(model, method, index, true, spec); });
}

void ek_axis_init_sized(ek_axis* axis, size_t struct_size) {
  init_struct(ek_axis{}, axis, struct_size);
}

void(ek_axis_init)(ek_axis* axis) {
  ek_axis_init_sized(axis, kSizes<ek_axis>.front());
}

ek_status ek_model_input_axis(const ek_model* model, const char* method, size_t index, int32_t axis, ek_axis* range) {
  return guarded(model, [&]() -> Status {
    EK_RETURN_IF_ERROR(require(range));
    EK_ASSIGN(const edgekit::TensorSpec* spec, find_spec(model, method, index, true));
    return give_axis(*spec, axis, range);
  });
}

ek_status ek_model_output(const ek_model* model, const char* method, size_t index, ek_spec* spec) {
  return guarded(model, [&] { return give_spec(model, method, index, false, spec); });
}

const char* ek_model_label(const ek_model* model, int64_t index) {
  if (model == nullptr) return "";
  const auto& labels = model->model->package().labels;
  return index >= 0 && static_cast<std::size_t>(index) < labels.size() ? labels[static_cast<std::size_t>(index)].c_str()
                                                                       : "";
}

ek_status ek_model_verify(ek_model* model, char** json) {
  return guarded(model, [&]() -> Status {
    EK_RETURN_IF_ERROR(require(model, json));
    EK_ASSIGN(const auto result, edgekit::verify_report(*model->model));
    EK_RETURN_IF_ERROR(give_text(result.json, json));
    return verdict(result);
  });
}

void ek_bench_options_init_sized(ek_bench_options* options, size_t struct_size) {
  const edgekit::BenchOptions usual;
  ek_bench_options defaults{};
  defaults.method = "forward";
  defaults.iterations = static_cast<std::int64_t>(usual.iterations);
  defaults.min_seconds = usual.min_seconds;
  defaults.warmup = static_cast<std::int64_t>(usual.warmup);
  init_struct(defaults, options, struct_size);
}

void(ek_bench_options_init)(ek_bench_options* options) {
  ek_bench_options_init_sized(options, kSizes<ek_bench_options>.front());
}

ek_status ek_model_bench(ek_model* model, const ek_bench_options* options, char** json) {
  return guarded(model, [&]() -> Status {
    EK_RETURN_IF_ERROR(require(model, json));
    ek_bench_options chosen;
    ek_bench_options_init(&chosen);
    EK_RETURN_IF_ERROR(read_struct(options, &chosen));
    edgekit::BenchOptions bench;
    EK_RETURN_IF_ERROR(read_bench_options(chosen, &bench));
    EK_ASSIGN(const auto views, read_tensors(chosen.inputs, chosen.inputs == nullptr ? 0 : chosen.input_count));
    EK_ASSIGN(const std::string text, edgekit::bench_report(*model->model, bench, views));
    return give_text(text, json);
  });
}
