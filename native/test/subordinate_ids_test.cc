#include "core/subordinate_ids.h"

#include <string>
#include <vector>

#include "test/check.h"

namespace {

std::string Text(const std::vector<ovl::IdExtent>& extents) {
  std::string text;
  for (const ovl::IdExtent& extent : extents) {
    text += std::to_string(extent.first) + "+" + std::to_string(extent.count) + " ";
  }
  return text;
}

std::string Granted(std::string_view text) { return Text(ovl::GrantedIds(text, "alice", 1000)); }

std::string Mapped(std::vector<ovl::IdExtent> granted, uint32_t own = 1000) {
  return Text(ovl::IdentityMap(own, std::move(granted)));
}

}  // namespace

TEST(SubordinateIdsAreGrantedByNameOrNumberInSeveralLines) {
  CHECK_EQ(Granted("bob:1:2\nalice:100000:65536\n1000:300000:10\nalice:5:1"),
           std::string("100000+65536 300000+10 5+1 "));
  CHECK_EQ(Granted(""), std::string());
  // Without an account only the number counts.
  CHECK_EQ(Text(ovl::GrantedIds(":5:6\n1000:7:8\n", "", 1000)), std::string("7+8 "));
}

TEST(SubordinateIdsOfLinesThatAreNoneAreNotGranted) {
  for (const char* line : {"alice",
                           "alice:1",
                           "alice:1:2:3",
                           "alice:1:",
                           "alice::1",
                           "alice:1:0",
                           "alice:-1:5",
                           "alice:+1:5",
                           "alice: 1:5",
                           "alice:1:5 ",
                           "alice:0x10:5",
                           "alice:010:5",
                           "alice:1:5\r",
                           "#alice:1:5",
                           " alice:1:5",
                           "Alice:1:5",
                           "alicex:1:5",
                           "alice:4294967295:1",
                           "alice:4294967294:2",
                           "alice:1:4294967295",
                           "alice:18446744073709551617:1",
                           "alice:1:18446744073709551615",
                           "01000:1:5"}) {
    CHECK_EQ(line + (" " + Granted(line)), std::string(line) + " ");
  }
  CHECK_EQ(Granted(std::string_view("alice:1:5\0\nalice:7:1\n", 21)), std::string("7+1 "));
  CHECK_EQ(Granted("alice:4294967294:1"), std::string("4294967294+1 "));
}

TEST(SubordinateIdsAreMappedOnceEach) {
  CHECK_EQ(Mapped({}), std::string("1000+1 "));
  CHECK_EQ(Mapped({{100, 10}, {105, 10}, {100, 5}, {115, 5}, {102, 1}}),
           std::string("1000+1 100+10 110+5 115+5 "));
  // The own id is there already.
  CHECK_EQ(Mapped({{990, 20}}), std::string("1000+1 990+10 1001+9 "));
  CHECK_EQ(Mapped({{1000, 1}, {1000, 3}}), std::string("1000+1 1001+2 "));
  // Root never is.
  CHECK_EQ(Mapped({{0, 1}}), std::string("1000+1 "));
  CHECK_EQ(Mapped({{0, 4294967295}}), std::string("1000+1 1+999 1001+4294966294 "));
}

TEST(SubordinateIdsAreNoMoreLinesThanTheKernelTakes) {
  std::vector<ovl::IdExtent> many;
  for (uint32_t i = 0; i < 500; ++i) many.push_back({10'000 + 2 * i, 1});
  const auto map = ovl::IdentityMap(1000, many);
  CHECK_EQ(map.size(), ovl::kMaxMapLines);
  CHECK_EQ(map.front().first, 1000U);
  CHECK_EQ(map.back().first, 10'000U + 2 * 338);
}
