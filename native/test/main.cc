// Runs the unit tests, or those whose name contains the argument.
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <vector>

#include "test/check.h"

namespace check {

namespace {

size_t failures = 0;
bool skipping = false;
const char* running = "";

}  // namespace

void Fail(const char* file, int line, std::string_view what) {
  ++failures;
  (void)std::printf("FAIL %s:%d %.*s (in %s)\n", file, line, static_cast<int>(what.size()),
                    what.data(), running);
}

void Skip(std::string_view reason) {
  skipping = true;
  (void)std::printf("skip %s: %.*s\n", running, static_cast<int>(reason.size()), reason.data());
}

std::string Show(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out.push_back(c);
      continue;
    }
    char escape[8];
    (void)std::snprintf(escape, sizeof escape, "\\x%02x", byte);
    out.append(escape);
  }
  return out + "\"";
}

}  // namespace check

int main(int argc, char** argv) {
  (void)std::setvbuf(stdout, nullptr, _IOLBF, 0);  // a crash must not swallow what was said before
  std::vector<const check::Test*> tests;
  for (const check::Test* test = check::Test::first; test != nullptr; test = test->next) {
    if (argc < 2 || std::strstr(test->name, argv[1]) != nullptr) tests.push_back(test);
  }
  std::sort(tests.begin(), tests.end(), [](const check::Test* a, const check::Test* b) {
    return std::strcmp(a->name, b->name) < 0;
  });
  size_t passed = 0;
  size_t failed = 0;
  size_t skipped = 0;
  for (const check::Test* test : tests) {
    check::failures = 0;
    check::skipping = false;
    check::running = test->name;
    test->body();
    ++(check::failures > 0 ? failed : check::skipping ? skipped : passed);
  }
  (void)std::printf("%zu passed, %zu failed", passed, failed);
  if (skipped > 0) (void)std::printf(", %zu skipped", skipped);
  (void)std::printf("\n");
  return failed == 0 && passed > 0 ? 0 : 1;
}
