#include "core/mount_table.h"

#include <fcntl.h>
#include <unistd.h>

#include <charconv>

#include "core/unique_fd.h"

namespace ovl {

namespace {

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// Takes the next space-separated field off a line.
std::string_view TakeField(std::string_view& line) {
  const size_t end = line.find(' ');
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return field;
}

bool ParseNumber(std::string_view text, uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool ParseLine(std::string_view line, MountEntry& entry) {
  if (!ParseNumber(TakeField(line), entry.id)) return false;
  if (!ParseNumber(TakeField(line), entry.parent)) return false;
  TakeField(line);  // the device numbers
  entry.root = UnescapeOctal(TakeField(line));
  entry.target = UnescapeOctal(TakeField(line));
  entry.mount_options = TakeField(line);
  // Any number of optional fields, ended by a lone dash.
  for (;;) {
    if (line.empty()) return false;
    if (TakeField(line) == "-") break;
  }
  entry.fstype = UnescapeOctal(TakeField(line));
  entry.source = UnescapeOctal(TakeField(line));
  entry.super_options = line;
  return !entry.fstype.empty();
}

}  // namespace

std::string UnescapeOctal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) &&
                        IsOctal(text[i + 2]) && IsOctal(text[i + 3]);
    if (!escape) {
      out.push_back(text[i]);
      continue;
    }
    const int value = (text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0');
    out.push_back(static_cast<char>(value));
    i += 3;
  }
  return out;
}

std::vector<MountEntry> ParseMountTable(std::string_view text) {
  std::vector<MountEntry> table;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    MountEntry entry;
    if (ParseLine(text.substr(0, end), entry)) table.push_back(std::move(entry));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return table;
}

Result<std::vector<MountEntry>> ReadMountTable() {
  // Of the thread: /proc/self would be the main thread's table.
  return ReadMountTableAt("/proc/thread-self/mountinfo");
}

Result<std::vector<MountEntry>> ReadMountTableAt(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Errno("open", path);
  std::string text;
  size_t used = 0;
  for (;;) {
    // No line limit: one overlay of 500 layers makes a line of tens of kilobytes.
    text.resize(used + 64 * 1024);
    const ssize_t n = ::read(fd.get(), text.data() + used, text.size() - used);
    if (n < 0) {
      if (errno == EINTR) continue;
      return Errno("read", path);
    }
    if (n == 0) break;
    used += static_cast<size_t>(n);
  }
  text.resize(used);
  return ParseMountTable(text);
}

}  // namespace ovl
