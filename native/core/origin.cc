#include "core/origin.h"

#include <bit>
#include <cstdint>

namespace ovl {

namespace {

constexpr size_t kHeader = 5;  // version, magic, length, flags, type of the handle
constexpr size_t kUuid = 16;
constexpr uint8_t kVersion = 0;
constexpr uint8_t kMagic = 0xfb;
enum Flags : uint8_t { kBigEndian = 1, kAnyEndian = 2, kOfUpper = 4 };

uint8_t Byte(std::string_view text, size_t i) { return static_cast<uint8_t>(text[i]); }

int Digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::optional<Origin> ParseOrigin(std::string_view value) {
  if (value.size() <= kHeader + kUuid) return std::nullopt;
  if (Byte(value, 0) != kVersion || Byte(value, 1) != kMagic) return std::nullopt;
  if (Byte(value, 2) != value.size()) return std::nullopt;
  const uint8_t flags = Byte(value, 3);
  if ((flags & ~(kBigEndian | kAnyEndian | kOfUpper)) != 0) return std::nullopt;
  constexpr uint8_t kOurs = std::endian::native == std::endian::big ? kBigEndian : 0;
  if ((flags & kAnyEndian) == 0 && (flags & kBigEndian) != kOurs) return std::nullopt;
  return Origin{FileHandle{Byte(value, 4), std::string(value.substr(kHeader + kUuid))},
                std::string(value.substr(kHeader, kUuid))};
}

std::optional<Origin> ParseIndexName(std::string_view name) {
  if (name.size() % 2 != 0) return std::nullopt;
  std::string value;
  for (size_t i = 0; i < name.size(); i += 2) {
    const int high = Digit(name[i]);
    const int low = Digit(name[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    value.push_back(static_cast<char>(high * 16 + low));
  }
  return ParseOrigin(value);
}

Result<std::optional<Origin>> ReadOrigin(const MarkReader& marks, const LayerEntry& entry) {
  std::string value;
  auto got = GetXattrOf(entry, MarkerName(marks.space(), "origin"), value);
  if (!got.ok()) {
    // Reading user.* takes read permission on the file, which listing its attributes does not.
    if (got.failure().err == EACCES) return std::optional<Origin>();
    return std::move(got.failure());
  }
  if (!got.value()) return std::optional<Origin>();
  return ParseOrigin(value);
}

}  // namespace ovl
