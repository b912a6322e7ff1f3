// Shared by the verbs: owners of library handles, failures with an exit code, options, output.
#pragma once

#include <edgekit/edgekit.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
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
  std::optional<std::string> public_key;  // a path
  std::string isolate = "auto";
  double isolate_seconds = 60.0;
};

// The argument and options that several verbs have, with one meaning everywhere.
void add_json_option(CLI::App& verb, bool& json);
void add_model_argument(CLI::App& verb, std::string& path);
void add_public_key_option(CLI::App& verb, std::optional<std::string>& path);
void add_model_options(CLI::App& verb, ModelOptions& options);
// The text of the file of --public-key.
[[nodiscard]] std::string read_public_key(const std::string& path);
[[nodiscard]] ModelPtr load_model(const ModelOptions& options);

// Prints RANDOM WEIGHTS in the first line of the output where the package has them.
void announce_weights(const ek_model* model);
void announce_weights(const Json& manifest);

// The context of a document about a loaded model.
[[nodiscard]] Json model_context(const ek_model* model);
// Prints the one JSON document of a verb.
void print_document(Json context, Json results);

// What UNPROVEN means, for the verbs that name such outputs.
inline constexpr const char* kUnprovenMeans =
    "The cases give almost the same answer, so a wrong model would agree too.";
// A JSON list of texts, with commas between them.
[[nodiscard]] std::string joined(const Json& texts);

// Parses a text that may have many keys: the parser of ordered_json is quadratic. Keys come out in alphabetical order.
[[nodiscard]] Json parse_json(const std::string& text);

// Takes ownership of a string of the library and returns its text, or the JSON in it.
[[nodiscard]] std::string take_text(char* text);
[[nodiscard]] Json take_json(char* text);

// The verbs; each adds itself to the command line.
void setup_inspect(CLI::App& app);
void setup_run(CLI::App& app);
void setup_bench(CLI::App& app);
void setup_verify(CLI::App& app);
void setup_ops(CLI::App& app);

}  // namespace runner
