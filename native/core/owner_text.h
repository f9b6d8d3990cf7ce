// Who something belongs to, for messages: by number, since a user of another namespace has no name.
#ifndef OVL_CORE_OWNER_TEXT_H_
#define OVL_CORE_OWNER_TEXT_H_

#include <sys/types.h>

#include <string>

namespace ovl {

inline std::string OwnerText(uid_t uid, gid_t gid) {
  return "uid " + std::to_string(uid) + ", gid " + std::to_string(gid);
}

}  // namespace ovl

#endif  // OVL_CORE_OWNER_TEXT_H_
