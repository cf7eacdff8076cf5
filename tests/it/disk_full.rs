//! A disk that is full: the session that can't be recorded ends, the gateway says why and lives.

use nix::mount::{MsFlags, mount, umount};
use std::path::{Path, PathBuf};
use weir_tests::{Postgres, Weir, wait_until};

/// A file system of its own size, gone with it.
pub(crate) struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    pub(crate) fn mount(size: &str) -> Self {
        let place = tempfile::Builder::new().prefix("weir-tmpfs-").tempdir().expect("a temporary directory");
        let options = format!("size={size},mode=0755");
        mount(Some("tmpfs"), place.path(), Some("tmpfs"), MsFlags::empty(), Some(options.as_str())).expect("root may mount");
        Self(place)
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.0.path().join("state")
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        umount(self.0.path()).expect("nothing uses it any more");
    }
}

/// Takes all the room that is left.
pub(crate) fn fill(directory: &Path) {
    let file = std::fs::File::create(directory.join("ballast")).expect("a name is free");
    let mut file = std::io::BufWriter::with_capacity(4096, file);
    let zeros = [0; 4096];
    while std::io::Write::write_all(&mut file, &zeros).is_ok() {}
    // What it still holds has no room either.
    drop(file.into_parts());
}

#[test]
fn a_session_that_outgrows_the_disk_is_stopped_and_what_was_recorded_is_whole() {
    let server = Postgres::start();
    let disk = Tmpfs::mount("4m");
    let weir = Weir::for_server(&server).state_dir(&disk.state()).extra("[record]\nresults = \"all\"\n").build();
    // What can't be compressed to nothing.
    let sql =
        "SELECT (SELECT string_agg(md5((n * 31 + k)::text), '') FROM generate_series(1, 30) k) FROM generate_series(1, 20000) n";
    let script = format!("psql -X -c \"SELECT 'the first'\" && psql -X -A -t -c \"{sql}\"; echo status $?; exit 5");
    let outcome = weir.run(&["sh", "-c", &script]);
    assert_eq!(outcome.status, Some(5), "the gateway did not live to the job's end: {}", outcome.stderr);
    assert!(outcome.stdout.contains("the first"), "{}", outcome.stderr);
    assert!(outcome.stdout.contains("status 2"), "psql was not stopped: {}", outcome.stderr);
    assert!(outcome.stderr.contains("No space left on device"), "{}", outcome.stderr);
    let sessions = weir.sessions();
    assert_eq!(sessions.len(), 2);
    let first = sessions[0]["session"].as_str().expect("an id");
    assert!(weir.cli(&["session", "play", first, "--instant"]).expect_success().stdout.contains("the first"));
    assert_eq!(sessions[1]["reason"], "the record can't be written");
    weir.cli(&["audit", "verify"]).expect_success();
    wait_until("the server to be rid of it", 20, || (server.active() == 0).then_some(()));
}

#[test]
fn a_session_that_can_not_be_begun_is_refused_and_the_next_is_served_once_there_is_room() {
    let server = Postgres::start();
    let disk = Tmpfs::mount("4m");
    let weir = Weir::for_server(&server).state_dir(&disk.state()).build();
    let full = weir.directory().join("full");
    let wait = format!(": > {0} && while [ -e {0} ]; do sleep 0.05; done", full.display());
    let script = format!(
        "psql -X -c 'SELECT 1' && {wait}; psql -X -c 'SELECT 2'; echo status $?; {wait}; psql -X -A -t -c \"SELECT 'served again'\""
    );
    let job = weir.start(&["sh", "-c", &script]);
    wait_until("the first session to end", 20, || full.exists().then_some(()));
    wait_until("its record to be closed", 20, || (weir.sessions().first()?["state"] == "ended").then_some(()));
    fill(&disk.state());
    std::fs::remove_file(&full).expect("the job has made it");
    wait_until("the second to be refused", 20, || full.exists().then_some(()));
    // The job itself can't: the state directory is hidden from it.
    std::fs::remove_file(disk.state().join("ballast")).expect("it was filled");
    std::fs::remove_file(&full).expect("the job has made it again");
    let outcome = job.wait().expect_success();
    assert!(outcome.stdout.contains("status 2"), "a session ran without a record: {} {}", outcome.stdout, outcome.stderr);
    assert!(outcome.stdout.contains("served again"), "{} {}", outcome.stdout, outcome.stderr);
    assert!(outcome.stderr.contains("No space left on device"), "{}", outcome.stderr);
    weir.cli(&["audit", "verify"]).expect_success();
}
