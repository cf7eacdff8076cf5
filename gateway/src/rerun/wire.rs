//! One connection to the scratch server: sends an operation as it was sent, reads what comes of it.

use super::against::Against;
use super::compare::{Compared, Found};
use super::exact::{Exact, Expected, Kind, Prepared};
use super::login::{Bytes, Login, dial, startup};
use std::collections::VecDeque;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::time::timeout;

/// No longer message is read whole: a longer one is no recorded one either.
const LONGEST: usize = 16 << 20;
/// No server sends a longer one (PostgreSQL's `MaxAllocSize`).
const LEGAL: usize = 0x3fff_ffff;
/// Statements that are kept prepared at the server.
const MOST_PREPARED: usize = 1_000;
/// Types from here on are the database's own, and have other numbers there.
const FIRST_OWN: u32 = 16_384;
/// What has to fail, where weir refused something.
const REFUSED: &[u8] = b"weir_refused";
/// To end an operation that took too long, and to leave.
const LEAVING: Duration = Duration::from_secs(5);

/// Why a connection is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// It was not made, or has gone.
    #[error("{0}")]
    Lost(String),
    /// The operating system's, or TLS's.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The server said something that the protocol does not have there.
    #[error("the server sent what the protocol does not allow")]
    Protocol,
    /// Nothing came in time.
    #[error("no end within {0} s")]
    Late(u64),
}

/// A message of the server, whole.
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) body: Vec<u8>,
}

/// A connection.
pub struct Wire {
    stream: BufStream<Box<dyn Bytes>>,
    /// What the server has prepared, the oldest first.
    prepared: VecDeque<u64>,
    /// Something was sent that no Sync stands behind.
    open: bool,
    /// The server passes over what comes, up to the next Sync.
    skipping: bool,
    key: Option<[u8; 8]>,
    patience: Duration,
}

impl Wire {
    /// Connects and logs in.
    ///
    /// # Errors
    /// When that does not work within `patience`.
    pub async fn open(against: &Against, database: &str, patience: Duration) -> Result<Self, WireError> {
        timeout(patience, Self::log_in(against, database, patience)).await.map_err(|_| WireError::Late(patience.as_secs()))?
    }

    async fn log_in(against: &Against, database: &str, patience: Duration) -> Result<Self, WireError> {
        let (stream, _address, binding) = dial(against).await?;
        let mut wire =
            Self { stream: BufStream::new(stream), prepared: VecDeque::new(), open: false, skipping: false, key: None, patience };
        wire.send(&startup(&against.user, database)?).await?;
        let mut login = Login::new(against, binding);
        loop {
            let message = wire.message().await?;
            match message.kind {
                b'R' => {
                    if let Some(answer) = login.answer(&message)? {
                        wire.send(&answer).await?;
                    }
                }
                b'K' => wire.key = message.body.first_chunk().copied(),
                b'E' => return Err(WireError::Lost(fields(&message.body).1)),
                b'Z' => return Ok(wire),
                b'S' | b'N' | b'v' => {}
                _ => return Err(WireError::Protocol),
            }
        }
    }

    /// The first column of the first row of what a statement of our own gives.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn ask(&mut self, sql: &str) -> Result<Option<String>, WireError> {
        let mut answer = None;
        self.send(&write_message(b'Q', &[sql.as_bytes(), &[0]].concat())).await?;
        loop {
            let message =
                timeout(self.patience, self.message()).await.map_err(|_| WireError::Late(self.patience.as_secs()))??;
            match message.kind {
                b'D' => answer = message.body.get(6..).map(|text| String::from_utf8_lossy(text).into_owned()),
                b'Z' => return Ok(answer),
                _ => {}
            }
        }
    }

    /// Runs an operation, and compares what comes of it with what came then.
    ///
    /// # Errors
    /// When the connection fails, or nothing comes in time: it is of no more use then.
    pub(super) async fn run(&mut self, exact: &Exact) -> Result<Found, WireError> {
        let patience = self.patience;
        match timeout(patience, self.exchange(exact)).await {
            Ok(found) => found,
            Err(_elapsed) => Err(WireError::Late(patience.as_secs())),
        }
    }

    /// An operation that is not run: what came before it is not left open by that.
    ///
    /// # Errors
    /// When the connection fails.
    pub(super) async fn pass(&mut self, exact: &Exact) -> Result<(), WireError> {
        if exact.synced && self.open { self.sync().await } else { Ok(()) }
    }

    /// Leaves, in order.
    pub async fn leave(mut self) {
        // A server that is gone needs no good-bye.
        let _left = timeout(LEAVING, async { self.send(&write_message(b'X', &[])).await }).await.is_ok();
        let _closed = timeout(LEAVING, self.stream.shutdown()).await.is_ok();
    }

    /// Has the server cancel what it is doing: a connection of its own says so.
    pub(super) async fn cancel(self, against: &Against) {
        let Some(key) = self.key else { return };
        let cancelling = async {
            let (mut stream, ..) = dial(against).await?;
            let request = [&16u32.to_be_bytes()[..], &80_877_102u32.to_be_bytes(), &key].concat();
            stream.write_all(&request).await?;
            stream.flush().await?;
            stream.shutdown().await?;
            Ok::<_, WireError>(())
        };
        let _told = timeout(LEAVING, cancelling).await.is_ok();
    }

    async fn exchange(&mut self, exact: &Exact) -> Result<Found, WireError> {
        let mut found = Found::new(&exact.expected);
        if self.skipping {
            if exact.synced {
                self.sync().await?;
            }
            found.error = Some((String::new(), "passed over, behind an error that was not there then".to_owned()));
            return Ok(found);
        }
        let (bytes, asked) = self.written(exact);
        self.send(&bytes).await?;
        let extended = !matches!(exact.kind, Kind::Simple(_) | Kind::Function(..) | Kind::Refused(_, false));
        self.open = extended && !exact.synced;
        self.answered(exact, asked, extended, &mut found).await?;
        Ok(found)
    }

    /// The messages of an operation, and which answer ends it.
    fn written(&mut self, exact: &Exact) -> (Vec<u8>, Asked) {
        let mut bytes = Vec::new();
        let most = suspended(&exact.expected);
        let asked = match &exact.kind {
            Kind::Simple(text) => {
                put(&mut bytes, b'Q', &[text, &[0]]);
                return (bytes, Asked::Query);
            }
            Kind::Refused(kept, false) => {
                put(&mut bytes, b'Q', &[kept, b" EXECUTE ", REFUSED, &[0]]);
                return (bytes, Asked::Query);
            }
            Kind::Function(oid, body) => {
                put(&mut bytes, b'F', &[&oid.to_be_bytes(), body]);
                return (bytes, Asked::Query);
            }
            Kind::Refused(_, true) => {
                put(&mut bytes, b'P', &[&[0], REFUSED, &[0], &[0, 0]]);
                Asked::Parse
            }
            Kind::Prepare(prepared) => {
                self.parse(prepared, &mut bytes);
                Asked::Parse
            }
            Kind::Execute(prepared, body) => {
                if !self.prepared.contains(&prepared.operation) {
                    self.parse(prepared, &mut bytes);
                }
                // A portal that is gone on with has to outlive the next Bind.
                let portal = if most > 0 { portal(prepared) } else { String::new() };
                if most > 0 {
                    put(&mut bytes, b'C', &[b"P", portal.as_bytes(), &[0]]);
                }
                put(&mut bytes, b'B', &[portal.as_bytes(), &[0], name(prepared).as_bytes(), &[0], body]);
                put(&mut bytes, b'E', &[portal.as_bytes(), &[0], &most.to_be_bytes()]);
                Asked::Execute
            }
            Kind::Continue(prepared) => {
                put(&mut bytes, b'E', &[portal(prepared).as_bytes(), &[0], &most.to_be_bytes()]);
                Asked::Execute
            }
        };
        put(&mut bytes, if exact.synced { b'S' } else { b'H' }, &[]);
        (bytes, asked)
    }

    fn parse(&mut self, prepared: &Prepared, bytes: &mut Vec<u8>) {
        if self.prepared.len() >= MOST_PREPARED
            && let Some(oldest) = self.prepared.pop_front()
        {
            put(bytes, b'C', &[b"S", format!("w{oldest}").as_bytes(), &[0]]);
        }
        let known = |oid: &u32| if *oid < FIRST_OWN { *oid } else { 0 };
        let types: Vec<u8> = prepared.types.iter().map(known).flat_map(u32::to_be_bytes).collect();
        let count = u16::try_from(prepared.types.len()).unwrap_or_default().to_be_bytes();
        put(bytes, b'P', &[name(prepared).as_bytes(), &[0], &prepared.text, &[0], &count, &types]);
    }

    /// Reads until the operation's end.
    async fn answered(&mut self, exact: &Exact, asked: Asked, extended: bool, found: &mut Found) -> Result<(), WireError> {
        let mut compared = Compared::new(exact);
        // With a Sync behind it its end is the server's being ready for more.
        let until_ready = !extended || exact.synced;
        loop {
            let (kind, length) = self.header().await?;
            if matches!(kind, b'D' | b'd' | b'V') {
                self.row(kind, length, &mut compared).await?;
                continue;
            }
            let body = self.body(length).await?;
            let over = match kind {
                b'C' | b'I' | b's' => {
                    self.done(kind, &body, &mut compared, found);
                    asked == Asked::Execute
                }
                b'E' => {
                    found.error = Some(fields(&body));
                    self.skipping = extended;
                    true
                }
                b'1' => {
                    if let Kind::Execute(prepared, _) | Kind::Prepare(prepared) = &exact.kind {
                        self.prepared.push_back(prepared.operation);
                    }
                    asked == Asked::Parse
                }
                b'G' | b'W' => {
                    found.copied = true;
                    self.send(&write_message(b'f', b"the data of a copy are not in the record\0")).await?;
                    if extended {
                        // The one that was sent already was read as part of the copy.
                        self.send(&write_message(b'S', &[])).await?;
                    }
                    false
                }
                b'Z' => {
                    self.skipping = false;
                    compared.finish(found);
                    return Ok(());
                }
                _ => false,
            };
            if over && !until_ready {
                compared.finish(found);
                return Ok(());
            }
        }
    }

    fn done(&mut self, kind: u8, body: &[u8], compared: &mut Compared<'_>, found: &mut Found) {
        let tag = match kind {
            b'C' => String::from_utf8_lossy(body.strip_suffix(&[0]).unwrap_or(body)).into_owned(),
            b'I' => "EMPTY QUERY".to_owned(),
            _ => "PORTAL SUSPENDED".to_owned(),
        };
        if matches!(tag.as_str(), "DISCARD ALL" | "DEALLOCATE ALL") {
            self.prepared.clear();
        }
        compared.ended(tag, found);
    }

    /// A row; one that is longer than any recorded one goes by in pieces.
    async fn row(&mut self, kind: u8, length: usize, compared: &mut Compared<'_>) -> Result<(), WireError> {
        let mut message = Vec::with_capacity(length.min(LONGEST) + 5);
        message.push(kind);
        message.extend(u32::try_from(length + 4).unwrap_or(u32::MAX).to_be_bytes());
        if length <= LONGEST {
            message.resize(length + 5, 0);
            self.stream.read_exact(message.get_mut(5..).unwrap_or_default()).await?;
            compared.row(&message);
            return Ok(());
        }
        compared.long_row(&message);
        let mut left = length;
        while left > 0 {
            message.resize(left.min(64 << 10), 0);
            self.stream.read_exact(&mut message).await?;
            compared.more(&message);
            left -= message.len();
        }
        Ok(())
    }

    /// A Sync, and what the server had left to say before it.
    async fn sync(&mut self) -> Result<(), WireError> {
        self.send(&write_message(b'S', &[])).await?;
        while self.message().await?.kind != b'Z' {}
        (self.open, self.skipping) = (false, false);
        Ok(())
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), WireError> {
        self.stream.write_all(bytes).await?;
        Ok(self.stream.flush().await?)
    }

    async fn message(&mut self) -> Result<Message, WireError> {
        let (kind, length) = self.header().await?;
        Ok(Message { kind, body: self.body(length).await? })
    }

    /// A message's kind, and the length of its body.
    async fn header(&mut self) -> Result<(u8, usize), WireError> {
        let mut header = [0; 5];
        self.stream.read_exact(&mut header).await?;
        let [kind, length @ ..] = header;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if (4..=LEGAL).contains(&length) { Ok((kind, length - 4)) } else { Err(WireError::Protocol) }
    }

    async fn body(&mut self, length: usize) -> Result<Vec<u8>, WireError> {
        if length > LONGEST {
            return Err(WireError::Protocol);
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await?;
        Ok(body)
    }
}

/// Which answer ends an operation that no Sync stands behind.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Query,
    Parse,
    Execute,
}

/// How many rows were asked for, where a portal was left off then; 0 asks for all.
fn suspended(expected: &Expected) -> u32 {
    let last = expected.ends.last().filter(|end| end.tag == "PORTAL SUSPENDED");
    last.and_then(|end| u32::try_from(end.rows).ok()).unwrap_or_default()
}

fn name(prepared: &Prepared) -> String {
    format!("w{}", prepared.operation)
}

fn portal(prepared: &Prepared) -> String {
    format!("p{}", prepared.operation)
}

/// Appends a message whose body is these parts.
fn put(to: &mut Vec<u8>, kind: u8, parts: &[&[u8]]) {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    to.push(kind);
    to.extend(u32::try_from(length + 4).unwrap_or(u32::MAX).to_be_bytes());
    parts.iter().for_each(|part| to.extend_from_slice(part));
}

/// A message.
pub(super) fn write_message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 5);
    put(&mut bytes, kind, &[body]);
    bytes
}

/// SQLSTATE and text of an ErrorResponse.
fn fields(body: &[u8]) -> (String, String) {
    let (mut code, mut text) = (String::new(), String::new());
    for field in body.split(|byte| *byte == 0) {
        match field.split_first() {
            Some((b'C', value)) => code = String::from_utf8_lossy(value).into_owned(),
            Some((b'M', value)) => text = String::from_utf8_lossy(value).into_owned(),
            _ => {}
        }
    }
    (code, text)
}
