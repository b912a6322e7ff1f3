#include "command_line.h"

#include <cstdio>
#include <exception>

#include "common.h"
#include "isolate.h"
#include "table.h"

namespace runner {
namespace {

int fail(int exit_code, const std::string& message) {
  std::fflush(stdout);
  std::fprintf(stderr, "edgekit-runner: %s\n", printable(message).c_str());
  return exit_code;
}

// A full disk or a closed pipe is noticed only when a buffer is written.
int finish(int exit_code) {
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return exit_code;
  return fail(EK_USAGE, "the output cannot be written");
}

// For an unknown verb CLI11 only reports that a subcommand is required.
std::string explain(const CLI::App& app, int argc, char** argv, const CLI::ParseError& error) {
  const bool no_verb = argc > 1 && argv[1][0] != '-' && app.get_subcommands().empty();
  if (!no_verb) return error.what();
  std::string verbs;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; })) {
    verbs += (verbs.empty() ? "" : ", ") + verb->get_name();
  }
  return std::string("unknown verb '") + argv[1] + "'; expected one of " + verbs;
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App app("Inspects, verifies, runs and times edgekit packages and TorchScript models.", "edgekit-runner");
  app.set_version_flag("--version", ek_version());
  app.footer("Exit codes: 0 pass, 1 a verdict failed, 2 usage, 3 bad model or package, 4 runtime or device, 70 a bug.");
  app.require_subcommand(1);
  setup_inspect(app);
  setup_verify(app);
  setup_run(app);
  setup_bench(app);
  setup_ops(app);
  try {
    app.parse(argc, argv);
    return finish(EK_OK);
  } catch (const CLI::Success& success) {
    return finish(app.exit(success));
  } catch (const CLI::ParseError& error) {
    return fail(EK_USAGE, explain(app, argc, argv, error) + "; see edgekit-runner --help");
  } catch (const Failure& failure) {
    return fail(finish(isolated_code(failure)), failure.message);
  } catch (const Isolated& done) {
    return done.exit_code;
  } catch (const std::exception& error) {
    return fail(EK_BUG, std::string("a bug of edgekit-runner: ") + error.what());
  }
}

}  // namespace runner
