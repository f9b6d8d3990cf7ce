// Everything an upper layer changes, in order, computed from the layers alone.
//
// For every directory three things are kept: the upper's directory of this path (or none), the
// lower directories that merge with it (`after`), and the lower directories that would show without
// the upper (`before`). Outside opaque and redirected directories the last two are the same, and
// then only the names in the upper are looked at: the cost follows the upper, not the lowers.
#ifndef OVL_CORE_CHANGE_WALK_H_
#define OVL_CORE_CHANGE_WALK_H_

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/compare.h"
#include "core/layers.h"
#include "core/link_groups.h"
#include "core/result.h"
#include "core/sides.h"
#include "core/sys_dir.h"
#include "core/work_slice.h"

namespace ovl {

enum class ChangeKind : uint8_t { kAdded, kModified, kDeleted };

struct Change {
  ChangeKind kind = ChangeKind::kAdded;
  mode_t type = 0;           // S_IFMT bits: of what is there now, or was, if it is deleted
  mode_t previous_type = 0;  // where the type changed
  Aspects aspects = 0;       // of a modification
  bool content_unknown = false;
  std::string_view path;  // from the root of the overlay; "." for the root itself
};

// Takes the changes of one batch.
class ChangeSink {
 public:
  virtual ~ChangeSink() = default;
  virtual void Add(const Change& change) = 0;
  virtual bool Full() const = 0;
};

struct ChangeOptions {
  ContentMode content = ContentMode::kAuto;
  Aspects ignore = 0;
  bool expand = false;  // list what lay below a removed directory
};

class ChangeWalk {
 public:
  // The walk opens the roots anew: several may go over the same layers at once, in any thread.
  static Result<std::unique_ptr<ChangeWalk>> Open(const Layers& layers, ChangeOptions options);
  ~ChangeWalk();
  ChangeWalk(const ChangeWalk&) = delete;
  ChangeWalk& operator=(const ChangeWalk&) = delete;

  // Goes on until the sink is full or the slice over; false when everything has been seen.
  Result<bool> Next(const WorkSlice& slice, ChangeSink& sink);

 private:
  struct Frame;
  struct Pending;

  ChangeWalk(Layers layers, ChangeOptions options);
  Status Step(const WorkSlice& slice, ChangeSink& sink);
  Status Start(ChangeSink& sink);
  Status Read(Frame& frame);
  Status Visit(Frame& frame, ChangeSink& sink);
  void Push(DirPtr upper, DirStack after, DirStack before);
  void CloseLevel(size_t level);
  void Descend(Sides& sides);

  Status Compare(const Sides& sides, ChangeSink& sink);
  Status CompareFiles(const Sides& sides, Aspects aspects, ChangeSink& sink);
  Status StepContent(ChangeSink& sink);
  void EmitModified(ChangeSink& sink, mode_t type, Aspects aspects, bool content_unknown);

  bool NeedsLinkSurvey(const Sides& sides) const;
  Status StartLinkSurvey();
  Status StepLinkSurvey(const WorkSlice& slice, ChangeSink& sink);
  void Survey(const Sides& sides);

  Layers layers_;
  ChangeOptions options_;
  size_t open_levels_;
  std::vector<std::unique_ptr<Frame>> frames_;
  std::string path_;
  bool started_ = false;
  std::unique_ptr<Pending> pending_;  // a comparison of content that is under way

  std::unique_ptr<LinkGroups> links_;   // once they are known
  std::unique_ptr<ChangeWalk> survey_;  // the walk that finds them out, while it is under way
  std::unique_ptr<LinkGroups>
      found_links_;  // set in that walk: it compares nothing and reports nothing
};

}  // namespace ovl

#endif  // OVL_CORE_CHANGE_WALK_H_
