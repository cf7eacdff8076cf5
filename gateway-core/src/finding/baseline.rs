//! What is usual: mean and deviation of a measure, with old samples counting less and less.

use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};

/// A sample counts as one of at most so many: what is usual may change.
const MEMORY: u32 = 60;
/// Samples that there must be before anything is unusual.
pub(super) const ENOUGH: u32 = 3;
/// A deviation is at least this share of the mean, and this much: what never varies is no trap.
const SHARE: f64 = 0.1;
const SMALLEST: f64 = 1.0;
/// Deviations above which a sample counts as this many: one burst does not become usual.
const CLIP: f64 = 6.0;

const MINUTE: u64 = 60_000_000_000;
const HOUR: u64 = 60 * MINUTE;

/// Mean and deviation of some samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Baseline {
    samples: u32,
    mean: f64,
    variance: f64,
}

impl Baseline {
    /// Exponentially weighted (Finch, "Incremental calculation of weighted mean and variance", 2009).
    fn add(&mut self, sample: f64) {
        let clipped = if self.is_enough() { sample.min(self.mean + CLIP * self.deviation()) } else { sample };
        self.samples = self.samples.saturating_add(1).min(MEMORY);
        let weight = 1.0 / f64::from(self.samples);
        let difference = clipped - self.mean;
        let step = weight * difference;
        self.mean += step;
        self.variance = (1.0 - weight) * step.mul_add(difference, self.variance);
    }

    pub(super) const fn is_enough(&self) -> bool {
        self.samples >= ENOUGH
    }

    pub(super) const fn samples(&self) -> u32 {
        self.samples
    }

    pub(super) const fn mean(&self) -> f64 {
        self.mean
    }

    pub(super) fn deviation(&self) -> f64 {
        self.variance.max(0.0).sqrt().max(self.mean.abs() * SHARE).max(SMALLEST)
    }
}

/// A measure of one workload: this hour and this minute, and those before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Measure {
    hours: Vec<Baseline>,
    minutes: Baseline,
    hour: Span,
    minute: Span,
}

/// A stretch of time, by its number since 1970, and what was counted in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Span {
    number: u64,
    total: f64,
}

impl Measure {
    /// Counts; a stretch that is over becomes a sample.
    pub(super) fn count(&mut self, at: Timestamp, amount: f64) {
        self.hours.resize(24, Baseline::default());
        let (hour, minute) = (at.0 / HOUR, at.0 / MINUTE);
        if hour > self.hour.number {
            if self.hour.total > 0.0
                && let Some(of) = self.hours.get_mut(of_day(self.hour.number))
            {
                of.add(self.hour.total);
            }
            self.hour = Span { number: hour, total: 0.0 };
        }
        if minute > self.minute.number {
            if self.minute.total > 0.0 {
                self.minutes.add(self.minute.total);
            }
            self.minute = Span { number: minute, total: 0.0 };
        }
        self.hour.total += amount;
        self.minute.total += amount;
    }

    /// What this hour has come to, and what is usual: at this hour of the day, or else over all hours.
    pub(super) fn this_hour(&self) -> (f64, Baseline, bool) {
        let of_this = self.hours.get(of_day(self.hour.number)).copied().unwrap_or_default();
        if of_this.is_enough() { (self.hour.total, of_this, true) } else { (self.hour.total, self.of_all_hours(), false) }
    }

    /// The same of this minute.
    pub(super) const fn this_minute(&self) -> (f64, Baseline) {
        (self.minute.total, self.minutes)
    }

    /// The hours' baselines as one (Chan, Golub and LeVeque, 1979).
    fn of_all_hours(&self) -> Baseline {
        self.hours.iter().filter(|of| of.samples > 0).fold(Baseline::default(), |all, of| {
            let (n, m) = (f64::from(all.samples), f64::from(of.samples));
            let difference = of.mean - all.mean;
            let mean = all.mean + difference * m / (n + m);
            let sum = all.variance * n + of.variance * m + difference * difference * n * m / (n + m);
            Baseline { samples: all.samples + of.samples, mean, variance: sum / (n + m) }
        })
    }
}

/// The hour of the day, in UTC.
pub(super) fn of_day(hour: u64) -> usize {
    usize::try_from(hour % 24).unwrap_or_default()
}

/// The hour of the day of a time, in UTC.
pub(super) fn hour_of_day(at: Timestamp) -> usize {
    of_day(at.0 / HOUR)
}
