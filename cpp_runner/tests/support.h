// Shared by several tests: temporary folders, files, zip archives and tensors.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/digest.h"
#include "core/tensor.h"

namespace edgekit::testing {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "edgekit-test-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] std::string file(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(file(name), std::ios::binary) << content;
    return file(name);
  }
  [[nodiscard]] std::size_t count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline nlohmann::json conformance(const std::string& name) {
  return nlohmann::json::parse(read_text(EDGEKIT_CONFORMANCE_DIR "/" + name));
}

template <typename T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// A zip archive with stored records, as small as the format allows.
inline std::string make_zip(const std::vector<std::pair<std::string, std::string>>& records, std::uint16_t method = 0) {
  std::string body, directory;
  for (const auto& [name, content] : records) {
    const auto offset = static_cast<std::uint32_t>(body.size());
    const auto size = static_cast<std::uint32_t>(content.size());
    const auto name_size = static_cast<std::uint16_t>(name.size());
    std::string common;  // flags, method, time, date, crc, packed size, size, name size, extra size
    put<std::uint16_t>(common, 0), put(common, method), put<std::uint32_t>(common, 0);
    put(common, crc32(std::as_bytes(std::span(content)))), put(common, size), put(common, size), put(common, name_size),
        put<std::uint16_t>(common, 0);
    put<std::uint32_t>(body, 0x04034b50), put<std::uint16_t>(body, 20);
    body += common + name + content;
    put<std::uint32_t>(directory, 0x02014b50), put<std::uint16_t>(directory, 20), put<std::uint16_t>(directory, 20);
    directory += common;
    put<std::uint16_t>(directory, 0), put<std::uint16_t>(directory, 0), put<std::uint16_t>(directory, 0);
    put<std::uint32_t>(directory, 0), put(directory, offset);
    directory += name;
  }
  std::string end;
  const auto count = static_cast<std::uint16_t>(records.size());
  put<std::uint32_t>(end, 0x06054b50), put<std::uint32_t>(end, 0), put(end, count), put(end, count);
  put(end, static_cast<std::uint32_t>(directory.size())), put(end, static_cast<std::uint32_t>(body.size()));
  put<std::uint16_t>(end, 0);
  return body + directory + end;
}

template <typename T>
Tensor make_tensor(DType dtype, Shape shape, const std::vector<T>& values) {
  auto made = allocate_tensor(dtype, std::move(shape));
  EXPECT_TRUE(made.ok());
  EXPECT_EQ(made->mutable_bytes.size(), values.size() * sizeof(T));
  if (!values.empty()) std::memcpy(made->mutable_bytes.data(), values.data(), made->mutable_bytes.size());
  return made->tensor;
}

}  // namespace edgekit::testing
