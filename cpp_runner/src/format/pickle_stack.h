// The values of a pickle, as far as its checks need them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace edgekit {

// What makes a pickle unacceptable; check_pickles turns it into an error.
struct BadPickle {
  std::string why;
};

enum class PickleKind { kMark, kOther, kInteger, kText, kGlobal, kTuple, kStorage };

struct PickleValue {
  PickleKind kind = PickleKind::kOther;
  std::int64_t integer = 0;          // of an integer; the size of an element of a storage
  std::string_view text;             // of a text, or the module and class of a global; the key of a storage
  std::vector<std::uint32_t> items;  // of a tuple
  std::uint32_t depth = 0;           // nesting
  std::uint64_t values = 1;          // in it, if repetitions are counted
  bool used = false;                 // another value holds it, or it was fetched from the memo
};

// A tensor as a pickle describes it.
struct PickledTensor {
  std::string_view key;
  std::uint64_t end_bytes = 0;  // where its last element ends in the storage
};

// Runs the opcodes of a pickle and calls `found` with each of its tensors. Throws BadPickle.
class PickleStack {
 public:
  using Found = std::function<void(const PickledTensor&)>;

  PickleStack(std::span<const std::byte> bytes, Found found) : bytes_(bytes), found_(std::move(found)) {}
  void run();

 private:
  using Items = std::vector<std::uint32_t>;

  void step(unsigned opcode, std::string_view argument);
  void memo(unsigned opcode, std::string_view argument);
  void join(unsigned opcode);
  [[nodiscard]] std::string_view argument_of(unsigned opcode);
  [[nodiscard]] std::uint64_t number(std::size_t size);
  [[nodiscard]] std::string_view take(std::size_t size);
  [[nodiscard]] std::string_view line();

  void push(PickleValue value);
  [[nodiscard]] std::uint32_t pop();
  [[nodiscard]] Items pop_items(std::size_t count);
  [[nodiscard]] Items pop_to_mark();
  // Adds the depth and the values of the items to a value, and checks the limits.
  void hold(PickleValue& value, const Items& items);
  void reduce(const PickleValue& function, const Items& arguments);
  [[nodiscard]] PickleValue storage(const PickleValue& id) const;
  void tensor(const PickleValue& arguments);
  [[nodiscard]] std::vector<std::uint64_t> extents(std::uint32_t index) const;

  std::span<const std::byte> bytes_;
  Found found_;
  std::size_t at_ = 0;
  std::size_t count_ = 0;  // of opcodes so far
  std::vector<PickleValue> values_;
  Items stack_;
  std::map<std::uint64_t, std::uint32_t> memo_;
};

}  // namespace edgekit
