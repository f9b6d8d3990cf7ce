// How the marks of the layers of one overlay are to be read: by whose word, and what to do where
// that leaves something open. Nothing is ever guessed.
#ifndef OVL_CORE_MARK_READER_H_
#define OVL_CORE_MARK_READER_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/layer_dir.h"
#include "core/markers.h"
#include "core/result.h"

namespace ovl {

class MarkReader {
 public:
  // A mount's own namespace, or the caller's word.
  static MarkReader Decided(MarkerSpace space);
  // Nobody has said: the first mark that is met decides, and one of the other namespace is an error
  // (ENOTSUP, reason "both-namespaces") that asks for a decision.
  static MarkReader Undecided();
  // The marks cannot be read and the caller wants to hear what can be told without them.
  static MarkReader Unreadable();

  // Copies share what has been met so far. One that does not: for a walk of its own, which may run
  // in another thread.
  MarkReader Apart() const;

  // What a mount with these options does not follow is an error for the entry, as it is there
  // (EPERM).
  void FollowRedirects(bool follow) { redirects_ = follow; }
  void FollowMetacopies(bool follow) { metacopies_ = follow; }

  // False: what a mark may say is unknown, which is then said of every entry it could concern.
  bool readable() const { return readable_; }
  MarkerSpace space() const { return decided_ ? space_ : met_->space; }

  // Somebody has said that they are in user.* attributes.
  bool SaidUser() const { return decided_ && space_ == MarkerSpace::kUser; }

  // Where nobody has said: which has been met so far, and what is to be taken for it.
  bool IsUndecided() const { return !decided_; }
  std::optional<MarkerSpace> met() const {
    return met_ && met_->any ? std::optional(met_->space) : std::nullopt;
  }
  void Meet(std::optional<MarkerSpace> space) const { *met_ = space ? Met{true, *space} : Met{}; }

  // The marks of an attribute list; `dir` and `name` are where it was read, for messages.
  Result<Markers> Read(std::string_view list, const DirPtr& dir, const std::string& name) const;

  bool FollowsRedirects() const { return redirects_ && space() != MarkerSpace::kUser; }
  // Whether a redirect or a metacopy of that entry may be followed.
  Status CheckRedirect(const DirPtr& dir, const std::string& name) const;
  Status CheckMetacopy(const DirPtr& dir, const std::string& name) const;

 private:
  struct Met {
    bool any = false;
    MarkerSpace space = MarkerSpace::kTrusted;
  };
  MarkerSpace space_ = MarkerSpace::kTrusted;
  std::shared_ptr<Met> met_;  // where undecided
  bool decided_ = true;
  bool readable_ = true;
  bool redirects_ = true;
  bool metacopies_ = true;
};

}  // namespace ovl

#endif  // OVL_CORE_MARK_READER_H_
