//! The store on real files: what is written, what a crash leaves, what a full disk does.

use super::*;
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::record::log::{Entry, Grown};
use gateway_core::record::read::Blocks;
use gateway_core::record::verify::{Problem, Span};
use gateway_core::record::{FrameBuffer, FrameKind};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

fn ids(number: u32) -> (SessionId, RunId) {
    (SessionId::new(now(), number), RunId::new(now(), number))
}

fn settings() -> EvidenceSettings {
    EvidenceSettings { flush: Duration::from_millis(5), ..EvidenceSettings::default() }
}

/// There is room only once all is written, so that waiting for room is waiting for the writer.
fn one_at_a_time() -> EvidenceSettings {
    EvidenceSettings { pending_bytes: 1, ..settings() }
}

fn frames(count: u64, bytes: usize) -> FrameBuffer {
    let mut buffer = FrameBuffer::default();
    for _ in 0..count {
        // What can't be compressed.
        buffer.push(now(), FrameKind::Rows, |to| to.extend((0..8 + bytes).map(|_| getrandom::u32().unwrap().to_le_bytes()[0])));
    }
    buffer
}

fn problems(state: &Path) -> Vec<Problem> {
    let found = verify(state, None, &Trusted::default()).unwrap();
    assert!(found.log.is_empty() && found.strangers.is_empty(), "{found:?}");
    found.sessions.into_iter().flat_map(|session| session.report.problems).collect()
}

#[tokio::test]
async fn a_closed_record_is_private_whole_and_verifies() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path(), settings()).unwrap();
    let (session, run) = ids(1);
    let recorder = store.begin(session, run, &json!({"session": session, "run": run})).unwrap();
    assert!(matches!(store.begin(session, run, &json!({})), Err(EvidenceError::Exists { .. })));
    for _ in 0..20 {
        recorder.submit(&mut frames(10, 100)).unwrap();
        recorder.room().await;
    }
    assert!(is_live(state.path(), session));
    assert_eq!(problems(state.path()), []);
    let closed = recorder.close(&json!({"reason": "client_done"})).await.unwrap();
    assert_eq!(closed.frames, 202);
    assert_eq!(problems(state.path()), []);
    let [summary] = &index(state.path()).unwrap()[..] else { unreachable!("one session") };
    assert_eq!((summary.state, summary.reason.as_deref(), summary.bytes), (State::Ended, Some("client_done"), closed.bytes));
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&files::sessions(state.path())), mode(&files::segment(state.path(), session, 0))), (0o700, 0o600));
}

#[tokio::test]
async fn segments_a_drop_and_many_sessions_verify() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path(), EvidenceSettings { segment_bytes: 4096, ..one_at_a_time() }).unwrap();
    let recorders: Vec<_> = (0..20).map(|number| store.begin(ids(number).0, ids(number).1, &json!({})).unwrap()).collect();
    for _ in 0..5 {
        for recorder in &recorders {
            recorder.submit(&mut frames(20, 100)).unwrap();
        }
        for recorder in &recorders {
            recorder.room().await;
        }
    }
    let segmented = recorders.first().unwrap().session();
    drop(recorders);
    drop(store);
    assert!(files::segments(state.path(), segmented).unwrap().len() == 3);
    assert_eq!(problems(state.path()), []);
    assert!(
        index(state.path()).unwrap().iter().all(|summary| summary.reason.as_deref() == Some("dropped") && summary.frames == 102)
    );
    std::fs::remove_file(files::segment(state.path(), segmented, 1)).unwrap();
    let found = problems(state.path());
    assert!(found.iter().any(|problem| matches!(problem, Problem::Removed { .. })), "{found:?}");
    for (path, _) in files::segments(state.path(), segmented).unwrap() {
        std::fs::remove_file(path).unwrap();
    }
}

#[tokio::test]
async fn a_removed_replaced_or_cut_record_shows_in_the_log() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path(), settings()).unwrap();
    let mut sessions = Vec::new();
    for number in 0..3 {
        let (session, run) = ids(number);
        let recorder = store.begin(session, run, &json!({})).unwrap();
        recorder.submit(&mut frames(3, 10)).unwrap();
        recorder.close(&json!({"reason": "client_done"})).await.unwrap();
        sessions.push(files::segment(state.path(), session, 0));
    }
    std::fs::remove_file(&sessions[0]).unwrap();
    let whole = std::fs::read(&sessions[1]).unwrap();
    let last = last_block(&whole);
    std::fs::write(&sessions[1], &whole[..last]).unwrap();
    std::fs::copy(&sessions[1], &sessions[2]).unwrap();
    let found = problems(state.path());
    assert!(found.contains(&Problem::Missing), "{found:?}");
    assert!(found.iter().any(|problem| matches!(problem, Problem::Cut { have: 1..5, want: 5 })), "{found:?}");
    assert!(found.iter().any(|problem| matches!(problem, Problem::Changed { blocks: Span { block: 0, .. }, .. })), "{found:?}");
}

/// Copies a directory with all that is in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (from, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// Where the last block of a segment begins.
fn last_block(bytes: &[u8]) -> usize {
    let blocks: Vec<_> = Blocks::new(bytes, 0).unwrap().map(Result::unwrap).collect();
    bytes.len() - blocks.last().unwrap().header.length
}

#[tokio::test]
async fn a_torn_record_is_closed_at_its_last_whole_frame_and_a_live_one_is_left_alone() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path(), one_at_a_time()).unwrap();
    let (session, run) = ids(1);
    let recorder = store.begin(session, run, &json!({})).unwrap();
    recorder.submit(&mut frames(3, 10)).unwrap();
    recorder.room().await;
    assert_eq!(Store::open(state.path(), settings()).unwrap().recovered(), []);

    // What a killed gateway leaves: the files as they are, half a frame at the end, no lock.
    let dead = tempfile::tempdir().unwrap();
    copy(state.path(), dead.path());
    let path = files::segment(state.path(), session, 0);
    let torn = [std::fs::read(path).unwrap(), vec![99, 0, 0, 0, 1, 1]].concat();
    std::fs::write(files::segment(dead.path(), session, 0), torn).unwrap();
    assert!(matches!(problems(dead.path())[..], [Problem::Torn { frame: 4, bytes: 6, .. }]));
    let again = Store::open(dead.path(), settings()).unwrap();
    assert_eq!(again.recovered(), [Recovered { session, frames: 4, cut_bytes: 6, end: "crash" }]);
    assert_eq!(problems(dead.path()), []);
    assert_eq!(summary(dead.path(), session).unwrap().reason.as_deref(), Some("crash"));
}

#[tokio::test]
async fn a_page_that_never_reached_the_disk_ends_a_record_unless_the_log_has_more_of_it() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path(), EvidenceSettings { segment_bytes: 4096, ..one_at_a_time() }).unwrap();
    let (session, run) = ids(1);
    let recorder = store.begin(session, run, &json!({})).unwrap();
    for _ in 0..6 {
        recorder.submit(&mut frames(10, 100)).unwrap();
        recorder.room().await;
    }
    let place = files::segment(state.path(), session, 0);
    let mut broken = std::fs::read(&place).unwrap();
    let blocks: Vec<_> = Blocks::new(&broken, 0).unwrap().map(Result::unwrap).collect();
    assert!(blocks.len() > 2 && files::segments(state.path(), session).unwrap().len() > 1);
    let [first, second] = [&blocks[0], &blocks[1]].map(|block| block.header.length);
    let grown = |behind: usize| {
        let block = &blocks[behind];
        let frames = block.header.first + u64::from(block.header.frames);
        Entry::grown(now().0, &[Grown { session, frames, blocks: behind as u64 + 1, chain: block.chain }]).next().unwrap()
    };
    let (one, two) = (grown(0), grown(1));
    let frames_of_one = u64::from(blocks[0].header.frames);
    broken[16 + first..16 + first + second].fill(0);
    // What the log has of it at the last: nothing, what is whole, and what is not.
    for (said, end) in [(None, "crash"), (Some(one), "crash"), (Some(two), "damaged")] {
        if let Some(entry) = said {
            store.enter(&entry).unwrap();
        }
        let dead = tempfile::tempdir().unwrap();
        copy(state.path(), dead.path());
        std::fs::write(files::segment(dead.path(), session, 0), &broken).unwrap();
        let again = Store::open(dead.path(), settings()).unwrap();
        let [found] = again.recovered() else { panic!("{:?}", again.recovered()) };
        assert_eq!((found.frames, found.end), (frames_of_one, end));
        assert_eq!(problems(dead.path()).is_empty(), end == "crash");
        assert_eq!(files::segments(dead.path(), session).unwrap().len() == 1, end == "crash");
    }
}

/// Has the marks of what is open gone, as where they had not reached the disk.
fn forget(state: &Path) {
    for entry in std::fs::read_dir(state.join("open")).unwrap() {
        std::fs::write(entry.unwrap().path(), "").unwrap();
    }
}

#[tokio::test]
async fn whatever_of_a_record_a_power_cut_took_the_next_start_closes_it() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path(), one_at_a_time()).unwrap();
    let (session, run) = ids(1);
    let recorder = store.begin(session, run, &json!({})).unwrap();
    recorder.submit(&mut frames(3, 10)).unwrap();
    recorder.room().await;
    for (file, mark, end) in [(true, false, "crash"), (false, true, recover::NEVER), (false, false, recover::NEVER)] {
        let dead = tempfile::tempdir().unwrap();
        copy(state.path(), dead.path());
        if !file {
            std::fs::remove_file(files::segment(dead.path(), session, 0)).unwrap();
        }
        if !mark {
            forget(dead.path());
        }
        let again = Store::open(dead.path(), settings()).unwrap();
        let [found] = again.recovered() else { panic!("{:?}", again.recovered()) };
        assert_eq!((found.session, found.end), (session, end));
        assert_eq!(problems(dead.path()), []);
        drop(again);
        assert_eq!(Store::open(dead.path(), settings()).unwrap().recovered(), []);
    }
    // Where the log says that it was there, it is missing.
    let head =
        Grown { session, frames: 1, blocks: 1, chain: last_hash(&files::segment(state.path(), session, 0)).unwrap().unwrap() };
    store.enter(&Entry::grown(now().0, &[head]).next().unwrap()).unwrap();
    let dead = tempfile::tempdir().unwrap();
    copy(state.path(), dead.path());
    std::fs::remove_file(files::segment(dead.path(), session, 0)).unwrap();
    assert_eq!(Store::open(dead.path(), settings()).unwrap().recovered()[0].end, "missing");
    assert_eq!(problems(dead.path()), [Problem::Missing]);
}

#[tokio::test]
async fn a_mark_of_its_own_stays_while_its_gateway_lives_and_leads_to_the_record_once_it_died() {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path(), one_at_a_time()).unwrap();
    let (session, run) = ids(1);
    let _recorder = store.begin(session, run, &json!({})).unwrap();
    let mark = |state: &Path| state.join("open").join(session.to_string());
    std::fs::write(mark(state.path()), "").unwrap();
    assert_eq!(Store::open(state.path(), settings()).unwrap().recovered(), []);
    assert!(mark(state.path()).exists(), "whoever made it is alive");
    let dead = tempfile::tempdir().unwrap();
    copy(state.path(), dead.path());
    for entry in std::fs::read_dir(dead.path().join("open")).unwrap().map(|entry| entry.unwrap().path()) {
        if entry != mark(dead.path()) {
            std::fs::remove_file(entry).unwrap();
        }
    }
    let again = Store::open(dead.path(), settings()).unwrap();
    assert_eq!(again.recovered().iter().map(|found| found.session).collect::<Vec<_>>(), [session]);
    assert!(!mark(dead.path()).exists(), "it is closed");
}

#[tokio::test]
async fn a_record_that_the_log_does_not_have_is_closed_where_a_gateway_died_and_told_where_none_did() {
    let (state, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = Store::open(state.path(), one_at_a_time()).unwrap();
    let other = Store::open(elsewhere.path(), one_at_a_time()).unwrap();
    let (session, run) = ids(1);
    let recorder = other.begin(session, run, &json!({})).unwrap();
    recorder.submit(&mut frames(3, 10)).unwrap();
    recorder.room().await;
    store.enter(&Entry::Policy { at: now().0, hash: String::new() }).unwrap();
    let cut = |dead: &Path| {
        copy(state.path(), dead);
        std::fs::copy(files::segment(elsewhere.path(), session, 0), files::segment(dead, session, 0)).unwrap();
    };
    let (dead, stopped) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    cut(dead.path());
    drop(store);
    cut(stopped.path());
    let again = Store::open(dead.path(), settings()).unwrap();
    assert_eq!(again.recovered(), [Recovered { session, frames: 4, cut_bytes: 0, end: "crash" }]);
    let found = verify(dead.path(), Some(session), &Trusted::default()).unwrap();
    assert_eq!(found.sessions[0].report.problems, []);
    assert_eq!(Store::open(stopped.path(), settings()).unwrap().recovered(), []);
    let found = verify(stopped.path(), Some(session), &Trusted::default()).unwrap();
    assert_eq!(found.sessions[0].report.problems, [Problem::Unlisted]);
}

#[tokio::test]
async fn a_session_that_is_ahead_of_the_disk_waits_for_room() {
    let state = tempfile::tempdir().unwrap();
    let few = EvidenceSettings { pending_bytes: 1000, flush: Duration::from_millis(50), ..settings() };
    let store = Store::open(state.path(), few).unwrap();
    let recorder = store.begin(ids(1).0, ids(1).1, &json!({})).unwrap();
    recorder.submit(&mut frames(1, 2000)).unwrap();
    let mut more = frames(1, 10);
    assert_eq!((recorder.submit(&mut more), more.frames()), (Err(Failed::Full), 1));
    recorder.room().await;
    recorder.submit(&mut more).unwrap();
    assert_eq!(recorder.close(&json!({})).await.unwrap().frames, 4);
}

#[tokio::test]
async fn a_full_disk_stops_the_session_and_loses_no_whole_frame() {
    let state = tempfile::tempdir().unwrap();
    let disk = TinyDisk::mount(state.path());
    let store = Store::open(state.path(), one_at_a_time()).unwrap();
    let recorder = store.begin(ids(1).0, ids(1).1, &json!({})).unwrap();
    recorder.submit(&mut frames(10, 1000)).unwrap();
    recorder.room().await;
    recorder.submit(&mut frames(500, 1000)).unwrap();
    let failed = tokio::time::timeout(Duration::from_secs(10), recorder.failure()).await.unwrap();
    assert!(failed.to_string().contains("make room"), "{failed}");
    assert!(recorder.failed());
    assert_eq!(recorder.submit(&mut frames(1, 1)), Err(failed));
    let closed = recorder.close(&json!({"reason": "record_failed"})).await.unwrap();
    assert_eq!(closed.frames, 13, "opened, ten rows, what was lost, ended");
    assert_eq!(problems(state.path()), []);
    drop(store);
    drop(disk);
}

/// A file system of 256 KiB.
struct TinyDisk<'a>(&'a Path);

impl<'a> TinyDisk<'a> {
    fn mount(at: &'a Path) -> Self {
        let flags = nix::mount::MsFlags::empty();
        let mounted = nix::mount::mount(Some("tmpfs"), at, Some("tmpfs"), flags, Some("size=256k"));
        assert!(mounted.is_ok(), "this test mounts a small tmpfs and needs root: {mounted:?}");
        Self(at)
    }
}

impl Drop for TinyDisk<'_> {
    fn drop(&mut self) {
        assert!(nix::mount::umount(self.0).is_ok(), "{} stays mounted", self.0.display());
    }
}
