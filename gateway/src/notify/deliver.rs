//! Brings the ledger's events to the notifiers: each by a task of its own, in order, tried again until it is taken or given up.

use super::settings::NotifierSettings;
use super::told::Told;
use crate::evidence::now;
use crate::host::Diary;
use crate::ledger::{Deliveries, Event, Kind, Ledger, LedgerError, Next};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

/// How often events are looked at that another process has written.
const LOOK: Duration = Duration::from_secs(1);
/// The first pause after a failure, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// The longest time for which the other side may ask to be left alone.
const LONGEST_WISH: Duration = Duration::from_hours(1);
/// How long what is under way may take once the gateway stops: what is left then is the next gateway's.
const FAREWELL: Duration = Duration::from_secs(2);

/// What brings events to one notifier.
#[derive(Clone)]
pub struct Courier {
    ledger: Arc<Ledger>,
    deliveries: Arc<Deliveries>,
    diary: Arc<Diary>,
    notifier: Arc<NotifierSettings>,
}

/// The couriers of these notifiers, each of which begins at what nobody has recorded yet, or goes on where it was.
///
/// # Errors
/// Where the ledger can't be written.
pub fn begin(ledger: &Arc<Ledger>, diary: &Arc<Diary>, notifiers: &[NotifierSettings]) -> Result<Vec<Courier>, LedgerError> {
    let deliveries = Arc::new(ledger.deliveries()?);
    let courier = |notifier: &NotifierSettings| {
        deliveries.begin(&notifier.name)?;
        let (ledger, deliveries, diary) = (Arc::clone(ledger), Arc::clone(&deliveries), Arc::clone(diary));
        Ok(Courier { ledger, deliveries, diary, notifier: Arc::new(notifier.clone()) })
    };
    notifiers.iter().map(courier).collect()
}

impl Courier {
    /// All of them go on until they are told to stop; what is due then is tried once more.
    pub async fn all(couriers: Vec<Self>, stopped: oneshot::Receiver<()>) {
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for courier in couriers {
            tasks.spawn(courier.run(stopping.clone()));
        }
        // A dropped sender means the same as a message.
        let _told = stopped.await.is_ok();
        stop.send_replace(true);
        let over = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, over).await.is_err() {
            tracing::warn!("a notifier does not answer: what it was not told yet is told by the next gateway");
        }
    }

    async fn run(self, mut stopping: watch::Receiver<bool>) {
        let mut events = self.ledger.events();
        loop {
            let pause = match self.step().await {
                Ok(None) => continue,
                Ok(Some(pause)) => pause,
                Err(error) => {
                    tracing::error!(%error, notifier = self.notifier.name, "who is to be notified can't be read or written");
                    LOOK
                }
            };
            if *stopping.borrow_and_update() {
                return;
            }
            tokio::select! {
                biased;
                _told = stopping.changed() => {}
                // One that was missed is in the ledger.
                _heard = events.recv() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Tells of one event; how long to wait where none is due.
    async fn step(&self) -> Result<Option<Duration>, LedgerError> {
        let notifier = Arc::clone(&self.notifier);
        let next =
            self.aside(move |deliveries| deliveries.next(&notifier.name, |event| notifier.filter.wants(event, &notifier.name)));
        match next.await? {
            Next::Due(event, attempts) => self.tell(*event, attempts).await.map(|()| None),
            Next::At(time) => Ok(Some(LOOK.max(Duration::from_nanos(time.0.saturating_sub(now().0))))),
            Next::Nothing => Ok(Some(LOOK)),
        }
    }

    async fn tell(&self, event: Event, attempts: u32) -> Result<(), LedgerError> {
        let (notifier, number) = (Arc::clone(&self.notifier), event.number);
        let name = notifier.name.clone();
        let Err(failure) = notifier.send(&Told { event: &event, base: notifier.link.as_deref() }).await else {
            return self.aside(move |deliveries| deliveries.delivered(&name, number)).await;
        };
        let (attempts, why) = (attempts.saturating_add(1), failure.to_string());
        if attempts >= notifier.attempts {
            return self.give_up(event, attempts, why).await;
        }
        tracing::warn!(notifier = name, number, attempts, why, "a notifier was not reached, and is tried again");
        let wished = failure.wait.unwrap_or_default().min(LONGEST_WISH);
        let next_at = now().after(pause(attempts, random()).max(wished));
        self.aside(move |deliveries| deliveries.put_off(&name, number, (attempts, next_at), &why)).await
    }

    /// Nobody is told of this one by this way any more: that is a finding, and an event that others hear of.
    async fn give_up(&self, event: Event, attempts: u32, why: String) -> Result<(), LedgerError> {
        let (ledger, name) = (Arc::clone(&self.ledger), self.notifier.name.clone());
        let Event { number, kind, subject, .. } = event;
        let finding =
            json!({ "notifier": name, "event": number, "type": kind, "subject": subject, "attempts": attempts, "error": why });
        self.diary.finding("notify-failed", finding.clone());
        self.aside(move |deliveries| {
            // Two that fail would otherwise tell each other so for ever.
            if kind != Kind::NotifyFailed {
                let mut details = finding;
                details["alert"] = "medium".into();
                ledger.change(|change| change.tell(Kind::NotifyFailed, "weir", &name, &details))?;
            }
            deliveries.given_up(&name, number, &why)
        })
        .await
    }

    /// Does what waits for the disk, away from what waits for the network.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Deliveries) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let deliveries = Arc::clone(&self.deliveries);
        let done = tokio::task::spawn_blocking(move || work(&deliveries)).await;
        done.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }
}

/// The pause after so many failures: twice as long each time, and up to a half more by chance, so that many don't come at once.
fn pause(attempts: u32, random: u32) -> Duration {
    let doubled =
        FIRST_PAUSE.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX)).min(LONGEST_PAUSE);
    doubled + doubled.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
}

/// By chance; where there is none to be had, always the same.
fn random() -> u32 {
    getrandom::u32().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_five_minutes_and_differ() {
        for (attempts, seconds) in [(1, 1), (2, 2), (3, 4), (8, 128), (9, 256), (10, 300), (40, 300), (u32::MAX, 300)] {
            let (least, most) = (pause(attempts, 0), pause(attempts, u32::MAX));
            assert_eq!((least.as_secs(), most), (seconds, Duration::from_millis(seconds * 1500)), "{attempts}");
        }
    }
}
