// What the shim shows to the dynamic linker. Every exported name also stands in exports.txt; a test compares the two.
#pragma once

#define VIGIL_EXPORT __attribute__((visibility("default")))
