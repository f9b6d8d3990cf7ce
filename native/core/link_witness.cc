#include "core/link_witness.h"

#include <dirent.h>

#include <algorithm>
#include <utility>

#include "core/sys_dir.h"
#include "core/sys_file.h"

namespace ovl {

namespace {

// Of a directory with more than some thousand names only the beginning is read and kept.
constexpr int kMostCalls = 8;

}  // namespace

Status NamesByInode::Read(const DirPtr& dir) {
  ino_ = 0;
  names_.clear();
  text_.clear();
  auto fd = dir->Fd();
  if (!fd.ok()) return std::move(fd.failure());
  // With a position of its own.
  auto own = OpenDirectoryAt(fd.value(), ".");
  if (!own.ok()) return Located(std::move(own.failure()), dir, "");
  bool more = true;
  for (int calls = 0; more && calls < kMostCalls; ++calls) {
    auto read = ReadSomeEntries(own.value().get(), [&](const DirEntry& entry) {
      if (entry.type == DT_DIR) return;
      names_.push_back({entry.ino, static_cast<uint32_t>(text_.size()),
                        static_cast<uint32_t>(entry.name.size())});
      text_.append(entry.name);
    });
    if (!read.ok()) return Located(std::move(read.failure()), dir, "");
    more = read.value();
  }
  std::sort(names_.begin(), names_.end(),
            [](const Name& a, const Name& b) { return a.inode < b.inode; });
  layer_ = dir->layer();
  dev_ = dir->dev();
  ino_ = dir->ino();
  return Done{};
}

Result<std::vector<std::string>> NamesByInode::Of(const DirPtr& dir, ino_t inode) {
  if (ino_ != dir->ino() || dev_ != dir->dev() || layer_ != dir->layer()) {
    auto read = Read(dir);
    if (!read.ok()) return std::move(read.failure());
  }
  auto at = std::lower_bound(names_.begin(), names_.end(), inode,
                             [](const Name& name, ino_t wanted) { return name.inode < wanted; });
  std::vector<std::string> names;
  for (; at != names_.end() && at->inode == inode; ++at) {
    names.push_back(text_.substr(at->at, at->size));
  }
  return names;
}

Result<LinkWitness> AskBeside(const Layers& layers, const Sides& sides, const LinkIndex& index,
                              NamesByInode& beside) {
  const LayerEntry& before = sides.before.top;
  const LayerEntry& after = sides.after.top;
  // Of a file that an index keeps together the names are counted on both sides.
  const bool counted = sides.indexed || index.Find(before.st) != nullptr;
  if (!sides.in_upper || counted) return LinkWitness::kNothing;
  if (after.st.st_nlink < before.st.st_nlink) return LinkWitness::kChanged;
  auto names = beside.Of(after.dir, after.st.st_ino);
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
