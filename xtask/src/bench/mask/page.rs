//! Masking's part of docs/performance.md, made of its own report.

use super::super::pages::number;
use super::super::report::median;
use super::stage::{Measure, Way};
use super::values;
use anyhow::Context as _;
use serde_json::{Map, Value};

/// The tables that stand between the markers.
pub(in super::super) fn table(report: &str) -> anyhow::Result<String> {
    let report: Value = serde_json::from_str(report)?;
    let rounds: Vec<Map<String, Value>> =
        serde_json::from_value(report.get("rounds").context("the report has no rounds")?.clone())?;
    let mut table = "| rows/s, medians of the rounds | direct | weir, no classes | classes, shown | classes, masked | masked against no classes |\n\
                     |---|---|---|---|---|---|\n"
        .to_owned();
    for measure in Measure::ALL {
        let of = |way: Way| {
            let values = values(&rounds, &format!("{}_{}", measure.name(), way.name()));
            median(&values).map(|median| (values, median)).with_context(|| format!("no {} of {}", measure.name(), way.name()))
        };
        let mut cells = vec![format!("`{}`", measure.name())];
        for way in Way::ALL {
            cells.push(number(of(way)?.1));
        }
        let (masked, unmasked) = (of(Way::Masked)?.0, of(Way::Unmasked)?.0);
        let ratios: Vec<f64> = masked.iter().zip(&unmasked).map(|(masked, unmasked)| masked / unmasked).collect();
        cells.push(spread(&ratios)?);
        table.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    let named =
        |name: &str| Some(values(&rounds, name)).filter(|values| !values.is_empty()).with_context(|| format!("no {name}"));
    let (ours, theirs) = (named("detect_rows_weir")?, named("detect_rows_presidio")?);
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    table.push_str("\n| detectors, in one process on one core | weir | Presidio | ratio |\n|---|---|---|---|\n");
    table.push_str(&format!(
        "| five, texts/s | {} | {} | {} |\n",
        number(median(&ours).context("no rounds")?),
        number(median(&theirs).context("no rounds")?),
        spread(&ratios)?
    ));
    for (title, name) in [
        ("five, MB/s of the same texts", "detect_five_mb_per_s"),
        ("twenty, MB/s of the same texts", "detect_mb_per_s"),
        ("twenty, MB/s of rows with nothing to find", "detect_rows_mb_per_s"),
    ] {
        table.push_str(&format!("| {title} | {:.0} | | |\n", median(&named(name)?).context("no rounds")?));
    }
    let text =
        |pointer: &str| report.pointer(pointer).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    table.push_str(&format!(
        "\n{} rounds; COPY of {} rows; {} policies; {} build; commit `{}`, {}.\n",
        text("/settings/rounds").unwrap_or_default(),
        text("/settings/rows").unwrap_or_default(),
        text("/settings/policies").unwrap_or_default(),
        text("/settings/weir_build").unwrap_or_default(),
        text("/machine/commit").unwrap_or_default().get(..12).unwrap_or_default(),
        text("/machine/kernel").unwrap_or_default(),
    ));
    Ok(table)
}

fn spread(ratios: &[f64]) -> anyhow::Result<String> {
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let digits = if most < 10.0 { 2 } else { 0 };
    Ok(format!("× {:.digits$} ({least:.digits$}–{most:.digits$})", median(ratios).context("no rounds")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_have_their_least_and_most() {
        assert_eq!(spread(&[0.9, 0.8, 0.95]).unwrap(), "× 0.90 (0.80–0.95)");
        assert_eq!(spread(&[900.0, 1200.0]).unwrap(), "× 1050 (900–1200)");
    }
}
