#include <ATen/Context.h>
#include <gtest/gtest.h>

#include <set>

#include "engine/torch_bridge.h"

namespace edgekit {
namespace {

TEST(ProcessLeaseTest, EachNameSetsItsQuantizedEngine) {
  std::set<at::QEngine> engines;
  const std::vector<std::string> names = torch_quantized_engines();
  for (const std::string& name : names) {
    const ProcessLease lease({{1, 1}, name});
    engines.insert(at::globalContext().qEngine());
  }
  EXPECT_EQ(engines.size(), names.size());
}

TEST(ProcessLeaseTest, ARunWithoutQuantizedWeightsLeavesTheEngine) {
  if (torch_quantized_engines().empty()) return;
  { const ProcessLease lease({{1, 1}, torch_quantized_engines()[0]}); }
  const at::QEngine before = at::globalContext().qEngine();
  const ProcessLease lease({{1, 1}, ""});
  EXPECT_EQ(at::globalContext().qEngine(), before);
}

}  // namespace
}  // namespace edgekit
