// Status and Result<T>: how functions report failure. The codes equal the exit codes of the tools.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>

namespace edgekit {

enum class Code : int {
  kOk = 0,
  kVerdictFailed = 1,
  kUsage = 2,
  kBadPackage = 3,
  kRuntime = 4,
  kBug = 70,
};

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  [[nodiscard]] bool ok() const { return code_ == Code::kOk; }
  [[nodiscard]] Code code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

inline Status usage_error(std::string message) {
  return {Code::kUsage, std::move(message)};
}
inline Status package_error(std::string message) {
  return {Code::kBadPackage, std::move(message)};
}
inline Status runtime_error(std::string message) {
  return {Code::kRuntime, std::move(message)};
}

// Either a value or an error that is never Ok.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor): allows `return value;`
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor): as above
    if (status_.ok()) status_ = Status(Code::kBug, "a Result was made from an Ok status");
  }

  [[nodiscard]] bool ok() const { return value_.has_value(); }
  [[nodiscard]] const Status& status() const { return status_; }
  [[nodiscard]] T& value() & {
    assert(ok());
    return *value_;
  }
  [[nodiscard]] T&& value() && {
    assert(ok());
    return std::move(*value_);
  }
  [[nodiscard]] const T& value() const& {
    assert(ok());
    return *value_;
  }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::optional<T> value_;
  Status status_;
};

}  // namespace edgekit

// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot be in parentheses.

// Return early with the error of a Status expression.
#define EK_RETURN_IF_ERROR(expression)                                       \
  do {                                                                       \
    if (auto ek_status_ = (expression); !ek_status_.ok()) return ek_status_; \
  } while (false)

#define EK_CONCAT_INNER(a, b) a##b
#define EK_CONCAT(a, b) EK_CONCAT_INNER(a, b)

// `EK_ASSIGN(auto x, f());` takes the value of a Result, or returns its error.
#define EK_ASSIGN(declaration, expression) EK_ASSIGN_INNER(EK_CONCAT(ek_result_, __LINE__), declaration, expression)
#define EK_ASSIGN_INNER(temporary, declaration, expression) \
  auto temporary = (expression);                            \
  if (!temporary.ok()) return temporary.status();           \
  declaration = std::move(temporary).value()

// NOLINTEND(bugprone-macro-parentheses)
