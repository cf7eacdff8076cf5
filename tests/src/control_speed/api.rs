//! The API at the daemon's socket, by one connection that stays: what is measured begins when a request is sent.

use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

pub(super) struct Api {
    stream: BufReader<UnixStream>,
}

impl Api {
    pub(super) fn connect(socket: &Path) -> anyhow::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        Ok(Self { stream: BufReader::new(stream) })
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
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: weir\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
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
        ensure!(status.contains(" 200 "), "{status}{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).context("the answer is no JSON")
    }
}
