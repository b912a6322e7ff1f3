// ops: the operators that this build can run.
#include <cstdio>

#include "common.h"

namespace runner {

void setup_ops(CLI::App& app) {
  auto json = std::make_shared<bool>(false);
  CLI::App* verb = app.add_subcommand("ops", "List the operators that this runner can run");
  add_json_option(*verb, *json);
  verb->callback([json] {
    char* text = nullptr;
    check(ek_operators(&text));
    if (*json) {
      std::printf("%s\n", take_text(text).c_str());
      return;
    }
    const Json document = take_json(text);
    for (const Json& row : document.at("results")) {
      std::printf("%s\n", row.at("name").get_ref<const std::string&>().c_str());
    }
  });
}

}  // namespace runner
