#include "format/pickle_stack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace edgekit {
namespace {

constexpr std::size_t kMostOpcodes = std::size_t{1} << 20;
constexpr std::uint32_t kDeepest = 512;
// A value may hold so many values per opcode of the pickle, and so many more.
constexpr std::uint64_t kRepetitions = 64;
constexpr std::uint64_t kRoom = std::uint64_t{1} << 16;

constexpr unsigned kProto = 0x80, kNewObject = 0x81, kTuple1 = 0x85, kTuple3 = 0x87, kTrue = 0x88, kFalse = 0x89,
                   kLong1 = 0x8a;

using Named = std::pair<std::string_view, std::int64_t>;

// The bytes of an element.
constexpr std::array<Named, 15> kStorages{{{"FloatStorage", 4},
                                           {"DoubleStorage", 8},
                                           {"HalfStorage", 2},
                                           {"BFloat16Storage", 2},
                                           {"ByteStorage", 1},
                                           {"CharStorage", 1},
                                           {"ShortStorage", 2},
                                           {"IntStorage", 4},
                                           {"LongStorage", 8},
                                           {"BoolStorage", 1},
                                           {"ComplexFloatStorage", 8},
                                           {"ComplexDoubleStorage", 16},
                                           {"QInt8Storage", 1},
                                           {"QUInt8Storage", 1},
                                           {"QInt32Storage", 4}}};
constexpr std::array<std::string_view, 2> kTensors{"torch._utils\n_rebuild_tensor_v2",
                                                   "torch._utils\n_rebuild_qtensor"};
constexpr std::array<std::string_view, 7> kClasses{"torch\ndevice",
                                                   "torch\nper_tensor_affine",
                                                   "torch\nper_channel_affine",
                                                   "torch\nper_channel_affine_float_qparams",
                                                   "torch._utils\n_rebuild_sparse_tensor",
                                                   "torch.serialization\n_get_layout",
                                                   "collections\nOrderedDict"};

template <typename List, typename T>
bool contains(const List& list, const T& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

bool is_one_of(unsigned opcode, std::string_view opcodes) {
  return opcodes.find(static_cast<char>(opcode)) != std::string_view::npos;
}

// The bytes of an element of a storage class such as "torch\nFloatStorage"; 0 for any other class.
std::int64_t element_size(std::string_view global) {
  constexpr std::string_view kModule = "torch\n";
  if (!global.starts_with(kModule)) return 0;
  global.remove_prefix(kModule.size());
  const auto* found =
      std::find_if(kStorages.begin(), kStorages.end(), [&](const Named& it) { return it.first == global; });
  return found == kStorages.end() ? 0 : found->second;
}

bool is_known(std::string_view global) {
  return global.starts_with("__torch__") || global.starts_with("torch.jit._pickle\n") || contains(kTensors, global) ||
         contains(kClasses, global) || element_size(global) > 0;
}

void require(bool rule, const char* why) {
  if (!rule) throw BadPickle{why};
}

constexpr const char* kCut = "it is cut short, or uses values that it does not have";
constexpr const char* kBadTensor = "a tensor has an offset, shape or stride that is not a number of at least 0";

std::int64_t signed_number(std::string_view bytes) {
  std::uint64_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  const std::size_t unused = 64 - 8 * bytes.size();
  return bytes.empty() ? 0 : static_cast<std::int64_t>(number << unused) >> unused;
}

}  // namespace

void PickleStack::run() {
  while (true) {
    require(at_ < bytes_.size(), kCut);
    const auto opcode = std::to_integer<unsigned>(bytes_[at_++]);
    if (opcode == '.') return;
    if (++count_ > kMostOpcodes) throw BadPickle{"it has more than " + std::to_string(kMostOpcodes) + " opcodes"};
    step(opcode, argument_of(opcode));
  }
}

void PickleStack::step(unsigned opcode, std::string_view argument) {
  if (is_one_of(opcode, "qrhj")) return memo(opcode, argument);
  switch (opcode) {
    case kProto:
      return;
    case '(':
      return push({PickleKind::kMark, 0, {}, {}, 0, 0, false});
    case ')':
      return push({PickleKind::kTuple, 0, {}, {}, 1, 1, false});
    case ']':
    case '}':
      return push({PickleKind::kOther, 0, {}, {}, 1, 1, false});
    case 'N':
    case 'G':
    case kTrue:
    case kFalse:
      return push({});
    case 'K':
    case 'M':  // without a sign, so one byte more
      return push({PickleKind::kInteger, signed_number(std::string(argument) + '\0'), {}, {}, 0, 1, false});
    case 'J':
    case kLong1:
      if (argument.size() > sizeof(std::int64_t)) return push({});
      return push({PickleKind::kInteger, signed_number(argument), {}, {}, 0, 1, false});
    case 'X':
    case 'T':
    case 'U':
      return push({PickleKind::kText, 0, argument, {}, 0, 1, false});
    case 'c':
      if (!is_known(argument)) {
        std::string name(argument);
        std::replace(name.begin(), name.end(), '\n', '.');
        throw BadPickle{name + " is not a class of a TorchScript archive"};
      }
      return push({PickleKind::kGlobal, 0, argument, {}, 0, 1, false});
    default:
      return join(opcode);
  }
}

void PickleStack::memo(unsigned opcode, std::string_view argument) {
  std::uint64_t index = 0;
  for (std::size_t i = argument.size(); i-- > 0;) index = index << 8 | static_cast<unsigned char>(argument[i]);
  if (opcode == 'h' || opcode == 'j') {
    const auto found = memo_.find(index);
    require(found != memo_.end(), kCut);
    values_[found->second].used = true;
    stack_.push_back(found->second);
    return;
  }
  const std::uint32_t top = pop();
  stack_.push_back(top);
  if (index > count_) {
    throw BadPickle{"it remembers a value under the number " + std::to_string(index) + " after " +
                    std::to_string(count_) + " opcodes"};
  }
  memo_[index] = top;
}

// The opcodes that make one value of several, or put values into the one below them.
void PickleStack::join(unsigned opcode) {
  if (opcode == 't' || (opcode >= kTuple1 && opcode <= kTuple3)) {
    PickleValue tuple{PickleKind::kTuple, 0, {}, {}, 1, 1, false};
    tuple.items = opcode == 't' ? pop_to_mark() : pop_items(opcode - kTuple1 + 1);
    hold(tuple, tuple.items);
    return push(std::move(tuple));
  }
  if (opcode == 'Q') {
    const Items items = pop_items(1);
    PickleValue value = storage(values_[items[0]]);
    hold(value, items);
    return push(std::move(value));
  }
  const bool to_mark = opcode == 'e' || opcode == 'u';
  const Items items = to_mark ? pop_to_mark() : pop_items(opcode == 's' ? 2 : 1);
  if (opcode == 's' || opcode == 'u') {
    for (std::size_t i = 0; i < items.size(); i += 2) {
      require(values_[items[i]].depth == 0, "a key of a dictionary is not a text or a number");
    }
  }
  const std::uint32_t into = pop();
  if (opcode == 'R' || opcode == kNewObject) {
    PickleValue made{PickleKind::kOther, 0, {}, {}, values_[into].depth, values_[into].values, false};
    hold(made, items);
    if (opcode == 'R') reduce(values_[into], items);
    return push(std::move(made));
  }
  // A value that another one holds must not grow: the depth of that one would be wrong.
  require(items.empty() || !values_[into].used, "a value changes after it was used");
  hold(values_[into], items);
  stack_.push_back(into);
}

std::string_view PickleStack::argument_of(unsigned opcode) {
  if (is_one_of(opcode, ".()]}tesuabRQN") ||
      (opcode >= kNewObject && opcode <= kFalse && opcode != 0x82 && opcode != 0x83 && opcode != 0x84)) {
    return {};
  }
  switch (opcode) {
    case kProto:
    case 'K':
    case 'q':
    case 'h':
      return take(1);
    case 'M':
      return take(2);
    case 'J':
    case 'r':
    case 'j':
      return take(4);
    case 'G':
      return take(8);
    case 'X':
    case 'T':
      return take(number(4));
    case 'U':
    case kLong1:
      return take(number(1));
    case 'c':
      return line();
    default:
      throw BadPickle{"it has the opcode " + std::to_string(opcode) + ", which torch does not write"};
  }
}

std::uint64_t PickleStack::number(std::size_t size) {
  const std::string_view bytes = take(size);
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), bytes.size());
  return number;
}

std::string_view PickleStack::take(std::size_t size) {
  if (size > bytes_.size() - at_) {
    throw BadPickle{"a value claims " + std::to_string(size) + " bytes, but only " +
                    std::to_string(bytes_.size() - at_) + " follow"};
  }
  const std::string_view taken(reinterpret_cast<const char*>(bytes_.data()) + at_, size);
  at_ += size;
  return taken;
}

// The module and the class of a global: "module\nclass".
std::string_view PickleStack::line() {
  const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_, bytes_.size() - at_);
  const std::size_t first = rest.find('\n');
  const std::size_t second = first == std::string_view::npos ? first : rest.find('\n', first + 1);
  require(second != std::string_view::npos, "the name of a class does not end");
  at_ += second + 1;
  return rest.substr(0, second);
}

void PickleStack::push(PickleValue value) {
  values_.push_back(std::move(value));
  stack_.push_back(static_cast<std::uint32_t>(values_.size() - 1));
}

std::uint32_t PickleStack::pop() {
  require(!stack_.empty(), kCut);
  // libtorch keeps marks apart from the values, so the two would disagree about what follows.
  require(values_[stack_.back()].kind != PickleKind::kMark, "it uses a mark as a value");
  const std::uint32_t index = stack_.back();
  stack_.pop_back();
  return index;
}

PickleStack::Items PickleStack::pop_items(std::size_t count) {
  Items items(count);
  for (std::size_t i = count; i-- > 0;) items[i] = pop();
  return items;
}

PickleStack::Items PickleStack::pop_to_mark() {
  const auto is_mark = [&](std::uint32_t index) { return values_[index].kind == PickleKind::kMark; };
  const auto mark = std::find_if(stack_.rbegin(), stack_.rend(), is_mark);
  require(mark != stack_.rend(), kCut);
  const Items items(mark.base(), stack_.end());
  stack_.erase(mark.base() - 1, stack_.end());
  return items;
}

void PickleStack::hold(PickleValue& value, const Items& items) {
  const std::uint64_t most = kRepetitions * count_ + kRoom;
  for (const std::uint32_t index : items) {
    PickleValue& item = values_[index];
    item.used = true;
    value.depth = std::max(value.depth, item.depth + 1);
    value.values += item.values;
    if (value.depth > kDeepest || value.values > most) {
      throw BadPickle{"its values are nested deeper than " + std::to_string(kDeepest) +
                      ", or repeat each other more than " + std::to_string(most) + " times"};
    }
  }
}

void PickleStack::reduce(const PickleValue& function, const Items& arguments) {
  if (function.kind == PickleKind::kGlobal && contains(kTensors, function.text)) tensor(values_[arguments[0]]);
}

PickleValue PickleStack::storage(const PickleValue& id) const {
  constexpr const char* kBad = "a storage has no class and name";
  require(id.kind == PickleKind::kTuple && id.items.size() >= 3, kBad);
  const PickleValue& type = values_[id.items[1]];
  const PickleValue& key = values_[id.items[2]];
  require(type.kind == PickleKind::kGlobal && key.kind == PickleKind::kText && element_size(type.text) > 0, kBad);
  return {PickleKind::kStorage, element_size(type.text), key.text, {}, 1, 1, false};
}

// The arguments begin with the storage, and the offset, shape and strides in elements.
void PickleStack::tensor(const PickleValue& arguments) {
  require(arguments.kind == PickleKind::kTuple && arguments.items.size() >= 4, kBadTensor);
  const PickleValue& storage = values_[arguments.items[0]];
  const PickleValue& offset = values_[arguments.items[1]];
  require(storage.kind == PickleKind::kStorage, "a tensor has no storage");
  require(offset.kind == PickleKind::kInteger && offset.integer >= 0, kBadTensor);
  const auto shape = extents(arguments.items[2]);
  const auto strides = extents(arguments.items[3]);
  require(shape.size() == strides.size(), "a tensor has another number of strides than of axes");
  if (contains(shape, std::uint64_t{0})) return found_({storage.text, 0});
  auto last = static_cast<std::uint64_t>(offset.integer);
  std::uint64_t step = 0, end = 0;
  bool fits = true;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    fits =
        fits && !__builtin_mul_overflow(shape[i] - 1, strides[i], &step) && !__builtin_add_overflow(last, step, &last);
  }
  fits =
      fits && last < UINT64_MAX && !__builtin_mul_overflow(last + 1, static_cast<std::uint64_t>(storage.integer), &end);
  require(fits, "a tensor ends beyond 2^64 bytes");
  found_({storage.text, end});
}

std::vector<std::uint64_t> PickleStack::extents(std::uint32_t index) const {
  require(values_[index].kind == PickleKind::kTuple, kBadTensor);
  std::vector<std::uint64_t> numbers;
  for (const std::uint32_t item : values_[index].items) {
    require(values_[item].kind == PickleKind::kInteger && values_[item].integer >= 0, kBadTensor);
    numbers.push_back(static_cast<std::uint64_t>(values_[item].integer));
  }
  return numbers;
}

}  // namespace edgekit
