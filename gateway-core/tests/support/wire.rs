//! Postgres' protocol between two sides that are not there.

use gateway_core::buffer::Buffer;
use gateway_core::protocol::postgres::{Limits, ServerTls, Session, Settings};
use gateway_core::protocol::{Answer, Credential, Interest, Output, Protocol, Side};
use zeroize::Zeroizing;

/// A session's protocol, whose bytes are counted and dropped.
pub(crate) struct Wire {
    pub(crate) session: Session,
    pub(crate) output: Output,
    input: Buffer,
    /// Bytes that went to either side.
    pub(crate) written: usize,
    /// Bytes for the record.
    pub(crate) recorded: usize,
}

impl Wire {
    /// One call of the relay; what came out is counted and dropped, as if it had been written.
    pub(crate) fn send(&mut self, side: Side, bytes: &[u8]) {
        self.input.extend(bytes);
        self.session.receive(side, &mut self.input, &mut self.output).unwrap();
        assert!(self.input.is_empty());
        self.written += self.output.to_client.len() + self.output.to_server.len();
        self.recorded += self.output.record.len();
        self.output.to_client.clear();
        self.output.to_server.clear();
        self.output.record.clear();
        self.output.events.clear();
        self.output.text.clear();
    }

    /// A read after which something is left in the input: a message that is not whole, or is asked about.
    pub(crate) fn send_partial(&mut self, side: Side, bytes: &[u8]) {
        self.input.extend(bytes);
        self.session.receive(side, &mut self.input, &mut self.output).unwrap();
        self.written += self.output.to_client.len();
        self.recorded += self.output.record.len();
        self.output.to_client.clear();
        self.output.record.clear();
    }
}

/// One of Postgres' messages.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}

/// A session that is open; each operation is asked about or none is.
pub(crate) fn open(operations: bool) -> Wire {
    let settings = Settings {
        client_tls: false,
        require_client_tls: false,
        server_tls: ServerTls::Never,
        passthrough: false,
        replication: false,
        interest: Interest {
            operations,
            executions: false,
            result_rows: u64::MAX,
            result_bytes: 1 << 20,
            parameter_bytes: 1 << 10,
            digests: false,
            sealed: false,
            texts: true,
            masks: false,
            payloads: true,
        },
        nonce: "n".to_owned(),
        application_tag: None,
        limits: Limits::default(),
    };
    let mut wire =
        Wire { session: Session::new(settings), output: Output::default(), input: Buffer::new(), written: 0, recorded: 0 };
    let hello = [&[0, 0, 0, 18, 0, 3, 0, 0][..], b"user\0ann\0\0"].concat();
    wire.send(Side::Client, &hello);
    wire.session.answer(Answer::Dialled { client_secret: [7; 32] }, &mut wire.output).unwrap();
    let credential = Credential { user: None, password: Zeroizing::default(), nonce: "n".to_owned() };
    wire.session.answer(Answer::Credential(Some(credential)), &mut wire.output).unwrap();
    let greeting = [message(b'R', &[0; 4]), message(b'K', b"\0\0\0\x01keys"), message(b'Z', b"I")].concat();
    wire.send(Side::Server, &greeting);
    wire
}
