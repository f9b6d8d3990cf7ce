#include "core/mountinfo.h"

#include <string>

#include "test/check.h"

using ovl::MountEntry;
using ovl::ParseMountinfo;
using ovl::UnescapeOctal;

namespace {

using Strings = std::vector<std::string>;

Strings Fields(const MountEntry& entry) {
  return {std::to_string(entry.id),
          std::to_string(entry.parent),
          std::to_string(entry.device_major) + ":" + std::to_string(entry.device_minor),
          entry.root,
          entry.target,
          entry.mount_options,
          entry.fstype,
          entry.source};
}

Strings Groups(const MountEntry& entry) {
  const ovl::Propagation& groups = entry.propagation;
  return {std::to_string(groups.peer_group), std::to_string(groups.master),
          std::to_string(groups.propagate_from), groups.unbindable ? "unbindable" : ""};
}

// The same numbers every time (xorshift).
struct Random {
  uint64_t state = 20240229;
  uint64_t operator()() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state >> 16;
  }
};

}  // namespace

TEST(MountinfoTakesEveryField) {
  const auto table = ParseMountinfo(
      "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue\n");
  if (!CHECK_EQ(table.size(), 1)) return;
  CHECK_EQ(Fields(table[0]),
           Strings{"36", "35", "98:0", "/mnt1", "/mnt2", "rw,noatime", "ext3", "/dev/root"});
  CHECK_EQ(table[0].super_options, Strings{"rw", "errors=continue"});
  CHECK_EQ(Groups(table[0]), Strings{"0", "1", "0", ""});
  CHECK_EQ(table[0].unique_id, 0);
}

TEST(MountinfoTakesAnyNumberOfOptionalFields) {
  const auto table = ParseMountinfo(
      "1 0 0:1 / /none rw - tmpfs none rw\n"
      "2 1 0:2 / /three rw shared:2 master:1 propagate_from:3 - tmpfs none rw\n"
      "3 1 0:3 / /later rw some-new:thing unbindable - tmpfs none rw\n"
      "4 1 0:4 / /dashes rw -x- -- - tmpfs - rw\n");
  if (!CHECK_EQ(table.size(), 4)) return;
  for (const MountEntry& entry : table) {
    CHECK_EQ(entry.fstype, "tmpfs");
    CHECK_EQ(entry.super_options, Strings{"rw"});
  }
  CHECK_EQ(Groups(table[0]), Strings{"0", "0", "0", ""});
  CHECK_EQ(Groups(table[1]), Strings{"2", "1", "3", ""});
  CHECK_EQ(Groups(table[2]), Strings{"0", "0", "0", "unbindable"});
  CHECK_EQ(Groups(table[3]), Strings{"0", "0", "0", ""});
  CHECK_EQ(table[3].target, "/dashes");
  CHECK_EQ(table[3].source, "-");
}

TEST(MountinfoUndoesEscapes) {
  CHECK_EQ(UnescapeOctal("a\\040b\\011c\\012d\\134e\\054f\\043g"), "a b\tc\nd\\e,f#g");
  CHECK_EQ(UnescapeOctal("\\377\\000\\200"), std::string("\xff\0\x80", 3));
  CHECK_EQ(UnescapeOctal("\\134040"), "\\040");  // one level only
  CHECK_EQ(UnescapeOctal("\\040\\040"), "  ");
  CHECK_EQ(UnescapeOctal(""), "");
  // What is no escape is itself.
  for (const char* plain :
       {"\\", "\\0", "\\04", "x\\", "\\048", "\\08a", "\\x41", "\\\\", "a\\9"}) {
    CHECK_EQ(UnescapeOctal(plain), plain);
  }
  const auto table = ParseMountinfo(
      "5 1 0:9 /r\\040oot /t\\134a\\011b\\012c rw - fuse.a\\040b s\\040\xff "
      "rw,lowerdir=/a\\054b\n");
  if (!CHECK_EQ(table.size(), 1)) return;
  CHECK_EQ(Fields(table[0]),
           Strings{"5", "1", "0:9", "/r oot", "/t\\a\tb\nc", "rw", "fuse.a b", "s \xff"});
  CHECK_EQ(table[0].super_options, Strings{"rw", "lowerdir=/a,b"});
}

TEST(MountinfoKeepsSpacesInSuperOptions) {
  // They are escaped by Linux; a filesystem that forgets to must not lose the rest of its options.
  const auto table = ParseMountinfo("5 1 0:9 / /t rw - tmpfs none rw,a=b c,d\n");
  if (CHECK_EQ(table.size(), 1)) CHECK_EQ(table[0].super_options, Strings{"rw", "a=b c", "d"});
}

TEST(MountinfoKnowsRemovedRoots) {
  const auto table = ParseMountinfo(
      "1 0 0:1 /a//deleted /t rw - tmpfs none rw\n"
      "2 0 0:1 /a/deleted /t rw - tmpfs none rw\n"
      "3 0 0:1 /a\\040(deleted) /t rw - tmpfs none rw\n"
      "4 0 0:1 //deleted /t rw - tmpfs none rw\n");
  if (!CHECK_EQ(table.size(), 4)) return;
  CHECK(table[0].root == "/a" && table[0].root_deleted);
  CHECK(table[1].root == "/a/deleted" && !table[1].root_deleted);
  CHECK(table[2].root == "/a (deleted)" && !table[2].root_deleted);
  CHECK(table[3].root.empty() && table[3].root_deleted);
}

TEST(MountinfoOptionsSplitBeforeTheirEscapesAreUndone) {
  CHECK_EQ(ovl::SplitOptions("rw,a=\\054,b=\\134054"), Strings{"rw", "a=,", "b=\\054"});
  CHECK_EQ(ovl::SplitOptions(",x,"), Strings{"", "x"});
  CHECK_EQ(ovl::SplitOptions(""), Strings{});
}

TEST(MountinfoAllowsAnEmptySource) {
  const auto table = ParseMountinfo("5 1 0:9 / /t rw - tmpfs  rw,size=1k\n");
  if (!CHECK_EQ(table.size(), 1)) return;
  CHECK_EQ(table[0].source, "");
  CHECK_EQ(table[0].super_options, Strings{"rw", "size=1k"});
}

TEST(MountinfoNeedsNoFinalNewline) {
  const auto table = ParseMountinfo("1 0 0:1 / / rw - a b c\n2 1 0:2 / /x rw - overlay none rw");
  if (!CHECK_EQ(table.size(), 2)) return;
  CHECK_EQ(table[1].target, "/x");
  CHECK_EQ(table[1].super_options, Strings{"rw"});
}

TEST(MountinfoLeavesMalformedLinesOut) {
  const std::string good = "7 1 0:1 / /good rw - tmpfs none rw\n";
  for (const char* bad : {"",
                          " ",
                          "x",
                          "-",
                          "- - -",
                          "7",
                          "7 ",
                          "7 1",
                          "7 1 0:1",
                          "7 1 0:1 /",
                          "7 1 0:1 / /t",
                          "7 1 0:1 / /t rw",
                          "7 1 0:1 / /t rw ",
                          "7 1 0:1 / /t rw -",
                          "7 1 0:1 / /t rw - ",
                          "7 1 0:1 / /t rw shared:1 tmpfs none rw",
                          "7 1 0:1 / /t rw shared:1 ",
                          "x 1 0:1 / /t rw - tmpfs none rw",
                          "7 x 0:1 / /t rw - tmpfs none rw",
                          "7x 1 0:1 / /t rw - tmpfs none rw",
                          "7 1 0 / /t rw - tmpfs none rw",
                          "7 1 x:1 / /t rw - tmpfs none rw",
                          "7 1 0:1: / /t rw - tmpfs none rw",
                          "7 1 0:4294967296 / /t rw - tmpfs none rw",
                          "7 1 0:1 / /t rw shared: - tmpfs none rw",
                          "7 1 0:1 / /t rw master:x - tmpfs none rw",
                          "-7 1 0:1 / /t rw - tmpfs none rw",
                          "+7 1 0:1 / /t rw - tmpfs none rw",
                          " 7 1 0:1 / /t rw - tmpfs none rw",
                          "7  1 0:1 / /t rw - tmpfs none rw",
                          "99999999999999999999 1 0:1 / /t rw - tmpfs none rw"}) {
    const auto table = ParseMountinfo(std::string(good).append(bad).append("\n").append(good));
    if (!CHECK_EQ(table.size(), 2)) check::Fail(__FILE__, __LINE__, check::Show(bad));
    CHECK_EQ(ParseMountinfo(bad).size(), 0);
  }
}

TEST(MountinfoReadsTheLargestNumber) {
  const auto table = ParseMountinfo("18446744073709551615 0 0:1 / / rw - a b c\n");
  if (CHECK_EQ(table.size(), 1)) CHECK_EQ(table[0].id, UINT64_MAX);
}

TEST(MountinfoHasNoLineLimit) {
  std::string layers = "/l0";
  for (int i = 1; i < 500; ++i) layers.append(":/some/where/else/l").append(std::to_string(i));
  const std::string options = "rw,lowerdir=" + layers + std::string(1 << 20, 'x');
  const auto table = ParseMountinfo("1 0 0:1 / /first rw - overlay overlay " + options +
                                    "\n2 0 0:1 / /second rw - overlay overlay rw\n");
  if (!CHECK_EQ(table.size(), 2)) return;
  if (!CHECK_EQ(table[0].super_options.size(), 2)) return;
  CHECK("rw," + table[0].super_options[1] == options);
  CHECK_EQ(table[1].target, "/second");
}

TEST(MountinfoSurvivesAnyBytes) {
  Random random;
  const std::string alphabet = "0123456789 \\-/:,=rw\n\t\xff";
  const std::string line = "36 35 98:0 /a\\040b /mnt2 rw master:1 - overlay none rw,lowerdir=/a\n";
  size_t entries = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    if (round % 2 == 0) {
      text.resize(random() % 120);
      for (char& c : text) c = alphabet[random() % alphabet.size()];
      if (round % 8 == 0) text.insert(random() % (text.size() + 1), 1, '\0');
    } else {
      text = line + line;
      for (uint64_t n = random() % 4 + 1; n > 0; --n) {
        const size_t at = random() % text.size();
        if (random() % 2 == 0) {
          text.erase(at, random() % 4);
        } else {
          text[at] = static_cast<char>(random());
        }
        if (text.empty()) text = " ";
      }
    }
    for (const MountEntry& entry : ParseMountinfo(text)) {
      ++entries;
      if (!CHECK(!entry.fstype.empty())) check::Fail(__FILE__, __LINE__, check::Show(text));
    }
  }
  CHECK(entries > 1000);
}

TEST(MountinfoOfThisThreadHasARoot) {
  const auto table = ovl::ReadMountinfo("/proc/thread-self/mountinfo");
  if (!CHECK(table.ok())) return;
  bool root = false;
  for (const MountEntry& entry : table.value()) root = root || entry.target == "/";
  CHECK(root);
}
