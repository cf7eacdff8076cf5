//! Doing something inside another network namespace: on a thread that goes there and comes back.

use nix::sched::{CloneFlags, setns};
use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::Arc;
use std::sync::mpsc::{self, SyncSender};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Visits that wait for the visitor's thread.
const WAITING: usize = 256;

/// A network namespace, held open by a descriptor.
#[derive(Debug)]
pub struct Namespace {
    file: File,
    inode: u64,
}

impl Namespace {
    /// That of a task, by its thread id in this process's own pid namespace.
    ///
    /// # Errors
    /// Where the task is gone.
    pub fn of_task(tid: u32) -> io::Result<Self> {
        Self::open(&format!("/proc/{tid}/ns/net"))
    }

    /// That of the calling thread.
    ///
    /// # Errors
    /// Where `/proc` is not mounted.
    pub fn own() -> io::Result<Self> {
        Self::open("/proc/thread-self/ns/net")
    }

    /// Its inode number, by which `/proc` names it too.
    #[must_use]
    pub const fn inode(&self) -> u64 {
        self.inode
    }

    fn open(path: &str) -> io::Result<Self> {
        Self::of_file(File::open(path)?)
    }

    /// That of an open file of a namespace.
    pub(super) fn of_file(file: File) -> io::Result<Self> {
        let inode = file.metadata()?.ino();
        Ok(Self { file, inode })
    }

    /// What holds it open.
    pub(super) const fn file(&self) -> &File {
        &self.file
    }

    /// Moves the calling thread there.
    fn enter(&self) -> io::Result<()> {
        Ok(setns(&self.file, CloneFlags::CLONE_NEWNET)?)
    }
}

/// Does `work` in the namespace, on this thread, which is back home afterwards.
///
/// # Errors
/// Where the namespace can't be entered, or `work` fails. A thread that can't come home must not go on:
/// its sockets would be another's, so this aborts the process.
pub(super) fn visit<T>(home: &Namespace, there: &Namespace, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    there.enter()?;
    let done = work();
    if let Err(error) = home.enter() {
        tracing::error!(%error, "a thread can't come back from a job's network namespace; the gateway ends");
        std::process::abort();
    }
    done
}

type Errand = Box<dyn FnOnce(&Namespace) + Send>;

/// A thread that makes sockets in the namespaces of jobs for everyone who asks.
#[derive(Debug)]
pub struct Visitor {
    errands: Option<SyncSender<Errand>>,
    thread: Option<JoinHandle<()>>,
}

impl Visitor {
    /// Starts the thread.
    ///
    /// # Errors
    /// Where no thread can be had.
    pub fn start() -> io::Result<Self> {
        let (errands, waiting) = mpsc::sync_channel::<Errand>(WAITING);
        let home = Namespace::own()?;
        let run = move || {
            for errand in waiting {
                errand(&home);
            }
        };
        let thread = std::thread::Builder::new().name("weir-visit".to_owned()).spawn(run)?;
        Ok(Self { errands: Some(errands), thread: Some(thread) })
    }

    /// Does `work`, which must not wait for anything, in `there`, and gives its result.
    ///
    /// # Errors
    /// Where too many visits wait already, the namespace can't be entered, or `work` fails.
    pub async fn visit<T: Send + 'static>(
        &self,
        there: Arc<Namespace>,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let busy = || io::Error::new(io::ErrorKind::WouldBlock, "too many sockets are being made in other network namespaces");
        let (answer, answered) = oneshot::channel();
        let errand: Errand = Box::new(move |home| {
            // Whoever asked may have given up.
            let _heard = answer.send(visit(home, &there, work)).is_ok();
        });
        self.errands.as_ref().ok_or_else(busy)?.try_send(errand).map_err(|_| busy())?;
        answered.await.map_err(|_| busy())?
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        self.errands = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the thread that makes sockets in other network namespaces has panicked");
        }
    }
}
