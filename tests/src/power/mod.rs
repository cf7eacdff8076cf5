//! A disk that can lose its power: a FUSE file system in memory that knows of every byte whether it was synced (needs root).
//!
//! What programs see is what they wrote. [`Disk::cut`] leaves what a power cut would: what was synced, and of the rest nothing, or
//! what chance will have. Attributes of files (their mode, their owner) outlast it always.

mod content;
mod image;
mod mount;

pub use content::Loss;
pub use image::Names;

use crate::chance::Chance;
use anyhow::Context as _;
use fuser::{BackgroundSession, Config, MountOption, SessionACL};
use image::Image;
use mount::{Mounted, Shared};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// How many requests may be answered at once: a sync that takes its time holds nobody else up.
const THREADS: usize = 4;
/// How long the last program may take to let go of its files.
const LET_GO: Duration = Duration::from_secs(20);

/// A disk, mounted until it is dropped.
#[derive(Debug)]
pub struct Disk {
    place: PathBuf,
    sync_takes: Duration,
    shared: Arc<Shared>,
    session: Option<BackgroundSession>,
}

impl Disk {
    /// An empty one, mounted at the directory `place`. A sync of it takes so long.
    ///
    /// # Errors
    /// Where it can't be mounted.
    pub fn mount(place: &Path, names: Names, sync_takes: Duration) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared::new(Image::new(names), sync_takes));
        let mut disk = Self { place: place.to_owned(), sync_takes, shared, session: None };
        disk.attach()?;
        Ok(disk)
    }

    /// What was written so far lasts, as after a while without a power cut.
    pub fn settle(&self) {
        self.shared.lock().image.sync_all();
    }

    /// Syncs since it was mounted.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.shared.lock().syncs
    }

    /// Bytes and changes of names that a power cut would take now, at most.
    #[must_use]
    pub fn at_risk(&self) -> usize {
        self.shared.lock().image.at_risk()
    }

    /// The power goes: whatever comes from now on fails. When that was.
    pub fn power_off(&self) -> SystemTime {
        let mut state = self.shared.lock();
        let at = SystemTime::now();
        state.dead = true;
        at
    }

    /// The power comes back: of what was not synced, so much is lost. Who had files open on it must have ended.
    ///
    /// # Errors
    /// Where it can't be mounted again.
    pub fn power_on(&mut self, loss: Loss, seed: u64) -> anyhow::Result<()> {
        self.detach()?;
        let mut image = self.shared.lock().image.clone();
        image.cut(loss, &mut Chance::of(seed, 0));
        self.shared = Arc::new(Shared::new(image, self.sync_takes));
        self.attach()
    }

    fn attach(&mut self) -> anyhow::Result<()> {
        let mut config = Config::default();
        config.mount_options = vec![MountOption::FSName("weir-power".to_owned()), MountOption::DefaultPermissions];
        config.acl = SessionACL::All;
        config.n_threads = Some(THREADS);
        let mounted = fuser::spawn_mount(Mounted(Arc::clone(&self.shared)), &self.place, &config);
        self.session =
            Some(mounted.with_context(|| format!("mount a FUSE file system at {} (needs root)", self.place.display()))?);
        Ok(())
    }

    fn detach(&mut self) -> anyhow::Result<()> {
        let Some(session) = self.session.take() else { return Ok(()) };
        let until = Instant::now() + LET_GO;
        while let Err(error) = nix::mount::umount(&self.place) {
            if Instant::now() > until {
                self.session = Some(session);
                return Err(error).with_context(|| format!("unmount {}", self.place.display()));
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        session.join().context("the file system's threads end")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.session.is_some() && nix::mount::umount2(&self.place, nix::mount::MntFlags::MNT_DETACH).is_ok() {
            // Its threads end with the last file that is closed; nobody waits for those of somebody else.
            self.session.take();
        }
    }
}
