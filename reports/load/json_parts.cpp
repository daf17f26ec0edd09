#include "reports/load/json_parts.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <utility>
#include <vector>

namespace vigil::reports {
namespace {

constexpr std::size_t kJsonBlockBytes = std::size_t{1} << 16U;

// The characters of a file, a block at a time.
class FileCharacters {
 public:
  explicit FileCharacters(int fd) : fd_(fd), block_(kJsonBlockBytes) { fill(); }

  [[nodiscard]] bool at_end() const noexcept { return at_ == size_; }
  [[nodiscard]] char now() const noexcept { return block_[at_]; }
  void next() {
    if (++at_ == size_) fill();
  }

 private:
  void fill() {
    ssize_t got = 0;
    do {
      got = ::read(fd_, block_.data(), block_.size());
    } while (got < 0 && errno == EINTR);
    at_ = 0;
    size_ = got > 0 ? static_cast<std::size_t>(got) : 0;
  }

  int fd_;
  std::vector<char> block_;
  std::size_t at_ = 0;
  std::size_t size_ = 0;  // 0 at the end of the file
};

// As the parser wants them. An iterator without a file is the end.
struct FileIterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = char;

  FileCharacters* file = nullptr;

  reference operator*() const noexcept { return file->now(); }
  FileIterator& operator++() {
    file->next();
    return *this;
  }
  bool operator!=(const FileIterator& /*end*/) const noexcept { return !file->at_end(); }
};

// Puts one part at a time together and hands it over as soon as it is whole.
// Invariants: depth_ counts the open braces and brackets that belong to no part; open_ holds those of the part, each
// inside the one before it. The parser calls in order, so an open container's place does not move.
class PartsBuilder : public nlohmann::json_sax<Json> {
 public:
  explicit PartsBuilder(const JsonVisitor& visitor) : visitor_(visitor) {}

  bool null() override { return value(nullptr); }
  bool boolean(bool given) override { return value(given); }
  bool number_integer(number_integer_t given) override { return value(given); }
  bool number_unsigned(number_unsigned_t given) override { return value(given); }
  bool number_float(number_float_t given, const string_t& /*text*/) override { return value(given); }
  bool string(string_t& given) override { return value(std::move(given)); }
  bool binary(binary_t& given) override { return value(std::move(given)); }
  bool start_object(std::size_t /*elements*/) override {
    if (depth_ == 0) return ++depth_ == 1;
    return open(Json::object());
  }
  bool start_array(std::size_t /*elements*/) override {
    if (depth_ == 0) return false;  // a report is an object
    if (depth_ == 1 && open_.empty() && is_list()) return ++depth_ == 2;
    return open(Json::array());
  }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(string_t& name) override {
    (open_.empty() && skipped_ == 0 ? name_ : key_) = std::move(name);
    return true;
  }
  bool parse_error(std::size_t /*at*/, const std::string& /*token*/, const Json::exception& /*error*/) override {
    return false;
  }

 private:
  [[nodiscard]] bool is_list() const {
    return std::find(visitor_.lists.begin(), visitor_.lists.end(), name_) != visitor_.lists.end();
  }

  [[nodiscard]] bool is_wanted() const noexcept { return depth_ != 2 || visitor_.on_element; }

  Json& put(Json&& given) {
    if (open_.empty()) return part_ = std::move(given);
    Json& into = *open_.back();
    if (into.is_array()) return into.emplace_back(std::move(given));
    return into[std::move(key_)] = std::move(given);
  }

  bool value(Json&& given) {
    if (depth_ == 0) return false;
    if (!is_wanted()) return true;
    put(std::move(given));
    if (open_.empty()) hand_over();
    return true;
  }
  bool open(Json&& container) {
    if (!is_wanted()) return ++skipped_ > 0;
    open_.push_back(&put(std::move(container)));
    return true;
  }
  bool close() {
    if (skipped_ > 0) return --skipped_ >= 0;
    if (open_.empty()) return --depth_ >= 0;
    open_.pop_back();
    if (open_.empty()) hand_over();
    return true;
  }
  void hand_over() {
    const auto& hand = depth_ == 2 ? visitor_.on_element : visitor_.on_member;
    if (hand) hand(name_, std::move(part_));
    part_ = Json();
  }

  const JsonVisitor& visitor_;
  int skipped_ = 0;   // open containers of an element that nobody wants
  int depth_ = 0;     // 1: inside the object, 2: inside one of its lists
  std::string name_;  // of the member
  std::string key_;   // inside the part
  Json part_;
  std::vector<Json*> open_;
};

}  // namespace

bool read_json_parts(int fd, const JsonVisitor& visitor) {
  FileCharacters file(fd);
  PartsBuilder builder(visitor);
  return Json::sax_parse(FileIterator{&file}, FileIterator{}, &builder);
}

bool read_json_parts(std::string_view text, const JsonVisitor& visitor) {
  PartsBuilder builder(visitor);
  return Json::sax_parse(text, &builder);
}

}  // namespace vigil::reports
