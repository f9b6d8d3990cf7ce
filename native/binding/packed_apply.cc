#include "binding/packed_apply.h"

#include <cstdint>

namespace ovl {

void PackedApply::PutText(std::string_view text) {
  Put(static_cast<uint32_t>(text.size()));
  Put(text);
}

// Nothing where there is nothing; else size of the changes u32, the changes as in PackedChanges,
// and what Add says of each of them.
std::string PackedApply::bytes() const {
  if (changes_.empty()) return {};
  const std::string changes = changes_.bytes();
  const auto size = static_cast<uint32_t>(changes.size());
  std::string out(reinterpret_cast<const char*>(&size), sizeof size);
  return out + changes + Packed::bytes();
}

// outcome u8, flags u8 (1: implied, 2: a failure follows); of the failure: errno u32, and call,
// reason, path, dest and detail, each a length u32 and the bytes
void PackedApply::Add(ApplyOutcome outcome, const ChangeInfo& info, const Failure* failure) {
  Change change;
  change.kind = static_cast<ChangeKind>(info.kind);
  change.type = info.type;
  change.previous_type = info.previous_type;
  change.aspects = info.aspects;
  change.path = info.path;
  change.name_size = change.path.size() - (change.path.rfind('/') + 1);
  change.renamed_from = info.renamed_from;
  changes_.Add(change);
  Put(static_cast<uint8_t>(outcome));
  Put(static_cast<uint8_t>((info.implied ? 1 : 0) | (failure != nullptr ? 2 : 0)));
  if (failure == nullptr) return;
  Put(static_cast<uint32_t>(failure->err));
  PutText(failure->call);
  PutText(failure->reason);
  PutText(failure->path);
  PutText(failure->dest);
  PutText(failure->detail);
}

}  // namespace ovl
