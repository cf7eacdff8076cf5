//! The report: raw rounds, medians over them, and weir's ratios to its peers.

use super::figure::Figure;
use super::way::Way;
use serde_json::{Map, Value, json};

/// One value, as it was measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sample {
    pub(super) round: usize,
    pub(super) figure: Figure,
    pub(super) way: Way,
    pub(super) value: f64,
}

/// How a ratio is made, for the report and its readers.
pub(super) const RATIO: &str = "the median over rounds of weir against the peer in the same round; rates as weir/peer, times as peer/weir: more is better for weir";

/// `ratios`, `medians`, `ranges` and `rounds`.
pub(super) fn results(samples: &[Sample]) -> Map<String, Value> {
    let mut ratios = Map::new();
    for figure in Figure::COMPARED {
        for peer in figure.peers() {
            if let Some(ratio) = ratio(samples, figure, peer) {
                ratios.insert(format!("{}_vs_{}", figure.name(), peer.name()), json!(rounded(ratio)));
            }
        }
    }
    let mut medians = Map::new();
    for figure in Figure::ALL {
        let of = |way: Way| median(&values(samples, figure, way));
        let ways: Map<String, Value> =
            Way::ALL.into_iter().filter_map(|way| Some((way.name().to_owned(), json!(rounded(of(way)?))))).collect();
        if !ways.is_empty() {
            medians.insert(figure.name().to_owned(), Value::Object(ways));
        }
    }
    let mut all = Map::new();
    all.insert("ratios".to_owned(), Value::Object(ratios));
    all.insert("medians".to_owned(), Value::Object(medians));
    all.insert("rounds".to_owned(), rounds(samples));
    all
}

/// An object a round: figure, then way, then the value.
fn rounds(samples: &[Sample]) -> Value {
    let count = samples.iter().map(|sample| sample.round + 1).max().unwrap_or(0);
    let mut rounds = vec![Map::new(); count];
    for sample in samples {
        let figures = rounds.get_mut(sample.round);
        let figure = figures.map(|figures| figures.entry(sample.figure.name()).or_insert_with(|| json!({})));
        if let Some(Value::Object(ways)) = figure {
            ways.insert(sample.way.name().to_owned(), json!(rounded(sample.value)));
        }
    }
    Value::from(rounds)
}

fn values(samples: &[Sample], figure: Figure, way: Way) -> Vec<f64> {
    samples.iter().filter(|sample| sample.figure == figure && sample.way == way).map(|sample| sample.value).collect()
}

/// What shared a moment is compared with what shared it.
fn ratio(samples: &[Sample], figure: Figure, peer: Way) -> Option<f64> {
    let of = |round: usize, way: Way| {
        let found = samples.iter().find(|sample| sample.round == round && sample.figure == figure && sample.way == way);
        found.map(|sample| sample.value)
    };
    let count = samples.iter().map(|sample| sample.round + 1).max()?;
    let ratios: Vec<f64> = (0..count).filter_map(|round| Some(figure.ratio(of(round, Way::Weir)?, of(round, peer)?))).collect();
    median(&ratios)
}

pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (lower, upper) = (sorted.get(sorted.len().checked_sub(1)? / 2)?, sorted.get(sorted.len() / 2)?);
    Some(f64::midpoint(*lower, *upper))
}

/// To a ten-thousandth: what lies beyond is noise.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(figure: Figure, weir: &[f64], direct: &[f64]) -> Vec<Sample> {
        let of = |way: Way, values: &[f64]| -> Vec<Sample> {
            values.iter().enumerate().map(|(round, &value)| Sample { round, figure, way, value }).collect()
        };
        [of(Way::Weir, weir), of(Way::Direct, direct)].concat()
    }

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_own() {
        // Rounds: 0.5, 0.5, 0.9. The ratio of the medians would be 9/20.
        let rates = samples(Figure::SelectPrepared16, &[10.0, 5.0, 9.0], &[20.0, 10.0, 10.0]);
        assert_eq!(results(&rates)["ratios"]["select_prepared_16_vs_direct"], 0.5);
        let times = samples(Figure::Latency1, &[10.0, 5.0, 9.0], &[20.0, 10.0, 10.0]);
        assert_eq!(results(&times)["ratios"]["latency_1_vs_direct"], 2.0, "half the time is twice as good");
        assert_eq!(results(&times)["medians"]["latency_1"]["weir"], 9.0);
        assert_eq!(results(&times)["rounds"][1]["latency_1"]["direct"], 10.0);
    }

    #[test]
    fn a_whole_round_has_every_ratio_under_its_lasting_name() {
        let all = Figure::ALL
            .into_iter()
            .flat_map(|figure| figure.ways().iter().map(move |&way| Sample { round: 0, figure, way, value: 1.0 }));
        let results = results(&all.collect::<Vec<_>>());
        let mut names: Vec<&String> = results["ratios"].as_object().unwrap().keys().collect();
        // Whether JSON keeps its keys in order hangs on what else is built.
        names.sort();
        let measures = [
            "connect_query_close",
            "connect_query_close_scram",
            "copy_out_1gb",
            "latency_1",
            "latency_1_simple",
            "select_prepared_16",
            "tpcb_16",
        ];
        let mut expected: Vec<String> = measures
            .iter()
            .flat_map(|measure| ["direct", "haproxy", "pgbouncer"].map(|peer| format!("{measure}_vs_{peer}")))
            .chain(["copy_out_1gb_vs_copy_loop".to_owned()])
            .collect();
        expected.sort();
        assert_eq!(names, expected.iter().collect::<Vec<_>>());
    }

    #[test]
    fn a_median_of_an_even_count_is_between() {
        for (values, expected) in [(&[][..], None), (&[3.0], Some(3.0)), (&[4.0, 1.0], Some(2.5)), (&[9.0, 1.0, 2.0], Some(2.0))]
        {
            assert_eq!(median(values), expected);
        }
    }
}
