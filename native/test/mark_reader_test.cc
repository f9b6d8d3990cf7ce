#include "core/mark_reader.h"

#include <string>
#include <vector>

#include "test/check.h"
#include "test/hand_layers.h"

using ovl::MarkerSpace;
using ovl::MarkReader;

namespace {

using Strings = std::vector<std::string>;

const Strings kNone = {"user.x", "trusted.overlayx", "user.overlay"};
const Strings kTrusted = {"trusted.overlay.opaque"};
const Strings kUser = {"user.overlay.redirect", "user.x"};
const Strings kBoth = {"trusted.overlay.opaque", "user.overlay.redirect"};
const Strings kUserBookkeeping = {"user.overlay.impure"};

class Reading {
 public:
  explicit Reading(MarkReader reader) : reader_(reader), hand_(1), dir_(hand_.Open().upper) {}

  // "opaque ", "redirect ", "" or a failure.
  std::string Read(const Strings& names) {
    std::string list;
    for (const std::string& name : names) list.append(name).push_back('\0');
    const auto marks = reader_.Read(list, dir_, "name");
    if (!marks.ok()) return ShowFailure(hand_, marks.failure());
    return std::string(marks.value().opaque ? "opaque " : "") +
           (marks.value().redirect ? "redirect " : "");
  }
  std::string Redirect() { return Show(reader_.CheckRedirect(dir_, "name")); }
  std::string Metacopy() { return Show(reader_.CheckMetacopy(dir_, "name")); }
  const MarkReader& reader() const { return reader_; }

 private:
  std::string Show(const ovl::Status& status) {
    return status.ok() ? "" : ShowFailure(hand_, status.failure());
  }
  MarkReader reader_;
  HandLayers hand_;
  ovl::DirPtr dir_;
};

const char* const kAsk = "ENOTSUP both-namespaces u/name";

}  // namespace

TEST(MarkReadersThatAreDecidedReadTheirOwn) {
  Reading trusted(MarkReader::Decided(MarkerSpace::kTrusted));
  Reading user(MarkReader::Decided(MarkerSpace::kUser));
  for (const Strings& names : {kBoth, kTrusted}) CHECK_EQ(trusted.Read(names), "opaque ");
  for (const Strings& names : {kBoth, kUser}) CHECK_EQ(user.Read(names), "redirect ");
  CHECK_EQ(trusted.Read(kUser), "");
  CHECK_EQ(user.Read(kTrusted), "");
  CHECK(trusted.reader().space() == MarkerSpace::kTrusted);
  CHECK(user.reader().space() == MarkerSpace::kUser);
}

TEST(MarkReadersOfPlainDirectoriesKnowNoMark) {
  Reading plain(MarkReader::Decided(MarkerSpace::kNone));
  for (const Strings& names : {kNone, kTrusted, kUser, kBoth}) CHECK_EQ(plain.Read(names), "");
}

TEST(MarkReadersUndecidedTakeTheFirstThatIsMet) {
  Reading first(MarkReader::Undecided());
  CHECK_EQ(first.Read(kNone), "");
  CHECK_EQ(first.Read({}), "");
  CHECK_EQ(first.Read(kUser), "redirect ");
  CHECK(first.reader().space() == MarkerSpace::kUser);
  CHECK_EQ(first.Read(kNone), "");
  CHECK_EQ(first.Read(kTrusted), kAsk);
  CHECK_EQ(first.Read(kUser), "redirect ");
  Reading second(MarkReader::Undecided());
  CHECK_EQ(second.Read(kTrusted), "opaque ");
  CHECK_EQ(second.Read(kUser), kAsk);
  CHECK_EQ(second.Read(kUserBookkeeping), kAsk);
  Reading both(MarkReader::Undecided());
  CHECK_EQ(both.Read(kBoth), kAsk);
}

TEST(MarkReadersOfOneOverlayShareWhatTheyHaveMet) {
  Reading first(MarkReader::Undecided());
  Reading earlier(first.reader());
  CHECK_EQ(first.Read(kUserBookkeeping), "");
  Reading later(first.reader());
  CHECK_EQ(earlier.Read(kTrusted), kAsk);
  CHECK_EQ(later.Read(kTrusted), kAsk);
  CHECK(earlier.reader().space() == MarkerSpace::kUser);
  Reading another(MarkReader::Undecided());
  CHECK_EQ(another.Read(kTrusted), "opaque ");
}

TEST(MarkReadersThatCannotReadGuessNothing) {
  Reading blind(MarkReader::Unreadable());
  CHECK(!blind.reader().readable());
  for (const Strings& names : {kNone, kTrusted, kUser, kBoth}) CHECK_EQ(blind.Read(names), "");
  CHECK(MarkReader::Undecided().readable());
}

TEST(MarkReadersFollowWhatTheMountFollows) {
  for (const bool redirects : {false, true}) {
    for (const bool metacopies : {false, true}) {
      MarkReader reader = MarkReader::Decided(MarkerSpace::kTrusted);
      reader.FollowRedirects(redirects);
      reader.FollowMetacopies(metacopies);
      Reading reading(reader);
      CHECK_EQ(reading.Redirect(), redirects ? "" : "ENOTSUP redirect-not-followed u/name");
      CHECK_EQ(reading.Metacopy(), metacopies ? "" : "ENOTSUP metacopy-not-followed u/name");
    }
  }
  Reading user(MarkReader::Decided(MarkerSpace::kUser));
  CHECK_EQ(user.Redirect(), "ENOTSUP user-redirect u/name");
  CHECK_EQ(user.Metacopy(), "ENOTSUP user-metacopy u/name");
}
