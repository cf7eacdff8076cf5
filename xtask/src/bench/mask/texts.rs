//! Free text: what detectors take of it in one process and on one core, beside Presidio.

use super::super::way::rotated;
use crate::presidio::{environment, lines, place, script, seconds, through};
use crate::run::{run, target};
use anyhow::Context as _;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::PathBuf;

/// The rules that stand in a text column.
pub(super) const FIVE: [&str; 5] = ["email", "payment_card", "iban", "phone", "us_ssn"];

/// The rules that Presidio has recognisers for, too.
const TWENTY: [&str; 20] = [
    "email",
    "payment_card",
    "iban",
    "phone",
    "us_ssn",
    "us_itin",
    "uk_nhs",
    "uk_nino",
    "es_nif",
    "es_nie",
    "it_fiscal_code",
    "pl_pesel",
    "fi_hetu",
    "in_aadhaar",
    "in_pan",
    "au_tfn",
    "au_abn",
    "ip_address",
    "mac_address",
    "date_of_birth",
];

/// Texts for weir, and as many as Presidio can look through in a few seconds.
const TEXTS: &str = "12000";
const FEW: usize = 1500;
const SEED: &str = "20261129";

/// The texts, and who looks through them.
pub(super) struct Texts {
    python: String,
    detect: PathBuf,
    all: PathBuf,
    few: PathBuf,
    out: PathBuf,
}

impl Texts {
    /// Has faker make them, and builds what looks through them.
    pub(super) fn make() -> anyhow::Result<Self> {
        let place = place()?;
        let python = environment(&place)?;
        run("build detect", "cargo", &["build", "--locked", "--release", "-p", "gateway-core", "--example", "detect"])?;
        let target = target();
        let (all, few) = (place.join("bench.jsonl"), place.join("bench-few.jsonl"));
        through("texts", &python, &[&script("generate.py"), SEED, TEXTS], None, &all)?;
        let text = fs::read_to_string(&all)?;
        fs::write(&few, text.split_inclusive('\n').take(FEW).collect::<String>())?;
        Ok(Self { python, detect: target.join("release/examples/detect"), all, few, out: place.join("bench-out.jsonl") })
    }

    /// One round: texts a second of five detectors, weir's and Presidio's, and megabytes a second of twenty.
    pub(super) fn take(&self, round: usize) -> anyhow::Result<Map<String, Value>> {
        let mut values = Map::new();
        for ours in rotated(&[true, false], round) {
            if ours {
                let (five, twenty) = (self.speed(&FIVE)?, self.speed(&TWENTY)?);
                let of = |report: &Value, name: &str| report.get(name).cloned().with_context(|| format!("no {name}: {report}"));
                values.insert("detect_rows_weir".to_owned(), of(&five, "mean_texts_per_s")?);
                values.insert("detect_five_mb_per_s".to_owned(), of(&five, "mean_mb_per_s")?);
                values.insert("detect_mb_per_s".to_owned(), of(&twenty, "mean_mb_per_s")?);
                values.insert("detect_rows_mb_per_s".to_owned(), of(&twenty, "mean_rows_mb_per_s")?);
            } else {
                through(
                    "presidio",
                    "taskset",
                    &["-c", "0", &self.python, &script("presidio.py"), &FIVE.join(",")],
                    Some(&self.few),
                    &self.out,
                )?;
                let seconds = seconds(&mut lines(&self.out)?)?;
                values.insert("detect_rows_presidio".to_owned(), json!((FEW as f64 / seconds).round()));
            }
        }
        Ok(values)
    }

    fn speed(&self, rules: &[&str]) -> anyhow::Result<Value> {
        let detect = self.detect.to_string_lossy();
        let arguments = ["-c", "0", &detect, "speed", "--rules", &rules.join(",")];
        through("detect", "taskset", &arguments, Some(&self.all), &self.out)?;
        lines(&self.out)?.pop().context("the speed was not told")
    }

    pub(super) fn settings(&self) -> Value {
        json!({ "texts": TEXTS, "of_presidio": FEW, "seed": SEED, "five": FIVE, "twenty": TWENTY })
    }
}

/// `count` texts of about 130 bytes with their numbers, as CSV; every other one has something to find.
pub(super) fn csv(count: u64) -> String {
    const SAID: [&str; 6] = [
        "The customer called about the second parcel of order {n} and asks for a call back before Friday noon; the courier left no note",
        "Please write to someone.{n}@customers.example when the blue kettle of order {n} is back in the warehouse, and not before noon",
        "Returned, item {n} was broken on arrival; the photographs are in the folder of the claim, a refund of 42.10 has been agreed on",
        "New number for deliveries is +1 650 253 {d}, the old one of order {n} is no longer in use; ring twice, the bell is very quiet",
        "Left with the neighbour on the second floor, who signed for order {n} at 17:45; the customer was told so by the usual message",
        "Paid by transfer from DE89 3704 0044 0532 0130 00 for order {n}, less the voucher of spring; the receipt goes by ordinary mail",
    ];
    let mut csv = "0,\"write to ana@example.com\"\n".to_owned();
    for (number, said) in (1..count).zip(SAID.iter().cycle()) {
        let text = said.replace("{n}", &number.to_string()).replace("{d}", &format!("{:04}", number % 10_000));
        csv.push_str(&format!("{number},\"{text}\"\n"));
    }
    csv
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_long_as_is_said() {
        let csv = csv(1000);
        assert_eq!(csv.lines().count(), 1000);
        let mean = csv.len() / 1000;
        assert!((120..=145).contains(&mean), "{mean}");
    }

    #[test]
    fn the_five_are_among_the_twenty() {
        assert!(FIVE.iter().all(|rule| TWENTY.contains(rule)));
    }
}
