#include "binding/addon.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  ovl::ExportMounts(env, exports);
  ovl::ExportLayers(env, exports);
  ovl::ExportDiagnosis(env, exports);
  ovl::ExportWalks(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(overlayfs, Init)
