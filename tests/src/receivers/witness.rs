//! A witness as c2sp.org/tlog-witness has it, but for the proofs: that they hold is what the gateway's own tests check by other means.

use super::http::{Asked, HttpServer, Said};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::sync::{Arc, Mutex, PoisonError};

const NAME: &str = "witness.example/w1";
/// What its signatures are, by the first byte of its key: a time stands before each.
const COSIGNATURE: u8 = 4;

/// A running witness.
#[derive(Debug)]
pub struct WitnessServer {
    server: HttpServer,
    /// How many entries it has signed.
    signed: Arc<Mutex<u64>>,
}

impl WitnessServer {
    /// Starts one, which has signed nothing yet.
    pub fn start() -> Self {
        let signed = Arc::new(Mutex::new(0));
        let remembered = Arc::clone(&signed);
        let server = HttpServer::start(move |asked| sign(asked, &mut remembered.lock().unwrap_or_else(PoisonError::into_inner)));
        Self { server, signed }
    }

    /// Where it is asked.
    pub fn prefix(&self) -> String {
        format!("http://127.0.0.1:{}", self.server.port)
    }

    /// Its key, as it publishes it.
    pub fn key() -> String {
        let hex: String = id().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{NAME}+{hex}+{}", STANDARD.encode([&[COSIGNATURE], pair().public_key().as_ref()].concat()))
    }

    /// Its name, as signatures have it.
    pub const fn name() -> &'static str {
        NAME
    }

    /// How many entries it has signed.
    pub fn signed(&self) -> u64 {
        *self.signed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on it remembers so many.
    pub fn remember(&self, entries: u64) {
        *self.signed.lock().unwrap_or_else(PoisonError::into_inner) = entries;
    }
}

fn pair() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[42; 32]).expect("a seed has 32 bytes")
}

fn id() -> Vec<u8> {
    let bytes = [NAME.as_bytes(), &[b'\n', COSIGNATURE], pair().public_key().as_ref()].concat();
    digest(&SHA256, &bytes).as_ref().iter().take(4).copied().collect()
}

fn sign(asked: &Asked, signed: &mut u64) -> Said {
    let body = String::from_utf8_lossy(&asked.body);
    let parsed = body.split_once("\n\n").and_then(|(head, note)| {
        let old = head.lines().next()?.strip_prefix("old ")?.parse::<u64>().ok()?;
        let (text, _) = note.split_once("\n\n")?;
        let size = text.lines().nth(1)?.parse::<u64>().ok()?;
        Some((old, size, format!("{text}\n")))
    });
    let Some((old, size, text)) = parsed.filter(|_| asked.path == "/add-checkpoint") else {
        return Some((400, "not a checkpoint\n".to_owned()));
    };
    if old != *signed || size < old {
        return Some((409, format!("{signed}\n")));
    }
    *signed = size;
    let time = 1_700_000_000u64;
    let signature = pair().sign(format!("cosignature/v1\ntime {time}\n{text}").as_bytes());
    let bytes = [id().as_slice(), &time.to_be_bytes(), signature.as_ref()].concat();
    Some((200, format!("— {NAME} {}\n", STANDARD.encode(bytes))))
}
