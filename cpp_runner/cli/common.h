// What the verbs share: handles that free themselves, failures with their exit code, options, output.
#pragma once

#include <edgekit/edgekit.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace runner {

using Json = nlohmann::ordered_json;

// Ends a verb with an exit code and a message; main prints it.
struct Failure {
  int exit_code;
  std::string message;
};

// Throws a Failure with ek_last_error() unless `status` is EK_OK.
void check(ek_status status);

struct ModelDeleter {
  void operator()(ek_model* model) const { ek_model_destroy(model); }
};
using ModelPtr = std::unique_ptr<ek_model, ModelDeleter>;

struct ValuesDeleter {
  void operator()(ek_values* values) const { ek_values_destroy(values); }
};
using ValuesPtr = std::unique_ptr<ek_values, ValuesDeleter>;

// The options of every verb that loads a model.
struct ModelOptions {
  std::string path;
  int threads = 0;
  std::string pool = "auto";
  bool no_optimize = false;
  bool allow_nonfinite = false;
  bool json = false;
};

void add_model_options(CLI::App& verb, ModelOptions& options);
[[nodiscard]] ModelPtr load_model(const ModelOptions& options);

// Says RANDOM WEIGHTS in the first line of the output where the package has them; no-op for `json`.
void announce_weights(const ek_model* model, bool json);
void announce_weights(const Json& manifest);

// Prints the one JSON document of a verb; its context says which weights gave the results.
void print_document(const ek_model* model, Json results);

// Takes over a string of the library: parsed, or as it is.
[[nodiscard]] std::string take_text(char* text);
[[nodiscard]] Json take_json(char* text);

// The verbs; each adds itself to the command line.
void setup_info(CLI::App& app);
void setup_run(CLI::App& app);
void setup_classify(CLI::App& app);
void setup_bench(CLI::App& app);
void setup_selftest(CLI::App& app);
void setup_ops(CLI::App& app);

}  // namespace runner
