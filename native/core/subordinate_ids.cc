#include "core/subordinate_ids.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace ovl {

namespace {

// (uid_t)-1 is no id.
constexpr uint64_t kIdsEnd = 0xffffffff;

// Decimal digits without a leading zero, which newuidmap(1) takes for an octal number.
std::optional<uint64_t> ToNumber(std::string_view text) {
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return std::nullopt;
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return std::nullopt;
  }
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string_view UpTo(std::string_view& text, char separator) {
  const size_t at = text.find(separator);
  const std::string_view part = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return part;
}

std::optional<IdExtent> GrantOf(std::string_view line, std::string_view name, uint32_t uid) {
  if (std::count(line.begin(), line.end(), ':') != 2) return std::nullopt;
  const std::string_view owner = UpTo(line, ':');
  const auto first = ToNumber(UpTo(line, ':'));
  const auto count = ToNumber(line);
  if (owner.empty() || (owner != name && owner != std::to_string(uid))) return std::nullopt;
  if (!first || !count || *count == 0) return std::nullopt;
  if (*first >= kIdsEnd || *count > kIdsEnd - *first) return std::nullopt;
  return IdExtent{static_cast<uint32_t>(*first), static_cast<uint32_t>(*count)};
}

}  // namespace

std::vector<IdExtent> GrantedIds(std::string_view text, std::string_view name, uint32_t uid) {
  std::vector<IdExtent> granted;
  while (!text.empty()) {
    if (auto extent = GrantOf(UpTo(text, '\n'), name, uid)) granted.push_back(*extent);
  }
  return granted;
}

std::vector<IdExtent> IdentityMap(uint32_t own, std::vector<IdExtent> granted) {
  std::sort(granted.begin(), granted.end(), [](const IdExtent& a, const IdExtent& b) {
    return a.first != b.first ? a.first < b.first : a.count > b.count;
  });
  std::vector<IdExtent> map{{own, 1}};
  const auto add = [&map](uint64_t first, uint64_t end) {
    if (first >= end || map.size() == kMaxMapLines) return;
    map.push_back({static_cast<uint32_t>(first), static_cast<uint32_t>(end - first)});
  };
  uint64_t next = 1;
  for (const IdExtent& extent : granted) {
    const uint64_t first = std::max<uint64_t>(extent.first, next);
    const uint64_t end = uint64_t{extent.first} + extent.count;
    if (first >= end) continue;
    next = end;
    if (own >= first && own < end) {
      add(first, own);
      add(uint64_t{own} + 1, end);
    } else {
      add(first, end);
    }
  }
  return map;
}

}  // namespace ovl
