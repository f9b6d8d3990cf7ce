// Whether an entry is a change, and which.
#ifndef OVL_CORE_CHANGE_JUDGE_H_
#define OVL_CORE_CHANGE_JUDGE_H_

#include <atomic>
#include <memory>
#include <string>

#include "core/change.h"
#include "core/compare.h"
#include "core/layers.h"
#include "core/link_index.h"
#include "core/link_survey.h"
#include "core/link_witness.h"
#include "core/merged_frame.h"
#include "core/origin_search.h"
#include "core/rename_survey.h"
#include "core/result.h"

namespace ovl {

// What is known of the whole overlay; the surveys once somebody has needed them.
struct WholeOverlay {
  ChangeOptions options;
  LinkIndex index;
  std::atomic<const LinkGroups*> links{nullptr};
  std::atomic<const Renames*> renames{nullptr};
};

// A change that is being made.
struct ChangeDraft {
  Change change;  // without its paths
  std::string renamed_from;
  std::unique_ptr<ContentComparison> comparison;  // while it is under way
};

// Belongs to one thread; what it refers to may be shared.
class ChangeJudge {
 public:
  ChangeJudge(const Layers& layers, const WholeOverlay& whole)
      : layers_(layers), whole_(whole), origins_(layers, whole.options.expand) {}

  enum class Verdict {
    kNothing,  // no change
    kChange,   // as the draft says; where it came from is to be found out
    kContent,  // as the contents say, which are to be compared
    kLinks,    // the survey of links has to be made first
  };
  Result<Verdict> Compare(WalkEntry& entry, ChangeDraft& draft);
  // Compares the next piece.
  Result<Verdict> CompareContent(const WalkEntry& entry, ChangeDraft& draft);

  // The last thing to be found out. False: that takes the survey of renames.
  Result<bool> FindOrigin(const WalkEntry& entry, ChangeDraft& draft);

 private:
  bool Wants(Aspects aspects) const {
    return (aspects & static_cast<Aspects>(~whole_.options.ignore)) != 0;
  }
  // What stat(2) tells of two different files.
  Aspects StatAspects(const WalkEntry& entry) const;
  // `aspects` as far as they are known.
  Result<Verdict> CompareFiles(const WalkEntry& entry, Aspects aspects, ChangeDraft& draft) const;
  Verdict Draft(const WalkEntry& entry, ChangeKind kind, ChangeDraft& draft) const;
  Verdict Modified(const WalkEntry& entry, Aspects aspects, bool content_unknown,
                   ChangeDraft& draft) const;

  const Layers& layers_;
  const WholeOverlay& whole_;
  OriginSearch origins_;
  NamesByInode beside_;
  PieceBuffers buffers_;
};

}  // namespace ovl

#endif  // OVL_CORE_CHANGE_JUDGE_H_
