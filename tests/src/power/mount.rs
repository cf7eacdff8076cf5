//! The disk as the kernel asks for it: a FUSE file system (the protocol: linux/fuse.h) over an image in memory.

use super::content::Content;
use super::image::{Body, Directory, Image, Node, ROOT, Refused};
use fuser::{
    BsdFileFlags, Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner, OpenFlags,
    RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs, ReplyWrite,
    Request, TimeOrNow, WriteFlags,
};
use nix::sys::stat::SFlag;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Nobody but the kernel changes anything, so that it may remember what it was told.
const FOR_EVER: Duration = Duration::from_secs(3600);
/// The largest file: more is a mistake, and would be memory.
const MOST: usize = 256 << 20;

/// What the file system and its owner share.
#[derive(Debug)]
pub(super) struct Shared {
    state: Mutex<State>,
    /// How long a sync takes.
    sync_takes: Duration,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) image: Image,
    /// The power is gone: nothing that comes now has an effect.
    pub(super) dead: bool,
    /// Syncs so far.
    pub(super) syncs: u64,
}

impl Shared {
    pub(super) const fn new(image: Image, sync_takes: Duration) -> Self {
        Self { state: Mutex::new(State { image, dead: false, syncs: 0 }), sync_takes }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The image, while there is power.
    fn with<T>(&self, work: impl FnOnce(&mut Image) -> Result<T, Refused>) -> Result<T, Errno> {
        let mut state = self.lock();
        if state.dead {
            return Err(Errno::EIO);
        }
        work(&mut state.image).map_err(errno)
    }

    /// What was written before this began lasts once it is done: not before it has taken its time.
    fn sync(&self, number: INodeNo) -> Result<(), Errno> {
        if !self.sync_takes.is_zero() {
            std::thread::sleep(self.sync_takes);
        }
        let mut state = self.lock();
        if state.dead {
            return Err(Errno::EIO);
        }
        state.syncs += 1;
        state.image.sync(number.0).map_err(errno)
    }

    fn make(&self, parent: INodeNo, name: &OsStr, node: Node) -> Result<FileAttr, Errno> {
        self.with(|image| {
            let number = image.make(parent.0, name, node)?;
            Ok(attributes(number, image.node(number)?))
        })
    }
}

/// The file system.
#[derive(Debug)]
pub(super) struct Mounted(pub(super) Arc<Shared>);

impl Filesystem for Mounted {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let found = self.0.with(|image| {
            let number = image.look_up(parent.0, name)?;
            Ok(attributes(number, image.node(number)?))
        });
        entry(reply, found);
    }

    fn getattr(&self, _: &Request, number: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        attr(reply, self.0.with(|image| Ok(attributes(number.0, image.node(number.0)?))));
    }

    fn setattr(
        &self,
        _: &Request,
        number: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        modified: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let Some(size) = bounded(size.unwrap_or(0)).map(|bytes| size.map(|_| bytes)) else { return reply.error(Errno::EFBIG) };
        let changed = self.0.with(|image| {
            if let Some(size) = size {
                image.file_mut(number.0)?.resize(size);
            }
            let node = image.node_mut(number.0)?;
            node.mode = mode.map_or(node.mode, |mode| mode & 0o7777);
            node.user = uid.unwrap_or(node.user);
            node.group = gid.unwrap_or(node.group);
            match modified {
                Some(TimeOrNow::SpecificTime(at)) => node.modified = at,
                Some(TimeOrNow::Now) => node.modified = SystemTime::now(),
                None => {}
            }
            Ok(attributes(number.0, node))
        });
        attr(reply, changed);
    }

    fn readlink(&self, _: &Request, number: INodeNo, reply: ReplyData) {
        let read = self.0.with(|image| match &image.node(number.0)?.body {
            Body::Link(to) => Ok(to.clone().into_os_string()),
            Body::File(_) | Body::Directory(_) | Body::Socket => Err(Refused::Missing),
        });
        match read {
            Ok(to) => reply.data(to.as_encoded_bytes()),
            Err(error) => reply.error(error),
        }
    }

    fn mknod(&self, asked: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, _: u32, reply: ReplyEntry) {
        let body = match SFlag::from_bits_truncate(mode) & SFlag::S_IFMT {
            SFlag::S_IFREG => Body::File(Content::default()),
            SFlag::S_IFSOCK => Body::Socket,
            _ => return reply.error(Errno::EPERM),
        };
        entry(reply, self.0.make(parent, name, node(asked, body, mode & !umask)));
    }

    fn mkdir(&self, asked: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        let body = Body::Directory(Directory::default());
        entry(reply, self.0.make(parent, name, node(asked, body, mode & !umask)));
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.0.with(|image| image.remove(parent.0, name)));
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        empty(reply, self.0.with(|image| image.remove(parent.0, name)));
    }

    fn symlink(&self, asked: &Request, parent: INodeNo, name: &OsStr, to: &Path, reply: ReplyEntry) {
        entry(reply, self.0.make(parent, name, node(asked, Body::Link(to.to_owned()), 0o777)));
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        to_parent: INodeNo,
        to: &OsStr,
        flags: RenameFlags,
        reply: ReplyEmpty,
    ) {
        if !(flags - RenameFlags::RENAME_NOREPLACE).is_empty() {
            return reply.error(Errno::EINVAL);
        }
        let replace = flags.is_empty();
        empty(reply, self.0.with(|image| image.rename((parent.0, name), (to_parent.0, to), replace)));
    }

    fn link(&self, _: &Request, number: INodeNo, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let linked = self.0.with(|image| {
            image.link(number.0, parent.0, name)?;
            Ok(attributes(number.0, image.node(number.0)?))
        });
        entry(reply, linked);
    }

    fn open(&self, _: &Request, number: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.0.with(|image| image.node(number.0).map(|_| ())) {
            // The kernel's pages are ours as well, so that what is mapped stays one with what is read.
            Ok(()) => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
            Err(error) => reply.error(error),
        }
    }

    fn create(&self, asked: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, _: i32, reply: ReplyCreate) {
        match self.0.make(parent, name, node(asked, Body::File(Content::default()), mode & !umask)) {
            Ok(made) => {
                reply.created(&FOR_EVER, &made, Generation(0), FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
            }
            Err(error) => reply.error(error),
        }
    }

    fn read(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let Some(offset) = bounded(offset) else { return reply.data(&[]) };
        let read = self.0.with(|image| match &image.node(number.0)?.body {
            Body::File(content) => Ok(content.read(offset, size as usize).to_vec()),
            Body::Directory(_) | Body::Link(_) | Body::Socket => Err(Refused::IsDirectory),
        });
        match read {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn write(
        &self,
        _: &Request,
        number: INodeNo,
        _: FileHandle,
        offset: u64,
        bytes: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let Some(offset) = bounded(offset) else { return reply.error(Errno::EFBIG) };
        match self.0.with(|image| image.file_mut(number.0).map(|file| file.write(offset, bytes))) {
            Ok(()) => reply.written(u32::try_from(bytes.len()).unwrap_or(u32::MAX)),
            Err(error) => reply.error(error),
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }

    fn fsync(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        empty(reply, self.0.sync(number));
    }

    fn fsyncdir(&self, _: &Request, number: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        empty(reply, self.0.sync(number));
    }

    fn readdir(&self, _: &Request, number: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let listed = self.0.with(|image| {
            let mut listed = vec![(number.0, FileType::Directory, ".".into()), (ROOT, FileType::Directory, "..".into())];
            for (name, &child) in &image.directory(number.0)?.now {
                listed.push((child, kind(&image.node(child)?.body), name.clone()));
            }
            Ok(listed)
        });
        match listed {
            Ok(listed) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX);
                for (at, (child, kind, name)) in listed.into_iter().enumerate().skip(from) {
                    if reply.add(INodeNo(child), at as u64 + 1, kind, name) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(error) => reply.error(error),
        }
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let (blocks, files) = (1 << 20, 1 << 20);
        reply.statfs(blocks, blocks, blocks, files, files, 4096, 255, 4096);
    }
}

fn node(asked: &Request, body: Body, mode: u32) -> Node {
    Node::new(body, mode & 0o7777, (asked.uid(), asked.gid()))
}

fn attributes(number: u64, node: &Node) -> FileAttr {
    let size = node.size();
    FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(512),
        atime: node.modified,
        mtime: node.modified,
        ctime: node.modified,
        crtime: node.modified,
        kind: kind(&node.body),
        perm: u16::try_from(node.mode & 0o7777).unwrap_or(0),
        nlink: node.links,
        uid: node.user,
        gid: node.group,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    }
}

const fn kind(body: &Body) -> FileType {
    match body {
        Body::File(_) => FileType::RegularFile,
        Body::Directory(_) => FileType::Directory,
        Body::Link(_) => FileType::Symlink,
        Body::Socket => FileType::Socket,
    }
}

/// A place in a file, while it is no mistake.
fn bounded(offset: u64) -> Option<usize> {
    usize::try_from(offset).ok().filter(|&offset| offset <= MOST)
}

const fn errno(refused: Refused) -> Errno {
    match refused {
        Refused::Missing => Errno::ENOENT,
        Refused::Exists => Errno::EEXIST,
        Refused::NoDirectory => Errno::ENOTDIR,
        Refused::IsDirectory => Errno::EISDIR,
        Refused::NotEmpty => Errno::ENOTEMPTY,
    }
}

fn entry(reply: ReplyEntry, found: Result<FileAttr, Errno>) {
    match found {
        Ok(found) => reply.entry(&FOR_EVER, &found, Generation(0)),
        Err(error) => reply.error(error),
    }
}

fn attr(reply: ReplyAttr, found: Result<FileAttr, Errno>) {
    match found {
        Ok(found) => reply.attr(&FOR_EVER, &found),
        Err(error) => reply.error(error),
    }
}

fn empty(reply: ReplyEmpty, done: Result<(), Errno>) {
    match done {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}
