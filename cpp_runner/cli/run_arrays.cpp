// run --input: a method on arrays.
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <set>

#include "inputs.h"
#include "isolate.h"
#include "run.h"
#include "table.h"

namespace runner {
namespace {

struct Output {
  std::string name;
  ek_tensor tensor;
  std::string path;
};

// A single output gets the requested name. Each of several adds its own name, without the characters that a file name
// cannot hold.
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
      throw Failure{EK_USAGE,
                    "two outputs have the same file name " + outputs[i].path + "; choose another name with -o"};
    }
  }
  return outputs;
}

void keep_model(const std::string& model, const std::vector<Output>& outputs) {
  for (const Output& it : outputs) {
    std::error_code error;
    if (std::filesystem::equivalent(it.path, model, error)) {
      throw Failure{EK_USAGE, "-o " + it.path + " is the model itself; choose another file, for example output.npy"};
    }
  }
}

// Writes all files or none: each is first complete under a temporary name.
void write_outputs(const std::vector<Output>& outputs) {
  if (outputs.size() == 1) return check(ek_npy_write(outputs[0].path.c_str(), &outputs[0].tensor));
  // Checked first: a rename that fails would leave the files before it.
  for (const Output& it : outputs) {
    std::error_code error;
    if (std::filesystem::is_directory(it.path, error))
      throw Failure{EK_USAGE, "cannot write " + it.path + ": it is a folder"};
  }
  std::vector<std::string> written;
  const auto partial = [](const Output& it) { return it.path + "." + std::to_string(::getpid()) + ".part"; };
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

Json to_json(const std::vector<Output>& outputs) {
  Json results = Json::array();
  for (const Output& it : outputs) {
    results.push_back({{"output", it.name},
                       {"file", it.path.empty() ? Json(nullptr) : Json(it.path)},
                       {"dtype", dtype_text(it.tensor.dtype)},
                       {"shape", std::vector<int64_t>(it.tensor.shape, it.tensor.shape + it.tensor.rank)}});
  }
  return results;
}

void print_outputs(const std::vector<Output>& outputs) {
  std::vector<Row> rows{{"output", "dtype", "shape", "file"}};
  for (const Output& it : outputs) {
    rows.push_back({it.name, dtype_text(it.tensor.dtype), shape_text(it.tensor), it.path.empty() ? "-" : it.path});
  }
  print_table(rows);
}

}  // namespace

void run_arrays(const RunOptions& options) {
  const Inputs inputs(options.inputs);
  const ModelPtr model = load_model(options.model);
  ek_values* raw = nullptr;
  const std::vector<ek_tensor> tensors = inputs.in_order(model.get(), options.method);
  check(ek_model_run(model.get(), options.method.c_str(), tensors.data(), tensors.size(), &raw));
  report_step();
  const ValuesPtr values(raw);
  const std::vector<Output> outputs = name_outputs(values.get(), options.output);
  keep_model(options.model.path, outputs);
  if (!options.output.empty()) write_outputs(outputs);
  if (options.model.json) return print_document(model_context(model.get()), to_json(outputs));
  announce_weights(model.get());
  print_outputs(outputs);
}

}  // namespace runner
