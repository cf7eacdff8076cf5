//! Asks for classed values in every way that is known and reports: `weir-leak [--json FILE] [--only TEXT]`.

use clap::Parser;
use serde_json::json;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use weir_tests::leak::{Aim, Ground, Round, Row, State, cases, judge, summary};

/// Asks for classed values in every way that is known, through weir, against a Postgres of its own.
#[derive(Parser)]
struct Options {
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Only cases whose name has this in it.
    #[arg(long, default_value = "")]
    only: String,
    /// One session in so many is shown by `weir session show` and `play`; all of their files are looked into.
    #[arg(long, default_value_t = 1)]
    shown: usize,
    /// Leaves out what locks a table against readers.
    #[arg(long)]
    calm: bool,
    /// Does not compare the two states.
    #[arg(long)]
    quick: bool,
    /// Says of every case how it came out.
    #[arg(long)]
    verbose: bool,
}

fn main() -> anyhow::Result<ExitCode> {
    let options = Options::parse();
    let chosen = |case: &weir_tests::leak::Case| case.id.contains(&options.only) && !(options.calm && case.locks());
    let cases: Vec<_> = cases::all().into_iter().filter(chosen).collect();
    let ground = Ground::start();
    let mut out = std::io::stdout().lock();
    let mut play = |round, every| {
        let started = Instant::now();
        let played = ground.play(&cases, round, every);
        writeln!(out, "{round:?}: {:.1} s", started.elapsed().as_secs_f32())?;
        if options.verbose {
            played.long().iter().try_for_each(|long| writeln!(out, "    {long}"))?;
        }
        anyhow::Ok(played)
    };
    let direct = [play(Round::Direct(State::Ada), 0)?, play(Round::Direct(State::Bob), 0)?];
    let masked = play(Round::Masked(State::Ada), options.shown)?;
    let flat = if options.quick { None } else { Some([play(Round::Flat(State::Ada), 0)?, play(Round::Flat(State::Bob), 0)?]) };
    let (rows, elsewhere) = judge(&cases, direct.each_ref(), &masked, flat.as_ref().map(|both| both.each_ref()));
    for row in rows.iter().filter(|row| options.verbose || row.is_bad()) {
        let without = if row.leaks_without || row.case.aim != Aim::Hide { "" } else { " (does not leak without weir)" };
        writeln!(
            out,
            "{:<8} {}{without}\n         {}\n         {}",
            row.outcome,
            row.case.id,
            row.case.statements.join("; "),
            row.detail
        )?;
    }
    for place in &elsewhere {
        writeln!(out, "kept     {place}")?;
    }
    let summary = summary(&rows, &elsewhere);
    if let Some(file) = options.json {
        let report = json!({
            "summary": summary,
            "machine": weir_tests::machine(),
            "rows": rows.iter().map(Row::json).collect::<Vec<_>>(),
            "kept": elsewhere,
        });
        std::fs::write(file, format!("{report:#}\n"))?;
    }
    writeln!(out, "{summary}")?;
    let bad = rows.iter().any(Row::is_bad) || !elsewhere.is_empty() || rows.is_empty();
    Ok(if bad { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
