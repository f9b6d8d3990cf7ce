{
  # The only place that says how the addon is compiled; native/Makefile builds the same core for its own tests.
  "targets": [
    {
      "target_name": "overlayfs",
      "sources": ["<!@(ls -1 native/core/*.cc native/binding/*.cc)"],
      "include_dirs": ["native"],
      "defines": [
        "NAPI_VERSION=9",
        "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        # Without it a promise that settles while its worker is being terminated aborts the whole process.
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
        # Electron forbids external buffers; everything that crosses is copied.
        "NODE_API_NO_EXTERNAL_BUFFERS_ALLOWED",
        "_FILE_OFFSET_BITS=64"
      ],
      # -O3 makes it a third bigger, and no faster: what takes time is in the kernel.
      "cflags": ["-O2", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-fvisibility=hidden"],
      "cflags!": ["-Wno-unused-parameter", "-O3"],
      # -isystem: the warnings below are for our code.
      "cflags_cc": [
        "-std=c++20", "-fno-exceptions", "-fno-rtti",
        "-isystem", "<!(node -p \"require('path').resolve(require('node-addon-api').include_dir)\")"
      ],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-std=c++17"],
      # A thread that sleeps in clone(2), and the process it has cloned, run our code for as long as a sandbox
      # lives, and a worker that ends would take it away.
      "ldflags": ["-Wl,-z,nodelete"]
    }
  ]
}
