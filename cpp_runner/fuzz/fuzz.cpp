// For libFuzzer. Usage: edgekit_fuzz READER, and what libFuzzer takes: options, folders, or files to repeat.
#include <cstdio>
#include <cstdlib>

#include "readers.h"

namespace {

edgekit::fuzz::Reader g_reader = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  g_reader = *argc < 2 ? nullptr : edgekit::fuzz::find_reader((*argv)[1]);
  if (g_reader == nullptr) {
    std::fprintf(stderr, "usage: edgekit_fuzz READER [OPTION | FILE | FOLDER]...\n");
    std::exit(2);
  }
  (*argv)[1] = (*argv)[0];  // libFuzzer does not see the name of the reader
  ++*argv;
  --*argc;
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  g_reader({reinterpret_cast<const std::byte*>(data), size});
  return 0;
}
