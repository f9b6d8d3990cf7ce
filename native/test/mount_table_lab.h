// Tables of mounts to be tested: in a mount namespace of one's own, read from either source.
#ifndef OVL_TEST_MOUNT_TABLE_LAB_H_
#define OVL_TEST_MOUNT_TABLE_LAB_H_

#include <string>
#include <vector>

#include "core/mount_table.h"
#include "test/tree.h"

using Table = std::vector<ovl::MountEntry>;

// Runs it in a thread of its own: its namespace, its root and its mounts go when it ends. The tree
// is a tmpfs there.
void InOwnNamespace(void (*body)(Tree&));

bool HaveStatmount();
Table Read(ovl::TableSource source);
// The one that was mounted last, if any.
const ovl::MountEntry* At(const Table& table, const std::string& target);
std::string MountTmpfs(Tree& tree, const std::string& name, const char* source = "none",
                       unsigned long flags = 0, const char* data = nullptr);

#endif  // OVL_TEST_MOUNT_TABLE_LAB_H_
