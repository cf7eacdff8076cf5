//! The detectors over texts of standard input, a JSON object with `text` a line: what they find (`find`), or how fast (`speed`).
//! `--rules a,b,c` names the built-in rules that are used; all of them are, unless it is given.

use gateway_core::detect::{DetectConfig, Detectors, Scratch};
use serde_json::{Value, json};
use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Texts that are timed at once.
const FEW: usize = 100;
/// Each measurement goes on for at least so long.
const LONG_ENOUGH: Duration = Duration::from_secs(4);
const USAGE: &str = "usage: detect find|speed [--rules NAME,NAME…] < texts.jsonl";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "detect: {error}").ok();
            ExitCode::FAILURE
        }
    }
}

type Done<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn run(mut arguments: impl Iterator<Item = String>) -> Done {
    let measure = match arguments.next().as_deref() {
        Some("find") => find,
        Some("speed") => speed,
        _ => return Err(USAGE.into()),
    };
    let rules = match (arguments.next().as_deref(), arguments.next(), arguments.next()) {
        (None, ..) => None,
        (Some("--rules"), Some(names), None) => Some(names.split(',').map(str::to_owned).collect()),
        _ => return Err(USAGE.into()),
    };
    measure(&detectors(rules)?, &texts()?)
}

fn texts() -> Done<Vec<String>> {
    let mut texts = Vec::new();
    for line in std::io::stdin().lock().lines() {
        let value: Value = serde_json::from_str(&line?)?;
        texts.push(value.get("text").and_then(Value::as_str).ok_or("a line without `text`")?.to_owned());
    }
    Ok(texts)
}

fn detectors(rules: Option<Vec<String>>) -> Done<Detectors> {
    let told =
        |problems: Vec<gateway_core::detect::RuleProblem>| problems.iter().map(|one| format!("{one}\n")).collect::<String>();
    Ok(Detectors::new(&DetectConfig { rules, ..DetectConfig::default() }).map_err(told)?)
}

/// A line for each text: `{"found": [{"class", "start", "end", "score"}]}`, places in characters.
fn find(detectors: &Detectors, texts: &[String]) -> Done {
    let (mut scratch, mut found) = (detectors.scratch(), Vec::new());
    let mut out = std::io::stdout().lock();
    for text in texts {
        found.clear();
        detectors.find(text.as_bytes(), &mut scratch, &mut found);
        let characters = |end: usize| text.get(..end).map(|before| before.chars().count());
        let found: Vec<_> = found
            .iter()
            .map(|one| {
                let (start, end) = (characters(one.span.start), characters(one.span.end));
                json!({ "class": detectors.name(one.rule), "start": start, "end": end, "score": one.score })
            })
            .collect();
        writeln!(out, "{}", json!({ "found": found }))?;
    }
    Ok(())
}

/// How fast texts are redacted, one by one, on one core: those that were given, and rows as tables have them.
fn speed(detectors: &Detectors, texts: &[String]) -> Done {
    let mut scratch = detectors.scratch();
    let rows: Vec<_> = (0..4000u32).map(row).collect();
    let given = Rate::of(detectors, &mut scratch, texts);
    let plain = Rate::of(detectors, &mut scratch, &rows);
    let report = json!({
        "rules": detectors.rules().count(),
        "mb_per_s": given.best_mb,
        "texts_per_s": given.best_texts,
        "mean_mb_per_s": given.mean_mb,
        "mean_texts_per_s": given.mean_texts,
        "rows_mb_per_s": plain.best_mb,
        "mean_rows_mb_per_s": plain.mean_mb,
        "states_bytes": scratch.memory(),
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

/// A row without anything to find.
fn row(number: u32) -> String {
    const WORDS: [&str; 8] = ["north", "pending", "cotton shirt", "returned", "express", "blue kettle", "warehouse", "paid"];
    let word = |place: u32| WORDS.get(number.wrapping_mul(place) as usize % WORDS.len()).copied().unwrap_or_default();
    format!(
        "{number}\t{}\t{}\t2026-0{}-1{} 0{}:1{}:2{}.{:03}\t{}.{:02}\t{} and {} for the customer's second order\t{:016x}\t{}",
        word(3),
        word(5),
        number % 9 + 1,
        number % 9,
        number % 9,
        number % 7,
        number % 10,
        number % 1000,
        number % 977,
        number % 100,
        word(7),
        word(11),
        u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        word(13),
    )
}

/// Megabytes and texts a second: of each few texts the best of several passes, so that what else the machine does counts little; and
/// over all passes.
struct Rate {
    best_mb: f64,
    best_texts: f64,
    mean_mb: f64,
    mean_texts: f64,
}

impl Rate {
    fn of(detectors: &Detectors, scratch: &mut Scratch, texts: &[String]) -> Self {
        let bytes: usize = texts.iter().map(String::len).sum();
        let (mut out, mut hits) = (Vec::new(), detectors.hits());
        let mut least = vec![f64::MAX; texts.len().div_ceil(FEW)];
        let (started, mut passes) = (Instant::now(), 0);
        while started.elapsed() < LONG_ENOUGH {
            for (texts, least) in texts.chunks(FEW).zip(&mut least) {
                let pass = Instant::now();
                for text in texts {
                    out.clear();
                    detectors.redact(text.as_bytes(), scratch, &mut out, &mut hits);
                }
                *least = least.min(pass.elapsed().as_secs_f64());
            }
            passes += 1;
        }
        let (best, mean) = (least.iter().sum::<f64>(), started.elapsed().as_secs_f64() / f64::from(passes));
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        let of = |seconds: f64| (tenths(bytes as f64 / seconds / 1e6), tenths(texts.len() as f64 / seconds));
        let ((best_mb, best_texts), (mean_mb, mean_texts)) = (of(best), of(mean));
        Self { best_mb, best_texts, mean_mb, mean_texts }
    }
}
