//! `cargo xtask detect-quality`: weir's detectors beside Presidio's on labelled texts that faker made, class by class.

mod score;

use crate::machine;
use crate::presidio::{environment, lines, place, requirements, script, seconds, through};
use crate::run::tell;
use anyhow::{Context as _, bail};
use clap::Args;
use score::{Class, Labelled, Place};
use serde_json::{Value, json};
use std::fs;
use std::path::{PathBuf, absolute};

/// Which texts, and where the report goes.
#[derive(Args)]
pub(crate) struct Options {
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Chooses the texts.
    #[arg(long, default_value_t = 20_261_129)]
    seed: u64,
    /// How many texts; every other one has a value.
    #[arg(long, default_value_t = 12_000)]
    count: usize,
}

/// What precision has to be at least, class by class.
const PRECISION: f64 = 0.95;

pub(crate) fn detect_quality(options: &Options) -> anyhow::Result<()> {
    let machine = machine::machine();
    let json = options.json.as_deref().map(absolute).transpose()?;
    let place = place()?;
    let python = environment(&place)?;
    let (texts, theirs, ours) = (place.join("corpus.jsonl"), place.join("presidio.jsonl"), place.join("weir.jsonl"));
    let (seed, count) = (options.seed.to_string(), options.count.to_string());
    through("texts", &python, &[&script("generate.py"), &seed, &count], None, &texts)?;
    through("presidio", &python, &[&script("presidio.py")], Some(&texts), &theirs)?;
    let example = |mode| ["run", "--quiet", "--locked", "--release", "-p", "gateway-core", "--example", "detect", "--", mode];
    through("weir", "cargo", &example("find"), Some(&texts), &ours)?;
    let speed = place.join("speed.json");
    through("weir's speed", "cargo", &example("speed"), Some(&texts), &speed)?;

    let labelled = score::labelled(&lines(&texts)?)?;
    let mut their_lines = lines(&theirs)?;
    let seconds = seconds(&mut their_lines)?;
    let classes = score::classes(&labelled, &score::found(&lines(&ours)?)?, &score::found(&their_lines)?);
    let speed = lines(&speed)?.pop().context("the speed was not told")?;
    let report = report(&labelled, &classes, &speed, seconds, options, machine);
    for class in &classes {
        tell(&class.to_string());
    }
    tell(&report["summary"].to_string());
    if let Some(file) = &json {
        fs::write(file, format!("{report:#}\n")).with_context(|| file.display().to_string())?;
    }
    let short: Vec<_> = classes.iter().filter(|class| !class.enough(PRECISION)).map(|class| class.name.clone()).collect();
    if !short.is_empty() || classes.is_empty() {
        bail!("recall is below Presidio's, or precision below {PRECISION}: {}", short.join(", "));
    }
    Ok(())
}

fn report(labelled: &[Labelled], classes: &[Class], speed: &Value, seconds: f64, options: &Options, machine: Value) -> Value {
    let bytes: usize = labelled.iter().map(|text| text.bytes).sum();
    let with = |value: &dyn Fn(&Class) -> bool| classes.iter().filter(|class| value(class)).count();
    json!({
        "summary": {
            "texts": labelled.len(),
            "values": labelled.iter().map(|text| text.values.len()).sum::<usize>(),
            "classes": classes.len(),
            "recall_below_presidio": with(&|class| !class.finds_as_much()),
            "precision_below_0_95": with(&|class| class.weir.precision() < PRECISION),
            "mean_bytes": (bytes as f64 / labelled.len().max(1) as f64).round(),
            "weir_mb_per_s": speed["mb_per_s"],
            "weir_rows_mb_per_s": speed["rows_mb_per_s"],
            "weir_texts_per_s": speed["texts_per_s"],
            "presidio_texts_per_s": (labelled.len() as f64 / seconds).round(),
        },
        "machine": machine,
        "settings": { "seed": options.seed, "count": options.count, "presidio_threshold": 0.4, "requirements": requirements() },
        "rows": classes.iter().map(Class::json).collect::<Vec<_>>(),
    })
}

impl Place {
    fn of(value: &Value) -> Option<Self> {
        let number = |field: &str| usize::try_from(value.get(field)?.as_u64()?).ok();
        Some(Self { class: value.get("class")?.as_str()?.to_owned(), start: number("start")?, end: number("end")? })
    }
}
