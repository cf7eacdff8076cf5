//! Which job each token belongs to: remembered on disk until the token has ended, so that none serves two.

use super::failure::Failure;
use crate::durable;
use gateway_core::hex::hex;
use nix::fcntl::Flock;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many marks are remembered; with more, nothing is attested. They are gone once they have ended.
const MOST: usize = 100_000;
const LONGEST_ENTRY: u64 = 4096;
/// How often what has ended is forgotten.
const SWEEP: Duration = Duration::from_secs(60);

/// What a token is bound to: a process that has it before the job's own code runs, and the cgroup that this is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bond {
    /// The boot: after another one no process and no cgroup is the same.
    pub(super) boot: String,
    /// The cgroup's id.
    pub(super) cgroup: u64,
    /// The process; 0 where all of the cgroup is one job.
    pub(super) pid: u32,
    /// When it started, in hundredths of a second since boot.
    pub(super) started: u64,
}

/// What makes a token this one and no other, and until when (in seconds since 1970) that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) text: String,
    pub(super) until: i64,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    bond: Bond,
    until: i64,
}

/// The store: a file a mark, so that all gateways on one state directory see the same.
pub(super) struct Bonds {
    directory: PathBuf,
    swept: Mutex<Option<(Instant, usize)>>,
}

impl Bonds {
    pub(super) fn new(state_dir: &Path) -> Self {
        Self { directory: state_dir.join("tokens"), swept: Mutex::new(None) }
    }

    /// Binds every mark to `bond`, or none of them where one is another job's.
    pub(super) fn bind(&self, marks: &[Mark], bond: &Bond, now: i64) -> Result<(), Failure> {
        let failed = |error: io::Error| {
            Failure::unavailable(format!("tokens can't be remembered in {}: {error}", self.directory.display()))
        };
        DirBuilder::new().recursive(true).mode(0o700).create(&self.directory).map_err(failed)?;
        let _alone = self.lock().map_err(failed)?;
        if self.left(now).map_err(failed)? > MOST {
            return Err(Failure::unavailable(format!("more than {MOST} tokens are remembered")));
        }
        let places: Vec<_> = marks.iter().map(|mark| self.place(mark)).collect();
        for place in &places {
            if let Some(entry) = read(place).map_err(failed)?
                && entry.bond != *bond
                && entry.until > now
            {
                let Bond { pid, cgroup, .. } = entry.bond;
                return Err(Failure::Borrowed(format!(
                    "its token is that of another job (of process {pid}, in cgroup {cgroup})"
                )));
            }
        }
        for (place, mark) in places.iter().zip(marks) {
            self.write(place, &Entry { bond: bond.clone(), until: mark.until }).map_err(failed)?;
        }
        durable::sync_names(&self.directory).map_err(failed)
    }

    fn lock(&self) -> io::Result<Flock<File>> {
        durable::lock(&self.directory.join(".lock"))
    }

    fn place(&self, mark: &Mark) -> PathBuf {
        self.directory.join(hex(&Sha256::digest(mark.text.as_bytes())))
    }

    /// Written beside and moved: a crash leaves the whole entry or none.
    fn write(&self, place: &Path, entry: &Entry) -> io::Result<()> {
        let draft = self.directory.join(".draft");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        serde_json::to_writer(&mut file, entry)?;
        file.flush()?;
        file.sync_all()?;
        fs::rename(&draft, place)
    }

    /// How many marks there are, once what has ended is forgotten.
    fn left(&self, now: i64) -> io::Result<usize> {
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, left)) = *swept
            && at.elapsed() < SWEEP
        {
            return Ok(left);
        }
        let mut left = 0;
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            match read(&entry.path()) {
                Ok(Some(old)) if old.until <= now => fs::remove_file(entry.path())?,
                Ok(_) | Err(_) => left += 1,
            }
        }
        *swept = Some((Instant::now(), left));
        Ok(left)
    }
}

/// What stands at a place. A broken entry is an error: it may have been someone's.
fn read(place: &Path) -> io::Result<Option<Entry>> {
    let metadata = match fs::metadata(place) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    if metadata.len() > LONGEST_ENTRY {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    }
    Ok(Some(serde_json::from_slice(&fs::read(place)?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bond(pid: u32) -> Bond {
        Bond { boot: "b".to_owned(), cgroup: 7, pid, started: 100 }
    }

    fn marks(names: &[&str]) -> Vec<Mark> {
        names.iter().map(|name| Mark { text: (*name).to_owned(), until: 1000 }).collect()
    }

    #[test]
    fn a_token_is_one_jobs_until_it_ends() {
        let place = tempfile::tempdir().unwrap();
        // A new store each time: what it knows is on disk.
        let bind = |names: &[&str], bond: Bond, now| Bonds::new(place.path()).bind(&marks(names), &bond, now);
        bind(&["a", "b"], bond(1), 0).unwrap();
        bind(&["a", "b"], bond(1), 10).unwrap();
        for names in [&["a"][..], &["b"], &["c", "b"]] {
            assert!(matches!(bind(names, bond(2), 20), Err(Failure::Borrowed(_))), "{names:?}");
        }
        bind(&["c"], bond(3), 20).expect("a refused one has bound nothing");
        for other in [Bond { boot: "c".to_owned(), ..bond(1) }, Bond { cgroup: 8, ..bond(1) }, Bond { started: 101, ..bond(1) }] {
            assert!(matches!(bind(&["a"], other.clone(), 20), Err(Failure::Borrowed(_))), "{other:?}");
        }
        bind(&["a"], bond(2), 1000).unwrap();
        let names = fs::read_dir(place.path().join("tokens")).unwrap().count();
        assert_eq!(names, 2, "the lock and what was bound last");
    }

    #[test]
    fn of_many_at_once_one_gets_it() {
        let place = tempfile::tempdir().unwrap();
        let took: Vec<_> = std::thread::scope(|scope| {
            let bind = |pid| {
                let place = place.path();
                move || Bonds::new(place).bind(&marks(&["a"]), &bond(pid), 0).is_ok()
            };
            let threads: Vec<_> = (1..=8).map(|pid| scope.spawn(bind(pid))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(took.iter().filter(|took| **took).count(), 1, "{took:?}");
    }

    #[test]
    fn a_store_that_cannot_be_used_attests_nothing() {
        let place = tempfile::tempdir().unwrap();
        let bonds = Bonds::new(place.path());
        bonds.bind(&marks(&["a"]), &bond(1), 0).unwrap();
        fs::write(bonds.place(&marks(&["a"]).remove(0)), "{").unwrap();
        assert!(matches!(bonds.bind(&marks(&["a"]), &bond(1), 0), Err(Failure::Unavailable(_))));
        let other = tempfile::tempdir().unwrap();
        fs::write(other.path().join("tokens"), "").unwrap();
        assert!(matches!(Bonds::new(other.path()).bind(&marks(&["a"]), &bond(1), 0), Err(Failure::Unavailable(_))));
    }
}
