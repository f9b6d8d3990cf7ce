// What a look at its own directory tells of the links of a file, so that most files of several
// names need no survey of the whole upper.
#ifndef OVL_CORE_LINK_WITNESS_H_
#define OVL_CORE_LINK_WITNESS_H_

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/layers.h"
#include "core/link_index.h"
#include "core/result.h"
#include "core/sides.h"

namespace ovl {

enum class LinkWitness : uint8_t {
  kNothing,    // it takes the survey
  kChanged,    // the file has certainly other names than it had
  kUnchanged,  // all its names are in this directory, and were those of its file before
};

// The names of a directory by the inodes they lead to. Kept for the directory that was asked about
// last: it may have many files of several names. Belongs to one thread.
class NamesByInode {
 public:
  // Those of one inode; of a long directory only the first names are known.
  Result<std::vector<std::string>> Of(const DirPtr& dir, ino_t inode);

 private:
  struct Name {
    ino_t inode;
    uint32_t at;
    uint32_t size;
  };
  Status Read(const DirPtr& dir);

  uint32_t layer_ = 0;
  dev_t dev_ = 0;
  ino_t ino_ = 0;  // 0: of none
  std::vector<Name> names_;
  std::string text_;
};

// Of an entry whose links can be judged only by more names than its own (LinkSurvey::Needed).
Result<LinkWitness> AskBeside(const Layers& layers, const Sides& sides, const LinkIndex& index,
                              NamesByInode& beside);

}  // namespace ovl

#endif  // OVL_CORE_LINK_WITNESS_H_
