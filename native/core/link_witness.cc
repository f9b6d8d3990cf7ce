#include "core/link_witness.h"

#include <dirent.h>

#include <string>
#include <vector>

#include "core/sys_dir.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

// Of a directory with more than some thousand names only the beginning is read, since each such
// file in it asks again.
constexpr int kMostCalls = 8;

// The names in a directory that lead to one inode; there may be more in a long one.
Result<std::vector<std::string>> NamesOf(const DirPtr& dir, ino_t inode) {
  std::vector<std::string> names;
  auto fd = dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  // With a position of its own.
  auto own = OpenDirectoryAt(fd.value(), ".");
  if (!own.ok()) return Located(std::move(own.failure()), dir, "");
  bool more = true;
  for (int calls = 0; more && calls < kMostCalls; ++calls) {
    auto read = ReadSomeEntries(own.value().get(), [&](const DirEntry& entry) {
      if (entry.ino == inode && entry.type != DT_DIR) names.emplace_back(entry.name);
    });
    if (!read.ok()) return Located(std::move(read.failure()), dir, "");
    more = read.value();
  }
  return names;
}

}  // namespace

Result<LinkWitness> AskBeside(const Layers& layers, const Sides& sides, const LinkIndex& index) {
  const LayerEntry& before = sides.before.top;
  const LayerEntry& after = sides.after.top;
  // Of a file that an index keeps together the names are counted on both sides.
  const bool counted = sides.indexed || index.Find(before.st) != nullptr;
  if (!sides.in_upper || counted) return LinkWitness::kNothing;
  if (after.st.st_nlink < before.st.st_nlink) return LinkWitness::kChanged;
  auto names = NamesOf(after.dir, after.st.st_ino);
  if (!names.ok()) return std::move(names.failure());
  if (names.value().size() > before.st.st_nlink) return LinkWitness::kChanged;
  // With one lower a name is before what it is beside the file's own name.
  if (layers.lowers.size() != 1) return LinkWitness::kNothing;
  auto fd = before.dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  for (const std::string& name : names.value()) {
    struct stat st;
    auto there = StatAt(fd.value(), name, st);
    if (!there.ok()) return Located(std::move(there.failure()), before.dir, name);
    const bool same =
        there.value() && st.st_dev == before.st.st_dev && st.st_ino == before.st.st_ino;
    if (!same) return LinkWitness::kChanged;
  }
  const bool all = names.value().size() == after.st.st_nlink;
  return all && names.value().size() == before.st.st_nlink ? LinkWitness::kUnchanged
                                                           : LinkWitness::kNothing;
}

}  // namespace ovl
