// ObjectList: the objects of one finding, each once, and their indices.
#pragma once

#include <cstdint>
#include <span>

#include "interpose/finding.hpp"
#include "interpose/own_memory.hpp"

namespace vigil::shim {

class ObjectList {
 public:
  std::int32_t index_of(const ObjectInfo& object) {
    for (std::size_t i = 0; i < objects_.size(); ++i) {
      const ObjectInfo& known = objects_[i];
      if (known.type == object.type && known.id == object.id && known.address == object.address) {
        return static_cast<std::int32_t>(i);
      }
    }
    objects_.push_back(object);
    return static_cast<std::int32_t>(objects_.size() - 1);
  }
  [[nodiscard]] std::span<const ObjectInfo> all() const noexcept { return objects_; }

 private:
  OwnVector<ObjectInfo> objects_;
};

}  // namespace vigil::shim
