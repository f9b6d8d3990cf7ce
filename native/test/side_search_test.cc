// Both sides of a path, and the directory that it is in.
#include "core/side_search.h"

#include <sys/stat.h>

#include <string>
#include <utility>

#include "test/check.h"
#include "test/hand_layers.h"

using ovl::Found;
using ovl::SideEntry;
using ovl::SideSearch;

namespace {

SideSearch SearchOf(HandLayers& hand) {
  auto own = hand.Open().ReopenApart();
  CHECK(own.ok());
  return SideSearch(std::move(own.value()));
}

}  // namespace

TEST(SideSearchTellsWhereARenamedDirectoryWas) {
  HandLayers hand(1, ovl::MarkerSpace::kTrusted);
  if (!hand.Usable()) return;
  hand.lower(0).File("old/in/f", "1");
  hand.upper().Whiteout("old");
  hand.upper().File("new/in/f", "12");
  hand.Redirect(hand.upper(), "new", "old");
  SideSearch search = SearchOf(hand);
  SideEntry entry;
  CHECK(search.Find("new/in/f", entry).ok());
  CHECK_EQ(entry.PathInRenamed(), "old/in/f");
  CHECK(entry.sides.before.kind == Found::Kind::kNothing);
  CHECK(entry.sides.after.top.st.st_size == 2);
  // The directory itself was where it is now, had only those above it been renamed.
  CHECK(search.Find("new", entry).ok());
  CHECK_EQ(entry.PathInRenamed(), "new");
  CHECK(search.Find("old/in/f", entry).ok());
  CHECK_EQ(entry.PathInRenamed(), "old/in/f");
  CHECK(entry.sides.after.kind == Found::Kind::kNothing);
  CHECK(search.Find("", entry).ok());
  CHECK_EQ(entry.PathInRenamed(), "");
  CHECK(entry.sides.after.kind == Found::Kind::kDirectory);
}

TEST(SideSearchHasTheDirectoryAsItShows) {
  HandLayers hand(1);
  if (!hand.Usable()) return;
  hand.lower(0).File("both/f", "1");
  hand.lower(0).File("below/f", "1");
  hand.upper().File("both/f", "12");
  SideSearch search = SearchOf(hand);
  SideEntry in;
  SideEntry of;
  for (const char* const name : {"both", "below"}) {
    CHECK(search.Find(std::string(name) + "/f", in).ok());
    CHECK(search.Find(name, of).ok());
    CHECK(in.directory.st_ino == of.sides.after.top.st.st_ino);
  }
  CHECK(search.Find("both", in).ok());
  CHECK(search.Find("", of).ok());
  CHECK(in.directory.st_ino == of.sides.after.top.st.st_ino);
  CHECK(of.sides.after.top.dir->layer() == ovl::LayerDir::kUpper);
}
