// A library to load and unload.
extern "C" __attribute__((visibility("default"))) int vigil_test_plugin() { return 1; }
