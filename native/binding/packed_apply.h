// What an apply reports, as one block of bytes; decoded by lib/packed-apply.ts.
#ifndef OVL_BINDING_PACKED_APPLY_H_
#define OVL_BINDING_PACKED_APPLY_H_

#include <string>
#include <string_view>

#include "binding/packed.h"
#include "core/apply_events.h"

namespace ovl {

class PackedApply final : public ApplySink, private Packed {
 public:
  void Add(ApplyOutcome outcome, const ChangeInfo& change, const Failure* failure) override;
  bool Full() const override { return changes_.Full() || Packed::bytes().size() >= kBatchBytes; }
  std::string bytes() const;

 private:
  void PutText(std::string_view text);

  PackedChanges changes_{kBatchEntries};
};

}  // namespace ovl

#endif  // OVL_BINDING_PACKED_APPLY_H_
