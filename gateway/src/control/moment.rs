//! A time as people write it: a moment, a day, or so long ago.

use crate::evidence::now;
use gateway_core::model::time::{Timestamp, seconds};

/// Reads `2026-11-29T07:43:28Z`, `2026-11-29` (its beginning in UTC), or `2h`: so long before now.
///
/// # Errors
/// What it should look like.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    read(text, now())
        .ok_or_else(|| format!("`{text}` is no time: write 30m, 2h or 7d for so long ago, 2026-11-29 or 2026-11-29T07:43:28Z"))
}

fn read(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Some(seconds) = seconds(text) {
        return Some(Timestamp(now.0.saturating_sub(seconds.saturating_mul(1_000_000_000))));
    }
    let time = text.parse::<jiff::Timestamp>().or_else(|_no_moment| format!("{text}T00:00:00Z").parse()).ok()?;
    u64::try_from(time.as_nanosecond()).ok().map(Timestamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_a_day_or_so_long_ago() {
        let now = Timestamp(1_796_000_000_000_000_000);
        for (text, expected) in [
            ("2h", Some(1_795_992_800_000_000_000)),
            ("2026-11-29", Some(1_795_910_400_000_000_000)),
            ("2026-11-29T07:43:28Z", Some(1_795_938_208_000_000_000)),
            ("2026-11-29T08:43:28+01:00", Some(1_795_938_208_000_000_000)),
            ("99999999d", Some(0)),
            ("1d", Some(1_795_913_600_000_000_000)),
            ("yesterday", None),
            ("", None),
            ("-2h", None),
            ("1969-12-31", None),
        ] {
            assert_eq!(read(text, now), expected.map(Timestamp), "{text}");
        }
    }
}
