//! `cargo xtask bench`: weir beside a direct connection, haproxy and pgbouncer, and the pages made of what came out.

mod chart;
mod data;
mod figure;
mod folder;
mod gateway;
mod machine;
mod measure;
mod pages;
mod peer;
mod postgres;
mod render;
mod report;
mod stage;
mod way;

use clap::Subcommand;

pub(crate) use postgres::quick;

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// Measures all ways to one Postgres in interleaved rounds.
    Postgres(postgres::Options),
    /// Makes docs/performance.md's tables and charts from a report.
    Render(render::Options),
}

pub(crate) fn bench(which: &Bench) -> anyhow::Result<()> {
    match which {
        Bench::Postgres(options) => postgres::postgres(options),
        Bench::Render(options) => render::render(options),
    }
}
