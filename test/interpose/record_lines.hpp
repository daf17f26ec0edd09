// Reads a record file as docs/finding_format.md describes it, independently of the writer: for tests.
#pragma once

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace vigil::shim {

// CRC-32 bit by bit, the slow twin of the writer's table.
inline std::uint32_t slow_crc32(const std::string& bytes) {
  std::uint32_t crc = 0xFFFFFFFFU;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

struct RecordLines {
  std::vector<std::string> good;  // whole objects, checksum and all
  std::vector<std::string> bad;
  std::size_t bytes = 0;  // of the file
};

inline RecordLines read_record_lines(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  std::string text = content.str();
  RecordLines lines;
  lines.bytes = text.size();
  std::erase(text, '\0');
  std::istringstream split(text);
  for (std::string line; std::getline(split, line);) {
    if (line.empty()) continue;
    const std::size_t at = line.rfind(",\"crc\":\"");
    bool good = at != std::string::npos && line.size() == at + 18 && line.back() == '}';
    if (good) {
      char expected[9];
      std::snprintf(expected, sizeof expected, "%08x", slow_crc32(line.substr(0, at)));
      good = line.substr(at + 8, 8) == expected;
    }
    (good ? lines.good : lines.bad).push_back(line);
  }
  return lines;
}

}  // namespace vigil::shim
