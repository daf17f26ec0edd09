#include "interpose/record_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include "record_lines.hpp"

namespace vigil::shim {
namespace {

class RecordFileTest : public testing::Test {
 protected:
  RecordFileTest() {
    std::string pattern = testing::TempDir() + "vigil-record-XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~RecordFileTest() override { std::filesystem::remove_all(folder_); }
  RecordLines lines(const RecordFile& file) { return read_record_lines(std::string(file.path())); }

  std::string folder_;
};

std::string object_of(std::size_t bytes) { return R"({"a":")" + std::string(bytes, 'x') + R"("})"; }

TEST_F(RecordFileTest, NamesFoldersAndFilesAsTheContractSays) {
  RecordFile file;
  ASSERT_EQ(file.open(folder_ + "/a/b", "prog", 42), 0);
  EXPECT_EQ(file.path(), folder_ + "/a/b/prog.42.jsonl");
  struct stat found {};
  ASSERT_EQ(stat(std::string(file.path()).c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0600U);
  ASSERT_EQ(stat((folder_ + "/a").c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777U, 0700U);
}

TEST_F(RecordFileTest, ATakenNameGetsANumber) {
  RecordFile first;
  RecordFile second;
  RecordFile third;
  ASSERT_EQ(first.open(folder_, "p", 1), 0);
  ASSERT_EQ(second.open(folder_, "p", 1), 0);
  ASSERT_EQ(third.open(folder_, "p", 1), 0);
  EXPECT_EQ(second.path(), folder_ + "/p.1.2.jsonl");
  EXPECT_EQ(third.path(), folder_ + "/p.1.3.jsonl");
}

TEST_F(RecordFileTest, ALinkAtTheNameIsNotFollowed) {
  const std::string victim = folder_ + "/victim";
  ASSERT_EQ(symlink(victim.c_str(), (folder_ + "/p.1.jsonl").c_str()), 0);
  RecordFile file;
  ASSERT_EQ(file.open(folder_, "p", 1), 0);
  EXPECT_EQ(file.path(), folder_ + "/p.1.2.jsonl");
  EXPECT_FALSE(std::filesystem::exists(victim));
}

TEST_F(RecordFileTest, LinesCarryTheirChecksumAndTheTailIsNul) {
  RecordFile file;
  ASSERT_EQ(file.open(folder_, "p", 1), 0);
  ASSERT_TRUE(file.append(R"({"type":"header"})"));
  ASSERT_TRUE(file.append(object_of(10)));
  const RecordLines found = lines(file);
  EXPECT_TRUE(found.bad.empty());
  ASSERT_EQ(found.good.size(), 2U);
  EXPECT_EQ(found.good[0].substr(0, 17), R"({"type":"header",)");
  EXPECT_GT(found.bytes, file.used());
}

TEST_F(RecordFileTest, TrimCutsToTheLastRecordAndAppendingGoesOn) {
  RecordFile file;
  ASSERT_EQ(file.open(folder_, "p", 1), 0);
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(file.append(object_of(3000)));
    file.trim();
    EXPECT_EQ(lines(file).bytes, file.used());
  }
  EXPECT_EQ(lines(file).good.size(), 3U);
}

TEST_F(RecordFileTest, GrowsByChunks) {
  RecordFile file;
  ASSERT_EQ(file.open(folder_, "p", 1), 0);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(file.append(object_of(100'000)));
  const RecordLines found = lines(file);
  EXPECT_EQ(found.good.size(), 100U);
  EXPECT_TRUE(found.bad.empty());
}

// Of the mappings of that file, those that may be read: their bytes.
std::size_t readable_bytes_of(std::string_view path) {
  std::ifstream maps("/proc/self/maps");
  std::size_t bytes = 0;
  for (std::string line; std::getline(maps, line);) {
    if (!line.ends_with(path)) continue;
    const std::size_t dash = line.find('-');
    const std::size_t space = line.find(' ');
    if (line[space + 1] != 'r') continue;
    bytes += std::stoull(line.substr(dash + 1, space - dash - 1), nullptr, 16) - std::stoull(line, nullptr, 16);
  }
  return bytes;
}

// Who reads all memory that may be read (memcheck at a program's end) must not meet pages without a file behind them.
TEST_F(RecordFileTest, OnlyWhatTheFileHasMayBeRead) {
  constexpr std::size_t kPage = 4096;
  RecordFile file;
  ASSERT_EQ(file.open(folder_, "p", 1), 0);
  const auto whole_pages = [&] { return (std::filesystem::file_size(file.path()) + kPage - 1) / kPage * kPage; };
  EXPECT_EQ(readable_bytes_of(file.path()), whole_pages());
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(file.append(object_of(100'000)));
  EXPECT_EQ(readable_bytes_of(file.path()), whole_pages());
  file.trim();
  EXPECT_EQ(readable_bytes_of(file.path()), whole_pages());
  ASSERT_TRUE(file.append(object_of(1000)));
  EXPECT_EQ(readable_bytes_of(file.path()), whole_pages());
  EXPECT_EQ(lines(file).good.size(), 21U);
}

TEST_F(RecordFileTest, GrowsAfterTheProgramClosedAllDescriptors) {
  RecordFile file;
  ASSERT_EQ(file.open(folder_, "p", 1), 0);
  const pid_t child = fork();
  if (child == 0) {
    close_range(3, ~0U, 0);
    for (int i = 0; i < 20; ++i) {
      if (!file.append(object_of(100'000))) _exit(1);
    }
    file.trim();
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(lines(file).good.size(), 20U);
}

TEST_F(RecordFileTest, ADescriptorThatBecameTheProgramsIsLeftAlone) {
  RecordFile file;
  ASSERT_EQ(file.open(folder_, "p", 1), 0);
  const std::string other = folder_ + "/other";
  const pid_t child = fork();
  if (child == 0) {
    close_range(3, ~0U, 0);
    const int theirs = open(other.c_str(), O_RDWR | O_CREAT, 0600);
    for (int fd = theirs + 1; fd < 1100; ++fd) dup2(theirs, fd);
    if (!file.append(object_of(600'000))) _exit(1);
    file.trim();
    _exit(fcntl(1000, F_GETFD) >= 0 ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(std::filesystem::file_size(other), 0U);
  EXPECT_EQ(lines(file).good.size(), 1U);
}

TEST_F(RecordFileTest, EverythingAppendedSurvivesSigkill) {
  const pid_t child = fork();
  if (child == 0) {
    RecordFile file;
    if (file.open(folder_, "p", 7) != 0) _exit(1);
    for (int i = 0; i < 50; ++i) {
      if (!file.append(object_of(20'000))) _exit(2);
    }
    raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  const RecordLines found = read_record_lines(folder_ + "/p.7.jsonl");
  EXPECT_EQ(found.good.size(), 50U);
  EXPECT_TRUE(found.bad.empty());
}

TEST_F(RecordFileTest, AFileSizeLimitIsAFullFileNotASignal) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit{512U << 10, 512U << 10};
    setrlimit(RLIMIT_FSIZE, &limit);
    RecordFile file;
    if (file.open(folder_, "p", 7) != 0) _exit(1);
    int whole = 0;
    while (file.append(object_of(10'000))) ++whole;
    _exit(file.last_error() == EFBIG && whole >= 51 ? 0 : 2);  // 51 records fit in 512 KiB
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(RecordFileTest, NoFileSizeAtAllIsAnErrorNotASignal) {
  const pid_t child = fork();
  if (child == 0) {
    const rlimit limit{0, 0};
    setrlimit(RLIMIT_FSIZE, &limit);
    RecordFile file;
    _exit(file.open(folder_, "p", 7) == EFBIG && !file.is_open() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(RecordFileTest, AFullDiskLosesOnlyWhatDoesNotFit) {
  const std::string disk = folder_ + "/disk";
  ASSERT_EQ(mkdir(disk.c_str(), 0700), 0);
  if (mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=600k") != 0) GTEST_SKIP() << "needs the right to mount";
  RecordFile file;
  const int opened = file.open(disk, "p", 1);
  std::size_t whole = 0;
  while (opened == 0 && file.append(object_of(10'000))) ++whole;
  const RecordLines found = lines(file);
  file.abandon();
  umount(disk.c_str());
  EXPECT_EQ(opened, 0);
  EXPECT_EQ(file.last_error(), ENOSPC);
  EXPECT_EQ(found.good.size(), whole);
  EXPECT_GE(whole, 55U);  // 59 would fill the disk to the last byte
}

TEST_F(RecordFileTest, AReadOnlyFolderIsAnError) {
  RecordFile file;
  EXPECT_NE(file.open("/proc/no-such-folder", "p", 1), 0);
  EXPECT_FALSE(file.is_open());
  EXPECT_FALSE(file.append(object_of(1)));
}

TEST_F(RecordFileTest, ALimitedAddressSpaceIsLeftToTheProgram) {
  const pid_t child = fork();
  if (child == 0) {
    constexpr rlim_t kRoom = rlim_t{3} << 30U;
    const rlimit limit{kRoom, kRoom};
    setrlimit(RLIMIT_AS, &limit);
    const auto pages = [] {
      std::size_t now = 0;
      std::ifstream("/proc/self/statm") >> now;
      return now;
    };
    const std::size_t before = pages();
    RecordFile file;
    if (file.open(folder_, "p", 7) != 0) _exit(file.last_error());
    constexpr std::size_t kMostPages = (128U << 20U) / 4096;
    _exit(pages() - before > kMostPages ? 1 : file.append(object_of(500'000)) ? 0 : 2);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST_F(RecordFileTest, LittleAddressSpaceGivesASmallerMapping) {
  const pid_t child = fork();
  if (child == 0) {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t room = pages * 4096 + (300U << 20);  // the first size asked for is 1 GiB
    const rlimit limit{room, room};
    setrlimit(RLIMIT_AS, &limit);
    RecordFile file;
    if (file.open(folder_, "p", 7) != 0) _exit(file.last_error());
    _exit(file.append(object_of(500'000)) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace vigil::shim
