//! The job of a round: it plays every order with the client that it names, and keeps every byte that comes back.

mod children;
mod tap;
mod tokio_client;
mod wire_client;

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tap::Tap;

/// What takes longer is told, in a line that begins so.
const LONG: Duration = Duration::from_millis(800);
pub(super) const TIMING: &str = "leak-job: ";

/// What is to be played.
#[derive(Clone, Debug)]
struct Order {
    key: String,
    client: String,
    mode: String,
    sent: Vec<Vec<u8>>,
}

/// Where everything is.
#[derive(Debug)]
struct Places {
    /// The file of orders.
    orders: PathBuf,
    /// Where what came back goes: `KEY.bytes` and `KEY.text`.
    out: PathBuf,
    /// The programs of drivers.
    drivers: PathBuf,
    /// A Python that has them.
    python: PathBuf,
}

/// `weir-leak-job ORDERS OUT DRIVERS PYTHON`, with libpq's variables.
///
/// # Errors
/// When an order can't be read, or a client can't be started.
pub fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let mut next = || arguments.next().context("usage: weir-leak-job ORDERS OUT DRIVERS PYTHON");
    let places = Places { orders: next()?, out: next()?, drivers: next()?, python: next()? };
    let orders = read(&places.orders)?;
    let tap = Tap::start(&places.out, &variable("PGHOST")?, variable("PGPORT")?.parse()?)?;
    timed("messages", || wire_client::play(&orders, &places.out))?;
    children::play(&orders, &places, &tap)?;
    timed("tokio-postgres", || tokio_client::play(&orders, &tap))?;
    timed("the rest", || {
        tap.settle();
        Ok(())
    })
}

/// Says how long `work` took, where that is long.
fn timed<T>(what: &str, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let started = Instant::now();
    let done = work();
    if started.elapsed() > LONG {
        writeln!(std::io::stderr(), "{TIMING}{what} {:.1} s", started.elapsed().as_secs_f32())?;
    }
    done
}

fn variable(name: &str) -> anyhow::Result<String> {
    std::env::var(name).with_context(|| name.to_owned())
}

fn read(file: &Path) -> anyhow::Result<Vec<Order>> {
    let text = std::fs::read_to_string(file)?;
    text.lines()
        .map(|line| {
            let mut fields = line.split('\t').map(str::to_owned);
            let mut next = || fields.next().context("an order is cut off");
            let (key, client, mode) = (next()?, next()?, next()?);
            let sent = fields.map(|field| Ok(STANDARD.decode(field)?)).collect::<anyhow::Result<_>>()?;
            Ok(Order { key, client, mode, sent })
        })
        .collect()
}

impl Order {
    fn texts(&self) -> Vec<String> {
        self.sent.iter().map(|sent| String::from_utf8_lossy(sent).into_owned()).collect()
    }
}
