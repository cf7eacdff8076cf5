//! What was classed before: a column keeps its class when it, or its relation, gets another name.

use crate::durable;
use gateway_core::hex::hex;
use gateway_core::inspect::catalog::{Catalog, ColumnId};
use gateway_core::mask::classes::Place;
use nix::fcntl::Flock;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// No such file is longer, in bytes.
const LONGEST: u64 = 64 << 20;

/// The classes of one database's columns as they were found so far. While there is a value, no other gateway with the same state
/// directory has one of the same database: what either adds would be lost to the other.
#[derive(Debug)]
pub(super) struct Remembered {
    file: PathBuf,
    _lock: Flock<fs::File>,
    columns: BTreeMap<Place, BTreeSet<Box<str>>>,
    changed: bool,
}

/// The file: `<state>/classes/<target>/<database>.json`, both names in hex where they are no plain words.
#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    columns: Vec<Line>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Line {
    relation: u32,
    number: i16,
    classes: BTreeSet<Box<str>>,
}

impl Remembered {
    /// What is kept of `database` at `target`.
    pub(super) fn open(state_dir: &Path, target: &str, database: &str) -> Result<Self, String> {
        let directory = state_dir.join("classes").join(word(target));
        let file = directory.join(format!("{}.json", word(database)));
        let lock = fs::create_dir_all(&directory).and_then(|()| durable::lock(&file.with_extension("lock")));
        let lock = lock.map_err(|error| said(&file, "lock", &error))?;
        let columns = match fs::metadata(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(said(&file, "read", &error)),
            Ok(about) if about.len() > LONGEST => return Err(format!("{} is longer than {LONGEST} bytes", file.display())),
            Ok(_) => {
                let text = fs::read(&file).map_err(|error| said(&file, "read", &error))?;
                let File { columns } = serde_json::from_slice(&text)
                    .map_err(|error| format!("{} is damaged ({error}): restore it, or remove it once every classed column has the name that its class says", file.display()))?;
                columns.into_iter().map(|line| ((line.relation, line.number), line.classes)).collect()
            }
        };
        Ok(Self { file, _lock: lock, columns, changed: false })
    }

    /// What is kept of columns that are still there, by the names of classes. The rest is forgotten.
    pub(super) fn of_relations_in(&mut self, catalog: &Catalog) -> Vec<(Place, Box<str>)> {
        let before = self.columns.len();
        self.columns.retain(|(relation, number), _| catalog.column(ColumnId { relation: *relation, number: *number }).is_some());
        self.changed |= self.columns.len() != before;
        self.columns.iter().flat_map(|(place, classes)| classes.iter().map(|class| (*place, class.clone()))).collect()
    }

    /// Adds a class.
    pub(super) fn add(&mut self, place: Place, class: &str) {
        let classes = self.columns.entry(place).or_default();
        self.changed |= classes.insert(class.into());
    }

    /// Writes what has changed, so that it is there after a crash.
    pub(super) fn keep(self) -> Result<(), String> {
        if !self.changed {
            return Ok(());
        }
        let columns = self.columns.iter().map(|((relation, number), classes)| Line {
            relation: *relation,
            number: *number,
            classes: classes.clone(),
        });
        let text = serde_json::to_vec(&File { columns: columns.collect() }).map_err(|error| error.to_string())?;
        durable::replace(&self.file, &text, 0o600).map_err(|error| said(&self.file, "write", &error))
    }
}

fn said(file: &Path, what: &str, error: &io::Error) -> String {
    format!("cannot {what} {}, which keeps the classes of columns: {error}", file.display())
}

/// A name as one part of a path: as it is where it is a plain word, else in hex behind a dot.
fn word(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !name.is_empty() && name.len() <= 100 && name.bytes().all(plain) {
        return name.to_owned();
    }
    // A longer one than a file system takes is told apart by its hash.
    let bytes = if name.len() <= 100 { name.as_bytes().to_vec() } else { Sha256::digest(name).to_vec() };
    format!(".{}", hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_classed_is_kept_for_as_long_as_its_column_is_there() {
        let state = tempfile::tempdir().unwrap();
        let mut catalog = Catalog::default();
        catalog.add_column(20_000, 2, "email", 25, -1);
        let mut first = Remembered::open(state.path(), "prod-pg", "shop/x").unwrap();
        assert!(first.of_relations_in(&catalog).is_empty());
        first.add((20_000, 2), "pii");
        first.add((20_001, 1), "pii");
        first.keep().unwrap();
        let mut second = Remembered::open(state.path(), "prod-pg", "shop/x").unwrap();
        assert_eq!(second.of_relations_in(&catalog), [((20_000, 2), "pii".into())]);
        second.keep().unwrap();
        assert!(Remembered::open(state.path(), "prod-pg", "other").unwrap().columns.is_empty());
        assert_eq!(Remembered::open(state.path(), "prod-pg", "shop/x").unwrap().columns.len(), 1);
    }

    #[test]
    fn a_damaged_file_is_no_empty_one() {
        let state = tempfile::tempdir().unwrap();
        let mut kept = Remembered::open(state.path(), "t", "d").unwrap();
        kept.add((1, 1), "pii");
        let file = kept.file.clone();
        kept.keep().unwrap();
        fs::write(file, "{").unwrap();
        assert!(Remembered::open(state.path(), "t", "d").unwrap_err().contains("damaged"));
    }

    #[test]
    fn what_several_gateways_add_at_once_is_all_kept() {
        let state = tempfile::tempdir().unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let state = state.path();
                scope.spawn(move || {
                    for number in 0..20 {
                        let mut kept = Remembered::open(state, "t", "d").unwrap();
                        kept.add((thread, number), "pii");
                        kept.keep().unwrap();
                    }
                });
            }
        });
        assert_eq!(Remembered::open(state.path(), "t", "d").unwrap().columns.len(), 80);
    }
}
