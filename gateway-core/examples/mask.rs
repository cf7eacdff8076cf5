//! How long masks take: a row of five columns with two of them masked, as DataRow and as a line of COPY, and each transform alone.
//! `mask [NAME]`: all, or those with this in their name.

use gateway_core::mask::copy::{CopyMask, CopyOptions};
use gateway_core::mask::{ColumnMask, DatePart, Format, Key, Masked, Transform, row};
use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;
use zeroize::Zeroizing;

/// Values that are masked one after the other, and how often all of them are.
const VALUES: usize = 1000;
const PASSES: usize = 1000;
const TEXT: u32 = 25;

fn main() {
    let key = Key::new(Zeroizing::new([7; 32]));
    let make = |transform: &Transform| ColumnMask::new(transform, TEXT, -1, Format::Text, &key, "pii");
    let masks =
        || vec![None, None, Some(make(&Transform::Pseudonym)), Some(make(&Transform::Partial { first: 0, last: 4 })), None];
    let fields = |n: usize| {
        [
            n.to_string(),
            format!("Customer {n}"),
            format!("someone.{n}@customers.example"),
            format!("{:03}-45-{n:04}", n % 800),
            "Lisboa".to_owned(),
        ]
    };
    let rows: Vec<Vec<u8>> = (0..VALUES).map(|n| data_row(&fields(n))).collect();
    let lines: Vec<Vec<u8>> = (0..VALUES).map(|n| format!("{}\n", fields(n).join("\t")).into_bytes()).collect();
    let mut out = Vec::new();

    let columns = masks();
    report("row", &rows, &mut out, |row, out| row::data_row(row, &columns, out).is_ok());
    let mut copy = CopyMask::new(CopyOptions::default(), masks());
    report("copy", &lines, &mut out, |line, out| copy.row(line, out).is_ok());
    for (name, transform) in [
        ("redact", Transform::Redact),
        ("partial", Transform::Partial { first: 0, last: 4 }),
        ("pseudonym", Transform::Pseudonym),
        ("digits", Transform::Digits),
        ("date", Transform::Date(DatePart::Year)),
    ] {
        let mask = make(&transform);
        let values: Vec<Vec<u8>> = (0..VALUES)
            .map(|n| match name {
                "pseudonym" => format!("someone.{n}@customers.example"),
                "date" => format!("19{:02}-03-14", n % 100),
                _ => format!("{:03}-45-{n:04}", n % 800),
            })
            .map(String::into_bytes)
            .collect();
        report(name, &values, &mut out, |value, out| matches!(mask.mask(value, out), Masked::Value));
    }
}

fn data_row(fields: &[String]) -> Vec<u8> {
    let mut row = u16::try_from(fields.len()).unwrap_or(u16::MAX).to_be_bytes().to_vec();
    for field in fields {
        row.extend(i32::try_from(field.len()).unwrap_or(i32::MAX).to_be_bytes());
        row.extend(field.as_bytes());
    }
    row
}

/// The best of several passes over all values.
fn report(name: &str, values: &[Vec<u8>], out: &mut Vec<u8>, mut mask: impl FnMut(&[u8], &mut Vec<u8>) -> bool) {
    if !std::env::args().nth(1).is_none_or(|only| name.contains(&only)) {
        return;
    }
    let mut least = f64::MAX;
    for _ in 0..PASSES {
        let pass = Instant::now();
        out.clear();
        for value in values {
            assert!(mask(black_box(value), out), "{name}: it can be masked");
        }
        black_box(&*out);
        least = least.min(pass.elapsed().as_secs_f64());
    }
    writeln!(std::io::stdout(), "{name:<10} {:>6.1} ns", least * 1e9 / values.len() as f64).ok();
}
