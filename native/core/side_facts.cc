#include "core/side_facts.h"

#include "core/sys_file.h"

namespace ovl {

namespace {

Result<SideFacts> FactsOf(const Found& found) {
  SideFacts facts;
  if (found.kind == Found::Kind::kNothing) return facts;
  facts.there = true;
  facts.st = found.top.st;
  if (!S_ISLNK(facts.st.st_mode)) return facts;
  auto dir = found.top.dir->Fd();
  if (!dir.ok()) {
    if (dir.failure().err == ENOENT) return SideFacts{};
    return std::move(dir.failure());
  }
  auto target = ReadLinkAt(dir.value(), found.top.name);
  if (!target.ok()) {
    // It has vanished, or something else has taken its place.
    if (target.failure().err == ENOENT || target.failure().err == EINVAL) return SideFacts{};
    return Located(std::move(target.failure()), found.top.dir, found.top.name);
  }
  facts.target = std::move(target.value());
  return facts;
}

}  // namespace

Result<SideReader::Both> SideReader::Read(std::string_view path) {
  auto found = Find(path);
  if (!found.ok()) return std::move(found.failure());
  Both both;
  auto before = FactsOf(found.value()->before);
  if (!before.ok()) return std::move(before.failure());
  auto after = FactsOf(found.value()->after);
  if (!after.ok()) return std::move(after.failure());
  both.before = std::move(before.value());
  both.after = std::move(after.value());
  return both;
}

Result<const Sides*> SideReader::Find(std::string_view path) {
  auto found = search_.Find(path == "." ? std::string_view() : path, entry_);
  if (!found.ok()) return std::move(found.failure());
  return &entry_.sides;
}

}  // namespace ovl
