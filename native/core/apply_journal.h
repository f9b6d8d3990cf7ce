// The journal of an apply: written whole and sealed before the first change, then only read. Which
// of its changes have been made is seen by looking at the files that it knows again.
#ifndef OVL_CORE_APPLY_JOURNAL_H_
#define OVL_CORE_APPLY_JOURNAL_H_

#include <cstdint>
#include <optional>
#include <string>

#include "core/apply_records.h"
#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

class JournalWriter {
 public:
  // `name` in the open directory; `display` is its path in messages.
  static Result<JournalWriter> Create(int dir, const std::string& name, std::string display,
                                      const JournalHeader& header);
  Status Add(const ApplyRecord& record);
  // The checksum and the end; with `sync` on the disk.
  Status Seal(bool sync);
  uint64_t changes() const { return changes_; }

 private:
  JournalWriter(UniqueFd fd, std::string display)
      : fd_(std::move(fd)), display_(std::move(display)) {}
  void Append(std::string_view bytes);
  Status Flush();

  UniqueFd fd_;
  std::string display_;
  std::string buffer_;
  uint64_t checksum_;
  uint64_t records_ = 0;
  uint64_t changes_ = 0;
};

class JournalReader {
 public:
  // EUCLEAN with reason "journal-damaged" where it is not whole, ENOTSUP with "journal-version"
  // where another version of this program wrote it.
  static Result<JournalReader> Open(int dir, const std::string& name, std::string display);
  // The header of one that may not be whole yet; nothing where it cannot be read.
  static std::optional<JournalHeader> Peek(int dir, const std::string& name);
  const JournalHeader& header() const { return header_; }
  uint64_t changes() const { return changes_; }

  // The next record, or the one before the position; nothing at the end, or at the beginning.
  Result<std::optional<ApplyRecord>> Next();
  Result<std::optional<ApplyRecord>> Previous();
  void ToEnd() { at_ = end_; }
  void ToBegin() { at_ = begin_; }

  Failure Damaged() const;

 private:
  JournalReader(UniqueFd fd, std::string display)
      : fd_(std::move(fd)), display_(std::move(display)) {}
  Status Verify();
  // `size` bytes at an offset; with `backward` what lies before them is read along.
  Result<std::string_view> Read(uint64_t offset, size_t size, bool backward);

  UniqueFd fd_;
  std::string display_;
  JournalHeader header_;
  uint64_t begin_ = 0;  // of the records
  uint64_t end_ = 0;
  uint64_t at_ = 0;
  uint64_t changes_ = 0;
  std::string window_;
  uint64_t window_at_ = 0;
};

}  // namespace ovl

#endif  // OVL_CORE_APPLY_JOURNAL_H_
