// The log of a filesystem context, and what is none.
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "core/sys_fs_context.h"
#include "test/check.h"

TEST(FsLogOfAnotherDescriptorIsNotRead) {
  int ends[2];
  if (!CHECK(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0)) return;
  const ovl::UniqueFd near(ends[0]);
  const ovl::UniqueFd far(ends[1]);
  CHECK_EQ(::write(far.get(), "data", 4), 4);
  auto log = ovl::ReadFsLogOf(near.get());
  if (CHECK(!log.ok())) {
    CHECK_EQ(log.failure().err, EINVAL);
    CHECK_EQ(std::string(log.failure().reason), "not-fs-context");
  }
  ovl::Failure failure;
  failure.err = EINVAL;
  CHECK_EQ(ovl::WithFsLog(failure, near.get()).log.size(), 0U);
  char data[8];
  CHECK_EQ(::read(near.get(), data, sizeof data), 4);
}

TEST(FsLogOfAClosedDescriptor) {
  auto log = ovl::ReadFsLogOf(-1);
  CHECK(!log.ok() && log.failure().err == EBADF);
}

TEST(FsLogIsReadOnce) {
  auto context = ovl::Fsopen("tmpfs");
  if (!context.ok() && context.failure().err == EPERM) return check::Skip("needs CAP_SYS_ADMIN");
  if (!CHECK(context.ok())) return;
  const int fs = context.value().get();
  CHECK(!ovl::FsconfigString(fs, "no-such-option", "x").ok());
  CHECK(!ovl::FsconfigString(fs, "size", "much").ok());
  auto log = ovl::ReadFsLogOf(fs);
  if (!CHECK(log.ok())) return;
  CHECK_EQ(log.value().size(), 2U);
  CHECK(log.value().front().find("no-such-option") != std::string::npos);
  CHECK(log.value().back().starts_with("e tmpfs: "));
  CHECK_EQ(ovl::ReadFsLogOf(fs).value().size(), 0U);
}
