//! The API by one connection that stays, at the daemon's socket or on the web: what is measured begins when a request is sent.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

pub(super) struct Api {
    stream: BufReader<Box<dyn Stream>>,
    /// What shows who asks, where the kernel does not.
    bearer: Option<String>,
}

impl Api {
    /// At the daemon's socket, as root.
    pub(super) fn connect(socket: &Path) -> anyhow::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(Box::new(stream)), bearer: None })
    }

    /// On the web, with a token.
    pub(super) fn with_token(address: &str, token: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { stream: BufReader::new(Box::new(stream)), bearer: Some(token.to_owned()) })
    }

    pub(super) fn get(&mut self, path: &str) -> anyhow::Result<Value> {
        self.send("GET", path, &Value::Null)?;
        self.answer()
    }

    pub(super) fn post(&mut self, path: &str, body: &Value) -> anyhow::Result<Value> {
        self.send("POST", path, body)?;
        self.answer()
    }

    pub(super) fn send(&mut self, method: &str, path: &str, body: &Value) -> anyhow::Result<()> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let bearer = self.bearer.iter().map(|token| format!("authorization: Bearer {token}\r\n")).collect::<String>();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: weir\r\n{bearer}content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.stream.get_mut().write_all(format!("{head}{body}").as_bytes())?;
        Ok(())
    }

    /// The answer to what was sent last.
    pub(super) fn answer(&mut self) -> anyhow::Result<Value> {
        let mut line = String::new();
        self.stream.read_line(&mut line)?;
        let status = line.clone();
        let mut length = 0;
        while line != "\r\n" {
            line.clear();
            ensure!(self.stream.read_line(&mut line)? > 0, "the gateway has hung up");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        ensure!(status.contains(" 200 ") || status.contains(" 201 "), "{status}{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).context("the answer is no JSON")
    }
}
