// The text and the file of a lease, and what else may have its name.
#include "core/lease.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "core/lease_file.h"
#include "core/unique_fd.h"
#include "test/check.h"
#include "test/tree.h"

namespace {

using ovl::LeaseHolder;

LeaseHolder Example() {
  LeaseHolder holder;
  holder.pid = 4711;
  holder.command = "overlayfs mount /srv/merged";
  holder.since = 1'795'693'579;
  holder.boot_id = "3f1c9d1e-0000-4000-8000-000000000001";
  holder.mount_namespace = 4'026'531'841;
  holder.mount_id = 4'294'968'123;
  holder.target = "/srv/merged";
  holder.is_volatile = true;
  return holder;
}

struct Work {
  TempDir temp;
  Tree tree{temp.path()};
  ovl::UniqueFd fd{::open(temp.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};

  bool Publish(const LeaseHolder& holder) const {
    auto draft = ovl::DraftLease(fd.get());
    return CHECK(draft.ok()) &&
           CHECK(ovl::PublishLease(fd.get(), draft.value().get(), holder).ok());
  }
  bool HasNone() const {
    auto lease = ovl::ReadLease(fd.get());
    return CHECK(lease.ok()) && !lease.value();
  }
};

std::string Text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST(LeaseTextKeepsAnyBytes) {
  LeaseHolder holder = Example();
  CHECK(ovl::ParseLease(ovl::FormatLease(holder)) == holder);
  holder.target = "/a\nboot=x\\012\\\\\t\xff\x01 =\x7f";
  holder.command = "";
  holder.since = -1;
  CHECK(ovl::ParseLease(ovl::FormatLease(holder)) == holder);
  holder.target = "";
  CHECK(ovl::ParseLease(ovl::FormatLease(holder)) == holder);
}

TEST(LeaseTextIsWholeOrNone) {
  const std::string text = ovl::FormatLease(Example());
  for (size_t size = 0; size < text.size(); ++size) {
    CHECK(!ovl::ParseLease(std::string_view(text).substr(0, size)));
  }
  CHECK(ovl::ParseLease(text + "later=1\n") == Example());
  CHECK(!ovl::ParseLease(text + "no equals sign\n"));
  std::string other = text;
  other.replace(text.find(" 1\n"), 2, " 2");
  CHECK(!ovl::ParseLease(other));
  other = text;
  other.replace(text.find("4711"), 4, "47x1");
  CHECK(!ovl::ParseLease(other));
  other.replace(other.find("47x1"), 4, "");
  CHECK(!ovl::ParseLease(other));
}

TEST(LeaseFileIsReplacedAndRemoved) {
  const Work work;
  CHECK(work.HasNone());
  if (!work.Publish(Example())) return;
  struct stat st {};
  CHECK(::stat(work.tree.Path("overlayfs.lease").c_str(), &st) == 0);
  CHECK_EQ(st.st_mode & 07133, S_IFREG & 07133);
  auto lease = ovl::ReadLease(work.fd.get());
  CHECK(lease.ok() && lease.value() == Example());

  // Another writer's lease is not removed with the first's identity.
  auto draft = ovl::DraftLease(work.fd.get());
  if (!CHECK(draft.ok())) return;
  LeaseHolder second = Example();
  second.pid = 2;
  auto identity = ovl::PublishLease(work.fd.get(), draft.value().get(), second);
  if (!CHECK(identity.ok()) || !work.Publish(Example())) return;
  ovl::RemoveLease(work.fd.get(), identity.value());
  lease = ovl::ReadLease(work.fd.get());
  CHECK(lease.ok() && lease.value() == Example());

  draft = ovl::DraftLease(work.fd.get());
  if (!CHECK(draft.ok())) return;
  identity = ovl::PublishLease(work.fd.get(), draft.value().get(), second);
  if (!CHECK(identity.ok())) return;
  ovl::RemoveLease(work.fd.get(), identity.value());
  CHECK(std::filesystem::is_empty(work.temp.path()));
}

TEST(LeaseFileOfOthersIsNotFollowed) {
  Work work;
  work.tree.File("victim", "precious");
  const auto is_replaced = [&] {
    CHECK(work.HasNone());
    if (!work.Publish(Example())) return;
    auto lease = ovl::ReadLease(work.fd.get());
    CHECK(lease.ok() && lease.value() == Example());
    CHECK_EQ(Text(work.tree.Path("victim")), "precious");
    work.tree.Remove("overlayfs.lease");
  };
  work.tree.Symlink("overlayfs.lease", "victim");
  work.tree.Symlink("overlayfs.lease.new", "victim");
  is_replaced();
  work.tree.Fifo("overlayfs.lease");
  work.tree.Fifo("overlayfs.lease.new");
  is_replaced();
  work.tree.HardLink("overlayfs.lease.new", "victim");
  work.tree.File("overlayfs.lease", "overlayfs lease 2\n");
  is_replaced();
  work.tree.File("overlayfs.lease",
                 ovl::FormatLease(Example()) + std::string(1 << 20, 'x') + "=\n");
  is_replaced();
  work.tree.File("overlayfs.lease", "");
  is_replaced();
}

TEST(LeaseFileIsNotADirectory) {
  Work work;
  work.tree.Dir("overlayfs.lease");
  CHECK(work.HasNone());
  auto draft = ovl::DraftLease(work.fd.get());
  if (!CHECK(draft.ok())) return;
  auto published = ovl::PublishLease(work.fd.get(), draft.value().get(), Example());
  if (CHECK(!published.ok())) {
    CHECK_EQ(published.failure().err, EISDIR);
    CHECK_EQ(std::string(published.failure().call), "renameat");
    CHECK_EQ(std::string(published.failure().reason), "lease-is-directory");
  }
  work.tree.Remove("overlayfs.lease.new");
  work.tree.Dir("overlayfs.lease.new");
  draft = ovl::DraftLease(work.fd.get());
  if (CHECK(!draft.ok())) CHECK_EQ(std::string(draft.failure().reason), "lease-is-directory");
}

TEST(LeaseDescribesTheCaller) {
  auto holder = ovl::DescribeCaller();
  if (!CHECK(holder.ok())) return;
  CHECK_EQ(holder.value().pid, ::getpid());
  CHECK(holder.value().command.find("core-test") != std::string::npos);
  CHECK_EQ(holder.value().boot_id.size(), 36U);
  struct stat st {};
  CHECK(::stat("/proc/self/ns/mnt", &st) == 0);
  CHECK_EQ(holder.value().mount_namespace, st.st_ino);
}
