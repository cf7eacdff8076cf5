//! `evidence_speed --from STATE_DIR [--json FILE]`: how fast frames like those of real records are written, how fast records are
//! checked, and how long a proof takes. `cargo xtask bench evidence` runs it.

#![expect(clippy::print_stdout, reason = "it tells its figures")]

use clap::Parser;
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::record::{FrameBuffer, FrameKind};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use serde_json::{Value, json};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;
use weir::bundle;
use weir::evidence::{EvidenceSettings, Store, Trusted, Walk, files, now, verify};

/// Sessions that are written side by side.
const SESSIONS: u32 = 8;
/// Frames that are taken from the records.
const SAMPLE: usize = 20_000;
/// Frames that are submitted at once, as a busy session does within an interval.
const BATCH: usize = 200;
/// Bytes of a frame that can't be compressed, of the records that are only checked.
const ROWS: usize = 16 << 10;

/// What a frame holds.
type Frame = (FrameKind, Vec<u8>);

/// Writes, checks and proves records.
#[derive(Parser)]
struct Arguments {
    /// A state directory with records: their frames are what is written.
    #[arg(long)]
    from: PathBuf,
    /// Frames to write in a round.
    #[arg(long, default_value_t = 2_000_000)]
    frames: u64,
    /// MB (10^6 bytes) to check.
    #[arg(long, default_value_t = 1_000)]
    megabytes: u64,
    /// Rounds of each.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Where the report goes.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let sample = sample(&arguments.from)?;
    let mut written = Vec::new();
    let mut proofs = Vec::new();
    for _ in 0..arguments.rounds.max(1) {
        let folder = tempfile::tempdir()?;
        written.push(write(folder.path(), &sample, arguments.frames).await?);
        proofs.extend(prove(folder.path())?);
    }
    let checked = check(arguments.megabytes, arguments.rounds.max(1)).await?;
    let of = |field: &str| median(written.iter().filter_map(|round| round[field].as_f64()).collect());
    let report = json!({
        "write_frames_per_s": of("frames_per_cpu_s").round(),
        "write_mb_per_s": of("mb_per_cpu_s"),
        "write_frames_per_s_wall": of("frames_per_s").round(),
        "bytes_per_frame": of("bytes_per_frame"),
        "bytes_per_frame_on_disk": of("bytes_per_frame_on_disk"),
        "verify_mb_per_s": median(checked.clone()),
        "prove_ms": median(proofs.clone()),
        "settings": { "sessions": SESSIONS, "frames": arguments.frames, "megabytes": arguments.megabytes, "rounds": arguments.rounds },
        "rounds": { "write": written, "verify_mb_per_s": checked, "prove_ms": proofs },
    });
    println!(
        "write {:.0} frames a second of one core, {:.0} MB/s; verify {:.0} MB/s; prove {:.1} ms",
        of("frames_per_cpu_s"),
        of("mb_per_cpu_s"),
        report["verify_mb_per_s"].as_f64().unwrap_or_default(),
        report["prove_ms"].as_f64().unwrap_or_default(),
    );
    if let Some(file) = arguments.json {
        std::fs::write(file, format!("{report:#}\n"))?;
    }
    Ok(())
}

/// The frames of records between their first and their last.
fn sample(state_dir: &Path) -> Result<Vec<Frame>, Box<dyn Error>> {
    let mut frames = Vec::new();
    for (_, name) in files::all(state_dir)? {
        let Some((session, 0)) = name else { continue };
        let mut walk = Walk::open(state_dir, session)?;
        while let Some(seen) = walk.next(|_| true)? {
            if !matches!(seen.kind, FrameKind::Opened | FrameKind::Ended) && frames.len() < SAMPLE {
                frames.push((seen.kind, seen.body.to_vec()));
            }
        }
    }
    if frames.is_empty() { Err("no record there has frames".into()) } else { Ok(frames) }
}

/// Writes so many frames with the settings that are there by default, until they are closed: on the disk, and in the log.
async fn write(state: &Path, sample: &[Frame], frames: u64) -> Result<Value, Box<dyn Error>> {
    let store = Store::open(state, EvidenceSettings::default())?;
    let recorders: Vec<_> = (0..SESSIONS)
        .map(|number| store.begin(SessionId::new(now(), number), RunId::new(now(), number), &json!({"target": {"name": "t"}})))
        .collect::<Result<_, _>>()?;
    let mut buffer = FrameBuffer::default();
    let (mut made, mut bytes) = (0, 0);
    let (begun, cpu) = (Instant::now(), cpu()?);
    let mut next = sample.iter().cycle();
    'all: loop {
        for recorder in &recorders {
            for (kind, body) in next.by_ref().take(BATCH) {
                buffer.push(now(), *kind, |to| to.extend_from_slice(body));
                (made, bytes) = (made + 1, bytes + body.len() as u64);
            }
            while recorder.submit(&mut buffer).is_err() {
                if let Some(error) = recorder.error() {
                    return Err(error.to_string().into());
                }
                recorder.room().await;
            }
            if made >= frames {
                break 'all;
            }
        }
    }
    let mut on_disk = 0;
    for recorder in recorders {
        on_disk += recorder.close(&json!({"reason": "client_done"})).await.map_err(|failed| failed.to_string())?.bytes;
    }
    let (took, busy) = (begun.elapsed().as_secs_f64(), self::cpu()? - cpu);
    let count = made as f64;
    Ok(json!({
        "frames_per_cpu_s": count / busy,
        "mb_per_cpu_s": bytes as f64 / busy / 1e6,
        "frames_per_s": count / took,
        "bytes_per_frame": bytes as f64 / count,
        "bytes_per_frame_on_disk": on_disk as f64 / count,
    }))
}

/// Seconds that this process has had a processor: of all that is measured, who makes the frames among it.
fn cpu() -> Result<f64, nix::Error> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    Ok((usage.user_time().num_microseconds() + usage.system_time().num_microseconds()) as f64 / 1e6)
}

/// Milliseconds that it takes to write the bundle of a session, each of them once.
fn prove(state: &Path) -> Result<Vec<f64>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let mut times = Vec::new();
    for (_, name) in files::all(state)? {
        let Some((session, 0)) = name else { continue };
        let begun = Instant::now();
        bundle::make(state, session, &folder.path().join(session.to_string()))?;
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    Ok(times)
}

/// MB that are checked in a second, of records that are in the page cache.
async fn check(megabytes: u64, rounds: usize) -> Result<Vec<f64>, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path(), EvidenceSettings::default())?;
    let mut buffer = FrameBuffer::default();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for number in 0..SESSIONS {
        let recorder = store.begin(SessionId::new(now(), number), RunId::new(now(), number), &json!({}))?;
        for _ in 0..megabytes * 1_000_000 / u64::from(SESSIONS) / ROWS as u64 {
            buffer.push(now(), FrameKind::Rows, |to| {
                to.extend_from_slice(&[0; 8]);
                for _ in 0..ROWS / 8 {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    to.extend_from_slice(&random.to_le_bytes());
                }
            });
            while recorder.submit(&mut buffer).is_err() {
                recorder.room().await;
            }
        }
        recorder.close(&json!({"reason": "client_done"})).await.map_err(|failed| failed.to_string())?;
    }
    drop(store);
    let mut speeds = Vec::new();
    for _ in 0..rounds {
        let begun = Instant::now();
        let found = verify(folder.path(), None, &Trusted::default())?;
        let bytes: u64 = found.sessions.iter().map(|verified| verified.report.bytes).sum();
        if found.problems() > 0 {
            return Err("what was written does not verify".into());
        }
        speeds.push(bytes as f64 / begun.elapsed().as_secs_f64() / 1e6);
    }
    Ok(speeds)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
