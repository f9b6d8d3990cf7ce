#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/sys_dir.h"
#include "test/check.h"

using ovl::NameList;

namespace {

std::vector<std::string> Names(const NameList& list) {
  std::vector<std::string> out;
  for (size_t i = 0; i < list.size(); ++i) {
    out.push_back(std::string(list.name(i)) + (list.InUpper(i) ? " upper" : ""));
  }
  return out;
}

}  // namespace

TEST(NameListMayBeEmpty) {
  NameList list;
  CHECK_EQ(list.size(), 0);
  list.Sort();
  CHECK_EQ(list.size(), 0);
}

TEST(NameListSortsByUnsignedBytes) {
  NameList list;
  for (const char* name :
       {"\xff", "b", "\x80", "a.b", "A", "ab", "a", "\x7f", "a-b", "\x01", "\xc3\xa9"}) {
    list.Add(name, ovl::kInUpper);
  }
  list.Sort();
  CHECK_EQ(Names(list), std::vector<std::string>{"\x01 upper", "A upper", "a upper", "a-b upper",
                                                 "a.b upper", "ab upper", "b upper", "\x7f upper",
                                                 "\x80 upper", "\xc3\xa9 upper", "\xff upper"});
}

TEST(NameListMergesDuplicates) {
  NameList list;
  list.Add("both", ovl::kInLower);
  list.Add("lower", ovl::kInLower);
  list.Add("lower", ovl::kInLower);
  list.Add("both", ovl::kInUpper);
  list.Add("upper", ovl::kInUpper);
  list.Add("both", ovl::kInLower);
  list.Sort();
  CHECK_EQ(Names(list), std::vector<std::string>{"both upper", "lower", "upper upper"});
  list.Sort();
  CHECK_EQ(list.size(), 3);
}

TEST(NameListHoldsTheLongestNamesAndMany) {
  NameList list;
  const std::string longest(255, 'x');
  list.Add(longest, ovl::kInUpper);
  for (int i = 99'999; i >= 0; --i) list.Add(std::to_string(100'000 + i), ovl::kInLower);
  list.Sort();
  if (!CHECK_EQ(list.size(), 100'001)) return;
  CHECK_EQ(list.name(0), std::string_view("100000"));
  CHECK_EQ(list.name(99'999), std::string_view("199999"));
  CHECK(list.name(100'000) == longest);
}

TEST(NameListMarksNamesThatItHas) {
  NameList list;
  CHECK(!list.Mark("a", ovl::kInLower));
  for (const char* name : {"ab", "abcdefghijk", "abcdefghijl", "abcdefghij", "ab\xff"}) {
    list.Add(name, ovl::kInUpper);
  }
  list.Sort();
  for (const char* name : {"", "a", "ab", "abcdefghijk", "abcdefghi", "abd", "zz", "ab\xff\xff"}) {
    const std::string_view given(name);
    CHECK_EQ(list.Mark(name, ovl::kInLower), given == "ab" || given == "abcdefghijk");
  }
  std::vector<std::string> marked;
  for (size_t i = 0; i < list.size(); ++i) {
    if (list.InLower(i)) marked.emplace_back(list.name(i));
    CHECK(list.InUpper(i));
  }
  CHECK_EQ(marked, std::vector<std::string>{"ab", "abcdefghijk"});
}

// Directory after directory: what all names begin with gets shorter, and the keys another meaning.
TEST(NameListSortsWhatIsAddedLater) {
  uint32_t state = 7;
  const auto random = [&state] { return (state = state * 1664525 + 1013904223) >> 8; };
  NameList list;
  std::map<std::string, bool> wanted;  // and whether the upper has it
  for (const size_t shared : {12U, 9U, 3U, 3U, 0U, 0U}) {
    const bool upper = shared == 12;
    const auto sorted = wanted;
    for (int i = 0; i < 300; ++i) {
      std::string name = std::string("abcdefghijklmn").substr(0, shared);
      for (size_t n = 1 + random() % 12; n > 0; --n) {
        name.push_back(static_cast<char>('a' + random() % 3));
      }
      const bool there = list.Mark(name, upper ? ovl::kInUpper : ovl::kInLower);
      CHECK_EQ(there, sorted.contains(name));
      if (!there) list.Add(name, upper ? ovl::kInUpper : ovl::kInLower);
      wanted[name] |= upper;
    }
    list.Sort();
    for (const auto& [name, in_upper] : wanted) CHECK(list.Mark(name, ovl::kInLower));
  }
  std::vector<std::string> expected;
  expected.reserve(wanted.size());
  for (const auto& [name, in_upper] : wanted) expected.push_back(name + (in_upper ? " upper" : ""));
  CHECK_EQ(Names(list), expected);
}
