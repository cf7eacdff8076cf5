//! What a client sends and waits for, as data that a process of its own can play.

use super::{Connection, Received, message};
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

/// Steps in their order.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// The steps.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// These bytes go out in one write.
    Send(Vec<u8>),
    /// Messages are read until one of this type has come so often.
    Until(u8, u32),
    /// The file `paused` is made in the script's directory, and `go` waited for.
    Pause,
}

impl Script {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sends `messages` in one write.
    #[must_use]
    pub fn send(mut self, messages: &[Vec<u8>]) -> Self {
        self.steps.push(Step::Send(messages.concat()));
        self
    }

    /// Reads until the server was ready `times` times.
    #[must_use]
    pub fn ready(self, times: u32) -> Self {
        self.until(b'Z', times)
    }

    /// Reads until a message of type `kind` has come `times` times.
    #[must_use]
    pub fn until(mut self, kind: u8, times: u32) -> Self {
        self.steps.push(Step::Until(kind, times));
        self
    }

    /// Sends a Query and waits for its end.
    #[must_use]
    pub fn query(self, sql: &str) -> Self {
        self.bytes(sql.as_bytes())
    }

    /// Sends a Query of any bytes and waits for its end.
    #[must_use]
    pub fn bytes(self, sql: &[u8]) -> Self {
        self.send(&[message::query(sql)]).ready(1)
    }

    /// Sends `messages` and a Sync in one write, and waits for its end.
    #[must_use]
    pub fn segment(self, messages: &[Vec<u8>]) -> Self {
        self.send(&[messages.concat(), message::sync()]).ready(1)
    }

    /// All that another does.
    #[must_use]
    pub fn steps(mut self, other: Self) -> Self {
        self.steps.extend(other.steps);
        self
    }

    /// Waits for the test.
    #[must_use]
    pub fn pause(mut self) -> Self {
        self.steps.push(Step::Pause);
        self
    }

    /// As a file that [`Script::decode`] reads: of each step its kind, a length and that many bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut file = Vec::new();
        for step in &self.steps {
            let (kind, body) = match step {
                Step::Send(bytes) => (b's', bytes.clone()),
                Step::Until(kind, times) => (b'u', [&[*kind][..], &times.to_be_bytes()].concat()),
                Step::Pause => (b'p', Vec::new()),
            };
            file.push(kind);
            file.extend((body.len() as u64).to_be_bytes());
            file.extend(body);
        }
        file
    }

    /// Reads what [`Script::encode`] wrote.
    pub fn decode(file: &[u8]) -> anyhow::Result<Self> {
        let (mut steps, mut rest) = (Vec::new(), file);
        while let Some((kind, tail)) = rest.split_first() {
            let (length, tail) = tail.split_first_chunk::<8>().context("a step without its length")?;
            let length = usize::try_from(u64::from_be_bytes(*length))?;
            let (body, tail) = tail.split_at_checked(length).context("a step that is cut off")?;
            steps.push(match (kind, body) {
                (b's', bytes) => Step::Send(bytes.to_vec()),
                (b'u', [kind, times @ ..]) => Step::Until(*kind, u32::from_be_bytes(times.try_into()?)),
                (b'p', _) => Step::Pause,
                _ => bail!("a step of an unknown kind"),
            });
            rest = tail;
        }
        Ok(Self { steps })
    }
}

/// Plays `script` on `connection`: each message that comes is a line of JSON in `out`. The end of
/// the connection is a line, too, and ends the script.
pub fn play(script: &Script, connection: &mut Connection, directory: &Path, out: &mut impl Write) -> anyhow::Result<()> {
    for step in &script.steps {
        let done = match step {
            Step::Send(bytes) => connection.send(bytes),
            Step::Until(kind, times) => read(connection, *kind, *times, out),
            Step::Pause => pause(directory),
        };
        if let Err(error) = done {
            writeln!(out, "{}", json!({ "tag": "end", "text": format!("{error:#}") }))?;
            return Ok(());
        }
    }
    Ok(())
}

fn read(connection: &mut Connection, kind: u8, mut times: u32, out: &mut impl Write) -> anyhow::Result<()> {
    while times > 0 {
        let received = connection.receive()?;
        writeln!(out, "{}", line(&received))?;
        // An error also ends the wait for anything that it made impossible, but not that for ReadyForQuery.
        if received.kind == kind || (received.kind == b'E' && kind != b'Z') {
            times -= 1;
        }
    }
    Ok(())
}

fn line(received: &Received) -> Value {
    let tag = char::from(received.kind).to_string();
    match received.kind {
        b'E' | b'N' => json!({
            "tag": tag,
            "code": received.field(b'C'),
            "severity": received.field(b'V'),
            "text": received.field(b'M'),
            "detail": received.field(b'D'),
            "hint": received.field(b'H'),
            "position": received.field(b'P'),
        }),
        b'D' => json!({ "tag": tag, "row": received.row() }),
        b'C' | b'Z' | b'S' => json!({ "tag": tag, "text": received.texts().join(" ").trim_end() }),
        _ => json!({ "tag": tag, "text": String::from_utf8_lossy(&received.body) }),
    }
}

fn pause(directory: &Path) -> anyhow::Result<()> {
    std::fs::write(directory.join("paused"), "")?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while !directory.join("go").exists() {
        if Instant::now() > deadline {
            bail!("the test did not go on");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    std::fs::remove_file(directory.join("go"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_as_it_was_written() {
        let script = Script::new().query("SELECT 1").segment(&[message::parse("", b"\xff")]).pause().until(b'G', 2);
        assert_eq!(Script::decode(&script.encode()).expect("it was just written").steps, script.steps);
        assert!(Script::decode(b"s\0\0").is_err());
        assert!(Script::decode(b"?\0\0\0\0\0\0\0\0").is_err());
    }
}
