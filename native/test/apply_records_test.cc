// What an apply writes down, and what older versions have.
#include "core/apply_records.h"

#include <string>

#include "test/check.h"

using ovl::DecodeHeader;
using ovl::EncodeHeader;
using ovl::JournalHeader;

TEST(JournalHeaderOfAnOlderVersionHasNoNanoseconds) {
  JournalHeader header;
  header.seconds = 1700000000;
  header.nanoseconds = 123456789;
  header.source = "/upper";
  header.destination = "/lower";
  const std::string text = EncodeHeader(header);
  const auto whole = DecodeHeader(text);
  CHECK(whole && whole->nanoseconds == 123456789);
  const auto older = DecodeHeader(text.substr(0, text.size() - sizeof header.nanoseconds));
  CHECK(older && older->nanoseconds == -1);
  CHECK(older && older->seconds == header.seconds && older->destination == "/lower");
  CHECK(!DecodeHeader(text.substr(0, text.size() - 1)));
}
