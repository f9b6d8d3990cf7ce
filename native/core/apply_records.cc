#include "core/apply_records.h"

#include <cstring>
#include <type_traits>
#include <utility>

namespace ovl {

namespace {

class Writer {
 public:
  template <typename T>
  void Put(T value) {
    static_assert(std::is_trivially_copyable_v<T>);
    out_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  void Text(std::string_view text) {
    Put(static_cast<uint32_t>(text.size()));
    out_.append(text);
  }
  void Times(int64_t seconds, int64_t nanoseconds) {
    Put(seconds);
    Put(nanoseconds);
  }
  std::string Take() { return std::move(out_); }

 private:
  std::string out_;
};

// Once something is missing everything after it is nothing, and ok() says so.
class Reader {
 public:
  explicit Reader(std::string_view in) : in_(in) {}
  template <typename T>
  T Get() {
    T value{};
    if (in_.size() < sizeof value) {
      ok_ = false;
      in_ = {};
      return value;
    }
    std::memcpy(&value, in_.data(), sizeof value);
    in_.remove_prefix(sizeof value);
    return value;
  }
  bool Flag() { return Get<uint8_t>() != 0; }
  std::string Text() {
    const auto size = Get<uint32_t>();
    if (in_.size() < size) {
      ok_ = false;
      in_ = {};
      return {};
    }
    std::string text(in_.substr(0, size));
    in_.remove_prefix(size);
    return text;
  }
  bool Ended() const { return ok_ && in_.empty(); }
  bool ok() const { return ok_; }

 private:
  std::string_view in_;
  bool ok_ = true;
};

void Put(Writer& to, const ChangeInfo& change) {
  to.Put(change.kind);
  to.Put(change.type);
  to.Put(change.previous_type);
  to.Put(change.aspects);
  to.Put(static_cast<uint8_t>(change.implied));
  to.Text(change.path);
  to.Text(change.renamed_from);
}

void Put(Writer& to, const std::optional<ChangeInfo>& change) {
  to.Put(static_cast<uint8_t>(change.has_value()));
  if (change) Put(to, *change);
}

void Put(Writer& to, const Identity& identity) {
  to.Put(identity.ino);
  to.Put(identity.type);
  to.Put(identity.size);
  to.Times(identity.seconds, identity.nanoseconds);
}

void Put(Writer& to, const Ownership& owner) {
  to.Put(owner.uid);
  to.Put(owner.gid);
  to.Put(owner.mode);
}

ChangeInfo GetChange(Reader& from) {
  ChangeInfo change;
  change.kind = from.Get<uint8_t>();
  change.type = from.Get<uint32_t>();
  change.previous_type = from.Get<uint32_t>();
  change.aspects = from.Get<uint16_t>();
  change.implied = from.Flag();
  change.path = from.Text();
  change.renamed_from = from.Text();
  return change;
}

std::optional<ChangeInfo> GetOptionalChange(Reader& from) {
  if (!from.Flag()) return std::nullopt;
  return GetChange(from);
}

Identity GetIdentity(Reader& from) {
  Identity identity;
  identity.ino = from.Get<uint64_t>();
  identity.type = from.Get<uint32_t>();
  identity.size = from.Get<int64_t>();
  identity.seconds = from.Get<int64_t>();
  identity.nanoseconds = from.Get<int64_t>();
  return identity;
}

Ownership GetOwnership(Reader& from) {
  Ownership owner;
  owner.uid = from.Get<uint32_t>();
  owner.gid = from.Get<uint32_t>();
  owner.mode = from.Get<uint32_t>();
  return owner;
}

// Names of entries only: no record can lead out of the destination.
bool IsBelow(std::string_view path) {
  while (!path.empty()) {
    const size_t end = std::min(path.find('/'), path.size());
    const std::string_view name = path.substr(0, end);
    if (name.empty() || name == "." || name == "..") return false;
    if (end + 1 == path.size()) return false;
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return true;
}

enum Tag : uint8_t { kEnter = 'E', kLeave = 'L', kUnit = 'U', kPart = 'P' };

std::optional<ApplyRecord> DecodeEnter(Reader& from) {
  EnterRecord record;
  record.path = from.Text();
  record.ino = from.Get<uint64_t>();
  record.mode = from.Get<uint32_t>();
  record.seconds = from.Get<int64_t>();
  record.nanoseconds = from.Get<int64_t>();
  record.unlock = from.Flag();
  if (!IsBelow(record.path)) return std::nullopt;
  return record;
}

std::optional<ApplyRecord> DecodeLeave(Reader& from) {
  LeaveRecord record;
  record.path = from.Text();
  record.ino = from.Get<uint64_t>();
  record.before = GetOwnership(from);
  record.after = GetOwnership(from);
  record.seconds = from.Get<int64_t>();
  record.nanoseconds = from.Get<int64_t>();
  for (auto left = from.Get<uint32_t>(); left > 0 && from.ok(); --left) {
    XattrChange change;
    change.name = from.Text();
    change.had = from.Flag();
    change.has = from.Flag();
    change.before = from.Text();
    change.after = from.Text();
    record.xattrs.push_back(std::move(change));
  }
  record.change = GetOptionalChange(from);
  if (!IsBelow(record.path)) return std::nullopt;
  return record;
}

std::optional<ApplyRecord> DecodeUnit(Reader& from) {
  UnitRecord record;
  record.path = from.Text();
  record.slot = from.Get<uint64_t>();
  record.kind = static_cast<UnitKind>(from.Get<uint8_t>());
  record.before = GetIdentity(from);
  record.after = GetIdentity(from);
  record.unlock_before = from.Get<uint32_t>();
  record.lock_after = from.Get<uint32_t>();
  record.change = GetOptionalChange(from);
  if (record.path.empty() || !IsBelow(record.path) || record.kind > UnitKind::kRemove) {
    return std::nullopt;
  }
  return record;
}

}  // namespace

Identity Identity::Of(const struct stat& st) {
  Identity identity;
  identity.ino = st.st_ino;
  identity.type = st.st_mode & S_IFMT;
  // What is in a directory changes while it waits.
  if (S_ISDIR(st.st_mode)) return identity;
  identity.size = st.st_size;
  identity.seconds = st.st_mtim.tv_sec;
  identity.nanoseconds = st.st_mtim.tv_nsec;
  return identity;
}

bool Identity::IsOf(const struct stat& st) const {
  const Identity other = Of(st);
  return ino == other.ino && type == other.type && size == other.size && seconds == other.seconds &&
         nanoseconds == other.nanoseconds;
}

std::string EncodeRecord(const ApplyRecord& record) {
  Writer to;
  if (const auto* enter = std::get_if<EnterRecord>(&record)) {
    to.Put(kEnter);
    to.Text(enter->path);
    to.Put(enter->ino);
    to.Put(enter->mode);
    to.Times(enter->seconds, enter->nanoseconds);
    to.Put(static_cast<uint8_t>(enter->unlock));
  } else if (const auto* leave = std::get_if<LeaveRecord>(&record)) {
    to.Put(kLeave);
    to.Text(leave->path);
    to.Put(leave->ino);
    Put(to, leave->before);
    Put(to, leave->after);
    to.Times(leave->seconds, leave->nanoseconds);
    to.Put(static_cast<uint32_t>(leave->xattrs.size()));
    for (const XattrChange& change : leave->xattrs) {
      to.Text(change.name);
      to.Put(static_cast<uint8_t>(change.had));
      to.Put(static_cast<uint8_t>(change.has));
      to.Text(change.before);
      to.Text(change.after);
    }
    Put(to, leave->change);
  } else if (const auto* unit = std::get_if<UnitRecord>(&record)) {
    to.Put(kUnit);
    to.Text(unit->path);
    to.Put(unit->slot);
    to.Put(unit->kind);
    Put(to, unit->before);
    Put(to, unit->after);
    to.Put(unit->unlock_before);
    to.Put(unit->lock_after);
    Put(to, unit->change);
  } else if (const auto* part = std::get_if<PartRecord>(&record)) {
    to.Put(kPart);
    Put(to, part->change);
  }
  return to.Take();
}

std::optional<ApplyRecord> DecodeRecord(std::string_view bytes) {
  Reader from(bytes);
  std::optional<ApplyRecord> record;
  switch (from.Get<uint8_t>()) {
    case kEnter:
      record = DecodeEnter(from);
      break;
    case kLeave:
      record = DecodeLeave(from);
      break;
    case kUnit:
      record = DecodeUnit(from);
      break;
    case kPart:
      record = PartRecord{GetChange(from)};
      break;
    default:
      return std::nullopt;
  }
  if (!from.Ended()) return std::nullopt;
  return record;
}

std::string EncodeHeader(const JournalHeader& header) {
  Writer to;
  to.Put(header.stage_ino);
  to.Put(header.destination_ino);
  to.Put(header.fingerprint);
  to.Put(header.seconds);
  to.Put(header.pid);
  to.Times(header.root_seconds, header.root_nanoseconds);
  to.Text(header.source);
  to.Text(header.destination);
  to.Put(header.nanoseconds);
  return to.Take();
}

std::optional<JournalHeader> DecodeHeader(std::string_view bytes) {
  Reader from(bytes);
  JournalHeader header;
  header.stage_ino = from.Get<uint64_t>();
  header.destination_ino = from.Get<uint64_t>();
  header.fingerprint = from.Get<uint64_t>();
  header.seconds = from.Get<int64_t>();
  header.pid = from.Get<uint64_t>();
  header.root_seconds = from.Get<int64_t>();
  header.root_nanoseconds = from.Get<int64_t>();
  header.source = from.Text();
  header.destination = from.Text();
  if (!from.Ended()) header.nanoseconds = from.Get<int64_t>();
  if (!from.Ended()) return std::nullopt;
  return header;
}

}  // namespace ovl
