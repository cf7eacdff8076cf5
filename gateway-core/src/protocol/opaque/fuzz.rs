//! Any bytes of either side through an opaque session: for the fuzz target and the properties.

use super::Session;
use crate::buffer::Buffer;
use crate::protocol::{Answer, Event, Output, Protocol, Side};

/// Cuts `bytes` into pieces for either side, by a byte before each that says how long it is and whose.
///
/// None of the server's bytes is held back, none of the client's goes before it was let through, none is
/// lost, and however the client's are cut, they say the same.
///
/// # Panics
/// Where that is not so.
pub fn fuzz_entry(bytes: &[u8]) {
    let (mut client, mut server) = (Vec::new(), Vec::new());
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while let [first, behind @ ..] = rest {
        let (piece, behind) = behind.split_at(behind.len().min(usize::from(first >> 1) + 1));
        let side = if first & 1 == 0 { Side::Client } else { Side::Server };
        match side {
            Side::Client => client.extend_from_slice(piece),
            Side::Server => server.extend_from_slice(piece),
        }
        pieces.push((side, piece));
        rest = behind;
    }
    let whole = said(&[(Side::Client, &client)], &[], &client);
    let cut = said(&pieces, &server, &client);
    assert_eq!(whole, cut, "what the client says depends on how its bytes are cut");
}

/// What the client said first, once all of `pieces` have come.
fn said(pieces: &[(Side, &[u8])], server: &[u8], client: &[u8]) -> Option<super::Hello> {
    let (mut session, mut output) = (Session::new(), Output::default());
    let mut input = Buffer::new();
    session.start(&mut output);
    let dialled = session.answer(Answer::Dialled { client_secret: [0; 32] }, &mut output);
    assert!(dialled.is_ok(), "a dialled server is fine");
    let mut hello = None;
    for (side, piece) in pieces {
        let mut own = Buffer::new();
        let input = match side {
            Side::Client => &mut input,
            Side::Server => &mut own,
        };
        input.extend(piece);
        assert!(session.receive(*side, input, &mut output).is_ok(), "nothing is outside of any TCP");
        let said = output.events.drain(..).find_map(|event| if let Event::Hello(hello) = event { Some(hello) } else { None });
        if let Some(said) = said {
            assert!(output.to_server.is_empty() && hello.is_none(), "bytes went before they were let through");
            hello = Some(*said);
            assert!(session.answer(Answer::Greeted(Ok(())), &mut output).is_ok(), "an answer is fine");
            assert!(session.receive(Side::Client, input, &mut output).is_ok(), "nothing is outside of any TCP");
        }
    }
    assert_eq!(output.to_client.as_slice(), server, "the server's bytes are held back");
    let forwarded = output.to_server.as_slice();
    assert!(if hello.is_some() { forwarded == client } else { forwarded.is_empty() }, "the client's bytes are lost");
    hello
}
