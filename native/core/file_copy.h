// Copying the data of one file into a new one: shared where the filesystem can share blocks, with
// its holes, and in pieces, so that one huge file neither holds up an abort nor an exiting process.
#ifndef OVL_CORE_FILE_COPY_H_
#define OVL_CORE_FILE_COPY_H_

#include <sys/stat.h>

#include <memory>
#include <set>
#include <utility>

#include "core/result.h"
#include "core/unique_fd.h"

namespace ovl {

// What was found out of a pair of filesystems, so that it is not asked for every file.
class CopyFacts {
 public:
  bool MayShare(dev_t from, dev_t to) const { return !refused_.contains({from, to}); }
  void NoSharing(dev_t from, dev_t to) { refused_.insert({from, to}); }
  char* Buffer();

 private:
  std::set<std::pair<dev_t, dev_t>> refused_;
  std::unique_ptr<char[]> buffer_;
};

class FileCopy {
 public:
  // `from` as its fstat(2) says; the new file is `size` bytes long in the end, of which the source
  // may have fewer (of a metacopy).
  FileCopy(UniqueFd from, const struct stat& st, UniqueFd to, off_t size)
      : from_(std::move(from)), to_(std::move(to)), st_(st), size_(size) {}

  // Copies up to 8 MiB; false when all is done.
  Result<bool> Step(CopyFacts& facts, dev_t to_device);

  int to() const { return to_.get(); }
  int from() const { return from_.get(); }
  off_t written() const { return written_; }
  UniqueFd TakeTo() { return std::move(to_); }

 private:
  Result<bool> Share(CopyFacts& facts, dev_t to_device);
  Result<bool> CopySmall(CopyFacts& facts);
  Status NextExtent();
  Result<off_t> CopySome(CopyFacts& facts, off_t most);
  Status Finish();

  UniqueFd from_;
  UniqueFd to_;
  struct stat st_;
  off_t size_;
  off_t at_ = 0;
  off_t extent_end_ = 0;  // of the data that at_ lies in
  off_t written_ = 0;
  bool started_ = false;
  bool in_kernel_ = true;  // copy_file_range(2) may be used
};

}  // namespace ovl

#endif  // OVL_CORE_FILE_COPY_H_
