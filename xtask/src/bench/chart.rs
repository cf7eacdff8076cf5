//! Horizontal bars as SVG: a median each, with a whisker from the least to the most. Light or dark as the reader has it.

use std::fmt::Write as _;

/// Bars in groups, one scale for all of them, from 0.
pub(super) struct Chart {
    /// What a screen reader says.
    pub(super) title: String,
    pub(super) groups: Vec<Group>,
    /// A line across all bars, and what stands above it; values then stand in a column, out of its way.
    pub(super) line: Option<(f64, &'static str)>,
    /// Below the bars.
    pub(super) caption: String,
}

/// Bars that belong together.
pub(super) struct Group {
    /// Above them; nothing where it is empty.
    pub(super) title: String,
    pub(super) bars: Vec<Bar>,
}

/// One bar.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) median: f64,
    pub(super) least: f64,
    pub(super) most: f64,
    /// The median, as it is to be read.
    pub(super) text: String,
    /// Whether it is what the chart is about.
    pub(super) strong: bool,
}

const WIDTH: f64 = 720.0;
/// Where bars begin, and where the longest whisker ends: room for labels and for values.
const LEFT: f64 = 120.0;
const RIGHT: f64 = 620.0;
const ROW: f64 = 28.0;
const THICK: f64 = 16.0;
const MARGIN: f64 = 16.0;
/// Twice, for whoever reads on a light or a dark ground; no variables, for not every viewer knows them.
const STYLE: &str = "\
.ground{fill:#fff}text{fill:#1f2328}.quiet{fill:#59636e}.bar{fill:#afb8c1}.strong{fill:#4f8cc9}.mark{stroke:#1f2328}.line{stroke:#59636e}
@media(prefers-color-scheme:dark){
.ground{fill:#0d1117}text{fill:#e6edf3}.quiet{fill:#9198a1}.bar{fill:#5a636e}.strong{fill:#3f78b5}.mark{stroke:#e6edf3}.line{stroke:#9198a1}
}";

impl Chart {
    /// The file's text.
    pub(super) fn svg(&self) -> String {
        let most = self.groups.iter().flat_map(|group| &group.bars).map(|bar| bar.most.max(bar.median));
        let most = most.chain(self.line.map(|(at, _)| at)).fold(f64::MIN_POSITIVE, f64::max);
        let place = |value: f64| LEFT + value / most * (RIGHT - LEFT);
        let mut body = String::new();
        let mut y = MARGIN;
        if let Some((at, name)) = self.line {
            text(&mut body, place(at), y + 6.0, "middle\" font-size=\"12\" class=\"quiet", name);
            y += 14.0;
        }
        for group in &self.groups {
            if !group.title.is_empty() {
                text(&mut body, MARGIN, y + 14.0, "start\" font-weight=\"bold", &group.title);
                y += ROW * 0.8;
            }
            if let Some((at, _)) = self.line {
                let (x, height) = (place(at), group.bars.iter().map(|_| ROW).sum::<f64>());
                element(&mut body, &format!("<path class=\"line\" stroke-dasharray=\"4 3\" d=\"M{x:.1} {y:.1}v{height:.1}\"/>"));
            }
            for bar in &group.bars {
                bar.draw(&mut body, y, place, self.line.is_some());
                y += ROW;
            }
            y += if group.title.is_empty() { 0.0 } else { ROW * 0.3 };
        }
        text(&mut body, MARGIN, y + 16.0, "start\" font-size=\"12\" class=\"quiet", &self.caption);
        let height = y + 30.0;
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height:.0}\" font-family=\"sans-serif\" font-size=\"14\" \
             role=\"img\" aria-label=\"{}\">\n<style>{STYLE}</style>\n<rect class=\"ground\" width=\"{WIDTH}\" height=\"{height:.0}\"/>\n{body}</svg>\n",
            escaped(&self.title)
        )
    }
}

impl Bar {
    fn draw(&self, body: &mut String, y: f64, place: impl Fn(f64) -> f64, column: bool) {
        let (middle, end) = (y + THICK / 2.0 + 2.0, place(self.median));
        let class = if self.strong { "strong" } else { "bar" };
        let weight = if self.strong { "end\" font-weight=\"bold" } else { "end" };
        text(body, LEFT - 10.0, middle + 5.0, weight, &self.label);
        let top = middle - THICK / 2.0;
        element(
            body,
            &format!("<rect class=\"{class}\" x=\"{LEFT}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{THICK}\"/>", end - LEFT),
        );
        let (least, most) = (place(self.least), place(self.most));
        let (above, below) = (middle - 4.0, middle + 4.0);
        element(
            body,
            &format!(
                "<path class=\"mark\" fill=\"none\" stroke-width=\"1.5\" d=\"M{least:.1} {above:.1}V{below:.1}M{least:.1} {middle:.1}H{most:.1}M{most:.1} {above:.1}V{below:.1}\"/>"
            ),
        );
        let weight = if self.strong { "start\" font-weight=\"bold" } else { "start" };
        let x = if column { RIGHT + 20.0 } else { end.max(most) + 8.0 };
        text(body, x, middle + 5.0, weight, &self.text);
    }
}

/// `anchor` may go on with further attributes.
fn text(body: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    element(body, &format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{}</text>", escaped(words)));
}

fn element(body: &mut String, element: &str) {
    // Writing to a string can't fail.
    writeln!(body, "{element}").ok();
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values_and_words_are_escaped() {
        let bar = |label: &str, median: f64, most: f64| Bar {
            label: label.to_owned(),
            median,
            least: median,
            most,
            text: format!("{median}"),
            strong: false,
        };
        let group = Group { title: String::new(), bars: vec![bar("a<b", 50.0, 100.0), bar("c", 100.0, 100.0)] };
        let chart = Chart { title: "t".to_owned(), groups: vec![group], line: None, caption: "c & d".to_owned() };
        let svg = chart.svg();
        let width = |value: f64| format!("width=\"{:.1}\" height=\"{THICK}\"", value / 100.0 * (RIGHT - LEFT));
        for part in [width(50.0).as_str(), &width(100.0), "a&lt;b", "c &amp; d"] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
    }
}
