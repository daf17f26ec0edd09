// VIGIL_EXPORT marks what libvigil.so offers; everything else in it is hidden.
#pragma once

#define VIGIL_EXPORT __attribute__((visibility("default")))
