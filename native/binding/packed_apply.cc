#include "binding/packed_apply.h"

#include <cstdint>

namespace ovl {

void PackedApply::PutText(std::string_view text) {
  Put(static_cast<uint32_t>(text.size()));
  Put(text);
}

// outcome u8, flags u8 (1: implied, 2: a failure follows), size of the change u32; the change as in
// PackedChanges; of the failure: errno u32, and call, reason, path, dest and detail, each a length
// u32 and the bytes
void PackedApply::Add(ApplyOutcome outcome, const ChangeInfo& info, const Failure* failure) {
  Change change;
  change.kind = static_cast<ChangeKind>(info.kind);
  change.type = info.type;
  change.previous_type = info.previous_type;
  change.aspects = info.aspects;
  change.path = info.path;
  change.renamed_from = info.renamed_from;
  PackedChanges packed;
  packed.Add(change);
  CountEntry();
  Put(static_cast<uint8_t>(outcome));
  Put(static_cast<uint8_t>((info.implied ? 1 : 0) | (failure != nullptr ? 2 : 0)));
  PutText(packed.bytes());
  if (failure == nullptr) return;
  Put(static_cast<uint32_t>(failure->err));
  PutText(failure->call);
  PutText(failure->reason);
  PutText(failure->path);
  PutText(failure->dest);
  PutText(failure->detail);
}

}  // namespace ovl
