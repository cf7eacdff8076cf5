//! Where events leave to: how far each sink is, and a test.

use super::actor::{Actor, On, Role};
use super::error::CommandError;
use crate::config::Config;
use crate::sink::{ListedSink, SinkSettings, TriedSink};

/// All that are configured, in the order of the file.
pub(super) fn list(actor: &Actor, config: &Config) -> Result<Vec<ListedSink>, CommandError> {
    actor.must(Role::Operator, On::default(), "to see where events go")?;
    let listed = config.sinks.iter().map(|sink| sink.standing(&config.state_dir)).collect::<Result<_, _>>();
    listed.map_err(|error| CommandError::Wrong(error.to_string()))
}

/// The one that somebody tries.
pub(super) fn tried(actor: &Actor, config: &Config, name: &str) -> Result<SinkSettings, CommandError> {
    actor.must(Role::Operator, On::default(), "to try a sink")?;
    let missing = || CommandError::missing(format!("[[sink]] named {name:?} in this gateway's configuration"));
    config.sinks.iter().find(|sink| sink.name == name).cloned().ok_or_else(missing)
}

/// Sends it a test, once.
pub(super) async fn test(actor: &Actor, sink: SinkSettings) -> Result<TriedSink, CommandError> {
    let sent = sink.test(actor.name()).await;
    sent.map_err(|failure| CommandError::NotTaken { name: sink.name.clone(), failure })
}
