//! What a report becomes: charts, and the tables that stand between markers in docs/performance.md.

use super::chart::{Bar, Chart, Group};
use super::figure::Figure;
use super::report::median;
use super::way::Way;
use anyhow::{Context as _, ensure};
use serde_json::Value;

/// A report, as it was read back.
pub(super) struct Report(Value);

/// Values over the rounds.
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Report {
    pub(super) const fn of(report: Value) -> Self {
        Self(report)
    }

    /// Files of docs/performance, by name.
    pub(super) fn charts(&self) -> anyhow::Result<Vec<(String, String)>> {
        let mut charts = vec![("ratios.svg".to_owned(), self.ratios_chart()?)];
        for figure in Figure::COMPARED {
            charts.push((format!("{}.svg", figure.name()), self.chart(figure)?));
        }
        Ok(charts)
    }

    /// The page with what is between its markers made anew.
    pub(super) fn page(&self, page: &str) -> anyhow::Result<String> {
        let mut page = between(page, "ratios", &self.ratios_table()?)?;
        for figure in Figure::COMPARED {
            page = between(&page, figure.name(), &self.table(figure)?)?;
        }
        page = between(&page, "beside", &self.beside()?)?;
        page = between(&page, "losses", &self.losses()?)?;
        between(&page, "machine", &self.machine()?)
    }

    fn values(&self, figure: Figure, way: Way) -> anyhow::Result<Vec<f64>> {
        let rounds = self.0.get("rounds").and_then(Value::as_array).context("the report has no rounds")?;
        let value = |round: &Value| round.get(figure.name())?.get(way.name())?.as_f64();
        let values: Option<Vec<f64>> = rounds.iter().map(value).collect();
        values.with_context(|| format!("a round has no {} of {}", figure.name(), way.name()))
    }

    fn spread(&self, figure: Figure, way: Way) -> anyhow::Result<Spread> {
        Spread::of(&self.values(figure, way)?)
    }

    /// weir against a peer, round by round.
    fn ratio(&self, figure: Figure, peer: Way) -> anyhow::Result<Spread> {
        let (weir, peer) = (self.values(figure, Way::Weir)?, self.values(figure, peer)?);
        let ratios: Vec<f64> = weir.iter().zip(&peer).map(|(&weir, &peer)| figure.ratio(weir, peer)).collect();
        Spread::of(&ratios)
    }

    fn chart(&self, figure: Figure) -> anyhow::Result<String> {
        let mut bars = Vec::new();
        for &way in figure.ways() {
            bars.push(self.spread(figure, way)?.bar(way.name(), number, way == Way::Weir));
        }
        let better = if figure.more_is_better() { "more" } else { "less" };
        let caption = format!("{}; {better} is better. {}", figure.unit(), self.whiskers()?);
        let groups = vec![Group { title: String::new(), bars }];
        Ok(Chart { title: figure.title().to_owned(), groups, line: None, caption }.svg())
    }

    fn ratios_chart(&self) -> anyhow::Result<String> {
        let mut groups = Vec::new();
        for figure in Figure::COMPARED {
            let mut bars = Vec::new();
            for peer in figure.peers() {
                bars.push(self.ratio(figure, peer)?.bar(&format!("vs {}", peer.name()), two, false));
            }
            groups.push(Group { title: figure.title().to_owned(), bars });
        }
        let caption = format!("weir against each peer; more is better for weir. {}", self.whiskers()?);
        Ok(Chart { title: "weir against each peer".to_owned(), groups, line: Some((1.0, "as fast")), caption }.svg())
    }

    fn whiskers(&self) -> anyhow::Result<String> {
        Ok(format!("Bars: medians of {} rounds; whiskers: least and most.", self.setting("/settings/rounds")?))
    }

    fn ratios_table(&self) -> anyhow::Result<String> {
        let mut table = "| weir against | direct | haproxy | pgbouncer | copy_loop |\n|---|---|---|---|---|\n".to_owned();
        for figure in Figure::COMPARED {
            let mut cells = Vec::new();
            for peer in Way::ALL.into_iter().filter(|way| *way != Way::Weir) {
                if !figure.ways().contains(&peer) {
                    cells.push("".to_owned());
                    continue;
                }
                let ratio = self.ratio(figure, peer)?;
                cells.push(format!("{} ({}–{})", two(ratio.median), two(ratio.least), two(ratio.most)));
            }
            table.push_str(&format!("| {} | {} |\n", figure.title(), cells.join(" | ")));
        }
        Ok(format!("{table}\n![weir against each peer](performance/ratios.svg)\n"))
    }

    fn table(&self, figure: Figure) -> anyhow::Result<String> {
        let mut table = format!("| {} | median | least | most |\n|---|---|---|---|\n", figure.unit());
        for &way in figure.ways() {
            let spread = self.spread(figure, way)?;
            let cells = [spread.median, spread.least, spread.most].map(number);
            table.push_str(&format!("| {} | {} |\n", way.name(), cells.join(" | ")));
        }
        Ok(format!("![{}](performance/{}.svg)\n\n{table}", figure.title(), figure.name()))
    }

    /// Every comparison that weir did not win, the worst first, and whether the rounds agree on it.
    fn losses(&self) -> anyhow::Result<String> {
        let mut lost = Vec::new();
        for figure in Figure::COMPARED {
            for peer in figure.peers() {
                let ratio = self.ratio(figure, peer)?;
                let sure = if ratio.most < 1.0 { "in every round" } else { "not in every round" };
                if ratio.median < 1.0 {
                    lost.push((
                        ratio.median,
                        format!("| {} | {} | {} | {sure} |\n", figure.title(), peer.name(), two(ratio.median)),
                    ));
                }
            }
        }
        lost.sort_by(|one, other| one.0.total_cmp(&other.0));
        let rows: String = lost.into_iter().map(|(_, row)| row).collect();
        Ok(format!("| slower at | than | ratio | |\n|---|---|---|---|\n{rows}"))
    }

    /// One client's other figures, which have no chart.
    fn beside(&self) -> anyhow::Result<String> {
        let mut table = "| µs, medians of the rounds | direct | haproxy | pgbouncer | weir |\n|---|---|---|---|---|\n".to_owned();
        for figure in [Figure::Latency1P99, Figure::Latency1SimpleP99] {
            let mut cells = Vec::new();
            for &way in figure.ways() {
                cells.push(number(self.spread(figure, way)?.median));
            }
            table.push_str(&format!("| {} | {} |\n", figure.title(), cells.join(" | ")));
        }
        Ok(table)
    }

    fn machine(&self) -> anyhow::Result<String> {
        let mut table = "| | |\n|---|---|\n".to_owned();
        for (name, pointer) in [
            ("processor", "/machine/cpu"),
            ("cores", "/machine/cores"),
            ("virtual machine", "/machine/virtual"),
            ("memory", "/machine/memory"),
            ("kernel", "/machine/kernel"),
            ("load average before, after", "/machine/load_before"),
            ("weir", "/settings/versions/weir"),
            ("Postgres", "/settings/versions/postgres"),
            ("haproxy", "/settings/versions/haproxy"),
            ("pgbouncer", "/settings/versions/pgbouncer"),
            ("pgbench", "/settings/versions/pgbench"),
            ("commit", "/machine/commit"),
            ("build of weir", "/settings/weir_build"),
            ("policies", "/settings/policies"),
            ("recording", "/settings/recording"),
            ("rounds", "/settings/rounds"),
            ("seconds of each measurement", "/settings/seconds"),
            ("bytes of the COPY", "/settings/copy_bytes"),
        ] {
            let mut value = self.setting(pointer)?;
            match pointer {
                "/machine/load_before" => value = format!("{value}, {}", self.setting("/machine/load_after")?),
                "/machine/commit" if self.setting("/machine/edited")? == "true" => value.push_str(", with changes"),
                _ => {}
            }
            table.push_str(&format!("| {name} | {value} |\n"));
        }
        Ok(table)
    }

    fn setting(&self, pointer: &str) -> anyhow::Result<String> {
        let value = self.0.pointer(pointer).with_context(|| format!("the report has no {pointer}"))?;
        Ok(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

impl Spread {
    fn of(values: &[f64]) -> anyhow::Result<Self> {
        let median = median(values).context("the report has no rounds")?;
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        Ok(Self { median, least, most })
    }

    fn bar(&self, label: &str, text: fn(f64) -> String, strong: bool) -> Bar {
        let Self { median, least, most } = *self;
        Bar { label: label.to_owned(), median, least, most, text: text(median), strong }
    }
}

/// The page with `text` between the markers of this name.
pub(super) fn between(page: &str, name: &str, text: &str) -> anyhow::Result<String> {
    let (from, to) = (format!("<!-- bench {name} -->\n"), format!("<!-- /bench {name} -->"));
    ensure!(page.matches(&from).count() == 1, "the page has not one {from}");
    let (before, rest) = page.split_once(&from).with_context(|| from.clone())?;
    let (_, after) = rest.split_once(&to).with_context(|| format!("the page has no {to}"))?;
    Ok(format!("{before}{from}{text}{to}{after}"))
}

/// With thousands apart; a digit behind the point below 100.
pub(super) fn number(value: f64) -> String {
    if value < 99.95 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let group = |(at, digit): (usize, char)| {
        let apart = at > 0 && (digits.len() - at).is_multiple_of(3);
        [apart.then_some('\u{202f}'), Some(digit)].into_iter().flatten().collect::<String>()
    };
    digits.chars().enumerate().map(group).collect()
}

fn two(value: f64) -> String {
    format!("{value:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_made_anew() {
        let page = "a\n<!-- bench x -->\nold\n<!-- /bench x -->\nb\n";
        assert_eq!(between(page, "x", "new\n").unwrap(), page.replace("old", "new"));
        assert!(between(page, "y", "new\n").is_err());
        assert!(between(&page.repeat(2), "x", "new\n").is_err());
    }

    #[test]
    fn numbers_are_legible() {
        let expected =
            [(0.5, "0.5"), (99.94, "99.9"), (99.96, "100"), (1234.5, "1\u{202f}234"), (1_234_567.0, "1\u{202f}234\u{202f}567")];
        for (value, text) in expected {
            assert_eq!(number(value), text);
        }
    }
}
