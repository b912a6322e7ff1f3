// The C ABI: translates handles and statuses, and stops every exception.
#include <cstdlib>
#include <cstring>
#include <exception>

#include "core/npy.h"
#include "core/version.h"
#include "edgekit/edgekit.h"
#include "engine/model.h"
#include "engine/predict.h"
#include "format/golden.h"
#include "report/reports.h"

struct ek_model {
  std::unique_ptr<edgekit::Model> model;
};

struct ek_values {
  std::vector<edgekit::NamedTensor> items;
};

namespace {

using edgekit::Status;

thread_local std::string last_error;

ek_status report(const Status& status) {
  if (!status.ok()) last_error = status.message();
  return static_cast<ek_status>(status.code());
}

// Every call runs in here. bad_alloc is an error of the device, any other exception a bug of edgekit.
template <typename Body>
ek_status guarded(Body&& body) {
  try {
    return report(body());
  } catch (const std::bad_alloc&) {
    return report(edgekit::runtime_error("out of memory"));
  } catch (const std::exception& error) {
    return report({edgekit::Code::kBug, std::string("a bug of edgekit: ") + error.what()});
  } catch (...) {
    return report({edgekit::Code::kBug, "a bug of edgekit: an unknown exception"});
  }
}

template <typename... Pointers>
Status require(Pointers... pointers) {
  if (((pointers != nullptr) && ...)) return {};
  return edgekit::usage_error("a required argument is NULL");
}

// A caller built with an older header has a shorter struct: the missing fields keep their defaults.
template <typename Options>
Status read_struct(const Options* given, Options* options) {
  if (given == nullptr) return {};
  if (given->struct_size < sizeof(std::size_t) || given->struct_size > sizeof(Options)) {
    return edgekit::usage_error("struct_size is " + std::to_string(given->struct_size) + "; expected at most " +
                                std::to_string(sizeof(Options)) + ", fill the struct with its init function");
  }
  std::memcpy(options, given, given->struct_size);
  return {};
}

Status give_text(const std::string& text, char** out) {
  *out = static_cast<char*>(std::malloc(text.size() + 1));
  if (*out == nullptr) return edgekit::runtime_error("out of memory");
  std::memcpy(*out, text.c_str(), text.size() + 1);
  return {};
}

Status read_dtype(ek_dtype dtype, edgekit::DType* out) {
  if (dtype < EK_FLOAT32 || dtype > EK_BOOL) {
    return edgekit::usage_error("ek_dtype " + std::to_string(static_cast<int>(dtype)) +
                                " is unknown; expected EK_FLOAT32 to EK_BOOL");
  }
  *out = static_cast<edgekit::DType>(dtype);
  return {};
}

Status read_shape(const std::int64_t* shape, std::int32_t rank, std::span<const std::int64_t>* out) {
  if (rank < 0 || (rank > 0 && shape == nullptr))
    return edgekit::usage_error("the shape of a tensor is NULL, or its rank is negative");
  *out = {shape, static_cast<std::size_t>(rank)};
  return {};
}

Status read_tensor(const ek_tensor& tensor, edgekit::TensorView* out) {
  EK_RETURN_IF_ERROR(read_dtype(tensor.dtype, &out->dtype));
  EK_RETURN_IF_ERROR(read_shape(tensor.shape, tensor.rank, &out->shape));
  out->bytes = {static_cast<const std::byte*>(tensor.data), tensor.size_bytes};
  const auto count = edgekit::element_count(out->shape, out->dtype);
  if (count && *count * edgekit::dtype_size(out->dtype) == tensor.size_bytes && (tensor.data || *count == 0)) return {};
  return edgekit::usage_error("a tensor of shape " + edgekit::shape_text(out->shape) + " has size_bytes " +
                              std::to_string(tensor.size_bytes) + " or no data; expected row-major bytes of the shape");
}

edgekit::Result<std::vector<edgekit::TensorView>> read_tensors(const ek_tensor* tensors, std::size_t count) {
  if (count > 0) EK_RETURN_IF_ERROR(require(tensors));
  std::vector<edgekit::TensorView> views(count);
  for (std::size_t i = 0; i < count; ++i) EK_RETURN_IF_ERROR(read_tensor(tensors[i], &views[i]));
  return views;
}

ek_values* give_values(std::vector<edgekit::NamedTensor> items) {
  return new ek_values{std::move(items)};
}

Status give_spec(const ek_model* model, const char* method, std::size_t index, bool input, ek_spec* out) {
  EK_RETURN_IF_ERROR(require(model, method, out));
  const edgekit::Package& package = model->model->package();
  if (!package.manifest) return edgekit::usage_error(package.path + " has no manifest, so its specs are unknown");
  const edgekit::MethodSpec* found = package.manifest->find_method(method);
  if (found == nullptr) return edgekit::usage_error(package.path + " has no method '" + method + "'");
  const auto& specs = input ? found->inputs : found->outputs;
  if (index >= specs.size()) {
    return edgekit::usage_error("method " + found->name + " has " + std::to_string(specs.size()) +
                                (input ? " inputs" : " outputs") + ", so there is no number " + std::to_string(index));
  }
  const edgekit::TensorSpec& spec = specs[index];
  *out = {spec.name.c_str(), static_cast<ek_dtype>(spec.dtype), static_cast<std::int32_t>(spec.shape.size()),
          spec.shape.data()};
  return {};
}

edgekit::Result<edgekit::LoadOptions> read_options(const ek_options& options) {
  edgekit::LoadOptions load;
  load.threads = options.threads;
  if (options.pool < EK_POOL_AUTO || options.pool > EK_POOL_OPENMP) {
    return edgekit::usage_error("ek_pool " + std::to_string(static_cast<int>(options.pool)) +
                                " is unknown; expected EK_POOL_AUTO to EK_POOL_OPENMP");
  }
  if (options.pool == EK_POOL_XNNPACK) load.pool = edgekit::Pool::kXnnpack;
  if (options.pool == EK_POOL_OPENMP) load.pool = edgekit::Pool::kOpenmp;
  load.check_digests = options.check_digests != 0;
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

}  // namespace

const char* ek_version(void) {
  return edgekit::kVersion;
}

const char* ek_last_error(void) {
  return last_error.c_str();
}

void ek_string_free(char* text) {
  std::free(text);
}

ek_status ek_operators(char** json) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(json));
    EK_ASSIGN(const std::string text, edgekit::operators_report());
    return give_text(text, json);
  });
}

ek_status ek_inspect(const char* path, char** json) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(path, json));
    EK_ASSIGN(const std::string text, edgekit::inspect_report(path));
    return give_text(text, json);
  });
}

void ek_options_init(ek_options* options) {
  if (options == nullptr) return;
  *options = {};
  options->struct_size = sizeof(*options);
  options->check_digests = 1;
  options->optimize = 1;
}

ek_status ek_model_load(const char* path, const ek_options* options, ek_model** model) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(path, model));
    ek_options chosen;
    ek_options_init(&chosen);
    EK_RETURN_IF_ERROR(read_struct(options, &chosen));
    EK_ASSIGN(const auto load_options, read_options(chosen));
    EK_ASSIGN(auto loaded, edgekit::Model::load(path, load_options));
    *model = new ek_model{std::move(loaded)};
    return {};
  });
}

void ek_model_destroy(ek_model* model) {
  delete model;
}

const char* ek_model_manifest(const ek_model* model) {
  return model == nullptr ? "" : model->model->package().manifest_text.c_str();
}

ek_status ek_model_input(const ek_model* model, const char* method, size_t index, ek_spec* spec) {
  return guarded([&] { return give_spec(model, method, index, true, spec); });
}

ek_status ek_model_output(const ek_model* model, const char* method, size_t index, ek_spec* spec) {
  return guarded([&] { return give_spec(model, method, index, false, spec); });
}

ek_status ek_model_run(ek_model* model, const char* method, const ek_tensor* inputs, size_t count,
                       ek_values** outputs) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(model, method, outputs));
    EK_ASSIGN(const auto views, read_tensors(inputs, count));
    EK_ASSIGN(auto values, model->model->run(method, views));
    *outputs = give_values(std::move(values.items));
    return {};
  });
}

size_t ek_values_count(const ek_values* values) {
  return values == nullptr ? 0 : values->items.size();
}

ek_status ek_values_get(const ek_values* values, size_t index, ek_tensor* tensor, const char** name) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(values, tensor));
    if (index >= values->items.size())
      return edgekit::usage_error("there is no value " + std::to_string(index) + "; there are " +
                                  std::to_string(values->items.size()));
    const auto& [item_name, item] = values->items[index];
    *tensor = {static_cast<ek_dtype>(item.dtype), static_cast<std::int32_t>(item.shape.size()), item.shape.data(),
               item.data.get(), item.size_bytes};
    if (name != nullptr) *name = item_name.c_str();
    return {};
  });
}

void ek_values_destroy(ek_values* values) {
  delete values;
}

ek_status ek_model_predict(ek_model* model, const char* image_path, ek_class* classes, size_t* count,
                           ek_predict_times* times) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(model, image_path, classes, count));
    EK_ASSIGN(const auto result, edgekit::predict(*model->model, image_path, *count));
    const auto& labels = model->model->package().labels;
    *count = result.classes.size();
    for (std::size_t i = 0; i < result.classes.size(); ++i) {
      const auto& [index, score] = result.classes[i];
      const bool labelled = index >= 0 && static_cast<std::size_t>(index) < labels.size();
      classes[i] = {index, score, labelled ? labels[static_cast<std::size_t>(index)].c_str() : ""};
    }
    if (times != nullptr) *times = {result.decode_ms, result.predict_ms};
    return {};
  });
}

ek_status ek_model_verify(ek_model* model, char** json) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(model, json));
    EK_ASSIGN(const auto result, edgekit::verify_report(*model->model));
    EK_RETURN_IF_ERROR(give_text(result.json, json));
    if (result.passed) return {};
    return {edgekit::Code::kVerdictFailed, "verify failed: the answers differ from those of the original model"};
  });
}

void ek_bench_options_init(ek_bench_options* options) {
  if (options == nullptr) return;
  const edgekit::BenchOptions defaults;
  *options = {};
  options->struct_size = sizeof(*options);
  options->method = "forward";
  options->iterations = static_cast<std::int64_t>(defaults.iterations);
  options->min_seconds = defaults.min_seconds;
  options->warmup = static_cast<std::int64_t>(defaults.warmup);
}

ek_status ek_model_bench(ek_model* model, const ek_bench_options* options, char** json) {
  return guarded([&]() -> Status {
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

ek_status ek_npy_read(const char* path, ek_values** values) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(path, values));
    EK_ASSIGN(auto tensor, edgekit::read_npy(path));
    *values = give_values({{"0", std::move(tensor)}});
    return {};
  });
}

ek_status ek_npy_write(const char* path, const ek_tensor* tensor) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(path, tensor));
    edgekit::TensorView view;
    EK_RETURN_IF_ERROR(read_tensor(*tensor, &view));
    return edgekit::write_npy(path, view);
  });
}

ek_status ek_generate(ek_dtype dtype, const int64_t* shape, int32_t rank, uint32_t seed, double low, double high,
                      ek_values** values) {
  return guarded([&]() -> Status {
    EK_RETURN_IF_ERROR(require(values));
    edgekit::GeneratedInput input{"0", {}, {}, seed, low, high};
    EK_RETURN_IF_ERROR(read_dtype(dtype, &input.dtype));
    std::span<const std::int64_t> extents;
    EK_RETURN_IF_ERROR(read_shape(shape, rank, &extents));
    input.shape.assign(extents.begin(), extents.end());
    EK_ASSIGN(auto tensor, edgekit::generate_input(input));
    *values = give_values({{"0", std::move(tensor)}});
    return {};
  });
}
