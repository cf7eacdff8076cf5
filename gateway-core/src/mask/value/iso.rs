//! Dates and times in ISO 8601, as `DateStyle` ISO writes them, and in the binary form; cut to a part.

use super::super::DatePart;
use super::Format;
use super::integer::decimal;

const MICROSECONDS: i64 = 1_000_000;
const DAY: i64 = 86_400 * MICROSECONDS;
/// Days from 1970-01-01 to 2000-01-01, from which the server counts.
const EPOCH: i64 = 10_957;
/// The first day that the server has, by its own count: Julian day 0.
const FIRST_DAY: i64 = -2_451_545;

/// A date or time as written.
struct Written<'a> {
    /// Days since the server's epoch.
    days: i64,
    /// Microseconds since midnight.
    time: i64,
    /// What separates the time from the date, and the time.
    time_text: &'a [u8],
    zone_text: &'a [u8],
    /// Seconds east of Greenwich.
    offset: i64,
    year_width: usize,
    before_christ: bool,
}

/// Appends the date of `value`, cut.
pub(super) fn cut_date(value: &[u8], format: Format, part: DatePart, out: &mut Vec<u8>) -> Option<()> {
    match format {
        Format::Text if is_infinite(value) => out.extend_from_slice(value),
        Format::Text => {
            let written = Written::of(value)?;
            if !written.time_text.is_empty() {
                return None;
            }
            write_date(cut(written.days, part)?, b"", out);
        }
        Format::Binary => {
            let days = i32::from_be_bytes(value.try_into().ok()?);
            let days = if matches!(days, i32::MIN | i32::MAX) { days } else { i32::try_from(cut(days.into(), part)?).ok()? };
            out.extend_from_slice(&days.to_be_bytes());
        }
    }
    Some(())
}

/// Appends the time of `value`, cut. With a zone it is cut in UTC, whatever the session's is: the binary form has no other.
pub(super) fn cut_timestamp(value: &[u8], format: Format, part: DatePart, zoned: bool, out: &mut Vec<u8>) -> Option<()> {
    match format {
        Format::Text if is_infinite(value) => out.extend_from_slice(value),
        Format::Text => {
            let written = Written::of(value)?;
            if written.zone_text.is_empty() == zoned {
                return None;
            }
            let instant = written.days * DAY + written.time - written.offset * MICROSECONDS;
            let rest: &[u8] = if zoned { b" 00:00:00+00" } else { b" 00:00:00" };
            write_date(cut(instant.div_euclid(DAY), part)?, rest, out);
        }
        Format::Binary => {
            let instant = i64::from_be_bytes(value.try_into().ok()?);
            let instant = if matches!(instant, i64::MIN | i64::MAX) {
                instant
            } else {
                cut(instant.div_euclid(DAY), part)?.checked_mul(DAY)?
            };
            out.extend_from_slice(&instant.to_be_bytes());
        }
    }
    Some(())
}

/// Appends the date or time that stands in a text, cut, as long as it was.
pub(super) fn cut_text(value: &[u8], part: DatePart, out: &mut Vec<u8>) -> Option<()> {
    let written = Written::of(value)?;
    let (year, month, day) = civil(cut(written.days, part)?);
    decimal(if written.before_christ { 1 - year } else { year }.unsigned_abs(), written.year_width, out);
    out.push(b'-');
    decimal(month.unsigned_abs(), 2, out);
    out.push(b'-');
    decimal(day.unsigned_abs(), 2, out);
    out.extend(written.time_text.iter().map(|byte| if byte.is_ascii_digit() { b'0' } else { *byte }));
    out.extend_from_slice(written.zone_text);
    out.extend_from_slice(if written.before_christ { b" BC" } else { b"" });
    Some(())
}

/// Days since the server's epoch of a date as `YYYY-MM-DD`.
pub(super) fn days(text: &str) -> Option<i64> {
    Written::of(text.as_bytes()).filter(|written| written.time_text.is_empty()).map(|written| written.days)
}

/// Microseconds since midnight of `HH:MM[:SS[.ffffff]]`.
pub(super) fn time_of_day(text: &str) -> Option<i64> {
    let mut rest = text.as_bytes();
    let time = clock(&mut rest)?;
    rest.is_empty().then_some(time)
}

/// Appends a date, with `rest` behind it and before what says that it is before Christ.
pub(super) fn write_date(days: i64, rest: &[u8], out: &mut Vec<u8>) {
    let (year, month, day) = civil(days);
    decimal(if year > 0 { year } else { 1 - year }.unsigned_abs(), 4, out);
    out.push(b'-');
    decimal(month.unsigned_abs(), 2, out);
    out.push(b'-');
    decimal(day.unsigned_abs(), 2, out);
    out.extend_from_slice(rest);
    out.extend_from_slice(if year > 0 { b"" } else { b" BC" });
}

/// Microseconds of a day's midnight.
pub(super) fn midnight(days: i64) -> Option<i64> {
    days.checked_mul(DAY)
}

fn is_infinite(value: &[u8]) -> bool {
    matches!(value, b"infinity" | b"-infinity")
}

/// The first day of the part that a day is in, if the server has it.
fn cut(days: i64, part: DatePart) -> Option<i64> {
    let (year, month, _) = civil(days);
    let first = match part {
        DatePart::Year => from_civil(year, 1, 1),
        DatePart::Month => from_civil(year, month, 1),
        DatePart::Day => days,
    };
    (first >= FIRST_DAY).then_some(first)
}

/// Year (0 is 1 BC), month and day, in the Gregorian calendar. Years are counted from March, so that a leap day is the last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + EPOCH + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (year + era * 400 + next, month, day)
}

fn from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468 - EPOCH
}

impl<'a> Written<'a> {
    fn of(text: &'a [u8]) -> Option<Self> {
        let (text, before_christ) = text.strip_suffix(b" BC").map_or((text, false), |text| (text, true));
        let mut rest = text;
        let year = digits(&mut rest, 4..=7)?;
        let year_width = text.len() - rest.len();
        let month = literal(&mut rest, b"-").and_then(|()| digits(&mut rest, 2..=2))?;
        let day = literal(&mut rest, b"-").and_then(|()| digits(&mut rest, 2..=2))?;
        let year = if before_christ { 1 - year } else { year };
        if !(1..=12).contains(&month) {
            return None;
        }
        let days = from_civil(year, month, day);
        if civil(days) != (year, month, day) {
            return None;
        }
        let timed = rest;
        let time = if rest.is_empty() {
            0
        } else {
            literal(&mut rest, b" ").or_else(|| literal(&mut rest, b"T"))?;
            clock(&mut rest)?
        };
        let (time_text, zone_text) = timed.split_at_checked(timed.len() - rest.len())?;
        let offset = zone(&mut rest)?;
        rest.is_empty().then_some(Self { days, time, time_text, zone_text, offset, year_width, before_christ })
    }
}

/// `HH:MM[:SS[.ffffff]]`, in microseconds.
fn clock(rest: &mut &[u8]) -> Option<i64> {
    let hours = digits(rest, 2..=2)?;
    literal(rest, b":")?;
    let minutes = digits(rest, 2..=2)?;
    let (mut seconds, mut fraction) = (0, 0);
    if literal(rest, b":").is_some() {
        seconds = digits(rest, 2..=2)?;
        if literal(rest, b".").is_some() {
            let before = rest.len();
            let digits = digits(rest, 1..=6)?;
            fraction = (before - rest.len()..6).fold(digits, |fraction, _| fraction * 10);
        }
    }
    let sound = hours <= 24 && minutes < 60 && seconds <= 60;
    sound.then_some(((hours * 60 + minutes) * 60 + seconds) * MICROSECONDS + fraction)
}

/// Nothing, `Z` or `+HH[:MM[:SS]]`, in seconds.
fn zone(rest: &mut &[u8]) -> Option<i64> {
    if rest.is_empty() || literal(rest, b"Z").is_some() {
        return Some(0);
    }
    let sign = if literal(rest, b"+").is_some() { 1 } else { literal(rest, b"-").map(|()| -1)? };
    let mut seconds = digits(rest, 2..=2)? * 3600;
    for unit in [60, 1] {
        if literal(rest, b":").is_some() {
            seconds += digits(rest, 2..=2)? * unit;
        }
    }
    Some(sign * seconds)
}

fn literal(rest: &mut &[u8], text: &[u8]) -> Option<()> {
    *rest = rest.strip_prefix(text)?;
    Some(())
}

/// Takes all digits that follow, if there are as many as `count` allows.
fn digits(rest: &mut &[u8], count: std::ops::RangeInclusive<usize>) -> Option<i64> {
    let found = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, behind) = rest.split_at_checked(found).filter(|_| count.contains(&found))?;
    *rest = behind;
    Some(number.iter().fold(0, |number, digit| number * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(cut: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Option<String> {
        let mut out = Vec::new();
        cut(&mut out).map(|()| String::from_utf8(out).unwrap())
    }

    #[test]
    fn dates_are_cut_as_the_server_cuts_them() {
        for (text, part, expected) in [
            ("2024-05-14", DatePart::Year, Some("2024-01-01")),
            ("2024-02-29", DatePart::Month, Some("2024-02-01")),
            ("2023-02-29", DatePart::Month, None),
            ("0044-03-15 BC", DatePart::Month, Some("0044-03-01 BC")),
            ("12345-03-15", DatePart::Year, Some("12345-01-01")),
            ("4714-11-24 BC", DatePart::Year, None),
            ("infinity", DatePart::Year, Some("infinity")),
            ("-infinity", DatePart::Year, Some("-infinity")),
            ("05/14/2024", DatePart::Year, None),
            ("14.05.2024", DatePart::Year, None),
            ("2024-05-14 secret", DatePart::Year, None),
            ("", DatePart::Year, None),
        ] {
            assert_eq!(shown(|out| cut_date(text.as_bytes(), Format::Text, part, out)).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn times_with_a_zone_are_cut_in_utc() {
        for (text, zoned, part, expected) in [
            ("2024-05-14 12:34:56.789", false, DatePart::Day, Some("2024-05-14 00:00:00")),
            ("2024-05-14 12:34:56+02", false, DatePart::Day, None),
            ("2024-05-14 12:34:56", true, DatePart::Day, None),
            ("2024-05-01 01:00:00+02", true, DatePart::Month, Some("2024-04-01 00:00:00+00")),
            ("2023-12-31 20:00:00-05:30", true, DatePart::Year, Some("2024-01-01 00:00:00+00")),
            ("0001-01-01 00:30:00+01:00:00", true, DatePart::Year, Some("0001-01-01 00:00:00+00 BC")),
            ("Tue May 14 12:34:56 2024 CEST", true, DatePart::Year, None),
        ] {
            let cut = shown(|out| cut_timestamp(text.as_bytes(), Format::Text, part, zoned, out));
            assert_eq!(cut.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn texts_keep_their_shape() {
        for (text, expected) in [
            ("1987-05-14", Some("1987-01-01")),
            ("1987-05-14T10:21", Some("1987-01-01T00:00")),
            ("1987-05-14T10:21:33.125Z", Some("1987-01-01T00:00:00.000Z")),
            ("1987-05-14 10:21:33+02:00", Some("1987-01-01 00:00:00+02:00")),
            ("born 1987-05-14", None),
            ("1987-05-14T10:21:33 at home", None),
            ("infinity", None),
        ] {
            assert_eq!(shown(|out| cut_text(text.as_bytes(), DatePart::Year, out)).as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn days_and_dates_are_the_same(days in FIRST_DAY..2_000_000_000) {
            let (year, month, day) = civil(days);
            prop_assert_eq!(from_civil(year, month, day), days);
            prop_assert!((1..=12).contains(&month) && (1..=31).contains(&day));
        }

        #[test]
        fn text_and_binary_are_cut_alike(micros in -200_000_000_000_000_000_i64..8_000_000_000_000_000_000, part in 0..3_u8) {
            let part = match part { 0 => DatePart::Year, 1 => DatePart::Month, _ => DatePart::Day };
            let mut text = Vec::new();
            write_date(micros.div_euclid(DAY), b" 13:14:15", &mut text);
            let mut cut = Vec::new();
            let mut binary = Vec::new();
            let by_text = cut_timestamp(&text, Format::Text, part, false, &mut cut);
            let by_binary = cut_timestamp(&micros.to_be_bytes(), Format::Binary, part, false, &mut binary);
            prop_assert_eq!(by_text, by_binary);
            if by_text.is_some() {
                let instant = i64::from_be_bytes(binary.try_into().unwrap());
                let mut expected = Vec::new();
                write_date(instant / DAY, b" 00:00:00", &mut expected);
                prop_assert_eq!(instant % DAY, 0);
                prop_assert_eq!(cut, expected);
            }
        }
    }
}
