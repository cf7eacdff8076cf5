//! Hears events and has the engine find. One gateway of a state directory does; the next one goes on where it ended.

use super::kept::{self, Kept};
use super::settings::DetectionSettings;
use super::{act, teller};
use crate::control::Desk;
use crate::evidence::now;
use crate::host::Diary;
use crate::ledger::{LedgerError, Snoozed};
use crate::sink::{Ear, OnFull, Reader, Spool, SpoolError, Spooled};
use gateway_core::finding::{Engine, Rules, Told};
use serde_json::json;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// By what name it reads the spool. No sink can have it.
pub const EAR: &str = "@detection";
/// How often it is looked for what other processes have appended, and for what is over.
const LOOK: Duration = Duration::from_millis(500);
/// Events that are heard before what they gave is told.
const AT_ONCE: usize = 1000;
/// Findings that may wait for a ledger that can't be written, before nothing more is heard.
const MOST_UNTOLD: usize = 4096;
/// How often what was seen is kept, where nothing was found; and what share of the time that may take at most.
const KEEP: Duration = Duration::from_secs(10);
const SHARE: u32 = 20;
/// How long what was recorded last may take to be heard once the gateway stops.
const FAREWELL: Duration = Duration::from_secs(3);

/// Detection, at work.
pub struct Detector {
    spool: Arc<Spool>,
    desk: Desk,
    diary: Arc<Diary>,
    settings: DetectionSettings,
    rules: Rules,
    reload: Arc<AtomicBool>,
    /// What went wrong last, so that it is said once.
    said: Option<String>,
}

/// What there is while this is the process that hears.
struct Hearing {
    ear: Ear,
    engine: Engine,
    /// What is snoozed, as the engine was told last; its own memory may be older.
    snoozed: Option<Vec<Snoozed>>,
    untold: VecDeque<Told>,
    /// The last event that was heard.
    heard: u64,
    /// The same as of the file.
    kept: u64,
    keep_at: Instant,
}

impl Detector {
    /// Rules that hear what is in this spool. Setting `reload` has the rules read again.
    #[must_use]
    pub fn new(
        (settings, rules): (DetectionSettings, Rules),
        spool: Arc<Spool>,
        desk: Desk,
        diary: Arc<Diary>,
        reload: Arc<AtomicBool>,
    ) -> Self {
        Self { spool, desk, diary, settings, rules, reload, said: None }
    }

    /// As the spool has to know it: where there is no room, detection is not what holds up anybody.
    #[must_use]
    pub fn reader() -> Reader {
        Reader { name: EAR.to_owned(), on_full: OnFull::Drop }
    }

    /// Goes on until it is told to stop; what was recorded by then is heard.
    pub async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut hearing = None;
        loop {
            if self.reload.swap(false, Ordering::Relaxed) {
                self.read_rules(hearing.as_mut());
            }
            let more = self.step(&mut hearing).await;
            if more && stopped.try_recv() == Err(oneshot::error::TryRecvError::Empty) {
                continue;
            }
            tokio::select! {
                biased;
                _ = &mut stopped => break,
                () = appended(hearing.as_mut()) => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        let begun = Instant::now();
        while self.step(&mut hearing).await && begun.elapsed() < FAREWELL {}
        if let Some(hearing) = &mut hearing {
            self.keep(hearing);
        }
    }

    /// Hears what there is, up to so much, tells it and acts; whether there may be more.
    async fn step(&mut self, hearing: &mut Option<Hearing>) -> bool {
        if hearing.is_none() {
            *hearing = self.begin();
        }
        let Some(hearing) = hearing else { return false };
        let more = match self.hear(hearing) {
            Ok(more) => more,
            Err(error) => {
                self.say(format!("detection can't read the spool: {error}"));
                false
            }
        };
        if !hearing.untold.is_empty() {
            // First to the disk: who comes after a crash tells what was found, and finds nothing twice.
            self.keep(hearing);
            let through = self.tell(hearing).await;
            return more && through;
        }
        if hearing.keep_at <= Instant::now() && hearing.kept != hearing.heard {
            self.keep(hearing);
        }
        more
    }

    /// Begins, where no other process hears.
    fn begin(&mut self) -> Option<Hearing> {
        let mut ear = match Ear::open(&self.spool, EAR) {
            Ok(ear) => ear?,
            Err(error) => {
                self.say(format!("detection can't begin: {error}"));
                return None;
            }
        };
        let kept = kept::read(&self.desk.shared().config.state_dir).unwrap_or_else(|damaged| {
            self.diary.finding("detection_began_anew", json!({ "error": damaged.to_string(), "alert": "medium" }));
            None
        });
        let (untold, state) = match kept {
            Some(Kept { heard, untold, state, .. }) => {
                ear.go_behind(heard);
                (untold, state)
            }
            None => Default::default(),
        };
        let heard = ear.position();
        tracing::info!(heard, "detection hears");
        let engine = Engine::new(self.rules.clone(), state);
        Some(Hearing { ear, engine, snoozed: None, untold, heard, kept: heard, keep_at: Instant::now() + KEEP })
    }

    /// Has the engine hear; whether there may be more.
    fn hear(&self, hearing: &mut Hearing) -> Result<bool, SpoolError> {
        let Hearing { ear, engine, snoozed, untold, heard, .. } = hearing;
        let in_force = self.desk.shared().ledger.in_force();
        if snoozed.as_ref() != Some(&in_force.snoozes) {
            engine.snooze(in_force.snoozes.iter().cloned().map(Snoozed::snooze).collect());
            *snoozed = Some(in_force.snoozes.clone());
        }
        let mut left = AT_ONCE;
        while left > 0 && untold.len() < MOST_UNTOLD {
            let Some(Spooled { number, event, .. }) = ear.hear()? else { break };
            let missed = number.saturating_sub(*heard + 1);
            if missed > 0 {
                let fields = json!({ "events": missed, "from": *heard + 1, "alert": "medium" });
                self.diary.finding("events_unheard", fields);
            }
            *heard = number;
            left -= 1;
            match event {
                Ok(event) => engine.hear(&event, now(), &mut |told| untold.push_back(told)),
                Err(error) => tracing::warn!(number, error, "an event of another version is not heard by detection"),
            }
        }
        engine.tick(now(), &mut |told| untold.push_back(told));
        Ok(left == 0)
    }

    /// Tells what was found, and acts; whether that is through.
    async fn tell(&mut self, hearing: &mut Hearing) -> bool {
        while let Some(told) = hearing.untold.front() {
            if let Err(error) = self.tell_one(told).await {
                self.say(format!("what detection has found can't be told: {error}"));
                return false;
            }
            hearing.untold.pop_front();
        }
        self.said = None;
        // That it is told need not be on the disk at once: the ledger knows.
        hearing.keep_at = hearing.keep_at.min(Instant::now() + KEEP);
        hearing.kept = 0;
        true
    }

    async fn tell_one(&self, told: &Told) -> Result<(), LedgerError> {
        let ledger = &self.desk.shared().ledger;
        if teller::tell(ledger, &self.diary, told)? {
            let done = act::act(&self.desk, told, self.settings.block).await;
            teller::done(ledger, &self.diary, told, done)?;
        }
        Ok(())
    }

    /// Brings what was seen to the disk, and then lets go of the events that it is of.
    fn keep(&mut self, hearing: &mut Hearing) {
        let begun = Instant::now();
        let Hearing { ear, engine, untold, heard, .. } = hearing;
        let state_dir = &self.desk.shared().config.state_dir;
        let written = kept::write(state_dir, *heard, untold, engine.state()).map_err(|error| error.to_string());
        match written.and_then(|()| ear.release(*heard).map_err(|error| error.to_string())) {
            Ok(()) => hearing.kept = hearing.heard,
            Err(error) => self.say(format!("what detection has learned can't be kept: {error}")),
        }
        hearing.keep_at = Instant::now() + KEEP.max(begun.elapsed() * SHARE);
    }

    fn read_rules(&mut self, hearing: Option<&mut Hearing>) {
        match self.settings.rules() {
            Ok(rules) => {
                if let Some(hearing) = hearing {
                    hearing.engine.replace(rules.clone());
                }
                self.rules = rules;
            }
            Err(error) => tracing::error!(%error, "the rules of detection stay as they were"),
        }
    }

    /// Says it, where it is not what was said last.
    fn say(&mut self, what: String) {
        if self.said.as_ref() != Some(&what) {
            tracing::error!("{what}");
            self.said = Some(what);
        }
    }
}

/// Waits until this process has appended something; for ever where another hears.
async fn appended(hearing: Option<&mut Hearing>) {
    match hearing {
        Some(hearing) => hearing.ear.more().await,
        None => std::future::pending().await,
    }
}
