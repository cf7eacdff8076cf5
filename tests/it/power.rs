//! The disk that can lose its power does what programs expect of a disk, and loses what was not synced.

use rusqlite::Connection;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::FileExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;
use weir_tests::power::{Disk, Loss, Names};

fn mounted(names: Names) -> (Disk, TempDir) {
    let place = tempfile::Builder::new().prefix("weir-power-").tempdir().expect("a temporary directory");
    let disk = Disk::mount(place.path(), names, Duration::ZERO).expect("root may mount");
    (disk, place)
}

#[test]
fn a_synced_file_outlasts_the_power_and_an_unsynced_one_does_not() {
    let (mut disk, place) = mounted(Names::Journaled);
    let path = |name: &str| place.path().join(name);
    let mut file = OpenOptions::new().append(true).create(true).open(path("a")).expect("a file");
    file.write_all(b"synced").expect("room");
    file.sync_data().expect("it syncs");
    file.write_all(b" and not").expect("room");
    fs::write(path("b"), "gone").expect("room");
    fs::rename(path("b"), path("c")).expect("a name");
    assert_eq!(fs::read_to_string(path("a")).expect("it reads"), "synced and not");
    assert!(disk.at_risk() > 0);
    disk.power_off();
    assert_eq!(file.sync_data().expect_err("no power").raw_os_error(), Some(libc::EIO));
    drop(file);
    disk.power_on(Loss::All, 1).expect("it comes back");
    assert_eq!(fs::read_to_string(path("a")).expect("it reads"), "synced");
    assert_eq!(fs::read_dir(place.path()).expect("it lists").count(), 1);
}

#[test]
fn what_posix_promises_of_names_is_all_that_a_strict_disk_keeps() {
    let (mut disk, place) = mounted(Names::Strict);
    let below = place.path().join("below");
    fs::create_dir(&below).expect("a directory");
    File::open(place.path()).and_then(|root| root.sync_all()).expect("it syncs");
    for (name, named) in [("kept", true), ("gone", false)] {
        let mut file = File::create_new(below.join(name)).expect("a file");
        file.write_all(b"text").and_then(|()| file.sync_all()).expect("it syncs");
        if named {
            File::open(&below).and_then(|directory| directory.sync_all()).expect("it syncs");
        }
    }
    disk.power_off();
    disk.power_on(Loss::All, 1).expect("it comes back");
    assert_eq!(fs::read_to_string(below.join("kept")).expect("it reads"), "text");
    assert!(!below.join("gone").exists());
}

#[test]
fn programs_find_what_they_expect_of_a_disk() {
    let (disk, place) = mounted(Names::Journaled);
    let path = |name: &str| place.path().join(name);
    // Locks: between two openings of a file.
    let (first, second) = (File::create(path("lock")).expect("a file"), File::open(path("lock")).expect("a file"));
    first.lock().expect("a lock");
    assert!(matches!(second.try_lock_shared(), Err(fs::TryLockError::WouldBlock)));
    drop(first);
    second.try_lock_shared().expect("it is free");
    // A socket, a link, a file that is made beside and moved into place, and one that is removed while it is open.
    drop(UnixListener::bind(path("socket")).expect("a socket"));
    std::os::unix::fs::symlink("lock", path("link")).expect("a link");
    assert_eq!(fs::read_link(path("link")).expect("it reads"), Path::new("lock"));
    let beside = tempfile::NamedTempFile::new_in(place.path()).expect("a file");
    beside.persist_noclobber(path("moved")).expect("the name is free");
    let beside = tempfile::NamedTempFile::new_in(place.path()).expect("a file");
    assert!(beside.persist_noclobber(path("moved")).is_err());
    let mut open = File::options().read(true).write(true).open(path("moved")).expect("it is there");
    fs::remove_file(path("moved")).expect("it goes");
    open.write_all_at(&[7; 300_000], 5).expect("room");
    open.set_len(300_000).expect("it can be cut");
    let mut read = Vec::new();
    open.read_to_end(&mut read).expect("it reads");
    assert_eq!((read.len(), &read[..6]), (300_000, &[0, 0, 0, 0, 0, 7][..]));
    let names = fs::read_dir(place.path()).expect("it lists").count();
    assert_eq!(names, 3);
    drop(disk);
}

/// SQLite keeps its promise on it: a transaction that was committed with `synchronous = FULL` is there afterwards, whatever else
/// is lost; and the database is whole.
#[test]
fn a_database_keeps_what_was_committed() {
    for seed in 1..=8 {
        let names = if seed % 2 == 0 { Names::Strict } else { Names::Journaled };
        let (mut disk, place) = mounted(names);
        let file = place.path().join("a.db");
        let open = || {
            let connection = Connection::open(&file).expect("a database");
            connection.pragma_update(None, "journal_mode", "WAL").expect("a journal");
            connection.pragma_update(None, "synchronous", "FULL").expect("a pragma");
            connection
        };
        open().execute_batch("CREATE TABLE t (n INTEGER)").expect("a table");
        let mut last = 0;
        for round in 0..3 {
            let writer = open();
            let reader = open();
            for n in 1..=20 {
                writer.execute("INSERT INTO t VALUES (?1)", [last + n]).expect("a row");
            }
            last += 20;
            let seen: i64 = reader.query_row("SELECT max(n) FROM t", [], |row| row.get(0)).expect("what is mapped is shared");
            assert_eq!(seen, last);
            disk.power_off();
            drop((writer, reader));
            disk.power_on(Loss::Torn { gone: 2 }, seed * 10 + round).expect("it comes back");
            let (count, top): (i64, i64) =
                open().query_row("SELECT count(*), max(n) FROM t", [], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
            assert_eq!((count, top), (last, last), "seed {seed}, round {round}");
            let whole: String = open().query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("a check");
            assert_eq!(whole, "ok");
        }
    }
}
