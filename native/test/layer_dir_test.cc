#include "core/layer_dir.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <string>

#include "core/sys_file.h"
#include "test/check.h"
#include "test/descriptors.h"
#include "test/tree.h"

using ovl::DirPtr;
using ovl::LayerDir;

namespace {

DirPtr OpenRoot(const std::string& path) {
  auto fd = ovl::OpenDirectory(path);
  if (!CHECK(fd.ok())) return nullptr;
  auto root = LayerDir::Root(std::move(fd.value()), 3, path);
  return CHECK(root.ok()) ? root.value() : nullptr;
}

// A directory as the walk finds it: by name, with the identity it has now.
DirPtr ChildOf(const DirPtr& parent, const std::string& name) {
  struct stat st {};
  auto fd = parent->Fd();
  if (!CHECK(fd.ok())) return nullptr;
  auto there = ovl::StatAt(fd.value(), name, st);
  CHECK(there.ok() && there.value());
  return LayerDir::Child(parent, name, st.st_dev, st.st_ino);
}

bool Leads(const DirPtr& dir) {
  auto fd = dir->Fd();
  if (!CHECK(fd.ok())) return false;
  auto st = ovl::StatFd(fd.value());
  return CHECK(st.ok()) && st.value().st_ino == dir->ino() && st.value().st_dev == dir->dev();
}

// Makes `depth` directories, each in the one before, without ever having a path that long.
void MakeChain(const std::string& root, const std::string& name, size_t depth) {
  int at = ::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  for (size_t i = 0; i < depth; ++i) {
    CHECK(::mkdirat(at, name.c_str(), 0755) == 0);
    const int next = ::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    (void)::close(at);
    at = next;
  }
  (void)::close(at);
}

}  // namespace

TEST(LayerDirOpensOnFirstUseAndAgain) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("a/b");
  const DirPtr root = OpenRoot(temp.path());
  const DirPtr a = ChildOf(root, "a");
  const DirPtr b = ChildOf(a, "b");
  CHECK(root->IsRoot() && !a->IsRoot());
  CHECK_EQ(b->layer(), 3);
  CHECK_EQ(b->PathOf("c"), temp.path() + "/a/b/c");
  CHECK_EQ(b->PathOf(""), temp.path() + "/a/b");
  CHECK_EQ(root->PathOf(""), temp.path());
  CHECK(Leads(b));
  for (int i = 0; i < 3; ++i) {
    b->Close();
    a->Close();
    root->Close();  // stays open: nothing could open it again
    CHECK(Leads(b));
  }
}

TEST(LayerDirReopenHasItsOwnPosition) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("a");
  const DirPtr root = OpenRoot(temp.path());
  auto again = root->Reopen();
  if (!CHECK(again.ok())) return;
  CHECK_EQ(again.value()->layer(), 3);
  CHECK_EQ(again.value()->ino(), root->ino());
  CHECK_EQ(again.value()->PathOf("x"), root->PathOf("x"));
  CHECK(again.value()->Fd().value() != root->Fd().value());
  CHECK(::lseek(root->Fd().value(), 1, SEEK_SET) >= 0);
  CHECK_EQ(::lseek(again.value()->Fd().value(), 0, SEEK_CUR), 0);
}

TEST(LayerDirThatIsNoLongerTheSameIsGone) {
  const TempDir temp;
  Tree tree(temp.path());
  const DirPtr root = OpenRoot(temp.path());
  for (const char* name : {"removed", "directory", "file", "symlink"}) {
    tree.Dir(name);
    tree.Dir("keeps-the-inode-number/" + std::string(name));
    const DirPtr dir = ChildOf(root, name);
    const DirPtr below = LayerDir::Child(dir, "below", 1, 1);
    CHECK(Leads(dir));
    dir->Close();
    CHECK(::rename(tree.Path(name).c_str(), tree.Path(std::string(name) + "-moved").c_str()) == 0);
    if (name[0] == 'd') tree.Dir(name);
    if (name[0] == 'f') tree.File(name);
    if (name[0] == 's') tree.Symlink(name, "keeps-the-inode-number");
    for (const DirPtr& gone : {dir, below}) {
      auto fd = gone->Fd();
      if (!CHECK(!fd.ok())) continue;
      CHECK_EQ(fd.failure().err, ENOENT);
      CHECK_EQ(fd.failure().path, tree.Path(name));
      CHECK_EQ(std::string(fd.failure().reason), name[0] == 'r' ? "" : "replaced");
    }
  }
}

TEST(LayerDirOpensTheWayBackForThoseWhoStillNeedIt) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("a/b/c/d");
  const DirPtr root = OpenRoot(temp.path());
  const DirPtr a = ChildOf(root, "a");
  DirPtr d = ChildOf(ChildOf(ChildOf(a, "b"), "c"), "d");
  CHECK(Leads(d));
  CHECK(d->OpenWayBack() == nullptr);  // everything is open
  d->parent()->Close();
  CHECK(d->OpenWayBack() == nullptr);  // that one goes with it
  CHECK(!d->parent()->IsOpen());
  a->Close();
  CHECK(d->OpenWayBack() == a);
  CHECK(a->IsOpen() && Leads(a));
  a->Close();
  d->Close();
  CHECK(d->OpenWayBack() == nullptr);  // from where?
  CHECK(!a->IsOpen());
  CHECK(Leads(d));
  a->Close();
  CHECK(::rename(tree.Path("a/b").c_str(), tree.Path("b").c_str()) == 0);
  CHECK(d->OpenWayBack() == nullptr);  // what is above is not "a" any more
  CHECK(!a->IsOpen());
  const size_t before = Descriptors();
  d.reset();
  CHECK_EQ(Descriptors(), before - 3);
}

TEST(LayerDirFailsToOpenWhatIsNotAllowed) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("a/b");
  const DirPtr a = ChildOf(OpenRoot(temp.path()), "a");
  const DirPtr b = ChildOf(a, "b");
  tree.Remove("a/b");
  auto fd = b->Fd();
  if (!CHECK(!fd.ok())) return;
  CHECK_EQ(fd.failure().err, ENOENT);
  CHECK_EQ(fd.failure().path, tree.Path("a/b"));
  CHECK(Leads(a));  // the way there is not harmed
}

TEST(LayerDirReachesBelowPathMax) {
  const TempDir temp;
  const std::string name(100, 'n');
  constexpr size_t kDepth = 100;
  MakeChain(temp.path(), name, kDepth);
  const size_t before = Descriptors();
  const DirPtr root = OpenRoot(temp.path());
  std::vector<DirPtr> chain{root};
  for (size_t i = 0; i < kDepth; ++i) chain.push_back(ChildOf(chain.back(), name));
  CHECK_EQ(chain.back()->PathOf("").size(), temp.path().size() + kDepth * (name.size() + 1));
  CHECK(Leads(chain.back()));
  for (const DirPtr& dir : chain) dir->Close();
  CHECK_EQ(Descriptors(), before + 1);
  // From the root all the way down: of what is opened only the last few stay open.
  CHECK(Leads(chain.back()));
  CHECK_EQ(Descriptors(), before + 1 + 16);
  for (size_t i = chain.size(); i-- > 0;) CHECK(Leads(chain[i]));
}

TEST(LayerDirLetsGoOfAChainDeeperThanTheStack) {
  const TempDir temp;
  DirPtr deepest = OpenRoot(temp.path());
  for (size_t i = 0; i < 1'000'000; ++i) deepest = LayerDir::Child(deepest, "d", 0, 0);
  deepest.reset();
  CHECK(!deepest);
}

TEST(SameStackComparesLayersAndIdentity) {
  const TempDir temp;
  Tree tree(temp.path());
  tree.Dir("a");
  tree.Dir("b");
  const DirPtr root = OpenRoot(temp.path());
  const DirPtr a = ChildOf(root, "a");
  const DirPtr b = ChildOf(root, "b");
  CHECK(ovl::SameStack({}, {}));
  CHECK(ovl::SameStack({a, b}, {ChildOf(root, "a"), ChildOf(root, "b")}));
  CHECK(!ovl::SameStack({a, b}, {b, a}));
  CHECK(!ovl::SameStack({a}, {a, b}));
  CHECK(!ovl::SameStack({a, b}, {a}));
  auto fd = ovl::OpenDirectory(temp.path());
  auto other = LayerDir::Root(std::move(fd.value()), 4, temp.path());
  CHECK(!ovl::SameStack({root}, {other.value()}));  // one directory, two layers
}

TEST(LayerDirRootFailsWithItsPath) {
  auto root = LayerDir::Root(ovl::UniqueFd(), 0, "/the/layer");
  CHECK(!root.ok() && root.failure().err == EBADF && root.failure().path == "/the/layer");
}

TEST(LayerDirSaysWhatMayNotBeRead) {
  const TempDir temp;
  const DirPtr root = OpenRoot(temp.path());
  if (root == nullptr) return;
  const auto why = [&](int err, const char* call, const char* reason = "") {
    return std::string(ovl::Located(ovl::Refusal(err, call, reason), root, "name").reason);
  };
  for (const char* call : {"openat2", "getdents64", "fgetxattr", "listxattrat", "fstatat"}) {
    CHECK_EQ(why(EACCES, call), "not-readable");
    CHECK_EQ(why(EIO, call), "");
  }
  CHECK_EQ(why(EACCES, "openat", "bad-redirect"), "bad-redirect");
  // What may not be made there can be looked at.
  for (const char* call : {"mkdirat", "linkat", "mknodat", "symlinkat"}) {
    CHECK_EQ(why(EACCES, call), "");
  }
}
