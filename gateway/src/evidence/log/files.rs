//! The files of a log: where they lie, and each step of writing them. Nothing here knows what a log is.

use super::error::LogError;
use super::problem::Problem;
use crate::durable;
use gateway_core::record::chain::Hash;
use gateway_core::record::log::tile::{self, FULL, Kind, Tile};
use gateway_core::record::log::{SignedCheckpoint, VerifierKey, tree};
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// What a file's name begins with while it is written.
pub(super) const UNFINISHED: &str = ".new-";
/// The most bytes that a bundle of entries may have.
const MOST_BUNDLE: u64 = FULL * (2 + tile::MAX_ENTRY as u64);
/// The most bytes that a checkpoint may have.
const MOST_CHECKPOINT: u64 = gateway_core::record::log::note::MAX_NOTE as u64;

/// A log's directory.
#[derive(Clone, Debug)]
pub(super) struct Files {
    directory: PathBuf,
}

/// What is below `tile/`.
#[derive(Default)]
pub(super) struct Tiles {
    /// The tiles.
    pub(super) tiles: Vec<Tile>,
    /// The paths of files that are none.
    pub(super) others: Vec<String>,
}

impl Tiles {
    /// The bundles before the journal, which begins at entry `base`, of which entries or hashes are there, in their order. A
    /// journal may say that there are more than anybody could read.
    pub(super) fn bundles(&self, base: u64) -> Vec<u64> {
        let full = self.tiles.iter().filter(|tile| tile.is_full() && matches!(tile.kind, Kind::Entries | Kind::Hashes(0)));
        let bundles: BTreeSet<u64> = full.map(|tile| tile.index).filter(|index| *index < base / FULL).collect();
        bundles.into_iter().collect()
    }
}

impl Files {
    /// The log's below a state directory.
    pub(super) fn new(state_dir: &Path) -> Self {
        Self { directory: state_dir.join("log") }
    }

    /// The state directory.
    pub(super) fn state_dir(&self) -> &Path {
        self.directory.parent().unwrap_or(&self.directory)
    }

    /// The directory itself.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.directory.join("lock")
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.directory.join("journal")
    }

    pub(super) fn checkpoint(&self) -> PathBuf {
        self.directory.join("checkpoint")
    }

    /// Checkpoints at which the key was replaced, signed by both: a file each, its size the name.
    pub(super) fn rotations(&self) -> PathBuf {
        self.directory.join("rotations")
    }

    pub(super) fn tile(&self, tile: Tile) -> PathBuf {
        self.directory.join(tile.to_string())
    }

    /// Makes a directory and those above it, so that they are there after a power cut.
    pub(super) fn make(directory: &Path) -> Result<(), LogError> {
        if directory.is_dir() {
            return Ok(());
        }
        let above = directory.parent().unwrap_or(directory);
        Self::make(above)?;
        match DirBuilder::new().mode(0o700).create(directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(LogError::io("create", directory)(error)),
            _made_or_there => durable::sync_names(above).map_err(LogError::io("sync", above)),
        }
    }

    /// Writes a file whole, in place of the one that is there.
    pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), LogError> {
        Self::make(path.parent().unwrap_or(path))?;
        durable::replace(path, bytes, 0o600).map_err(LogError::io("write", path))?;
        step();
        Ok(())
    }

    /// A tile's bytes; of a partial one the beginning of the full one, where that is there instead.
    pub(super) fn read(&self, tile: Tile) -> Result<Option<Vec<u8>>, LogError> {
        let exact = read(&self.tile(tile), MOST_BUNDLE)?;
        if exact.is_some() || tile.is_full() {
            return Ok(exact);
        }
        let Some(full) = read(&self.tile(tile.filled()), MOST_BUNDLE)? else { return Ok(None) };
        Ok(match tile.kind {
            Kind::Hashes(_) => full.get(..usize::from(tile.width) * 32).map(<[u8]>::to_vec),
            Kind::Entries => Some(full),
        })
    }

    /// A tile's hashes. Where a partial one is not there, as after a crash, they are made of the full ones below it.
    pub(super) fn hashes(&self, tile: Tile) -> Result<Vec<Hash>, LogError> {
        let found = self.read(tile)?;
        match (found, tile.kind) {
            (Some(bytes), _) => tile::hashes(&bytes, usize::from(tile.width))
                .map_err(|_| self.damaged(Problem::TileChanged { tile: tile.to_string() })),
            (None, Kind::Hashes(level)) if level > 0 && !tile.is_full() => {
                let first = tile.index * FULL;
                let below = (first..first + u64::from(tile.width)).map(|index| Tile::full(Kind::Hashes(level - 1), index));
                below.map(|below| Ok(tree::complete(&self.full(below)?))).collect()
            }
            (None, Kind::Hashes(_) | Kind::Entries) => Err(self.damaged(Problem::TileMissing { tile: tile.to_string() })),
        }
    }

    fn full(&self, tile: Tile) -> Result<Vec<Hash>, LogError> {
        let missing = || self.damaged(Problem::TileMissing { tile: tile.to_string() });
        let bytes = self.read(tile)?.ok_or_else(missing)?;
        tile::hashes(&bytes, FULL as usize).map_err(|_| self.damaged(Problem::TileChanged { tile: tile.to_string() }))
    }

    /// The entries of a full bundle.
    pub(super) fn entries(&self, index: u64) -> Result<Vec<Vec<u8>>, LogError> {
        let tile = Tile::full(Kind::Entries, index);
        let bytes = self.read(tile)?.ok_or_else(|| self.damaged(Problem::TileMissing { tile: tile.to_string() }))?;
        let entries =
            tile::entries(&bytes, FULL as usize).map_err(|_| self.damaged(Problem::TileChanged { tile: tile.to_string() }))?;
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// What is below `tile/`.
    pub(super) fn tiles(&self) -> Result<Tiles, LogError> {
        let mut found = Tiles::default();
        let mut open = vec![self.directory.join("tile")];
        while let Some(directory) = open.pop() {
            for path in list(&directory)?.unwrap_or_default() {
                let name = path.strip_prefix(&self.directory).ok().and_then(Path::to_str).unwrap_or_default();
                let unfinished = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(UNFINISHED));
                if path.is_dir() {
                    open.push(path);
                } else if let Some(tile) = Tile::parse(name) {
                    found.tiles.push(tile);
                } else if !unfinished {
                    found.others.push(name.to_owned());
                }
            }
        }
        Ok(found)
    }

    /// The checkpoint that is there.
    pub(super) fn last_checkpoint(&self) -> Result<Option<SignedCheckpoint>, LogError> {
        let Some(bytes) = read(&self.checkpoint(), MOST_CHECKPOINT)? else { return Ok(None) };
        let signed = SignedCheckpoint::parse(&bytes);
        signed.map(Some).map_err(|why| self.damaged(Problem::NoCheckpoint { why: why.to_string() }))
    }

    /// The checkpoint at which the key was replaced last.
    pub(super) fn last_rotation(&self) -> Result<Option<SignedCheckpoint>, LogError> {
        let size = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
        let listed = list(&self.rotations())?.unwrap_or_default();
        let Some(path) = listed.into_iter().filter(|path| size(path).is_some()).max_by_key(size) else { return Ok(None) };
        let signed = SignedCheckpoint::parse(&read(&path, MOST_CHECKPOINT)?.unwrap_or_default());
        signed.map(Some).map_err(|why| self.damaged(Problem::NoCheckpoint { why: format!("{}: {why}", path.display()) }))
    }

    /// What the witness of this key's name has signed last.
    pub(super) fn witnessed(&self, key: &VerifierKey) -> PathBuf {
        self.directory.join("witnesses").join(format!("{:08x}", key.id()))
    }

    pub(super) fn damaged(&self, problem: Problem) -> LogError {
        LogError::Damaged { directory: self.directory.clone(), problem }
    }

    /// The directory that a tile lies in, beside others.
    pub(super) fn among(&self, tile: Tile) -> Option<PathBuf> {
        self.tile(tile.filled()).parent().map(Path::to_owned)
    }

    /// Deletes the partial tiles of a directory that are not needed.
    pub(super) fn prune(&self, directory: &Path, needed: impl Fn(Tile) -> bool) -> Result<(), LogError> {
        let listed = list(directory)?.unwrap_or_default();
        for partial in listed.into_iter().filter(|path| path.extension().is_some_and(|end| end == "p")) {
            let mut empty = true;
            for path in list(&partial)?.unwrap_or_default() {
                let name = path.strip_prefix(&self.directory).ok().and_then(Path::to_str);
                if name.and_then(Tile::parse).is_none_or(&needed) {
                    empty = false;
                } else {
                    fs::remove_file(&path).map_err(LogError::io("remove", &path))?;
                    step();
                }
            }
            if empty {
                fs::remove_dir(&partial).map_err(LogError::io("remove", &partial))?;
                step();
            }
        }
        Ok(())
    }
}

/// A file's bytes, of which there may be `most`; none where it is not there.
pub(super) fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>, LogError> {
    use io::Read as _;
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(LogError::io("open", path)(error)),
    };
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(LogError::io("read", path))?;
    let long = || io::Error::other(format!("it has more than the {most} bytes that it may have"));
    if bytes.len() as u64 > most { Err(LogError::io("read", path)(long())) } else { Ok(Some(bytes)) }
}

/// What a directory has, in order; none where it is not there.
pub(super) fn list(directory: &Path) -> Result<Option<Vec<PathBuf>>, LogError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LogError::io("read", directory)(error)),
    };
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths.map_err(LogError::io("read", directory))?;
    paths.sort();
    Ok(Some(paths))
}

/// A step of writing is done: tests stop there.
#[cfg(not(test))]
pub(super) const fn step() {}

#[cfg(test)]
pub(super) use super::tests::step;
