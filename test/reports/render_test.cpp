#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "reports/load/record_file.hpp"
#include "reports/load/report_json.hpp"
#include "reports/model/finish.hpp"
#include "reports/model/sources.hpp"
#include "reports/model/user_frames.hpp"
#include "reports/render/html/page.hpp"
#include "reports/render/json.hpp"
#include "reports/render/sha256.hpp"
#include "reports/render/text.hpp"
#include "reports/render/words.hpp"
#include "test/reports/fake_names.hpp"
#include "test/reports/json_schema.hpp"
#include "test/reports/record_text.hpp"

namespace vigil::reports {
namespace {

using namespace test;

Report shop_report(const std::string& more = "") {
  const TempFolder folder;
  const std::string path = folder.write("prog.42.jsonl", header_line() + module_line(1, "/opt/shop/prog") +
                                                             leak_line(1) + more + tasks_line() + end_line());
  std::string error;
  const auto record = read_record_file(path, error);
  EXPECT_TRUE(record) << error;
  FakeNames names;
  name_the_shop(names);
  Report report = to_report(*record, names);
  finish(report, {}, {});
  return report;
}

// Every text of a report is this one.
Report hostile_report(const std::string& text) {
  Report report = shop_report();
  report.program.path = report.program.cwd = text;
  report.program.args = {text, text};
  report.engine = report.vigil_version = report.options = text;
  report.notes = {text};
  Frame frame;
  frame.function = frame.file = frame.module = text;
  frame.line = 3;
  const Stack stack{share_frame(frame), share_frame(frame)};
  Finding& finding = report.findings[0];
  finding.kind = finding.title = finding.message = finding.hint = finding.suppression = finding.fingerprint = text;
  for (Participant& participant : finding.participants) {
    participant.role = participant.operation = participant.note = text;
    participant.actor.name = participant.actor.state = text;
    participant.actor.created_at = participant.stack = stack;
    participant.held = {0};
  }
  for (Object& object : finding.objects) {
    object.name = text;
    object.created_at = stack;
  }
  StateEntry entry;
  entry.actor.name = entry.operation = text;
  entry.object = finding.objects;
  entry.stack = stack;
  report.state.push_back(entry);
  report.wait_for.nodes = {{text, text}, {"b", text}};
  report.wait_for.edges = {{text, "b", text}, {"b", text, text}};
  return report;
}

const std::vector<std::string>& hostile_texts() {
  static const std::vector<std::string> texts{"</script><script>alert(1)</script>",
                                              "<img src=x onerror=alert(1)>",
                                              "\" onmouseover=\"alert(1)",
                                              "' autofocus onfocus='alert(1)",
                                              "-->]]>&lt;",
                                              "javascript:alert(1)",
                                              "a\x1b]0;title\x07z",
                                              "\u202Egnp.exe",  // NOLINT(misc-misleading-bidirectional)
                                              "zero\u200Bwidth\uFEFF",
                                              "line\nbreak\r\n\ttab",
                                              "`back` tick`",
                                              "bad \xFF\xC0\xAF utf8",
                                              std::string("nul\0byte", 8),
                                              std::string(900, 'A') + "<b>",
                                              "\xF0\x9F\x98\x80 ok",
                                              "{}{0}%s%n"};
  return texts;
}

TEST(Sha256, KnowsTheStandardsExamples) {
  EXPECT_EQ(sha256_base64(""), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
  EXPECT_EQ(sha256_base64("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
  EXPECT_EQ(sha256_base64("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "JI1qYdIGOLjlwCaTDD5gOaM85Flk/yFn9uzt1BnbBsE=");  // fills a block to 56 bytes
}

TEST(Json, FollowsItsSchema) {
  const Json schema = Json::parse(read_file(VIGIL_REPORT_SCHEMA));
  const std::string more =
      line_of(
          R"({"type":"state","actors":[{"actor":{"type":"thread","id":1,"name":"main","state":"running","created_at":[]},"operation":"","object":null,"stack":[[1,"0x20"]],"waited_ms":-1,"count":2}]})") +
      line_of(
          R"({"type":"timeline","finding":1,"at":90,"lanes":[{"actor":{"type":"task","id":7},"spans":[[10,20,"running"],[20,80,"blocked","receive","c3"]]}]})") +
      line_of(
          R"({"type":"wait_for","nodes":[{"id":"task 7","label":"task 7"}],"edges":[{"from":"task 7","to":"c3","label":"receives from"}]})");
  EXPECT_EQ(schema_problem(schema, Json::parse(render_json(shop_report(more)))), "");
}

TEST(Json, TheSchemaRefusesAReportWithoutAVerdictOrWithStrangeFrames) {
  const Json schema = Json::parse(read_file(VIGIL_REPORT_SCHEMA));
  Json report = Json::parse(render_json(shop_report()));
  Json without = report;
  without.erase("summary");
  EXPECT_NE(schema_problem(schema, without), "");
  Json strange = report;
  strange["findings"][0]["participants"][0]["stack"][0]["line"] = "12";
  EXPECT_NE(schema_problem(schema, strange), "");
}

TEST(Json, ReadsBackAsItWasWritten) {
  const std::string text = render_json(shop_report(line_of(
      R"({"type":"timeline","finding":1,"at":90,"lanes":[{"actor":{"type":"task","id":7},"spans":[[20,80,"blocked","receive","c3"]]}]})")));
  ASSERT_NE(text.find("\"blocked\",\"operation\":\"receive\""), std::string::npos);
  std::string error;
  const auto again = parse_report_json(text, "x", error);
  ASSERT_TRUE(again) << error;
  EXPECT_EQ(render_json(*again), text);
}

TEST(Json, HostileTextsLeaveItValid) {
  for (const std::string& text : hostile_texts()) {
    const Json json = Json::parse(render_json(hostile_report(text)), nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << text;
  }
}

TEST(Html, HostileTextsNeverBecomeMarkup) {
  // A page about harmless text has these tags; one about hostile text must have no others and no other attributes.
  const auto tags_of = [](const std::string& html) {
    std::vector<std::string> tags;
    for (std::size_t at = 0; (at = html.find('<', at)) != std::string::npos; ++at) {
      std::size_t end = at + 1;
      while (end < html.size() && html[end] != '>' && html[end] != ' ' && html[end] != '\n') ++end;
      tags.push_back(html.substr(at, end - at));
    }
    return tags;
  };
  const std::string plain = render_html(hostile_report("plain"), {});
  for (const std::string& text : hostile_texts()) {
    if (text.find('`') != std::string::npos) continue;  // marks code on purpose
    const std::string html = render_html(hostile_report(text), {});
    EXPECT_EQ(tags_of(html), tags_of(plain)) << text;
    EXPECT_EQ(html.find("=\"alert"), std::string::npos) << text;
    EXPECT_EQ(html.find('\0'), std::string::npos);
    EXPECT_EQ(html.find('\x1b'), std::string::npos);
    EXPECT_EQ(html.find("\u202E"), std::string::npos);  // NOLINT(misc-misleading-bidirectional)
  }
}

// The element's content, of the only one that starts so.
std::string element(const std::string& html, const std::string& start, const std::string& end) {
  const std::size_t from = html.find(start);
  if (from == std::string::npos) return {};
  EXPECT_EQ(html.find(start, from + 1), std::string::npos);
  const std::size_t text = from + start.size();
  return html.substr(text, html.find(end, text) - text);
}
const std::string kData = "<script type=\"application/json\" id=\"data\">";

TEST(Html, LoadsNothing) {
  const std::string html = render_html(shop_report(), {});
  const std::string page = html.substr(0, html.find("<script"));
  EXPECT_EQ(page.find("http:"), std::string::npos);
  EXPECT_EQ(page.find("https:"), std::string::npos);
  EXPECT_EQ(html.find("url("), html.find("url(#hatch)"));  // a pattern of the page's own
  EXPECT_EQ(html.find(" src="), std::string::npos);
  EXPECT_EQ(page.find("style=\""), std::string::npos);  // the policy would refuse it
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
}

TEST(Html, ItsPolicyNamesItsStyleAndItsScriptAndNothingElse) {
  const std::string html = render_html(shop_report(), {});
  const std::string style = sha256_base64(element(html, "<style>", "</style>"));
  const std::string script = sha256_base64(element(html, "<script>", "</script>"));
  EXPECT_EQ(element(html, "Content-Security-Policy\" content=\"", "\""),
            "default-src 'none'; style-src 'sha256-" + style + "'; script-src 'sha256-" + script +
                "'; img-src data:; base-uri 'none'; form-action 'none'");
}

TEST(Html, ItsDataIsJsonWhateverTheNames) {
  const Json plain = Json::parse(element(render_html(hostile_report("plain"), {}), kData, "</script>"));
  for (const std::string& text : hostile_texts()) {
    const std::string data = element(render_html(hostile_report(text), {}), kData, "</script>");
    EXPECT_EQ(data.find('<'), std::string::npos);
    const Json json = Json::parse(data, nullptr, false);
    ASSERT_FALSE(json.is_discarded()) << text;
    EXPECT_EQ(json["findings"].size(), plain["findings"].size());
    EXPECT_EQ(json["stacks"], plain["stacks"]);
  }
}

TEST(Html, ShowsWhatIsTooLongFromItsBeginning) {
  const std::string html = render_html(hostile_report(std::string(1U << 20U, 'x')), {});
  EXPECT_LT(html.size(), 1U << 20U);
  EXPECT_NE(html.find("\u2026 (1048576 bytes in all)"), std::string::npos);
}

TEST(Html, DeflatesBigData) {
  Report report = shop_report();
  const Finding one = report.findings[0];
  for (std::size_t i = 1; i < 8000; ++i) {
    report.findings.push_back(one);
    report.findings.back().fingerprint = fmt::format("{:016x}", i);
  }
  const std::string html = render_html(report, {});
  EXPECT_EQ(html.find(kData), std::string::npos);
  EXPECT_NE(html.find("data-form=\"deflate\">eF"), std::string::npos);  // zlib's first bytes, 0x78 0x5e
  EXPECT_LT(html.size(), 2'000'000U);
}

TEST(Html, SaysWhyARaceIsReal) {
  Report report = shop_report();
  Finding& finding = report.findings[0];
  finding.kind = "data-race";
  finding.participants.push_back(finding.participants[0]);
  finding.participants[1].actor.id = 8;
  finding.objects.push_back({"m1", "mutex", "cache_lock", -1, {}});
  EXPECT_NE(render_html(report, {}).find("Neither side holds a lock: "), std::string::npos);
  finding.participants[0].held = {1};
  const std::string html = render_html(report, {});
  EXPECT_NE(html.find("Only one side holds a lock, mutex <code>cache_lock</code>."), std::string::npos);
  EXPECT_NE(html.find("Holds no lock"), std::string::npos);
}

TEST(Words, TheCommandToReproduceKeepsWhatDecidesTheRun) {
  Report report;
  report.program.path = "/opt/my shop/prog";
  report.program.cwd = "/srv";
  report.program.args = {"prog", "it's", "-v"};
  report.options = "seed=7:report_dir=/tmp/x:schedule=random:formats=json";
  EXPECT_EQ(reproduce_words(report),
            "cd /srv && vigil run --schedule=random --seed=7 -- '/opt/my shop/prog' 'it'\\''s' -v");
  report.program.path = "";
  EXPECT_EQ(reproduce_words(report), "");
}

TEST(Html, SaysWhatMattersInWords) {
  const std::string html = render_html(shop_report(), {});
  EXPECT_NE(html.find("1 error: a task is blocked for ever"), std::string::npos);
  EXPECT_NE(html.find("<code>consume</code> waits for ever to receive from a channel made in <code>main</code>"),
            std::string::npos);
  EXPECT_NE(html.find("What to do."), std::string::npos);
  EXPECT_NE(html.find("task-leak:consume"), std::string::npos);
  EXPECT_NE(html.find("1 library frame"), std::string::npos);
  EXPECT_EQ(html.find("Channel&lt;int&gt;::receive"), std::string::npos);  // vigil's own frame
}

Stack stack_of(std::vector<Frame> frames) {
  Stack stack;
  for (Frame& frame : frames) stack.push_back(share_frame(std::move(frame)));
  return stack;
}

std::vector<std::string> names_after_drop(Stack stack) {
  drop_vigil_above_user(stack);
  std::vector<std::string> names;
  for (const FrameRef& frame : stack) names.push_back(frame->function);
  return names;
}

Frame in_module(std::string function, std::string module) {
  Frame frame;
  frame.function = std::move(function);
  frame.module = std::move(module);
  return frame;
}

// What a call passes through on its way into vigil, be it vigil's or not, goes up to the user's frame; the rest stays.
TEST(Stack, BeginsWithTheUsersCall) {
  const Frame inside = in_module("vigil::detail::ChannelCore::close()", "/opt/lib/libvigil.so.0");
  const Frame header = frame_at("vigil::Channel<int>::close() const", "/usr/include/vigil/channel.hpp", 80);
  const Frame nameless = in_module("vigil::Channel<long>::close() const", "/opt/shop/prog");  // no debug information
  const Frame visit = frame_at("std::visit<Call>(Call&&)", "/usr/include/c++/12/variant", 9);
  const Frame user = frame_at("shut(Shop&)", "/home/me/shop.cpp", 12);
  const Frame starter = in_module("vigil::detail::run_closure(Task&)", "/opt/lib/libvigil.so.0");
  using Names = std::vector<std::string>;
  EXPECT_EQ(names_after_drop(stack_of({inside, header, user, starter})), (Names{user.function, starter.function}));
  EXPECT_EQ(names_after_drop(stack_of({inside, visit, nameless, user})), Names{user.function});
  EXPECT_EQ(names_after_drop(stack_of({visit, user})), (Names{visit.function, user.function}));
  EXPECT_EQ(names_after_drop(stack_of({inside, starter})), (Names{inside.function, starter.function}));
  EXPECT_EQ(names_after_drop({}), Names{});
}

// Golden: VIGIL_UPDATE_GOLDEN=1 writes it anew; look at the difference before you commit it.
TEST(Text, LooksAsItDid) {
  const std::string source =
      "// shop\n#include <vigil/vigil.hpp>\n\nnamespace {\n\n\n\n\nvoid consume(vigil::Channel<int> orders) {\n\n\n  "
      "while (orders.receive()) {\n  }\n}\n}\n";
  const TempFolder folder;
  const std::string file = folder.write("shop.cpp", source);
  Report report = shop_report(line_of(R"({"type":"repeat","finding":1,"count":12})"));
  for (Participant& participant : report.findings[0].participants) {
    for (FrameRef& ref : participant.stack) {
      Frame frame = *ref;
      if (frame.file == "/home/me/shop.cpp") frame.file = file;
      ref = share_frame(frame);
    }
  }
  report.started_at = 0;
  std::string text = render_text(report, Sources::load(report));
  for (std::size_t at = 0; (at = text.find(file)) != std::string::npos;)
    text.replace(at, file.size(), "/home/me/shop.cpp");
  if (std::getenv("VIGIL_UPDATE_GOLDEN") != nullptr) std::ofstream(VIGIL_GOLDEN "/leak.txt") << text;
  EXPECT_EQ(text, read_file(VIGIL_GOLDEN "/leak.txt"));
}

TEST(Text, LetsNoControlCharacterThrough) {
  for (const std::string& hostile : hostile_texts()) {
    const std::string text = render_text(hostile_report(hostile), {});
    for (const char c : text) ASSERT_TRUE(c == '\n' || c == '\t' || static_cast<unsigned char>(c) >= 0x20) << hostile;
    ASSERT_EQ(text.find("\u202E"), std::string::npos);  // NOLINT(misc-misleading-bidirectional)
  }
}

}  // namespace
}  // namespace vigil::reports
