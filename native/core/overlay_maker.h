// The step in which the kernel makes the overlay, once all layers are open.
#ifndef OVL_CORE_OVERLAY_MAKER_H_
#define OVL_CORE_OVERLAY_MAKER_H_

#include <memory>
#include <string>
#include <vector>

#include "core/opened_lower.h"
#include "core/overlay_options.h"
#include "core/overlay_plan.h"
#include "core/overlay_spec.h"
#include "core/result.h"
#include "core/root_attributes.h"
#include "core/unique_fd.h"
#include "core/upper_dirs.h"

namespace ovl {

class OverlayMaker {
 public:
  // `lowers` as in the spec, data-only ones last. Without descriptors in `dirs` a writable overlay
  // gets an upper in a new tmpfs, whose root has the attributes of `scratch`.
  OverlayMaker(const OverlaySpec& spec, const std::vector<OpenedLower>& lowers, UpperDirs& dirs,
               const std::vector<std::string>& options, RootAttributes& scratch)
      : spec_(spec), lowers_(lowers), dirs_(dirs), options_(options), scratch_(scratch) {}

  // By fsopen(2), detached. For who may not mount, in a child: in the user namespace of a layer, or
  // in a new one, which is put there.
  Result<UniqueFd> Make(bool in_child, std::shared_ptr<const UniqueFd>& user_namespace);

  // By mount(2), at a path. True if the table of mounts will show numbers instead of names.
  Result<bool> MakeAt(const std::string& target);

  // The layers by their names.
  OverlayOptions Named() const;

 private:
  void AddLayers(OverlayPlan& plan, bool in_child);
  Result<UniqueFd> CarryOut(bool by_name, bool in_child,
                            std::shared_ptr<const UniqueFd>& user_namespace);
  Status KeepScratch(const OverlayPlan& plan);
  bool IsDataOnly(size_t i) const { return i >= spec_.lower.size(); }

  const OverlaySpec& spec_;
  const std::vector<OpenedLower>& lowers_;
  UpperDirs& dirs_;
  const std::vector<std::string>& options_;
  RootAttributes& scratch_;
};

// mount_setattr(2) on a detached mount, in the user namespace it belongs to; null: ours.
Status MakeReadOnly(int mount, const std::shared_ptr<const UniqueFd>& user_namespace);

}  // namespace ovl

#endif  // OVL_CORE_OVERLAY_MAKER_H_
