//! stub
use clap::Args;
#[derive(Args)]
pub(crate) struct Options {}
pub(super) fn render(_options: &Options) -> anyhow::Result<()> { Ok(()) }
