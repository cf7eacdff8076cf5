//! One connection: connects, sends bytes, reads messages.

use super::message;
use anyhow::{Context as _, bail};
use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

/// How long a connection waits for a message.
const PATIENCE: Duration = Duration::from_secs(60);
/// The longest message that is read.
const LONGEST: usize = 1 << 30;

/// A connection that is logged in.
#[derive(Debug)]
pub struct Connection {
    reader: BufReader<TcpStream>,
    /// The backend's process id, as the server (or the gateway) told it.
    pub pid: u32,
    /// What the server reported of its settings, the newest last.
    pub settings: Vec<(String, String)>,
}

/// A message of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its type.
    pub kind: u8,
    /// What follows its length.
    pub body: Vec<u8>,
}

impl Connection {
    /// Connects and logs in: without a password, or with one in plain text.
    pub fn open(host: &str, port: u16, password: &str, parameters: &[(&str, &str)]) -> anyhow::Result<Self> {
        let stream = TcpStream::connect((host, port)).with_context(|| format!("{host}:{port}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut connection = Self { reader: BufReader::with_capacity(1 << 16, stream), pid: 0, settings: Vec::new() };
        connection.send(&message::startup(parameters))?;
        loop {
            let received = connection.receive()?;
            match (received.kind, received.body.get(..4)) {
                (b'Z', _) => return Ok(connection),
                (b'E', _) => bail!("{}", received.field(b'M')),
                (b'R', Some([0, 0, 0, 3])) => {
                    let mut body = password.as_bytes().to_vec();
                    body.push(0);
                    connection.send(&message::message(b'p', &body))?;
                }
                (b'R', Some([0, 0, 0, 0])) => {}
                (b'R', _) => bail!("the server wants a password that is not sent in plain text"),
                (b'K', Some(pid)) => connection.pid = pid.iter().fold(0, |all, byte| (all << 8) | u32::from(*byte)),
                _ => {}
            }
        }
    }

    /// Sends these bytes.
    pub fn send(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        Ok(self.reader.get_mut().write_all(bytes)?)
    }

    /// The next message. An end of the stream is an error.
    pub fn receive(&mut self) -> anyhow::Result<Received> {
        let mut head = [0; 5];
        self.reader.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = usize::try_from(i32::from_be_bytes(length)).unwrap_or(0);
        if !(4..LONGEST).contains(&length) {
            bail!("a message of {length} bytes");
        }
        let mut body = vec![0; length - 4];
        self.reader.read_exact(&mut body)?;
        let received = Received { kind, body };
        if kind == b'S' {
            let parts = received.texts();
            if let [name, value, ..] = parts.as_slice() {
                self.settings.push((name.clone(), value.clone()));
            }
        }
        Ok(received)
    }

    /// The value of a setting that the server reports.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Runs one Query that brings rows, each as `a|b`; an error's text is an error.
    pub fn rows(&mut self, sql: &str) -> anyhow::Result<Vec<Vec<String>>> {
        self.send(&message::query(sql.as_bytes()))?;
        let (mut rows, mut failed) = (Vec::new(), None);
        loop {
            let received = self.receive()?;
            match received.kind {
                b'D' => rows.push(received.row().into_iter().map(Option::unwrap_or_default).collect()),
                b'E' => failed = Some(format!("{}: {}", received.field(b'C'), received.field(b'M'))),
                b'Z' => break,
                _ => {}
            }
        }
        match failed {
            None => Ok(rows),
            Some(error) => bail!("{error}"),
        }
    }
}

impl Received {
    /// A field of an ErrorResponse or NoticeResponse; empty where it is not there.
    #[must_use]
    pub fn field(&self, code: u8) -> String {
        let mut parts = self.body.split(|byte| *byte == 0);
        let found = parts.find(|part| part.first() == Some(&code)).and_then(|part| part.get(1..)).unwrap_or_default();
        String::from_utf8_lossy(found).into_owned()
    }

    /// The columns of a DataRow; none for NULL.
    #[must_use]
    pub fn row(&self) -> Vec<Option<String>> {
        let mut rest = self.body.get(2..).unwrap_or_default();
        let mut columns = Vec::new();
        while let Some((length, tail)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(i32::from_be_bytes(*length)).ok();
            let (value, tail) = tail.split_at_checked(length.unwrap_or(0)).unwrap_or((tail, &[]));
            columns.push(length.map(|_| String::from_utf8_lossy(value).into_owned()));
            rest = tail;
        }
        columns
    }

    /// The zero-ended texts of its body.
    #[must_use]
    pub fn texts(&self) -> Vec<String> {
        self.body.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
    }

    /// The command tag of a CommandComplete.
    #[must_use]
    pub fn tag(&self) -> &[u8] {
        self.body.strip_suffix(&[0]).unwrap_or(&self.body)
    }
}
