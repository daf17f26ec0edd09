// A ring of actors and objects, drawn as SVG: computed here, so that it is there without script.
//
// Nodes sit on an ellipse, clockwise from the top, and an arrow bends from each to the next along it. Text that does
// not fit is cut; the node's title has it whole.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "reports/model/utf8.hpp"
#include "reports/render/html/parts.hpp"

namespace vigil::reports::html {
namespace {

constexpr double kWidth = 720;  // user units: about one pixel each at full size
constexpr double kBoxWidth = 190;
constexpr double kBoxHeight = 54;
constexpr std::size_t kLongestLine = 23;  // characters in a box

struct Point {
  double x;
  double y;
};

std::string cut(std::string_view text) {
  std::string kept;
  for (std::size_t characters = 0; !text.empty(); ++characters) {
    const CodePoint c = next_code_point(text);
    if (characters == kLongestLine) return kept + "\u2026";
    kept += text.substr(0, c.length);
    text.remove_prefix(c.length);
  }
  return kept;
}

class Ellipse {
 public:
  Ellipse(std::size_t nodes, double height) noexcept
      : nodes_(static_cast<double>(nodes)),
        centre_{kWidth / 2, height / 2},
        rx_((kWidth - kBoxWidth) / 2 - 10),
        ry_((height - kBoxHeight) / 2 - 8) {}

  // step counts nodes from the top, clockwise; fractions lie between two nodes.
  [[nodiscard]] Point at(double step) const noexcept {
    const double angle = step / nodes_ * 2 * std::numbers::pi - std::numbers::pi / 2;
    return {centre_.x + rx_ * std::cos(angle), centre_.y + ry_ * std::sin(angle)};
  }

 private:
  double nodes_;
  Point centre_;
  double rx_;
  double ry_;
};

bool inside_box(Point p, Point centre, double margin) noexcept {
  return std::abs(p.x - centre.x) < kBoxWidth / 2 + margin && std::abs(p.y - centre.y) < kBoxHeight / 2 + margin;
}

void write_point(HtmlWriter& out, Point p) {
  out.coordinate(p.x) << " ";
  out.coordinate(p.y);
}

// Along the ellipse, from the edge of one box to the edge of the next.
void write_arrow(HtmlWriter& out, const Ellipse& ellipse, std::size_t from, std::string_view label) {
  constexpr int kSteps = 80;
  const auto start = static_cast<double>(from);
  int first = 0;
  while (first < kSteps / 2 &&
         inside_box(ellipse.at(start + static_cast<double>(first) / kSteps), ellipse.at(start), 4))
    ++first;
  int last = kSteps;
  while (last > kSteps / 2 &&
         inside_box(ellipse.at(start + static_cast<double>(last) / kSteps), ellipse.at(start + 1), 9))
    --last;
  out << "<path class=\"arrow\" d=\"M";
  for (int i = first; i <= last; ++i) {
    if (i != first) out << " L";
    write_point(out, ellipse.at(start + static_cast<double>(i) / kSteps));
  }
  out << "\"/>";
  const Point tip = ellipse.at(start + (last + 1.2) / kSteps);
  const Point before = ellipse.at(start + (last - 2.0) / kSteps);
  const double length = std::max(1e-6, std::hypot(tip.x - before.x, tip.y - before.y));
  const Point along{(tip.x - before.x) / length, (tip.y - before.y) / length};
  out << "<path class=\"tip\" d=\"M";
  write_point(out, {tip.x + along.x * 3, tip.y + along.y * 3});
  out << " L";
  write_point(out, {tip.x - along.x * 9 - along.y * 5.5, tip.y - along.y * 9 + along.x * 5.5});
  out << " L";
  write_point(out, {tip.x - along.x * 9 + along.y * 5.5, tip.y - along.y * 9 - along.x * 5.5});
  out << "Z\"/>";
  const Point middle = ellipse.at(start + static_cast<double>(first + last) / 2 / kSteps);
  out << "<text class=\"label\" x=\"";
  out.coordinate(middle.x) << "\" y=\"";
  out.coordinate(middle.y + 4) << "\">" << Text{label} << "</text>\n";
}

void write_node(HtmlWriter& out, const Ring::Node& node, Point centre) {
  out << "<g><title>" << Text{node.name} << " " << Text{node.detail} << "</title><rect class=\""
      << (node.is_actor ? Markup("box actor") : Markup("box")) << "\" x=\"";
  out.coordinate(centre.x - kBoxWidth / 2) << "\" y=\"";
  out.coordinate(centre.y - kBoxHeight / 2) << "\" width=\"";
  out.coordinate(kBoxWidth) << "\" height=\"";
  out.coordinate(kBoxHeight) << "\" rx=\"" << (node.is_actor ? 27 : 6) << "\"/><text class=\"name\" x=\"";
  out.coordinate(centre.x) << "\" y=\"";
  out.coordinate(centre.y + (node.detail.empty() ? 5 : -4)) << "\">" << Text{cut(node.name)} << "</text>";
  if (!node.detail.empty()) {
    out << "<text class=\"detail\" x=\"";
    out.coordinate(centre.x) << "\" y=\"";
    out.coordinate(centre.y + 15) << "\">" << Text{cut(node.detail)} << "</text>";
  }
  out << "</g>\n";
}

}  // namespace

void write_ring(HtmlWriter& out, const Ring& ring, std::size_t number) {
  if (ring.nodes.size() < 2 || ring.nodes.size() > kBiggestRing) return;
  const double height = std::max(250.0, 70.0 * static_cast<double>(ring.nodes.size()));
  const Ellipse ellipse(ring.nodes.size(), height);
  out << "<figure class=\"ring\"><svg viewBox=\"0 0 ";
  out.coordinate(kWidth) << " ";
  out.coordinate(height) << "\" role=\"img\" aria-labelledby=\"ring-" << number << "\">\n";
  for (std::size_t i = 0; i < ring.nodes.size(); ++i) write_arrow(out, ellipse, i, ring.labels[i]);
  for (std::size_t i = 0; i < ring.nodes.size(); ++i)
    write_node(out, ring.nodes[i], ellipse.at(static_cast<double>(i)));
  out << "</svg><figcaption id=\"ring-" << number << "\">";
  for (std::size_t i = 0; i < ring.nodes.size(); ++i)
    out << Text{ring.nodes[i].name} << " " << Text{ring.labels[i]} << " ";
  out << Text{ring.nodes[0].name} << "</figcaption></figure>\n";
}

}  // namespace vigil::reports::html
