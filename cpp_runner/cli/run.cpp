// run: a method on tensors from .npy files.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "common.h"
#include "inputs.h"
#include "table.h"

namespace runner {
namespace {

struct Options {
  ModelOptions model;
  std::string method = "forward";
  std::vector<std::string> inputs;
  std::string output;
};

struct Output {
  std::string name;
  ek_tensor tensor;
  std::string path;
};

// One output gets the very name that was asked for; of several, each has its own name in it.
std::string path_for(const std::string& wanted, const std::string& name, std::size_t count) {
  if (wanted.empty() || count == 1) return wanted;
  std::filesystem::path path(wanted);
  return path.replace_filename(path.stem().string() + "." + name + path.extension().string()).string();
}

std::vector<Output> write_outputs(const ek_values* values, const std::string& wanted) {
  std::vector<Output> outputs;
  const std::size_t count = ek_values_count(values);
  for (std::size_t i = 0; i < count; ++i) {
    Output output;
    const char* name = nullptr;
    check(ek_values_get(values, i, &output.tensor, &name));
    output.name = name;
    output.path = path_for(wanted, output.name, count);
    if (!output.path.empty()) check(ek_npy_write(output.path.c_str(), &output.tensor));
    outputs.push_back(std::move(output));
  }
  return outputs;
}

void print_json(const std::vector<Output>& outputs, const std::string& method) {
  Json results = Json::array();
  for (const Output& it : outputs) {
    results.push_back({{"output", it.name},
                       {"dtype", dtype_text(it.tensor.dtype)},
                       {"shape", std::vector<int64_t>(it.tensor.shape, it.tensor.shape + it.tensor.rank)},
                       {"file", it.path.empty() ? Json(nullptr) : Json(it.path)}});
  }
  const Json document{
      {"schema_version", "1.0"}, {"context", {{"edgekit", ek_version()}, {"method", method}}}, {"results", results}};
  std::printf("%s\n", document.dump(1, ' ', true).c_str());
}

void run_run(const Options& options) {
  const Inputs inputs(options.inputs);
  const ModelPtr model = load_model(options.model);
  ek_values* raw = nullptr;
  const std::vector<ek_tensor> tensors = inputs.in_order(model.get(), options.method);
  check(ek_model_run(model.get(), options.method.c_str(), tensors.data(), tensors.size(), &raw));
  const ValuesPtr values(raw);
  const std::vector<Output> outputs = write_outputs(values.get(), options.output);
  if (options.model.json) return print_json(outputs, options.method);
  announce_weights(model.get(), false);
  std::vector<Row> rows{{"output", "dtype", "shape", "file"}};
  for (const Output& it : outputs) {
    rows.push_back({it.name, dtype_text(it.tensor.dtype), shape_text(it.tensor), it.path.empty() ? "-" : it.path});
  }
  print_table(rows);
}

}  // namespace

void setup_run(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("run", "Run a method on tensors");
  add_model_options(*verb, options->model);
  verb->add_option("--method", options->method, "the method")->capture_default_str();
  verb->add_option("--input", options->inputs,
                   "[NAME=]FILE.npy, or SHAPE[:DTYPE[LOW,HIGH]] for generated numbers; repeatable")
      ->allow_extra_args(false);
  verb->add_option("-o,--output", options->output, "the .npy file to write; with several outputs, each adds its name");
  verb->callback([options] { run_run(*options); });
}

}  // namespace runner
