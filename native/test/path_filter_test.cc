#include "core/path_filter.h"

#include <string>
#include <string_view>
#include <vector>

#include "test/check.h"

using ovl::PathFilter;
using ovl::PathPattern;

namespace {

using Strings = std::vector<std::string>;

// The components of a path; "." has none.
Strings Names(std::string_view path) {
  Strings names;
  while (path != "." && !path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    names.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return names;
}

// "match", "below" (something below may), "match below", or "no".
std::string Follow(std::string_view text, std::string_view path) {
  const PathPattern pattern(text);
  PathPattern::Reached reached = pattern.AtRoot();
  for (const std::string& name : Names(path)) reached = pattern.Follow(reached, name);
  std::string out = pattern.Matches(reached) ? "match" : "";
  if (pattern.MayMatchBelow(reached)) out += out.empty() ? "below" : " below";
  return out.empty() ? "no" : out;
}

// What the filter says of each component on the way: 'p'runed, '-' passing, 'c'hosen.
std::string Answers(const PathFilter& filter, std::string_view path) {
  const auto letter = [](PathFilter::Answer answer) {
    switch (answer) {
      case PathFilter::Answer::kPruned:
        return 'p';
      case PathFilter::Answer::kPassing:
        return '-';
      case PathFilter::Answer::kChosen:
        return 'c';
    }
    return '?';
  };
  PathFilter::Scope scope = filter.Root();
  std::string out(1, letter(scope.answer));
  for (const std::string& name : Names(path)) {
    scope = filter.Below(scope, name);
    out.push_back(letter(scope.answer));
  }
  return out;
}

}  // namespace

TEST(PatternsMatchComponentByComponent) {
  CHECK_EQ(Follow("a", "."), "below");
  CHECK_EQ(Follow("a", "a"), "match");
  CHECK_EQ(Follow("a", "b"), "no");
  CHECK_EQ(Follow("a", "a/b"), "no");
  CHECK_EQ(Follow("a/b", "a"), "below");
  CHECK_EQ(Follow("a/b", "a/b"), "match");
  CHECK_EQ(Follow("*", "a/b"), "no");
  CHECK_EQ(Follow("*", ".a"), "match");
  CHECK_EQ(Follow("?", "ab"), "no");
  CHECK_EQ(Follow("[a-c]x", "bx"), "match");
  CHECK_EQ(Follow("[!a-c]x", "bx"), "no");
  CHECK_EQ(Follow("\\*", "*"), "match");
  CHECK_EQ(Follow("\\*", "a"), "no");
  CHECK_EQ(Follow("[", "["), "match");
}

TEST(PatternsSpanDirectories) {
  CHECK_EQ(Follow("**", "."), "match below");
  CHECK_EQ(Follow("**", "a/b"), "match below");
  CHECK_EQ(Follow("a/**", "a"), "match below");
  CHECK_EQ(Follow("a/**", "b"), "no");
  CHECK_EQ(Follow("**/a", "a"), "match below");
  CHECK_EQ(Follow("**/a", "b/c/a"), "match below");
  CHECK_EQ(Follow("**/a", "b/c"), "below");
  CHECK_EQ(Follow("a/**/b", "a/b"), "match below");
  CHECK_EQ(Follow("a/**/b", "a/x/y/b"), "match below");
  CHECK_EQ(Follow("a/**/b", "a/x/y"), "below");
  CHECK_EQ(Follow("**/a/b", "a/a/b"), "match below");
  CHECK_EQ(Follow("**/**", "x"), "match below");
  CHECK_EQ(Follow("a**", "abc/d"), "no");  // not by itself: one component
  CHECK_EQ(Follow("a**", "abc"), "match");
}

TEST(PatternsLeaveOutWhatSaysNothing) {
  for (const std::string_view text : {"a/b", "a//b", "./a/./b", "a/b/", "a/b/."}) {
    CHECK_EQ(Follow(text, "a/b"), "match");
    CHECK_EQ(Follow(text, "a"), "below");
  }
  for (const std::string_view text : {".", "./", "", "/"}) {
    CHECK_EQ(Follow(text, "."), "match");
    CHECK_EQ(Follow(text, "a"), "no");
  }
}

TEST(PatternsAreBytes) {
  CHECK_EQ(Follow("\xff*", "\xff\xfe"), "match");
  CHECK_EQ(Follow("?", "\xc3\xa9"), "no");
  CHECK_EQ(Follow("??", "\xc3\xa9"), "match");
  CHECK_EQ(Follow("[\xf0-\xff]", "\xf5"), "match");
}

// Every "**" may stand for any number of names: the states are sets, not paths through a tree.
TEST(PatternsOfManyStarsAreFast) {
  std::string text;
  std::string path;
  for (int i = 0; i < 40; ++i) text += "**/a/";
  for (int i = 0; i < 200; ++i) path += "a/";
  CHECK_EQ(Follow(text + "b", path + "b"), "match below");
  CHECK_EQ(Follow(text + "b", path + "c"), "below");
}

TEST(FiltersChooseWhatLiesBelowAMatch) {
  CHECK_EQ(Answers(PathFilter(), "a/b"), "ccc");
  CHECK_EQ(Answers(PathFilter({}, {}), "a/b"), "ccc");
  const PathFilter filter({"a", "b/c"}, {});
  CHECK_EQ(Answers(filter, "a/x/y"), "-ccc");
  CHECK_EQ(Answers(filter, "b/c/d"), "--cc");
  CHECK_EQ(Answers(filter, "b/x"), "--p");
  CHECK_EQ(Answers(filter, "c"), "-p");
  CHECK_EQ(Answers(PathFilter({"."}, {}), "a/b"), "ccc");
}

TEST(FiltersLeaveOutMoreThanTheyChoose) {
  const PathFilter filter({"a", "**/z"}, {"a/b", "**/*.o"});
  CHECK_EQ(Answers(filter, "a/c"), "-cc");
  CHECK_EQ(Answers(filter, "a/b"), "-cp");
  CHECK_EQ(Answers(filter, "a/x.o"), "-cp");
  CHECK_EQ(Answers(filter, "q/z"), "--c");
  CHECK_EQ(Answers(filter, "q.o"), "-p");
  CHECK_EQ(Answers(PathFilter({}, {"a/**"}), "a"), "cp");
  CHECK_EQ(Answers(PathFilter({}, {"a/*"}), "a/b"), "ccp");
  CHECK_EQ(Answers(PathFilter({}, {"**"}), "."), "p");
  CHECK_EQ(Answers(PathFilter({"a"}, {"a"}), "a"), "-p");
}

TEST(SelectionsNameEachEntryByItself) {
  using ovl::PathSelection;
  const PathFilter filter(PathSelection({"a", "b/c", "b/c/d/e", "*", "./x//y/", "n\nl\xff"}), {});
  CHECK_EQ(Answers(filter, "a/x/y"), "-cpp");
  CHECK_EQ(Answers(filter, "b/c/d/e/f"), "--c-cp");
  CHECK_EQ(Answers(filter, "b/x"), "--p");
  CHECK_EQ(Answers(filter, "*"), "-c");
  CHECK_EQ(Answers(filter, "z"), "-p");
  CHECK_EQ(Answers(filter, "x/y"), "--c");
  CHECK_EQ(Answers(filter, "n\nl\xff"), "-c");
  CHECK_EQ(Answers(PathFilter(PathSelection({"."}), {}), "a"), "cp");
  CHECK_EQ(Answers(PathFilter(PathSelection({}), {}), "a"), "-p");
  CHECK_EQ(Answers(PathFilter(PathSelection({"a", "b"}), {"a"}), "a"), "-p");
}

// What lay in a directory that is removed goes with it, but for what is left out.
TEST(SelectionsChooseWhatIsRemovedWhole) {
  const PathFilter filter(ovl::PathSelection({"a", "b/c"}), {"a/x"});
  PathFilter::Scope a = filter.Below(filter.Root(), "a");
  PathFilter::Removed(a);
  CHECK(filter.Below(a, "d").answer == PathFilter::Answer::kChosen);
  CHECK(filter.Below(filter.Below(a, "d"), "e").answer == PathFilter::Answer::kChosen);
  CHECK(filter.Below(a, "x").answer == PathFilter::Answer::kPruned);
  PathFilter::Scope b = filter.Below(filter.Root(), "b");
  PathFilter::Removed(b);
  CHECK(filter.Below(b, "d").answer == PathFilter::Answer::kPruned);
  CHECK(filter.Below(b, "c").answer == PathFilter::Answer::kChosen);
}
