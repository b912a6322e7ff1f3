// The command line, apart from main: a test tool runs it in forks.
#pragma once

namespace runner {

// Returns the exit code.
[[nodiscard]] int run_command_line(int argc, char** argv);

}  // namespace runner
