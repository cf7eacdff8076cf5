//! Any chunking of the same bytes gives the same output; no bytes do harm.

use super::super::fuzz_entry;
use super::*;
use proptest::prelude::*;

/// Who sends what, in which order, from the first packet to the goodbye.
fn story() -> Vec<(Side, Vec<u8>)> {
    use Side::{Client, Server};
    let notices = || [m(b'N', "Mhi\0\0"), m(b'A', b"\0\0\0\x01a\0b\0"), m(b'S', "TimeZone\0UTC\0")].concat();
    let copy_out = [m(b'H', b"\0\0\0"), m(b'd', "one\n"), m(b'd', "two\n"), m(b'c', ""), complete("COPY 2"), ready(b'I')];
    vec![
        (Client, vec![0, 0, 0, 8, 4, 0xd2, 0x16, 0x30]),
        (Client, startup(2, &[("user", "ann"), ("database", "shop"), ("application_name", "psql"), ("_pq_.x", "1")])),
        (Server, auth(3, b"")),
        (
            Server,
            [auth(0, b""), m(b'S', "a\0b\0"), m(b'K', [&[0, 0, 1, 2][..], &[9; 32]].concat()), m(b'N', "Mhi\0\0"), ready(b'I')]
                .concat(),
        ),
        (Client, query("select 1; select 2")),
        (
            Server,
            [m(b'T', b"\0\0"), row("1"), notices(), row("2"), complete("SELECT 2"), complete("SELECT 0"), ready(b'I')].concat(),
        ),
        (
            Client,
            [
                parse("s", "select $1"),
                describe('S', "s"),
                m(b'H', ""),
                bind("p", "s", "value"),
                execute("p"),
                execute("p"),
                sync(),
            ]
            .concat(),
        ),
        (Server, [m(b'1', ""), m(b't', b"\0\0"), m(b'T', b"\0\0"), m(b'2', ""), row(&"long".repeat(50)), m(b's', "")].concat()),
        (Server, [row("x"), complete("SELECT 1"), ready(b'I')].concat()),
        (
            Client,
            [parse("t", "selct"), bind("", "t", "v"), execute(""), sync(), bind("", "s", &"w".repeat(2000)), execute(""), sync()]
                .concat(),
        ),
        (
            Server,
            [error("ERROR", "42601", "syntax"), ready(b'I'), m(b'2', ""), row("y"), complete("SELECT 1"), ready(b'I')].concat(),
        ),
        (Client, query("copy t from stdin")),
        (Server, m(b'G', b"\0\0\0")),
        (Client, [m(b'd', "row\n".repeat(30)), m(b'd', "end\n"), m(b'c', "")].concat()),
        (Server, [complete("COPY 31"), ready(b'I')].concat()),
        (Client, query("copy t to stdout")),
        (Server, copy_out.concat()),
        (Client, m(b'F', b"\0\0\x03\xf7\0\0\0\0\0\0")),
        (Server, [m(b'V', b"\0\0\0\x01x"), ready(b'I')].concat()),
        (Client, [close('S', "s"), close('P', ""), sync(), query("")].concat()),
        (Server, [m(b'3', ""), m(b'3', ""), ready(b'I'), m(b'I', ""), ready(b'I')].concat()),
        (Client, m(b'X', "")),
    ]
}

fn ask(operations: bool) -> Script {
    let mut settings = settings();
    settings.interest = Interest {
        operations,
        executions: false,
        result_rows: u64::MAX,
        result_bytes: 200,
        parameter_bytes: 100,
        digests: true,
        sealed: true,
        texts: true,
        masks: false,
        payloads: true,
    };
    Script::new(settings)
}

fn play(mut script: Script, story: &[(Side, Vec<u8>)], mut chunk: impl FnMut() -> usize) -> Script {
    for (side, bytes) in story {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(chunk().clamp(1, rest.len()));
            script.send(*side, now);
            rest = later;
        }
    }
    script
}

#[test]
fn the_story_is_told_to_its_end() {
    let script = play(ask(false), &story(), || usize::MAX);
    assert_eq!(script.error, None);
    assert_eq!(script.events.last().unwrap(), "Close(ClientDone)");
    let sent: Vec<u8> =
        story()[4..].iter().filter(|(side, _)| *side == Side::Client).flat_map(|(_, bytes)| bytes.clone()).collect();
    assert!(script.to_server.ends_with(&sent));
    assert!(!script.recorded(5).is_empty() && !script.recorded(4).is_empty() && !script.recorded(7).is_empty());
}

#[test]
fn byte_by_byte_is_the_same_as_at_once() {
    for operations in [false, true] {
        let whole = play(ask(operations), &story(), || usize::MAX);
        let bytes = play(ask(operations), &story(), || 1);
        assert_eq!(whole.seen, bytes.seen);
    }
}

proptest! {
    #[test]
    fn any_chunking_is_the_same(operations: bool, sizes in prop::collection::vec(1usize..40, 1..60)) {
        let whole = play(ask(operations), &story(), || usize::MAX);
        let mut sizes = sizes.iter().cycle();
        let chunked = play(ask(operations), &story(), || *sizes.next().unwrap());
        prop_assert_eq!(&whole.seen, &chunked.seen);
    }

    #[test]
    fn a_story_with_wrong_bytes_ends_the_same_in_any_chunks(
        at in 0usize..4000, with: u8, size in 1usize..30,
    ) {
        let mut story = story();
        let total: usize = story.iter().map(|(_, bytes)| bytes.len()).sum();
        let mut at = at % total;
        for (_, bytes) in &mut story {
            if at < bytes.len() {
                bytes[at] = with;
                break;
            }
            at -= bytes.len();
        }
        let whole = play(ask(false), &story, || usize::MAX);
        let chunked = play(ask(false), &story, || size);
        // A chunk more or less of a message that streams may have passed before the fault.
        prop_assert_eq!(&whole.seen.error, &chunked.seen.error);
        prop_assert_eq!(&whole.seen.to_server, &chunked.seen.to_server);
        prop_assert_eq!(&whole.seen.events, &chunked.seen.events);
    }

    #[test]
    fn no_bytes_do_harm(server: bool, bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz_entry(if server { Side::Server } else { Side::Client }, &bytes);
    }

    #[test]
    fn what_waits_in_the_input_is_bounded(kinds in prop::collection::vec((prop::sample::select(b"QPBDECSHFdcfX".to_vec()), 0u32..100_000), 1..20)) {
        let mut settings = settings();
        settings.limits.statement = 1000;
        let mut script = Script::open(settings);
        for (kind, length) in kinds {
            let mut bytes = vec![kind];
            bytes.extend_from_slice(&(length + 4).to_be_bytes());
            bytes.resize(5 + length as usize, b'S');
            for chunk in bytes.chunks(1000) {
                script.send(Side::Client, chunk);
                prop_assert!(script.client.len() <= super::super::relay::HEAD + 1010 || !script.session.wants(Side::Client));
            }
            script.seen = Seen::default();
        }
    }
}
