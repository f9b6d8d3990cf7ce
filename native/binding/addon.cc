#include "binding/addon.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  ovl::ExportMounts(env, exports);
  ovl::ExportLayers(env, exports);
  ovl::ExportMountCalls(env, exports);
  ovl::ExportSyscalls(env, exports);
  ovl::ExportUnmounting(env, exports);
  ovl::ExportDiagnosis(env, exports);
  ovl::ExportWalks(env, exports);
  ovl::ExportPatterns(env, exports);
  ovl::ExportSides(env, exports);
  ovl::ExportMountTable(env, exports);
  ovl::ExportStatmount(env, exports);
  ovl::ExportFdWatch(env, exports);
  ovl::ExportProcesses(env, exports);
  ovl::ExportApply(env, exports);
  ovl::ExportSandbox(env, exports);
  ovl::ExportSessions(env, exports);
  ovl::ExportUpperCopy(env, exports);
  ovl::ExportNamespaces(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(overlayfs, Init)
