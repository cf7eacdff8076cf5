//! Brings events from the spool to one sink: in order, tried again until they are taken, marked where they may come twice.

use super::batch::{Batch, Read};
use super::failure::Failure;
use super::kind::Link;
use super::own;
use super::refused::set_aside;
use super::settings::SinkSettings;
use super::spool::{Cursor, Spool, SpoolError, Tail};
use crate::evidence::now;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

/// How often it is looked for events that another process has appended, and for a cursor that another process has let go.
const LOOK: Duration = Duration::from_millis(200);
const LOOK_FOR_CURSOR: Duration = Duration::from_secs(1);
/// The first pause after a failure, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest time for which a receiver may ask to be left alone.
const LONGEST_WISH: Duration = Duration::from_mins(10);
/// Events that may be sent without being known to be taken: so many come twice, at most, where a connection is cut.
const MOST_UNSETTLED: u64 = 50_000;

/// Delivers until it is told to stop, and what is there then once more.
pub(super) async fn deliver(spool: Arc<Spool>, settings: Arc<SinkSettings>, mut stopping: watch::Receiver<bool>) {
    loop {
        match spool.cursor(&settings.name) {
            Ok(Some(cursor)) => return Delivery::begin(spool, settings, cursor).run(stopping).await,
            // Another gateway delivers; it may end.
            Ok(None) => {}
            Err(error) => tracing::error!(%error, sink = settings.name, "a sink's cursor can't be had"),
        }
        if timeout(LOOK_FOR_CURSOR, stopping.wait_for(|stop| *stop)).await.is_ok() {
            return;
        }
    }
}

/// A sink that this process delivers to.
struct Delivery {
    spool: Arc<Spool>,
    settings: Arc<SinkSettings>,
    cursor: Cursor,
    tail: Tail,
    batch: Batch,
    link: Option<Link>,
    /// Sent and not known to be taken, of a link that does not say.
    unsettled: VecDeque<Sent>,
    /// What has a number up to this may have been sent before.
    again: u64,
}

/// A batch that was sent.
struct Sent {
    upto: u64,
    delivered: u64,
    unwanted: u64,
    /// The link's mark behind it.
    mark: u64,
    at: Instant,
}

/// Why a step came to nothing.
enum Stuck {
    Receiver(Failure),
    Spool(SpoolError),
}

impl From<SpoolError> for Stuck {
    fn from(error: SpoolError) -> Self {
        Self::Spool(error)
    }
}

impl Delivery {
    fn begin(spool: Arc<Spool>, settings: Arc<SinkSettings>, cursor: Cursor) -> Self {
        let (number, again) = (cursor.progress.number, cursor.progress.sent);
        let tail = spool.tail(number);
        Self { spool, settings, cursor, tail, batch: Batch::behind(number), link: None, unsettled: VecDeque::new(), again }
    }

    async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut newest = self.spool.newest();
        loop {
            self.sync(false).await;
            let stop = *stopping.borrow();
            let until = match self.step(stop).await {
                Ok(Some(until)) => until,
                Ok(None) => continue,
                Err(stuck) => self.recover(stuck),
            };
            if *stopping.borrow() {
                return self.farewell().await;
            }
            let paused = self.cursor.progress.attempts > 0;
            tokio::select! {
                biased;
                _told = stopping.wait_for(|stop| *stop) => {}
                _appended = newest.changed(), if !paused => {}
                () = sleep_until(until) => {}
            }
        }
    }

    /// Does what is due; until when there is nothing to do, unless more is appended.
    async fn step(&mut self, stopping: bool) -> Result<Option<Instant>, Stuck> {
        let settled = self.settle().await?;
        let limits = self.settings.kind.limits();
        let read = self.batch.read(&mut self.tail, &self.settings, limits)?;
        let look = Instant::now() + LOOK;
        let soonest = settled.map_or(look, |due| due.min(look));
        if let Read::Gap(last) = read
            && self.batch.is_empty()
        {
            if !self.unsettled.is_empty() {
                return Ok(Some(soonest));
            }
            self.pass_gap(last)?;
            return Ok(None);
        }
        match self.batch.due(limits) {
            Some(due) if due <= Instant::now() || stopping || read != Read::All => {
                if self.unsettled.iter().map(|sent| sent.delivered).sum::<u64>() >= MOST_UNSETTLED {
                    return Ok(Some(soonest));
                }
                self.send().await?;
                Ok(None)
            }
            Some(due) => Ok(Some(due.min(soonest))),
            None => {
                self.pass_unwanted()?;
                Ok((read == Read::All).then_some(soonest))
            }
        }
    }

    async fn send(&mut self) -> Result<(), Stuck> {
        let batch = std::mem::replace(&mut self.batch, Batch::behind(self.tail.position()));
        self.cursor.progress.sent = self.cursor.progress.sent.max(batch.upto);
        self.cursor.write()?;
        let sent = self.try_to_send(&batch).await.map_err(|failure| failure.without(&self.settings.kind.secrets()));
        if let Err(failure) = sent {
            self.count_taken(&batch, &failure)?;
            return Err(Stuck::Receiver(failure));
        }
        for (item, why) in &batch.unfit {
            self.set_aside(&item.entry(0), why)?;
        }
        let sent = Sent {
            upto: batch.upto,
            delivered: batch.len() as u64,
            unwanted: batch.unwanted,
            mark: self.link.as_ref().map_or(0, Link::mark),
            at: Instant::now(),
        };
        match self.settings.kind.hold() {
            Duration::ZERO => self.over(sent)?,
            _ => self.unsettled.push_back(sent),
        }
        Ok(())
    }

    async fn try_to_send(&mut self, batch: &Batch) -> Result<(), Failure> {
        let patience = self.settings.timeout;
        let late = || Failure::again(format!("no answer within {} s", patience.as_secs()));
        let mut link = match self.link.take() {
            Some(link) => link,
            None => timeout(patience, self.settings.kind.link()).await.unwrap_or_else(|_elapsed| Err(late()))?,
        };
        let sent = timeout(patience, link.send(&batch.entries(self.again))).await.unwrap_or_else(|_elapsed| Err(late()));
        // What was cut off in the middle is no connection any more.
        if matches!(sent, Ok(()) | Err(Failure::Refused { .. })) {
            self.link = Some(link);
        }
        sent
    }

    /// Of a batch that failed, what was taken all the same, and what never will be.
    fn count_taken(&mut self, batch: &Batch, failure: &Failure) -> Result<(), SpoolError> {
        let (taken, refused) = match failure {
            Failure::Again { taken, .. } => (*taken, None),
            Failure::Refused { index, why } => (*index, Some(why)),
        };
        if let Some(why) = refused
            && let Some(entry) = batch.entries(0).get(taken)
        {
            self.set_aside(entry, why)?;
        }
        let last = if refused.is_some() { Some(taken) } else { taken.checked_sub(1) };
        if let Some(number) = last.and_then(|last| batch.number(last)) {
            self.cursor.progress.delivered += taken as u64;
            self.cursor.progress.number = self.cursor.progress.number.max(number);
            self.cursor.write()?;
        }
        Ok(())
    }

    /// Counts what has been on a link that does not say what was taken for as long as that takes to show; when the next is due.
    async fn settle(&mut self) -> Result<Option<Instant>, Stuck> {
        let hold = self.settings.kind.hold();
        let Some(due) = self.unsettled.front().map(|sent| sent.at + hold) else { return Ok(None) };
        if due > Instant::now() {
            return Ok(Some(due));
        }
        let Some(link) = &mut self.link else {
            return Err(Stuck::Receiver(Failure::again("the connection is gone")));
        };
        let confirmed = link.confirmed().await.map_err(Stuck::Receiver)?;
        while let Some(sent) = self.unsettled.pop_front_if(|sent| sent.at + hold <= Instant::now() && sent.mark <= confirmed) {
            self.over(sent)?;
        }
        let late = self.unsettled.front().filter(|sent| sent.at + hold + self.settings.timeout <= Instant::now());
        if late.is_some() {
            return Err(Stuck::Receiver(Failure::again(
                "what was sent is not taken: the receiver's host does not acknowledge it",
            )));
        }
        Ok(self.unsettled.front().map(|sent| (sent.at + hold).max(Instant::now() + Duration::from_millis(20))))
    }

    /// A batch is where it has to be.
    fn over(&mut self, sent: Sent) -> Result<(), SpoolError> {
        let progress = &mut self.cursor.progress;
        progress.number = progress.number.max(sent.upto);
        progress.delivered += sent.delivered;
        progress.unwanted += sent.unwanted;
        progress.delivered_at = Some(now());
        (progress.attempts, progress.next_at) = (0, None);
        self.cursor.write()
    }

    /// Events that nobody wants are over at once, unless some before them are not.
    fn pass_unwanted(&mut self) -> Result<(), SpoolError> {
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = std::mem::replace(&mut self.batch, Batch::behind(self.tail.position()));
        for (item, why) in &batch.unfit {
            self.set_aside(&item.entry(0), why)?;
        }
        if let Some(before) = self.unsettled.back_mut() {
            before.upto = batch.upto;
            before.unwanted += batch.unwanted;
            return Ok(());
        }
        self.cursor.progress.number = batch.upto;
        self.cursor.progress.unwanted += batch.unwanted;
        self.cursor.write()
    }

    /// What was dropped is counted, and told like any other event.
    fn pass_gap(&mut self, last: u64) -> Result<(), SpoolError> {
        let first = self.batch.upto + 1;
        let events = last + 1 - first;
        tracing::error!(
            sink = self.settings.name,
            first,
            last,
            events,
            "a sink was too slow: events that it had not taken are gone"
        );
        self.spool.append(&[own::dropped(&self.settings.name, first, last)])?;
        self.cursor.progress.number = last;
        self.cursor.progress.dropped += events;
        self.batch = Batch::behind(last);
        self.tail.seek(last);
        self.cursor.write()
    }

    fn set_aside(&mut self, entry: &super::Entry<'_>, why: &str) -> Result<(), SpoolError> {
        tracing::error!(sink = self.settings.name, number = entry.number, why, "a sink refused an event, which is set aside");
        set_aside(self.spool.directory(), &self.settings.name, entry, why)?;
        self.cursor.progress.refused += 1;
        (self.cursor.progress.error, self.cursor.progress.error_at) = (Some(why.to_owned()), Some(now()));
        Ok(())
    }

    /// Goes back to what is not over; until when that is left alone.
    fn recover(&mut self, stuck: Stuck) -> Instant {
        let refused = matches!(stuck, Stuck::Receiver(Failure::Refused { .. }));
        let (why, wish) = match stuck {
            Stuck::Receiver(Failure::Again { why, wait, .. }) => (why, wait.unwrap_or_default().min(LONGEST_WISH)),
            Stuck::Receiver(Failure::Refused { why, .. }) => (why, Duration::ZERO),
            Stuck::Spool(error) => (error.to_string(), Duration::ZERO),
        };
        let progress = &mut self.cursor.progress;
        self.again = self.again.max(progress.sent);
        self.unsettled.clear();
        self.tail.seek(progress.number);
        self.batch = Batch::behind(progress.number);
        if refused {
            // The rest of the batch is none the worse for it.
            return Instant::now();
        }
        self.link = None;
        progress.attempts = progress.attempts.saturating_add(1);
        let pause = pause(progress.attempts, getrandom::u32().unwrap_or_default()).max(wish);
        tracing::warn!(
            sink = self.settings.name,
            attempts = progress.attempts,
            why,
            "a sink was not reached, and is tried again"
        );
        (progress.error, progress.error_at) = (Some(why), Some(now()));
        progress.next_at = Some(now().after(pause));
        if let Err(error) = self.cursor.write() {
            tracing::error!(%error, sink = self.settings.name, "a sink's cursor can't be written");
        }
        Instant::now() + pause
    }

    /// What was sent is taken, where a receiver that does not say so closes its side after ours.
    async fn farewell(mut self) {
        if let Some(link) = &mut self.link
            && !self.unsettled.is_empty()
            && link.finish().await.is_ok()
        {
            while let Some(sent) = self.unsettled.pop_front() {
                if let Err(error) = self.over(sent) {
                    tracing::error!(%error, sink = self.settings.name, "a sink's cursor can't be written");
                }
            }
        }
        self.sync(true).await;
    }

    /// Brings the cursor to the disk, away from what waits for the network.
    async fn sync(&mut self, now: bool) {
        let Some(file) = self.cursor.unsynced(now) else { return };
        let synced = tokio::task::spawn_blocking(move || file.sync_data()).await;
        if let Ok(Err(error)) = synced {
            tracing::error!(%error, sink = self.settings.name, "a sink's cursor can't be synced");
        }
    }
}

/// The pause after so many failures: twice as long each time, and up to a half more by chance, so that many don't come at once.
fn pause(attempts: u32, random: u32) -> Duration {
    let doubled =
        FIRST_PAUSE.saturating_mul(1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX)).min(LONGEST_PAUSE);
    doubled + doubled.mul_f64(f64::from(random) / f64::from(u32::MAX) / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_minute_and_differ() {
        for (attempts, milliseconds) in [(1, 500), (2, 1000), (3, 2000), (7, 32_000), (8, 60_000), (u32::MAX, 60_000)] {
            let (least, most) = (pause(attempts, 0), pause(attempts, u32::MAX));
            assert_eq!((least.as_millis(), most.as_millis()), (milliseconds, milliseconds * 3 / 2), "{attempts}");
        }
    }
}
