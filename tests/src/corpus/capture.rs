//! A relay that takes down what clients send, session by session, in their order.

use anyhow::Context as _;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// What all sessions sent, in the order in which they began.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// One for each connection.
    pub sessions: Vec<Sent>,
}

/// What one session sent.
#[derive(Clone, Debug, Default)]
pub struct Sent {
    /// Its startup parameters.
    pub parameters: Vec<(String, String)>,
    /// Each message whole: type, length, body.
    pub messages: Vec<Vec<u8>>,
}

/// The longest message that is taken down.
const LONGEST: usize = 64 << 20;

impl Sent {
    /// A startup parameter; empty where it was not sent.
    #[must_use]
    pub fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }
}

/// Listens, relays to `port` of 127.0.0.1, and takes down. The relay lives as long as the process.
pub(super) fn listen(port: u16) -> anyhow::Result<(u16, Arc<Mutex<Recorded>>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let own = listener.local_addr()?.port();
    let recorded = Arc::new(Mutex::new(Recorded::default()));
    let keep = Arc::clone(&recorded);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let keep = Arc::clone(&keep);
            thread::spawn(move || relay(client, port, &keep).ok());
        }
    });
    Ok((own, recorded))
}

fn relay(client: TcpStream, port: u16, recorded: &Mutex<Recorded>) -> anyhow::Result<()> {
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    let answers = thread::spawn(move || {
        std::io::copy(&mut from_server, &mut to_client).ok();
        to_client.shutdown(Shutdown::Both).ok();
    });
    let mut reader = BufReader::new(client);
    let startup = message(&mut reader, false)?;
    server.write_all(&startup)?;
    let at = {
        let mut all = recorded.lock().unwrap_or_else(PoisonError::into_inner);
        all.sessions.push(Sent { parameters: parameters(&startup), messages: Vec::new() });
        all.sessions.len() - 1
    };
    while let Ok(message) = message(&mut reader, true) {
        server.write_all(&message)?;
        let mut all = recorded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = all.sessions.get_mut(at) {
            session.messages.push(message);
        }
    }
    server.shutdown(Shutdown::Write).ok();
    answers.join().ok();
    Ok(())
}

fn message(reader: &mut impl Read, typed: bool) -> anyhow::Result<Vec<u8>> {
    let mut whole = vec![0; if typed { 5 } else { 4 }];
    reader.read_exact(&mut whole)?;
    let (_, length) = whole.split_last_chunk::<4>().context("a head has a length")?;
    let length = usize::try_from(u32::from_be_bytes(*length))?;
    anyhow::ensure!((4..LONGEST).contains(&length), "a message of {length} bytes");
    let head = whole.len();
    whole.resize(head + length - 4, 0);
    reader.read_exact(whole.get_mut(head..).unwrap_or_default())?;
    Ok(whole)
}

fn parameters(startup: &[u8]) -> Vec<(String, String)> {
    let texts = startup.get(8..).unwrap_or_default().split(|byte| *byte == 0);
    let texts: Vec<String> = texts.map(|text| String::from_utf8_lossy(text).into_owned()).collect();
    let pair = |pair: &[String]| match pair {
        [name, value] if !name.is_empty() => Some((name.clone(), value.clone())),
        _ => None,
    };
    texts.chunks_exact(2).filter_map(pair).collect()
}

impl Recorded {
    /// Writes it to a file.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        let mut file = BufWriter::new(File::create(path)?);
        let mut put = |bytes: &[u8]| -> anyhow::Result<()> {
            file.write_all(&u64::try_from(bytes.len())?.to_be_bytes())?;
            Ok(file.write_all(bytes)?)
        };
        for session in &self.sessions {
            put(&session.parameters.iter().map(|(name, value)| format!("{name}\0{value}\0")).collect::<String>().into_bytes())?;
            put(&u64::try_from(session.messages.len())?.to_be_bytes())?;
            session.messages.iter().try_for_each(|message| put(message))?;
        }
        Ok(file.flush()?)
    }

    /// Reads what [`Recorded::save`] wrote.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let mut sessions = Vec::new();
        while let Some(parameters) = block(&mut file)? {
            let count = block(&mut file)?.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
            let messages = (0..count).map(|_| block(&mut file)?.context("a session that is cut off"));
            let messages = messages.collect::<anyhow::Result<_>>()?;
            sessions.push(Sent { parameters: self::parameters(&[&[0; 8], &*parameters].concat()), messages });
        }
        Ok(Self { sessions })
    }
}

fn block(file: &mut impl Read) -> anyhow::Result<Option<Vec<u8>>> {
    let mut length = [0; 8];
    if file.read_exact(&mut length).is_err() {
        return Ok(None);
    }
    let mut bytes = vec![0; usize::try_from(u64::from_be_bytes(length))?];
    file.read_exact(&mut bytes)?;
    Ok(Some(bytes))
}
