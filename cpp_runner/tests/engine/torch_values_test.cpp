#include "engine/torch_values.h"

#include <ATen/ops/ones.h>

#include "support.h"

namespace edgekit {
namespace {

using nlohmann::json;
using testing::conformance;

c10::IValue to_ivalue(const json& value);

c10::IValue to_tuple(const json& items) {
  std::vector<c10::IValue> elements;
  for (const json& item : items) elements.push_back(to_ivalue(item));
  return c10::ivalue::Tuple::create(std::move(elements));
}

c10::IValue to_list(const json& items) {
  c10::impl::GenericList list(c10::AnyType::get());
  for (const json& item : items) list.push_back(to_ivalue(item));
  return list;
}

c10::IValue to_dict(const json& pairs) {
  const bool has_texts = pairs.empty() || pairs[0][0].is_string();
  c10::impl::GenericDict dict(has_texts ? c10::TypePtr(c10::StringType::get()) : c10::TypePtr(c10::IntType::get()),
                              c10::AnyType::get());
  for (const json& pair : pairs) {
    const c10::IValue key = has_texts ? c10::IValue(pair[0].get<std::string>()) : pair[0].get<std::int64_t>();
    dict.insert(key, to_ivalue(pair[1]));
  }
  return dict;
}

c10::IValue to_ivalue(const json& value) {
  const std::string kind = value.begin().key();
  const json& content = value.begin().value();
  if (kind == "tensor") return at::ones({1});
  if (kind == "none") return {};
  if (kind == "int") return content.get<std::int64_t>();
  if (kind == "float") return content.get<double>();
  if (kind == "bool") return content.get<bool>();
  if (kind == "tuple") return to_tuple(content);
  if (kind == "list") return to_list(content);
  EXPECT_EQ(kind, "dict");
  return to_dict(content);
}

TEST(TorchValuesTest, NamesAgreeWithTheConformanceCases) {
  const json cases = conformance("names.json").at("cases");
  ASSERT_GT(cases.size(), 0u);
  for (const json& it : cases) {
    SCOPED_TRACE(it.at("name").get<std::string>());
    const auto values = from_ivalue(to_ivalue(it.at("value")), {});
    const bool refused = it.value("error", false);
    ASSERT_EQ(values.ok(), !refused) << values.status().message();
    if (refused) continue;
    EXPECT_EQ(values->structure, it.at("structure").get<std::string>());
    std::vector<std::string> names;
    for (const NamedTensor& item : values->items) names.push_back(item.name);
    EXPECT_EQ(names, it.at("names").get<std::vector<std::string>>());
  }
}

TEST(TorchValuesTest, OtherValuesAreErrorsThatNameTheOutput) {
  const auto values = from_ivalue(c10::ivalue::Tuple::create({at::ones({1}), c10::IValue("text")}), {});
  EXPECT_EQ(values.status().code(), Code::kRuntime);
  EXPECT_NE(values.status().message().find("output 1"), std::string::npos) << values.status().message();
}

}  // namespace
}  // namespace edgekit
