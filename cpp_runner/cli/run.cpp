// run: a method on tensors from .npy files.
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <set>

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

// One output gets the very name that was asked for; of several, each has its own name in it, less what a file name may
// not hold.
std::string path_for(const std::string& wanted, std::string name, std::size_t count) {
  if (wanted.empty() || count == 1) return wanted;
  const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-'; };
  std::replace_if(name.begin(), name.end(), std::not_fn(is_plain), '_');
  std::filesystem::path path(wanted);
  return path.replace_filename(path.stem().string() + "." + name + ".npy").string();
}

std::vector<Output> name_outputs(const ek_values* values, const std::string& wanted) {
  std::vector<Output> outputs(ek_values_count(values));
  std::set<std::string> paths;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const char* name = nullptr;
    check(ek_values_get(values, i, &outputs[i].tensor, &name));
    outputs[i].name = name;
    outputs[i].path = path_for(wanted, name, outputs.size());
    if (!wanted.empty() && !paths.insert(outputs[i].path).second) {
      throw Failure{EK_USAGE, "two outputs would both be written to " + outputs[i].path};
    }
  }
  return outputs;
}

// All files or none: whole under names of their own first.
void write_outputs(const std::vector<Output>& outputs) {
  if (outputs.size() == 1) return check(ek_npy_write(outputs[0].path.c_str(), &outputs[0].tensor));
  for (const Output& it : outputs) {  // or the renaming of a later one would fail behind those before it
    std::error_code error;
    if (std::filesystem::is_directory(it.path, error))
      throw Failure{EK_USAGE, "cannot write " + it.path + ": a folder"};
  }
  std::vector<std::string> written;
  const auto partial = [](const Output& it) { return it.path + ".part"; };
  try {
    for (const Output& it : outputs) {
      check(ek_npy_write(partial(it).c_str(), &it.tensor));
      written.push_back(partial(it));
    }
    for (const Output& it : outputs) std::filesystem::rename(partial(it), it.path);
  } catch (const std::filesystem::filesystem_error& error) {
    for (const std::string& path : written) std::remove(path.c_str());
    throw Failure{EK_USAGE, "cannot write " + error.path2().string() + ": " + error.code().message()};
  } catch (const Failure&) {
    for (const std::string& path : written) std::remove(path.c_str());
    throw;
  }
}

void print_json(const ek_model* model, const std::vector<Output>& outputs) {
  Json results = Json::array();
  for (const Output& it : outputs) {
    results.push_back({{"output", it.name},
                       {"dtype", dtype_text(it.tensor.dtype)},
                       {"shape", std::vector<int64_t>(it.tensor.shape, it.tensor.shape + it.tensor.rank)},
                       {"file", it.path.empty() ? Json(nullptr) : Json(it.path)}});
  }
  print_document(model, std::move(results));
}

void run_run(const Options& options) {
  const Inputs inputs(options.inputs);
  const ModelPtr model = load_model(options.model);
  ek_values* raw = nullptr;
  const std::vector<ek_tensor> tensors = inputs.in_order(model.get(), options.method);
  check(ek_model_run(model.get(), options.method.c_str(), tensors.data(), tensors.size(), &raw));
  const ValuesPtr values(raw);
  const std::vector<Output> outputs = name_outputs(values.get(), options.output);
  if (!options.output.empty()) write_outputs(outputs);
  if (options.model.json) return print_json(model.get(), outputs);
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
