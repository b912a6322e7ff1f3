// The short form of `make fuzz`, without clang: gives a reader some files, and mutants of each.
// Usage: edgekit_replay READER MUTANTS FILE...
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "core/files.h"
#include "readers.h"

namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20;
constexpr std::size_t kMostChanges = 4;

// Sets some bytes to others, removes the end, or repeats a part.
void mutate(std::vector<std::byte>& bytes, std::mt19937& chance) {
  for (std::size_t i = chance() % kMostChanges + 1; i > 0 && !bytes.empty(); --i) {
    const std::size_t at = chance() % bytes.size();
    if (chance() % 8 == 0) {
      bytes.resize(at);
    } else if (chance() % 8 == 0) {
      const std::vector<std::byte> part(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end());
      bytes.insert(bytes.end(), part.begin(), part.end());
    } else {
      bytes[at] = static_cast<std::byte>(chance());
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto reader = argc < 3 ? nullptr : edgekit::fuzz::find_reader(argv[1]);
  if (reader == nullptr) {
    std::fprintf(stderr, "usage: edgekit_replay READER MUTANTS FILE...\n");
    return 2;
  }
  std::mt19937 chance(0);  // the same mutants each time
  long runs = 0;
  for (int i = 3; i < argc; ++i) {
    const auto seed = edgekit::read_file(argv[i], kMostBytes);
    if (!seed.ok()) {
      std::fprintf(stderr, "%s\n", seed.status().message().c_str());
      return 2;
    }
    reader(*seed);
    ++runs;
    for (long mutant = 0; mutant < std::atol(argv[2]); ++mutant, ++runs) {
      std::vector<std::byte> bytes = *seed;
      mutate(bytes, chance);
      reader(bytes);
    }
  }
  std::printf("%s: %ld inputs\n", argv[1], runs);
}
