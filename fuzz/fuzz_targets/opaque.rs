//! Bytes of either side, in any order, through an opaque session: none is lost, none is added.
#![no_main]

use gateway_core::buffer::Buffer;
use gateway_core::protocol::{Answer, Output, Protocol, Side, opaque};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let (mut session, mut output, mut input) = (opaque::Session::new(), Output::default(), Buffer::new());
    session.start(&mut output);
    assert!(session.answer(Answer::Dialled { client_secret: [0; 32] }, &mut output).is_ok());
    for chunk in bytes.chunks(7) {
        let from = if chunk[0] & 1 == 0 { Side::Client } else { Side::Server };
        input.extend(chunk);
        assert!(session.receive(from, &mut input, &mut output).is_ok());
    }
    assert_eq!(output.to_server.len() + output.to_client.len(), bytes.len());
});
