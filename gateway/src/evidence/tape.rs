//! One record's files as their writer holds them: blocks, appended, never left with half of one.

use super::recorder::Closed;
use super::sealed::SessionKey;
use super::store::EvidenceSettings;
use super::{EvidenceError, files, now};
use gateway_core::model::ids::SessionId;
use gateway_core::record::FrameBuffer;
use gateway_core::record::chain::{FILE_HEADER, file_header};
use gateway_core::record::seal::{Packer, SealError, Sealer};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Memory beyond this is given back once it was needed.
const KEEP: usize = 1 << 20;

/// A record that is being written.
pub(super) struct Tape {
    state_dir: PathBuf,
    session: SessionId,
    /// The first segment: its lock says that the record is live.
    first: Arc<File>,
    /// The segment that is written to, where it is another.
    current: Option<Arc<File>>,
    path: PathBuf,
    segment: u32,
    segment_bytes: u64,
    /// Bytes of whole blocks and the header in the current segment.
    offset: u64,
    /// Bytes in the segments before it.
    before: u64,
    sealer: Sealer,
    /// Bytes beyond `offset` may be in the file.
    torn: bool,
    /// Files were made whose names may not be on the disk.
    new_names: bool,
    /// The sealed layer's key, and whether it is in the record.
    key: Option<SessionKey>,
    key_written: bool,
    /// Whether something was written since the last sync.
    pub(super) unsynced: bool,
    /// Frames that could not be written and are gone.
    pub(super) lost: u64,
    /// So many of them the record already tells of.
    pub(super) lost_said: u64,
}

impl Tape {
    /// Fails where a file of this session is there already.
    pub(super) fn check_free(state_dir: &Path, session: SessionId) -> Result<(), EvidenceError> {
        let path = files::segment(state_dir, session, 0);
        match path.symlink_metadata() {
            Ok(_) => Err(EvidenceError::Exists { session, path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(EvidenceError::io("look at", &path)(error)),
        }
    }

    /// Makes a session's first file and locks it. The caller holds the log, so that no
    /// gateway that starts now takes the record for an abandoned one.
    pub(super) fn create(state_dir: &Path, session: SessionId, settings: &EvidenceSettings) -> Result<Self, EvidenceError> {
        let key = settings.seal_to.as_ref().map(SessionKey::new).transpose()?;
        let path = files::segment(state_dir, session, 0);
        let first = create(&path, 0)?;
        first.lock().map_err(EvidenceError::io("lock", &path))?;
        Ok(Self {
            state_dir: state_dir.to_owned(),
            session,
            first: Arc::new(first),
            current: None,
            path,
            segment: 0,
            segment_bytes: settings.segment_bytes,
            new_names: true,
            key,
            key_written: false,
            offset: FILE_HEADER as u64,
            before: 0,
            sealer: Sealer::new(&session.to_string()),
            torn: false,
            unsynced: true,
            lost: 0,
            lost_said: 0,
        })
    }

    /// Goes on with a record that a dead gateway left, whose `first` file is locked by the caller.
    pub(super) fn resume(state_dir: &Path, session: SessionId, first: File, left: Left) -> Result<Self, EvidenceError> {
        let path = files::segment(state_dir, session, left.segment);
        let first = Arc::new(first);
        let current = match left.segment {
            0 => None,
            _ => Some(OpenOptions::new().read(true).write(true).open(&path).map_err(EvidenceError::io("open", &path))?),
        };
        let current = current.map(Arc::new);
        let file = current.as_ref().unwrap_or(&first);
        if left.offset < FILE_HEADER as u64 {
            file.write_all_at(&file_header(left.segment), 0).map_err(EvidenceError::io("write", &path))?;
        }
        Ok(Self {
            state_dir: state_dir.to_owned(),
            session,
            first,
            current,
            path,
            segment: left.segment,
            segment_bytes: u64::MAX,
            new_names: false,
            key: None,
            key_written: false,
            offset: left.offset.max(FILE_HEADER as u64),
            before: left.before,
            sealer: left.sealer,
            torn: true,
            unsynced: true,
            lost: 0,
            lost_said: 0,
        })
    }

    /// Makes blocks of all of `frames` and appends them: whatever happens, the file then ends
    /// with a whole block, or is made to before the next one is written.
    pub(super) fn write(&mut self, frames: &FrameBuffer, press: &mut Press) -> Result<(), EvidenceError> {
        if frames.is_empty() { Ok(()) } else { self.try_write(frames, press) }
    }

    /// Whether files were made since this was asked last.
    pub(super) const fn took_new_names(&mut self) -> bool {
        std::mem::replace(&mut self.new_names, false)
    }

    /// Brings what was written to the disk.
    pub(super) fn sync(&mut self) -> Result<(), EvidenceError> {
        self.file().sync_data().map_err(EvidenceError::io("sync", &self.path))?;
        self.unsynced = false;
        Ok(())
    }

    /// The file to be synced, if something was written since: the caller does it, or sets [`Self::unsynced`] again.
    pub(super) fn take_unsynced(&mut self) -> Option<(Arc<File>, PathBuf)> {
        std::mem::take(&mut self.unsynced).then(|| (Arc::clone(self.file()), self.path.clone()))
    }

    /// What there is of the record.
    pub(super) const fn closed(&self) -> Closed {
        let Sealer { next_frame, next_block, chain } = self.sealer;
        Closed { frames: next_frame, blocks: next_block, bytes: self.before + self.offset, chain }
    }

    /// How many files the record has.
    pub(super) const fn segments(&self) -> u32 {
        self.segment + 1
    }

    fn try_write(&mut self, frames: &FrameBuffer, press: &mut Press) -> Result<(), EvidenceError> {
        self.mend()?;
        if self.offset >= self.segment_bytes {
            self.rotate()?;
        }
        let mut sealer = self.sealer;
        press.out.clear();
        let key = self.key.as_ref();
        let encrypt = |number: u64, head: &[u8], payload: &mut Vec<u8>| match key {
            Some(key) => key.encrypt(number, head, payload),
            None => Err(SealError::Encrypt),
        };
        sealer.seal(frames, &mut press.packer, Some(&encrypt), &mut press.out)?;
        // Behind the record's first frame.
        if let Some(key) = key.filter(|_| !self.key_written) {
            sealer.key(&key.wrapped, now(), &mut press.out);
        }
        if let Err(error) = self.file().write_all_at(&press.out, self.offset) {
            self.torn = true;
            let error = EvidenceError::io("write", &self.path)(error);
            // Half a block at the end is what the next start would have to mend; better now.
            self.mend()?;
            return Err(error);
        }
        self.key_written = true;
        self.offset += press.out.len() as u64;
        self.sealer = sealer;
        self.unsynced = true;
        Ok(())
    }

    fn mend(&mut self) -> Result<(), EvidenceError> {
        if self.torn {
            self.file().set_len(self.offset).map_err(EvidenceError::io("shorten", &self.path))?;
            self.torn = false;
        }
        Ok(())
    }

    fn rotate(&mut self) -> Result<(), EvidenceError> {
        self.sync()?;
        let segment = self.segment + 1;
        let path = files::segment(&self.state_dir, self.session, segment);
        self.current = Some(Arc::new(create(&path, segment)?));
        self.new_names = true;
        self.sealer.rotate(&self.session.to_string(), segment);
        self.before += self.offset;
        self.offset = FILE_HEADER as u64;
        self.segment = segment;
        self.path = path;
        Ok(())
    }

    fn file(&self) -> &Arc<File> {
        self.current.as_ref().unwrap_or(&self.first)
    }
}

/// Memory for making blocks, used again for each.
#[derive(Default)]
pub(super) struct Press {
    packer: Packer,
    out: Vec<u8>,
}

impl Press {
    /// Gives memory back that one large frame took.
    pub(super) fn shrink(&mut self) {
        self.packer.shrink();
        if self.out.capacity() > KEEP {
            self.out = Vec::new();
        }
    }
}

/// How far whole blocks go in a record that was left open.
pub(super) struct Left {
    pub(super) segment: u32,
    pub(super) offset: u64,
    pub(super) before: u64,
    pub(super) sealer: Sealer,
}

impl Left {
    /// A record of which nothing has been read yet.
    pub(super) fn new(session: SessionId) -> Self {
        Self { segment: 0, offset: 0, before: 0, sealer: Sealer::new(&session.to_string()) }
    }
}

/// Makes a segment's file with its header; a file that can't have one is not left behind.
fn create(path: &Path, segment: u32) -> Result<File, EvidenceError> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
    let file = file.map_err(EvidenceError::io("create", path))?;
    if let Err(error) = file.write_all_at(&file_header(segment), 0) {
        std::fs::remove_file(path).map_err(EvidenceError::io("remove", path))?;
        return Err(EvidenceError::io("write", path)(error));
    }
    Ok(file)
}
