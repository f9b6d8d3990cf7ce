#include "core/origin.h"

#include <bit>
#include <cstdio>
#include <string>
#include <string_view>

#include "test/check.h"

using ovl::ParseIndexName;
using ovl::ParseOrigin;

namespace {

constexpr bool kBig = std::endian::native == std::endian::big;
const std::string kUuid = "0123456789abcdef";

struct Parts {
  unsigned version = 0;
  unsigned magic = 0xfb;
  int longer = 0;  // than it is
  unsigned flags = kBig ? 1 : 0;
  unsigned type = 0x81;
  std::string uuid = kUuid;
  std::string handle = "handle";
};

std::string Make(const Parts& parts) {
  std::string value;
  const int length = static_cast<int>(5 + parts.uuid.size() + parts.handle.size()) + parts.longer;
  for (const unsigned byte :
       {parts.version, parts.magic, static_cast<unsigned>(length), parts.flags, parts.type}) {
    value.push_back(static_cast<char>(byte));
  }
  return value + parts.uuid + parts.handle;
}

std::string Show(const std::optional<ovl::Origin>& origin) {
  if (!origin) return "nothing";
  return std::to_string(origin->handle.type) + " " + origin->handle.bytes + " " + origin->uuid;
}

std::string Hex(std::string_view value) {
  std::string out;
  for (const char c : value) {
    char digits[3];
    (void)std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(c));
    out += digits;
  }
  return out;
}

}  // namespace

TEST(OriginsAreHandlesOfAFilesystem) {
  CHECK_EQ(Show(ParseOrigin(Make({}))), "129 handle " + kUuid);
  CHECK_EQ(Show(ParseOrigin(Make({.type = 0, .handle = "x"}))), "0 x " + kUuid);
  const std::string nul("\0\0\0\0", 4);
  const auto zeros = ParseOrigin(Make({.uuid = std::string(16, '\0'), .handle = nul}));
  if (!CHECK(zeros.has_value())) return;
  CHECK_EQ(zeros->handle.bytes, nul);
  CHECK_EQ(zeros->uuid, std::string(16, '\0'));
}

TEST(OriginsOfEveryLength) {
  const std::string longest(255 - 21, 'h');
  CHECK_EQ(Show(ParseOrigin(Make({.handle = longest}))), "129 " + longest + " " + kUuid);
  // The length is one byte, so a longer one cannot say how long it is.
  CHECK_EQ(Show(ParseOrigin(Make({.handle = longest + "h"}))), "nothing");
  CHECK_EQ(Show(ParseOrigin(Make({.handle = longest + std::string(22, 'h')}))), "nothing");
}

TEST(OriginsThatAreUnknown) {
  CHECK_EQ(Show(ParseOrigin("")), "nothing");  // "copied up from somewhere"
  const std::string whole = Make({});
  for (size_t size = 0; size < whole.size(); ++size) {
    CHECK_EQ(Show(ParseOrigin(std::string_view(whole).substr(0, size))), "nothing");
  }
  CHECK_EQ(Show(ParseOrigin(Make({.handle = ""}))), "nothing");
  CHECK_EQ(Show(ParseOrigin(Make({.version = 1}))), "nothing");
  CHECK_EQ(Show(ParseOrigin(Make({.magic = 0xfa}))), "nothing");
  for (const int wrong : {1, 100}) {
    CHECK_EQ(Show(ParseOrigin(Make({.longer = wrong}))), "nothing");
  }
}

TEST(OriginsOfTheOtherByteOrder) {
  const unsigned ours = kBig ? 1 : 0;
  CHECK_EQ(Show(ParseOrigin(Make({.flags = ours ^ 1U}))), "nothing");
  CHECK_EQ(Show(ParseOrigin(Make({.flags = (ours ^ 1U) | 2U}))), "129 handle " + kUuid);
  CHECK_EQ(Show(ParseOrigin(Make({.flags = ours | 2U}))), "129 handle " + kUuid);
  CHECK_EQ(Show(ParseOrigin(Make({.flags = ours | 4U}))), "129 handle " + kUuid);
  for (const unsigned unknown : {8U, 16U, 128U}) {
    CHECK_EQ(Show(ParseOrigin(Make({.flags = ours | unknown}))), "nothing");
  }
}

TEST(IndexNamesAreOriginsInHexadecimal) {
  CHECK_EQ(Show(ParseIndexName(Hex(Make({})))), "129 handle " + kUuid);
  const std::string high = Make({.handle = "\xff\x80\x7f"});
  CHECK_EQ(Show(ParseIndexName(Hex(high))), "129 \xff\x80\x7f " + kUuid);
}

TEST(IndexNamesThatAreSomethingElse) {
  const std::string name = Hex(Make({}));
  CHECK_EQ(Show(ParseIndexName("")), "nothing");
  CHECK_EQ(Show(ParseIndexName("#1f")), "nothing");  // a temporary name of the kernel
  CHECK_EQ(Show(ParseIndexName("zz")), "nothing");
  CHECK_EQ(Show(ParseIndexName(name + "0")), "nothing");
  CHECK_EQ(Show(ParseIndexName(name.substr(1))), "nothing");
  std::string upper = name;
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'f' ? c - 0x20 : c);
  CHECK_EQ(Show(ParseIndexName(upper)), "nothing");  // the kernel writes small letters
  for (const char wrong : {'g', '/', ':', '`', '\xff', '\0', ' '}) {
    std::string bad = name;
    bad[3] = wrong;
    CHECK_EQ(Show(ParseIndexName(bad)), "nothing");
  }
}
