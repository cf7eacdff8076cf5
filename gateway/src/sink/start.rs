//! The threads that bring events to the sinks, apart from everything else: who is slow to take them slows nobody.

use super::deliver::deliver;
use super::settings::SinkSettings;
use super::spool::{Reader, Spool, SpoolError, SpoolSettings};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Threads for all sinks together.
const THREADS: usize = 2;
/// How often the spool is seen to, and while somebody waits for room in it.
const KEEP: Duration = Duration::from_secs(1);
const KEEP_WHILE_FULL: Duration = Duration::from_millis(100);
/// How long what is under way may take once the gateway stops: what is left then is the next gateway's.
const FAREWELL: Duration = Duration::from_secs(3);

/// All sinks of a gateway, at work.
pub struct Sinks {
    spool: Arc<Spool>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// They can't be.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// For the spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// For want of threads.
    #[error(
        "cannot start the threads that bring events to the sinks: {0}; look at the limit on threads (RLIMIT_NPROC, TasksMax=)"
    )]
    Thread(#[from] io::Error),
}

impl Sinks {
    /// Opens the spool and begins to deliver. `ears` are others that read it.
    ///
    /// # Errors
    /// Where the spool can't be opened, or a thread not be started.
    pub fn start(
        state_dir: &Path,
        settings: SpoolSettings,
        sinks: &[SinkSettings],
        ears: Vec<Reader>,
    ) -> Result<Self, StartError> {
        let readers = sinks.iter().map(SinkSettings::reader).chain(ears).collect();
        let spool = Arc::new(Spool::open(state_dir, settings, readers)?);
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).thread_name("weir-sink").enable_all().build()?;
        let (stop, stopping) = watch::channel(false);
        let (sinks, shared) = (sinks.to_vec(), Arc::clone(&spool));
        let thread =
            thread::Builder::new().name("weir-sinks".to_owned()).spawn(move || all(runtime, &shared, sinks, stopping))?;
        Ok(Self { spool, stop, thread: Some(thread) })
    }

    /// What events are appended to.
    #[must_use]
    pub const fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    /// Delivers what takes no time, and ends.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for Sinks {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the sinks has panicked");
        }
    }
}

fn all(runtime: Runtime, spool: &Arc<Spool>, sinks: Vec<SinkSettings>, mut stopping: watch::Receiver<bool>) {
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for sink in sinks {
            tasks.spawn(deliver(Arc::clone(spool), Arc::new(sink), stopping.clone()));
        }
        let keeper = tokio::spawn(keep(Arc::clone(spool)));
        // A dropped sender means the same as a message.
        let _told = stopping.wait_for(|stop| *stop).await.is_ok();
        let over = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, over).await.is_err() {
            tracing::warn!("a sink does not take what waits for it: the next gateway goes on with it");
        }
        keeper.abort();
    });
    // What a hung file system holds is left to it.
    runtime.shutdown_timeout(FAREWELL);
    if let Err(error) = spool.keep() {
        tracing::error!(%error, "the spool can't be synced");
    }
}

/// Sees to the spool until it is dropped.
async fn keep(spool: Arc<Spool>) {
    loop {
        let shared = Arc::clone(&spool);
        let kept = tokio::task::spawn_blocking(move || shared.keep()).await;
        if let Ok(Err(error)) = kept {
            tracing::error!(%error, "the spool can't be kept");
        }
        tokio::time::sleep(if spool.is_full() { KEEP_WHILE_FULL } else { KEEP }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::super::spool;
    use super::super::tests::event;
    use crate::config::Config;
    use crate::sink::Sinks;
    use serde_json::Value;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use weir_tests::{Manner, Receiver, wait_until};

    fn config(folder: &Path, sinks: &str) -> Config {
        let text = format!("trust_domain = \"acme.example\"\nstate_dir = \"state\"\n{sinks}\n");
        Config::parse(&text, folder).unwrap()
    }

    fn start(config: &Config) -> Sinks {
        Sinks::start(&config.state_dir, config.spool, &config.sinks, Vec::new()).unwrap()
    }

    /// The events that a file has, each with its number.
    fn lines(path: &Path) -> Vec<(u64, Value)> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let values = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        values.map(|value| (value["weir"]["number"].as_u64().unwrap(), value)).collect()
    }

    #[test]
    fn what_was_dropped_is_told_and_counted_and_what_is_not_wanted_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let sink = |name: &str, more: &str| {
            format!("[[sink]]\nname = \"{name}\"\nkind = \"file\"\nformat = \"json\"\npath = \"{name}.jsonl\"\n{more}\n")
        };
        let all = sink("all", "") + &sink("none", "events = [\"statement\"]");
        let config = config(folder.path(), &(all + "[spool]\nmax_mib = 1"));
        // While no gateway delivers, more comes than there is room for.
        let readers = config.sinks.iter().map(crate::sink::SinkSettings::reader).collect();
        let spool = crate::sink::Spool::open(&config.state_dir, config.spool, readers).unwrap();
        let many: Vec<_> = (1..=500).map(event).collect();
        for _ in 0..20 {
            spool.append(&many).unwrap();
        }
        spool.keep().unwrap();
        drop(spool);
        let sinks = start(&config);
        let progress = |name| spool::progress(&config.state_dir, name).unwrap().unwrap();
        wait_until("both sinks to be through", 20, || {
            let last = spool::extent(&config.state_dir).unwrap().last;
            (last >= 10_002 && progress("all").number >= last && progress("none").number >= last).then_some(())
        });
        sinks.stop();
        let (all, none) = (progress("all"), progress("none"));
        let told = lines(&folder.path().join("all.jsonl"));
        assert!(all.dropped > 0 && all.dropped == none.dropped, "{all:?} {none:?}");
        assert_eq!(told[0].0, all.dropped + 1, "the gap shows");
        assert!(told.windows(2).all(|pair| pair[0].0 + 1 == pair[1].0), "there is no other");
        let dropped: Vec<_> = told.iter().filter(|(_, value)| value["what"]["kind"] == "dropped").collect();
        assert_eq!(dropped.len(), 2, "each sink has lost some");
        assert!(dropped.iter().all(|(_, value)| value["what"]["events"] == all.dropped));
        assert_eq!((all.delivered, all.unwanted), (10_002 - all.dropped, 0));
        let own = lines(&folder.path().join("none.jsonl"));
        assert_eq!(own.iter().map(|(_, value)| value["what"]["sink"].as_str().unwrap()).collect::<Vec<_>>(), ["none"]);
        assert_eq!((none.delivered, none.unwanted), (1, 10_001 - none.dropped));
    }

    #[test]
    fn what_is_refused_is_set_aside_with_the_reason_and_the_rest_goes_on() {
        let receiver = Receiver::with(
            0,
            Manner { status: Some("422 No".to_owned()), body: "no hunter2".to_owned(), ..Manner::default() },
            None,
        );
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("url", format!("http://127.0.0.1:{}/events", receiver.port)), ("secret", "hunter2".to_owned())] {
            fs::write(folder.path().join(name), text).unwrap();
            fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        let sink =
            "[[sink]]\nname = \"hook\"\nkind = \"webhook\"\nformat = \"json\"\nurl = \"file:url\"\nsecret = \"file:secret\"";
        let config = config(folder.path(), sink);
        let sinks = start(&config);
        sinks.spool().append(&[event(1), event(2), event(3)]).unwrap();
        let progress = || spool::progress(&config.state_dir, "hook").unwrap().unwrap();
        wait_until("all to be refused", 20, || (progress().refused == 3 && progress().number == 3).then_some(()));
        sinks.stop();
        let aside = fs::read_to_string(config.state_dir.join("spool/hook.refused.jsonl")).unwrap();
        let aside: Vec<Value> = aside.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(aside.iter().map(|line| line["uid"].as_str().unwrap()).collect::<Vec<_>>(), ["s-1", "s-2", "s-3"]);
        assert!(aside.iter().all(|line| line["why"].as_str().unwrap().contains("422") && !line.to_string().contains("hunter2")));
        let heard = receiver.heard();
        assert!(heard.iter().all(|heard| heard.header("weir-signature").starts_with("t=")), "{heard:?}");
        assert_eq!(heard[0].header("weir-numbers").split('-').next(), Some("1"));
    }
}
