//! The forward path allocates nothing: counted, with recording on.
#![allow(unsafe_code, reason = "an allocator that counts can only be written so")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/wire.rs"]
mod wire;

use gateway_core::buffer::Buffer;
use gateway_core::mask::copy::{CopyMask, CopyOptions};
use gateway_core::mask::{ColumnMask, DatePart, Format, Key, Transform, data_row};
use gateway_core::protocol::{Answer, Directive, OperationId, Output, Pass, Protocol, Side};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use wire::{Wire, message, open};
use zeroize::Zeroizing;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller keeps this function's contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_prepared_execution_allocates_nothing() {
    for operations in [false, true] {
        prepared_executions(open(operations), operations);
    }
}

fn prepared_executions(mut wire: Wire, operations: bool) {
    let prepare = [message(b'P', b"s\0select $1\0\0\0"), message(b'S', b"")].concat();
    if operations {
        wire.send_partial(Side::Client, &prepare);
        let verdict = Answer::Verdict { id: OperationId(1), directive: Directive::Forward(Pass::default()) };
        wire.session.answer(verdict, &mut wire.output).unwrap();
        wire.send(Side::Client, b"");
    } else {
        wire.send(Side::Client, &prepare);
    }
    wire.send(Side::Server, &[message(b'1', b""), message(b'Z', b"I")].concat());
    let bind = message(b'B', b"\0s\0\0\0\0\x01\0\0\0\x0242\0\0");
    let request = [bind, message(b'E', b"\0\0\0\0\0"), message(b'S', b"")].concat();
    let row = message(b'D', b"\0\x01\0\0\0\x0242");
    let reply = [message(b'2', b""), row.repeat(10), message(b'C', b"SELECT 10\0"), message(b'Z', b"I")].concat();
    let mut cycle = |times: u32| {
        for _ in 0..times {
            wire.send(Side::Client, &request);
            // Cut inside of a row, as reads cut.
            let (first, second) = reply.split_at(30);
            wire.send_partial(Side::Server, first);
            wire.send(Side::Server, second);
        }
    };
    cycle(10);
    let before = ALLOCATIONS.with(Cell::get);
    cycle(1000);
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert!(wire.recorded > 1010 * 10 * row.len(), "the rows were recorded");
    assert_eq!(wire.session.totals().rows, 10_100);
    assert!(wire.written > 1010 * (request.len() + reply.len()));
}

/// Once its client has spoken, what is not looked into is handed on by swapping buffers.
#[test]
fn an_opaque_session_hands_on_without_allocating() {
    let (mut session, mut output) = (gateway_core::protocol::opaque::Session::new(), Output::default());
    let mut buffers = [Buffer::with_capacity(64), Buffer::with_capacity(64)];
    session.start(&mut output);
    session.answer(Answer::Dialled { client_secret: [7; 32] }, &mut output).unwrap();
    buffers[0].extend(b"EHLO me\r\n");
    session.receive(Side::Client, &mut buffers[0], &mut output).unwrap();
    session.answer(Answer::Greeted(Ok(())), &mut output).unwrap();
    let mut written = 0;
    let mut cycle = |times: u32| {
        for _ in 0..times {
            for (side, input) in [Side::Client, Side::Server].into_iter().zip(&mut buffers) {
                input.extend(b"some bytes of either side");
                session.receive(side, input, &mut output).unwrap();
                let to = if side == Side::Client { &mut output.to_server } else { &mut output.to_client };
                written += to.len();
                to.clear();
            }
        }
    };
    cycle(10);
    let before = ALLOCATIONS.with(Cell::get);
    cycle(1000);
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert!(written > 1010 * 2 * 25, "{written} bytes were handed on");
}

/// Values are masked in the buffer that they are sent from.
#[test]
fn masks_allocate_nothing_for_a_value() {
    let key = Key::new(Zeroizing::new([7; 32]));
    let mask = |transform, oid, format| Some(ColumnMask::new(&transform, oid, -1, format, &key, "class"));
    let partial = || Transform::Partial { first: 1, last: 1 };
    let of = |format| {
        let text = [
            Transform::Redact,
            Transform::Null,
            partial(),
            Transform::Pseudonym,
            Transform::Digits,
            Transform::Date(DatePart::Year),
        ];
        let mut columns: Vec<_> = text.into_iter().map(|transform| mask(transform, 25, format)).collect();
        columns.extend([mask(Transform::Pseudonym, 20, Format::Text), mask(Transform::Digits, 1700, Format::Text), None]);
        columns.push(mask(Transform::Pseudonym, 1009, Format::Text));
        columns
    };
    let values: [&[u8]; 10] = [
        b"a",
        b"b",
        b"Ann Example",
        b"ann@acme.example",
        b"4111 1111 1111 1111",
        b"1987-05-14",
        b"12345678",
        b"-1234567.89",
        b"x",
        b"{a,\"b c\"}",
    ];
    let mut row = 10_u16.to_be_bytes().to_vec();
    for value in values {
        row.extend_from_slice(&(value.len() as u32).to_be_bytes());
        row.extend_from_slice(value);
    }
    let line = [values.join(&b'\t'), b"\n".to_vec()].concat();
    let columns = of(Format::Text);
    let mut copy = CopyMask::new(CopyOptions::default(), of(Format::Text));
    let mut out = Vec::new();
    let mut cycle = |times: u32| {
        for _ in 0..times {
            out.clear();
            data_row(&row, &columns, &mut out).unwrap();
            copy.row(&line, &mut out).unwrap();
        }
        out.len()
    };
    cycle(10);
    let before = ALLOCATIONS.with(Cell::get);
    let written = cycle(100);
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert!(written > row.len(), "{written} bytes were written");
}

/// Values are found, replaced and counted in memory that is there already: as text, as a column, as JSON and in pieces.
#[test]
fn a_text_is_redacted_without_allocating() {
    use gateway_core::detect::{DetectConfig, Detectors, Stream};
    let detectors = Detectors::new(&DetectConfig::default()).unwrap();
    let (mut scratch, mut hits, mut stream) = (detectors.scratch(), detectors.hits(), Stream::default());
    let text =
        b"call +44 20 7946 0958 or (650) 253-0000, write to ana@example.com, pay with 4111 1111 1111 1111, password=hunter2\n";
    let json = br#"{"ssn": "536\u002d22-1234", "tags": ["a", 1.5, null], "from": "192.168.1.20"}"#;
    let mut out = Vec::with_capacity(1 << 12);
    let mut cycle = |times: u32| {
        for _ in 0..times {
            out.clear();
            detectors.redact(text, &mut scratch, &mut out, &mut hits);
            detectors.redact_column(b"phone", b"6502530000", &mut scratch, &mut out, &mut hits);
            detectors.redact_json(json, &mut scratch, &mut out, &mut hits);
            let (first, second) = text.split_at(50);
            stream.push(&detectors, first, &mut scratch, &mut out, &mut hits);
            stream.push(&detectors, second, &mut scratch, &mut out, &mut hits);
        }
    };
    cycle(10);
    let before = ALLOCATIONS.with(Cell::get);
    cycle(1000);
    assert_eq!(ALLOCATIONS.with(Cell::get) - before, 0);
    assert_eq!(hits.total(), 1010 * (5 + 1 + 2 + 5));
}
