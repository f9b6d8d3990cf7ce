#include "binding/packed.h"

#include <sys/sysmacros.h>

#include <cstdint>
#include <utility>

namespace ovl {

namespace {

// The order of `types` in lib/packed.ts.
uint8_t TypeCode(mode_t type) {
  switch (type & S_IFMT) {
    case S_IFREG:
      return 1;
    case S_IFDIR:
      return 2;
    case S_IFLNK:
      return 3;
    case S_IFIFO:
      return 4;
    case S_IFSOCK:
      return 5;
    case S_IFCHR:
      return 6;
    case S_IFBLK:
      return 7;
    default:
      return 0;
  }
}

uint32_t Size(std::string_view text) { return static_cast<uint32_t>(text.size()); }

}  // namespace

// Of every change, in 32-bit words: kind (2 bits), type (4), previous type (4; 0: the same),
// content unknown, unknown, in another directory than the one before, renamed (1 each), aspects
// (9); length of the name; if it is in another directory, length of that with a slash at its end;
// if it was renamed, length of the path before. The texts in the order: directory, name, path
// before.
void PackedChanges::Add(const Change& change) {
  const std::string_view directory = change.path.substr(0, change.path.size() - change.name_size);
  const bool moved = entries_ == 0 || directory != directory_;
  const bool renamed = !change.renamed_from.empty();
  numbers_.push_back(
      static_cast<uint32_t>(change.kind) | static_cast<uint32_t>(TypeCode(change.type)) << 2 |
      static_cast<uint32_t>(TypeCode(change.previous_type)) << 6 |
      static_cast<uint32_t>(change.content_unknown) << 10 |
      static_cast<uint32_t>(change.unknown) << 11 | static_cast<uint32_t>(moved) << 12 |
      static_cast<uint32_t>(renamed) << 13 | static_cast<uint32_t>(change.aspects) << 14);
  numbers_.push_back(static_cast<uint32_t>(change.name_size));
  if (moved) {
    numbers_.push_back(Size(directory));
    Put(directory);
    directory_.assign(directory);
  }
  Put(change.path.substr(directory.size()));
  if (renamed) {
    numbers_.push_back(Size(change.renamed_from));
    Put(change.renamed_from);
  }
  ++entries_;
}

void PackedChanges::Put(std::string_view text) {
  for (const char byte : text) bits_ = static_cast<char>(bits_ | byte);
  texts_.append(text);
}

// Number of changes u32, number of words u32, whether all texts are ASCII u32; words, texts.
std::string PackedChanges::bytes() const {
  const uint32_t head[] = {static_cast<uint32_t>(entries_), static_cast<uint32_t>(numbers_.size()),
                           (bits_ & 0x80) == 0 ? 1U : 0U};
  std::string out;
  out.reserve(sizeof head + numbers_.size() * sizeof numbers_[0] + texts_.size());
  out.append(reinterpret_cast<const char*>(head), sizeof head);
  out.append(reinterpret_cast<const char*>(numbers_.data()), numbers_.size() * sizeof numbers_[0]);
  return out.append(texts_);
}

void PackedChanges::Clear() {
  entries_ = 0;
  numbers_.clear();
  texts_.clear();
  bits_ = 0;
}

void ChangeBlocks::Begin(size_t most) {
  most_ = most;
  entries_ = 0;
}

void ChangeBlocks::Add(const Change& change) {
  block_.Add(change);
  ++entries_;
  if (block_.Full()) EndBlock();
}

std::vector<std::string> ChangeBlocks::Take() {
  if (!block_.empty()) EndBlock();
  return std::exchange(blocks_, {});
}

void ChangeBlocks::EndBlock() {
  blocks_.push_back(block_.bytes());
  block_.Clear();
}

// type u8, mode u16, uid u32, gid u32, links u32, device major u32 and minor u32, size u64, seconds
// i64 and nanoseconds u32 of the modification time, inode u64, filesystem u64, path length u32,
// target length u32, number of marks u16; path, target; for every mark: name length u16, value
// length u32, name, value
void PackedEntries::Add(const ScanEntry& entry) {
  const struct stat& st = entry.st;
  ++entries_;
  Put(TypeCode(st.st_mode));
  Put(static_cast<uint16_t>(st.st_mode & 07777));
  Put(static_cast<uint32_t>(st.st_uid));
  Put(static_cast<uint32_t>(st.st_gid));
  Put(static_cast<uint32_t>(st.st_nlink));
  Put(static_cast<uint32_t>(major(st.st_rdev)));
  Put(static_cast<uint32_t>(minor(st.st_rdev)));
  Put(static_cast<uint64_t>(st.st_size));
  Put(static_cast<int64_t>(st.st_mtim.tv_sec));
  Put(static_cast<uint32_t>(st.st_mtim.tv_nsec));
  Put(static_cast<uint64_t>(st.st_ino));
  Put(static_cast<uint64_t>(st.st_dev));
  Put(Size(entry.path));
  Put(Size(entry.target));
  Put(static_cast<uint16_t>(entry.marks.size()));
  Put(entry.path);
  Put(std::string_view(entry.target));
  for (const auto& [name, value] : entry.marks) {
    Put(static_cast<uint16_t>(name.size()));
    Put(Size(value));
    Put(std::string_view(name));
    Put(std::string_view(value));
  }
}

// added, modified, deleted, bytes added, freed and changed f64 each; path length u32; path
void PackedTotals::Add(std::string_view path, const ChangeTotals& totals) {
  ++entries_;
  Put(totals.added);
  Put(totals.modified);
  Put(totals.deleted);
  Put(totals.added_bytes);
  Put(totals.freed_bytes);
  Put(totals.changed_bytes);
  Put(Size(path));
  Put(path);
}

}  // namespace ovl
