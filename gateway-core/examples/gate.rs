//! `gate WORKLOAD TIMES`: one of five fixed pieces of work, so many times. `cargo xtask bench gate` counts its instructions.
#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails is no measurement")]

#[path = "../tests/support/asked.rs"]
mod asked;
#[path = "../tests/support/wire.rs"]
mod wire;

use asked::asked;
use gateway_core::inspect::postgres::{Bounds, Reading, inspect};
use gateway_core::mask::{ColumnMask, Format, Key, Transform, row};
use gateway_core::model::time::Timestamp;
use gateway_core::policy::PolicySet;
use gateway_core::protocol::{Protocol as _, Side};
use gateway_core::record::seal::{Packer, Sealer};
use gateway_core::record::{FrameBuffer, FrameKind};
use std::fmt::Write as _;
use std::hint::black_box;
use wire::{message, open};
use zeroize::Zeroizing;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let workload = arguments.next().unwrap_or_default();
    let times = arguments.next().unwrap_or_default().parse().unwrap();
    match workload.as_str() {
        "forward" => forward(times),
        "inspect" => inspected(times),
        "decide" => decide(times),
        "mask" => mask(times),
        "record" => record(times),
        other => panic!("no workload {other:?}"),
    }
}

/// A prepared statement is executed; ten rows come back, in two reads.
fn forward(times: u32) {
    let mut wire = open(false);
    wire.send(Side::Client, &[message(b'P', b"s\0select $1\0\0\0"), message(b'S', b"")].concat());
    wire.send(Side::Server, &[message(b'1', b""), message(b'Z', b"I")].concat());
    let bind = message(b'B', b"\0s\0\0\0\0\x01\0\0\0\x0242\0\0");
    let request = [bind, message(b'E', b"\0\0\0\0\0"), message(b'S', b"")].concat();
    let row = message(b'D', b"\0\x01\0\0\0\x0242");
    let reply = [message(b'2', b""), row.repeat(10), message(b'C', b"SELECT 10\0"), message(b'Z', b"I")].concat();
    for _ in 0..times {
        wire.send(Side::Client, &request);
        let (first, second) = reply.split_at(30);
        wire.send_partial(Side::Server, first);
        wire.send(Side::Server, second);
    }
    assert_eq!(wire.session.totals().rows, 10 * u64::from(times));
}

/// A statement of 200 bytes that was not seen before is read by both parsers.
fn inspected(times: u32) {
    let reading = Reading { standard_conforming_strings: Some(true), exact: false };
    for number in 0..times {
        let text = format!(
            "SELECT o.id, o.total, c.name, c.city, o.state FROM orders o JOIN customers c ON c.id = o.customer_id \
             WHERE o.created_at > now() - interval '1 day' AND c.country IN ('DE', 'FR') AND o.note = 'n{number:07}'"
        );
        let inspection = inspect(&text, reading, Bounds::default());
        assert!(inspection.statements.iter().all(|statement| statement.facts.unparsed.is_none()));
    }
}

/// Two tables are read under 50 policies, ten for each target.
fn decide(times: u32) {
    let mut text = String::new();
    for target in 0..5 {
        writeln!(text, "@id(\"p-{target}\") permit (principal, action == Action::\"read\", resource in Target::\"t-{target}\");")
            .unwrap();
        for rule in 1..10 {
            writeln!(
                text,
                "@id(\"f-{target}-{rule}\") forbid (principal, action in Action::\"operation\", resource in Target::\"t-{target}\") \
                 when {{ context.verb == \"V{rule}\" }};"
            )
            .unwrap();
        }
    }
    let set = PolicySet::load(vec![("a.cedar".to_owned(), text)]).unwrap();
    asked(("t-3", None), &["orders", "customers"], |request| {
        for _ in 0..times {
            assert!(black_box(set.decide_operation(request)).allows());
        }
    });
}

/// Rows of five columns, of which two are masked.
fn mask(times: u32) {
    let key = Key::new(Zeroizing::new([7; 32]));
    let make = |transform: Transform| Some(ColumnMask::new(&transform, 25, -1, Format::Text, &key, "pii"));
    let columns = [None, None, make(Transform::Pseudonym), make(Transform::Partial { first: 0, last: 4 }), None];
    let mut line = 5_u16.to_be_bytes().to_vec();
    for value in ["4711", "Customer 4711", "someone.4711@customers.example", "536-45-4711", "Lisboa"] {
        line.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
        line.extend(value.as_bytes());
    }
    let mut out = Vec::new();
    for _ in 0..times {
        out.clear();
        row::data_row(black_box(&line), &columns, &mut out).unwrap();
    }
    black_box(out);
}

/// Frames of a statement's size become blocks, a hundred at a time.
fn record(times: u32) {
    let (mut sealer, mut packer, mut out) = (Sealer::new("s-1"), Packer::default(), Vec::new());
    for number in 0..times {
        let mut frames = FrameBuffer::default();
        for part in 0..100 {
            let value = serde_json::json!({ "operation": number * 100 + part, "rows": part, "command": "SELECT", "bytes": 4711 });
            frames.push_json(Timestamp(u64::from(number)), FrameKind::Note, &value);
        }
        out.clear();
        sealer.seal(&frames, &mut packer, None, &mut out).unwrap();
    }
    assert_eq!(sealer.next_frame, 100 * u64::from(times));
}
