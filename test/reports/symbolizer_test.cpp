#include "reports/symbolize/symbolizer.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "reports/cli/make_report.hpp"
#include "reports/model/function_name.hpp"
#include "reports/model/user_frames.hpp"
#include "reports/symbolize/demangle.hpp"
#include "reports/symbolize/module_cache.hpp"
#include "reports/symbolize/module_symbols.hpp"
#include "test/reports/record_text.hpp"

namespace vigil::reports {
namespace {

std::uint32_t marked_line(const std::string& mark) {
  const std::string source = test::read_file(VIGIL_FIXTURE_SOURCE);
  const std::size_t at = source.find("// mark: " + mark);
  EXPECT_NE(at, std::string::npos) << mark;
  return static_cast<std::uint32_t>(1 +
                                    std::count(source.begin(), source.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

struct Call {
  void* address;
};

class Fixture {
 public:
  explicit Fixture(const std::string& path) : path_(path), handle_(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    EXPECT_NE(handle_, nullptr) << ::dlerror();
  }
  ~Fixture() { ::dlclose(handle_); }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  // The ELF address inside the call that the named function's callee returns to.
  std::uint64_t call_in(const char* function) const {
    Call call{};
    reinterpret_cast<void (*)(Call*)>(::dlsym(handle_, function))(&call);
    return offset(call.address) - 1;
  }
  std::uint64_t data_of(const char* function) const {
    return offset(reinterpret_cast<void* (*)()>(::dlsym(handle_, function))());
  }
  [[nodiscard]] Module module() const {
    Module module;
    module.id = 1;
    module.path = path_;
    module.role = "library";
    module.build_id = ModuleSymbols::open(path_)->build_id();
    return module;
  }

 private:
  static std::uint64_t offset(void* address) {
    Dl_info info{};
    EXPECT_NE(::dladdr(address, &info), 0);
    return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(info.dli_fbase);
  }
  std::string path_;
  void* handle_;
};

class SymbolizerOf : public testing::TestWithParam<const char*> {
 protected:
  Fixture fixture_{std::string(VIGIL_FIXTURES) + "/libfixture_" + GetParam() + ".so"};
};

TEST_P(SymbolizerOf, ExpandsInlinedCallsInnermostFirst) {
  Symbolizer symbolizer(0);
  Stack stack;
  symbolizer.append_frames(fixture_.module(), fixture_.call_in("fixture_inlined"), stack);
  ASSERT_EQ(stack.size(), 3U);
  EXPECT_EQ(qualified_name(stack[0]->function), "fixture::(anonymous namespace)::Gateway::deepest");
  EXPECT_EQ(stack[0]->line, marked_line("deepest calls"));
  EXPECT_TRUE(stack[0]->inlined);
  EXPECT_EQ(stack[0]->place_in_function, marked_line("deepest calls") - marked_line("deepest declared"));
  EXPECT_EQ(qualified_name(stack[1]->function), "fixture::(anonymous namespace)::middle");
  EXPECT_EQ(stack[1]->line, marked_line("middle calls"));
  EXPECT_TRUE(stack[1]->inlined);
  EXPECT_EQ(stack[2]->function, "fixture_inlined");
  EXPECT_EQ(stack[2]->line, marked_line("outer calls"));
  EXPECT_FALSE(stack[2]->inlined);
  EXPECT_EQ(stack[2]->place_in_function, marked_line("outer calls") - marked_line("outer declared"));
  for (const FrameRef& frame : stack) EXPECT_EQ(frame->file, VIGIL_FIXTURE_SOURCE);
  EXPECT_TRUE(symbolizer.notes().empty());
}

TEST_P(SymbolizerOf, NamesClosuresByTheirFunction) {
  Symbolizer symbolizer(0);
  Stack stack;
  symbolizer.append_frames(fixture_.module(), fixture_.call_in("fixture_closure"), stack);
  ASSERT_GE(stack.size(), 1U);
  EXPECT_EQ(spoken_name(stack[0]->function), "a lambda in `fixture_closure`") << stack[0]->function;
  EXPECT_EQ(stable_name(stack[0]->function), "fixture_closure::{lambda}::operator()") << stack[0]->function;
  EXPECT_EQ(stack[0]->line, marked_line("closure calls"));
}

// Else all one-line closures of a function would be one place to a fingerprint.
TEST_P(SymbolizerOf, PlacesClosuresAfterTheirOutermostFunction) {
  Symbolizer symbolizer(0);
  Stack stack;
  symbolizer.append_frames(fixture_.module(), fixture_.call_in("fixture_closure"), stack);
  ASSERT_GE(stack.size(), 1U);
  EXPECT_EQ(stack[0]->place_in_function, marked_line("closure calls") - marked_line("closure's function declared"));
}

TEST_P(SymbolizerOf, NamesGlobals) {
  Symbolizer symbolizer(0);
  EXPECT_EQ(symbolizer.data_name(fixture_.module(), fixture_.data_of("fixture_counter")), "fixture::the_counter");
  EXPECT_EQ(symbolizer.data_name(fixture_.module(), fixture_.data_of("fixture_table")), "fixture::the_table+0x8");
}

INSTANTIATE_TEST_SUITE_P(Built, SymbolizerOf, testing::Values(VIGIL_FIXTURE_NAMES),
                         [](const auto& built) { return std::string(built.param); });

TEST(Symbolizer, WithoutDebugInformationTheSymbolTableNamesFunctions) {
  const Fixture fixture(std::string(VIGIL_FIXTURES) + "/libfixture_bare.so");
  Module module = fixture.module();
  module.role = "program";
  Symbolizer symbolizer(0);
  Stack stack;
  symbolizer.append_frames(module, fixture.call_in("fixture_inlined"), stack);
  ASSERT_EQ(stack.size(), 1U);
  EXPECT_EQ(stack[0]->function, "fixture_inlined");
  EXPECT_EQ(stack[0]->line, 0U);
  EXPECT_GT(stack[0]->place_in_function, 0) << "bytes after the function's start stand in for lines";
  ASSERT_EQ(symbolizer.notes().size(), 1U);
  EXPECT_NE(symbolizer.notes()[0].find("no debug information"), std::string::npos);
}

// Read when the first file is opened, in this program too.
const std::string kDebugFiles = std::string(VIGIL_FIXTURES) + "/debug_files";
[[maybe_unused]] const int kIsSet = ::setenv("VIGIL_DEBUG_PATH", kDebugFiles.c_str(), 1);

// The library without its debug information, which objcopy has put into a file of its own at `debug` below the folder.
class SplitDebug : public testing::TestWithParam<const char*> {};

TEST_P(SplitDebug, IsFoundByLinkAndByBuildId) {
  if (std::system("command -v objcopy >/dev/null") != 0) GTEST_SKIP() << "no objcopy here";
  const Fixture fixture(std::string(VIGIL_FIXTURES) + "/libfixture_dwarf5.so");
  Module module = fixture.module();
  const test::TempFolder folder;
  const std::string name = GetParam();
  const bool by_id = name == "by build id";
  const std::string by_id_name =
      "/.build-id/" + module.build_id.substr(0, 2) + "/" + module.build_id.substr(2) + ".debug";
  const std::string place = by_id ? kDebugFiles + by_id_name : folder.path(name);
  std::filesystem::create_directories(std::filesystem::path(place).parent_path());
  const std::string stripped = folder.path("libstripped.so");
  const auto run = [](const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; };
  run("objcopy --only-keep-debug '" + module.path + "' '" + place + "'");
  run("objcopy --strip-all '" + module.path + "' '" + stripped + "'");
  if (!by_id) run("objcopy --add-gnu-debuglink='" + place + "' '" + stripped + "'");
  module.path = stripped;
  module.role = "program";
  Symbolizer symbolizer(0);
  Stack stack;
  symbolizer.append_frames(module, fixture.call_in("fixture_inlined"), stack);
  EXPECT_GT(stack.size(), 1U) << "inlined calls are expanded";
  EXPECT_TRUE(stack[0]->file.ends_with("inlined.cpp")) << stack[0]->file;
  EXPECT_TRUE(symbolizer.notes().empty());
}
INSTANTIATE_TEST_SUITE_P(Symbolizer, SplitDebug,
                         testing::Values("libstripped.so.debug", ".debug/libstripped.so.debug", "by build id"));

TEST(Symbolizer, AFileThatIsNotTheOneThatRanGivesNoNames) {
  const Fixture fixture(std::string(VIGIL_FIXTURES) + "/libfixture_dwarf5.so");
  Module module = fixture.module();
  ASSERT_FALSE(module.build_id.empty());
  module.build_id = "00" + module.build_id.substr(2);
  Symbolizer symbolizer(0);
  Stack stack;
  const std::uint64_t address = fixture.call_in("fixture_inlined");
  symbolizer.append_frames(module, address, stack);
  symbolizer.append_frames(module, address + 1, stack);
  ASSERT_EQ(stack.size(), 2U);
  EXPECT_EQ(stack[0]->function, "");
  EXPECT_EQ(stack[0]->offset, address);
  ASSERT_EQ(symbolizer.notes().size(), 1U) << "said once";
  EXPECT_NE(symbolizer.notes()[0].find("built again"), std::string::npos);
}

TEST(ModuleCache, AModuleIsReadOnceForManyRecords) {
  const Fixture fixture(std::string(VIGIL_FIXTURES) + "/libfixture_dwarf5.so");
  const Module module = fixture.module();
  Module other_build = module;
  other_build.build_id = "00" + module.build_id.substr(2);
  ModuleCache cache;
  for (int record = 0; record < 5; ++record) {
    Symbolizer symbolizer(0, {}, &cache);
    Stack stack;
    symbolizer.append_frames(module, fixture.call_in("fixture_closure"), stack);
    EXPECT_EQ(spoken_name(stack.at(0)->function), "a lambda in `fixture_closure`");
    EXPECT_TRUE(symbolizer.notes().empty());
    Symbolizer of_other(0, {}, &cache);
    Stack unnamed;
    of_other.append_frames(other_build, fixture.call_in("fixture_closure"), unnamed);
    EXPECT_EQ(unnamed.at(0)->function, "") << "what was read for another record is not the file that ran";
    EXPECT_EQ(of_other.notes().size(), 1U) << "said for each record";
  }
  EXPECT_EQ(cache.times_read(), 1U);
}

TEST(ModuleCache, AFileThatWasBuiltAgainIsReadAgain) {
  const test::TempFolder folder;
  const std::string path = folder.path("lib.so");
  const std::string from = std::string(VIGIL_FIXTURES) + "/libfixture_";
  std::filesystem::copy_file(from + "dwarf5.so", path);
  ModuleCache cache;
  const auto before = cache.open(path, {});
  std::filesystem::remove(path);
  std::filesystem::copy_file(from + "bare.so", path);
  const auto after = cache.open(path, {});
  EXPECT_TRUE(before->symbols->has_debug_information()) << "who has it keeps it";
  EXPECT_FALSE(after->symbols->has_debug_information());
  EXPECT_EQ(cache.times_read(), 2U);
}

TEST(ModuleCache, KeepsNoMoreThanItMay) {
  const test::TempFolder folder;
  const auto path_of = [&](std::size_t i) { return folder.path(fmt::format("lib{}.so", i)); };
  ModuleCache cache;
  for (std::size_t i = 0; i <= ModuleCache::kMostOpen; ++i) {
    std::filesystem::copy_file(std::string(VIGIL_FIXTURES) + "/libfixture_bare.so", path_of(i));
    cache.open(path_of(i), {});
    cache.open(path_of(0), {});
  }
  EXPECT_EQ(cache.times_read(), ModuleCache::kMostOpen + 1) << "what is used again stays";
  cache.open(path_of(2), {});
  EXPECT_EQ(cache.times_read(), ModuleCache::kMostOpen + 1);
  cache.open(path_of(1), {});
  EXPECT_EQ(cache.times_read(), ModuleCache::kMostOpen + 2) << "what was not used for longest goes";
}

TEST(ModuleCache, ManyRecordsOfACommandShareIt) {
  const test::TempFolder folder;
  const std::string library = std::string(VIGIL_FIXTURES) + "/libfixture_dwarf5.so";
  ModuleCache cache;
  for (int run = 0; run < 20; ++run) {
    const std::string name = fmt::format("prog.{}.jsonl", run);
    folder.write(name, test::header_line() + test::module_line(1, library) + test::leak_line(1) + test::end_line());
    std::string error;
    std::size_t findings = 0;
    ASSERT_TRUE(load_findings(
        folder.path(name), [&](Finding&&) { ++findings; }, cache, error))
        << error;
    EXPECT_EQ(findings, 1U);
  }
  EXPECT_EQ(cache.times_read(), 1U);
}

TEST(Symbolizer, AMissingFileIsToldOnce) {
  Module module;
  module.id = 3;
  module.path = "/nowhere/libgone.so";
  Symbolizer symbolizer(0);
  Stack stack;
  for (std::uint64_t address = 1; address < 5; ++address) symbolizer.append_frames(module, address, stack);
  EXPECT_EQ(stack.size(), 4U);
  EXPECT_EQ(symbolizer.notes().size(), 1U);
}

TEST(Symbolizer, AFileThatIsNoProgramDoesNoHarm) {
  const test::TempFolder folder;
  Module module;
  module.path = folder.write("text", "hello");
  Symbolizer symbolizer(0);
  Stack stack;
  symbolizer.append_frames(module, 0x10, stack);
  EXPECT_EQ(stack.size(), 1U);
  module.id = 2;
  module.path = folder.write("elf", std::string("\x7f"
                                                "ELF\x02\x01\x01",
                                                7) +
                                        std::string(200, '\xff'));
  symbolizer.append_frames(module, 0x10, stack);
  EXPECT_EQ(stack.size(), 2U);
}

TEST(Symbolizer, ATruncatedLibraryDoesNoHarm) {
  const std::string whole = test::read_file(std::string(VIGIL_FIXTURES) + "/libfixture_dwarf5.so");
  const test::TempFolder folder;
  for (std::size_t length = 0; length < whole.size(); length += 397) {
    Module module;
    module.path = folder.write("lib.so", std::string_view(whole).substr(0, length));
    Symbolizer symbolizer(0);
    Stack stack;
    for (std::uint64_t address = 0x1000; address < 0x1300; address += 7)
      symbolizer.append_frames(module, address, stack);
    symbolizer.data_name(module, 0x4010);
  }
}

TEST(Demangle, HostileNamesStayBounded) {
  EXPECT_EQ(demangle("_ZN5Cache3putEi"), "Cache::put(int)");
  EXPECT_EQ(demangle("_ZN5Cache3putEi.cold"), "Cache::put(int)");
  EXPECT_EQ(demangle("plain_name"), "plain_name");
  EXPECT_LE(demangle("_Z" + std::string(1 << 20, 'A')).size(), 5000U);
  EXPECT_LE(demangle(std::string(1 << 20, 'x')).size(), 5000U);
  // Each pair of arguments names the pair before it twice: 2^40 types if it were written out.
  std::string bomb = "_Z1fI1A";
  std::string pair = "S0_";
  for (int i = 0; i < 40; ++i)
    bomb += "1BIS" + std::string(1, static_cast<char>('0' + i % 10)) + "_S" +
            std::string(1, static_cast<char>('0' + i % 10)) + "_E";
  bomb += "Ev";
  EXPECT_LE(demangle(bomb).size(), 5000U);
}

}  // namespace
}  // namespace vigil::reports
