#include "core/mountinfo.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <utility>

#include "core/unique_fd.h"

namespace ovl {

namespace {

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

// Takes the next field off a line.
std::string_view TakeField(std::string_view& line, char separator = ' ') {
  const size_t end = line.find(separator);
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  return field;
}

template <typename Number>
bool ParseNumber(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

bool ParseDevice(std::string_view field, MountEntry& entry) {
  const std::string_view major = TakeField(field, ':');
  return ParseNumber(major, entry.device_major) && ParseNumber(field, entry.device_minor);
}

// Fields that are not known are no mistake: new ones may come.
bool ParseOptionalField(std::string_view field, Propagation& out) {
  const std::string_view tag = TakeField(field, ':');
  if (tag == "shared") return ParseNumber(field, out.peer_group);
  if (tag == "master") return ParseNumber(field, out.master);
  if (tag == "propagate_from") return ParseNumber(field, out.propagate_from);
  if (tag == "unbindable") out.unbindable = true;
  return true;
}

bool ParseLine(std::string_view line, MountEntry& entry) {
  if (!ParseNumber(TakeField(line), entry.id)) return false;
  if (!ParseNumber(TakeField(line), entry.parent)) return false;
  if (!ParseDevice(TakeField(line), entry)) return false;
  entry.root = UnescapeOctal(TakeField(line));
  entry.root_deleted = TakeDeletedMark(entry.root);
  entry.target = UnescapeOctal(TakeField(line));
  entry.mount_options = TakeField(line);
  // Any number of optional fields, ended by a lone dash.
  for (;;) {
    if (line.empty()) return false;
    const std::string_view field = TakeField(line);
    if (field == "-") break;
    if (!ParseOptionalField(field, entry.propagation)) return false;
  }
  entry.fstype = UnescapeOctal(TakeField(line));
  entry.source = UnescapeOctal(TakeField(line));
  entry.super_options = SplitOptions(line);
  return !entry.fstype.empty();
}

Result<std::string> ReadAll(int fd, const std::string& path) {
  if (::lseek(fd, 0, SEEK_SET) != 0) return Errno("lseek", path);
  std::string text;
  size_t used = 0;
  for (;;) {
    text.resize(used + 64 * 1024);
    const ssize_t n = ::read(fd, text.data() + used, text.size() - used);
    if (n < 0) {
      if (errno == EINTR) continue;
      return Errno("read", path);
    }
    if (n == 0) break;
    used += static_cast<size_t>(n);
  }
  text.resize(used);
  return text;
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

std::vector<std::string> SplitOptions(std::string_view text) {
  std::vector<std::string> options;
  while (!text.empty()) options.push_back(UnescapeOctal(TakeField(text, ',')));
  return options;
}

std::vector<MountEntry> ParseMountinfo(std::string_view text) {
  std::vector<MountEntry> table;
  while (!text.empty()) {
    MountEntry entry;
    if (ParseLine(TakeField(text, '\n'), entry)) table.push_back(std::move(entry));
  }
  return table;
}

Result<TableChanges> TableChanges::Open(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return Errno("open", path);
  return TableChanges(std::move(fd), path);
}

Result<bool> TableChanges::Any() {
  for (;;) {
    struct pollfd table {
      fd_.get(), POLLPRI, 0
    };
    if (::poll(&table, 1, 0) >= 0) return (table.revents & POLLPRI) != 0;
    if (errno != EINTR) return Errno("poll", path_);
  }
}

Result<std::vector<MountEntry>> ReadMountinfo(const std::string& path) {
  auto changes = TableChanges::Open(path);
  if (!changes.ok()) return std::move(changes.failure());
  for (int reading = 1;; ++reading) {
    auto text = ReadAll(changes.value().fd(), path);
    if (!text.ok()) return std::move(text.failure());
    auto changed = changes.value().Any();
    if (!changed.ok()) return std::move(changed.failure());
    if (!changed.value() || reading == kTableReadings) return ParseMountinfo(text.value());
  }
}

}  // namespace ovl
