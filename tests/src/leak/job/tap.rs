//! A socket between the clients and the server: every byte that goes to a client is kept, in a file that is named as the
//! client's application_name.

use anyhow::Context as _;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Protocol 3.0, and the questions for TLS and GSSAPI (PostgreSQL docs, "Message Formats").
const PROTOCOL: u32 = 196_608;
const ENCRYPTION: [u32; 2] = [80_877_103, 80_877_104];

/// It, for as long as the process runs.
#[derive(Debug)]
pub(super) struct Tap {
    directory: TempDir,
    open: Arc<AtomicUsize>,
}

impl Tap {
    /// Listens, and goes on to `host` and `port`.
    pub(super) fn start(out: &Path, host: &str, port: u16) -> anyhow::Result<Self> {
        let directory = tempfile::Builder::new().prefix("weir-tap-").tempdir()?;
        let listener = UnixListener::bind(directory.path().join(".s.PGSQL.5432"))?;
        let open = Arc::new(AtomicUsize::new(0));
        let (out, host, count) = (out.to_owned(), host.to_owned(), Arc::clone(&open));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                count.fetch_add(1, Ordering::SeqCst);
                let (out, host, count) = (out.clone(), host.clone(), Arc::clone(&count));
                std::thread::spawn(move || {
                    // What a client or the server broke off is kept as far as it came.
                    serve(client, &host, port, &out).ok();
                    count.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Ok(Self { directory, open })
    }

    /// What clients take for the server's host; the port is 5432.
    pub(super) fn host(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    /// Waits until all connections have ended.
    pub(super) fn settle(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.open.load(Ordering::SeqCst) > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn serve(mut client: UnixStream, host: &str, port: u16, out: &Path) -> anyhow::Result<()> {
    let (startup, name) = startup(&mut client)?;
    let mut server = TcpStream::connect((host, port))?;
    server.set_nodelay(true)?;
    server.write_all(&startup)?;
    let (mut from_client, mut to_server) = (client.try_clone()?, server.try_clone()?);
    let upwards = std::thread::spawn(move || {
        std::io::copy(&mut from_client, &mut to_server).ok();
        to_server.shutdown(Shutdown::Write).ok();
    });
    let mut file = OpenOptions::new().create(true).append(true).open(out.join(format!("{name}.bytes")))?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = server.read(&mut buffer)?;
        let bytes = buffer.get(..read).unwrap_or_default();
        file.write_all(bytes)?;
        // A client that has gone does not read, but what came for it counts.
        if read == 0 || client.write_all(bytes).is_err() {
            break;
        }
    }
    client.shutdown(Shutdown::Both).ok();
    upwards.join().ok();
    Ok(())
}

/// The first message that is no question, and the application_name in it.
fn startup(client: &mut UnixStream) -> anyhow::Result<(Vec<u8>, String)> {
    loop {
        let mut length = [0; 4];
        client.read_exact(&mut length)?;
        let mut body = vec![0; usize::try_from(u32::from_be_bytes(length))?.saturating_sub(4).min(1 << 16)];
        client.read_exact(&mut body)?;
        let code = body.first_chunk::<4>().map(|code| u32::from_be_bytes(*code)).context("a startup without a code")?;
        if ENCRYPTION.contains(&code) {
            client.write_all(b"N")?;
            continue;
        }
        let texts: Vec<String> = body
            .get(4..)
            .unwrap_or_default()
            .split(|byte| *byte == 0)
            .map(|text| String::from_utf8_lossy(text).into_owned())
            .collect();
        let name =
            texts.chunks(2).find(|pair| pair.first().is_some_and(|name| name == "application_name")).and_then(|pair| pair.get(1));
        let name = name.filter(|name| name.chars().all(char::is_alphanumeric)).cloned();
        let name = if code == PROTOCOL { name.unwrap_or_else(|| "unnamed".to_owned()) } else { "other".to_owned() };
        return Ok(([&length[..], &body].concat(), name));
    }
}
