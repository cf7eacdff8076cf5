//! `cargo xtask bench`: weir beside a direct connection, haproxy and pgbouncer, and the pages made of what came out.

mod all;
mod chart;
mod control;
mod control_page;
mod data;
mod evidence;
mod evidence_page;
mod fairness;
mod figure;
mod folder;
mod gate;
mod gateway;
mod goals_page;
mod hook;
mod hook_page;
mod machine;
mod mask;
mod measure;
mod pages;
mod peer;
mod postgres;
mod render;
mod report;
mod stage;
mod syscalls;
mod way;

use clap::Subcommand;

pub(crate) use gate::{Options as Gate, gate};
pub(crate) use hook::quick as quick_hook;
pub(crate) use mask::quick as quick_mask;
pub(crate) use postgres::quick;

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Everything that docs/performance.md is made of, but what masking, control and evidence have reports of their own for.
    All(all::Options),
    /// How fast a kill, an approval and a person's leaving take effect while a thousand sessions are at work.
    Control(control::Options),
    /// What a statement costs on the disk, how fast records are written and checked, and a million sessions listed and searched.
    Evidence(evidence::Options),
    /// Instructions of five fixed workloads, held against those that are kept.
    Gate(gate::Options),
    /// What the kernel's hooks cost a connect: of a process outside every job, of one inside, against no hook.
    Hook(hook::Options),
    /// What masking costs a job, and what detectors take beside Presidio.
    Mask(mask::Options),
    /// Measures all ways to one Postgres in interleaved rounds.
    Postgres(postgres::Options),
    /// Makes docs/performance.md's tables and charts from a report.
    Render(render::Options),
}

pub(crate) fn bench(which: &Bench) -> anyhow::Result<()> {
    match which {
        Bench::All(options) => all::all(options),
        Bench::Control(options) => control::control(options),
        Bench::Evidence(options) => evidence::evidence(options),
        Bench::Gate(options) => gate(options),
        Bench::Hook(options) => hook::hook(options),
        Bench::Mask(options) => mask::mask(options),
        Bench::Postgres(options) => postgres::postgres(options),
        Bench::Render(options) => render::render(options),
    }
}
