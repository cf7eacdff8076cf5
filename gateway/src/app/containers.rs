//! The job's container socket: where it is, and the thread that serves it.

use super::{Thread, thread};
use crate::adopt::{AdoptSettings, Adopter};
use crate::host::Diary;
use anyhow::{Context as _, Result};
use serde_json::json;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// How many refused requests of one run are recorded.
const TOLD_MAX: u32 = 1000;

/// How a job is given containers.
#[derive(Clone, Debug)]
pub struct Containers {
    /// The engine's own socket.
    pub engine: PathBuf,
    /// Directories that may be mounted into containers.
    pub binds: Vec<PathBuf>,
    /// Whether the engine may fetch images for the job.
    pub pull: bool,
}

/// A job's container socket; gone when dropped.
pub(super) struct ContainerSocket {
    directory: PathBuf,
    serving: Option<Thread>,
}

impl ContainerSocket {
    /// Opens one for the job in `cgroup`, which is below the cgroup2 mount at `mount`.
    pub(super) fn open(asked: Containers, run: String, cgroup: &Path, mount: &Path, diary: Arc<Diary>) -> Result<Self> {
        let cannot = |what: &Path| format!("{} can't be used for containers", what.display());
        let below = cgroup.strip_prefix(mount).with_context(|| cannot(cgroup))?;
        let binds = asked.binds.iter().map(|path| path.canonicalize().with_context(|| cannot(path))).collect::<Result<_>>()?;
        fs::metadata(&asked.engine).with_context(|| cannot(&asked.engine))?;
        let directory = Path::new("/run/weir").join(format!("containers-{}", std::process::id()));
        fs::create_dir_all(&directory).with_context(|| cannot(&directory))?;
        let path = directory.join("docker.sock");
        let settings =
            AdoptSettings { engine: asked.engine, run: run.clone(), cgroup: Path::new("/").join(below), binds, pull: asked.pull };
        let told = AtomicU32::new(0);
        let refused = Box::new(move |what: &str, why: &str| {
            // A job that asks for ever is not to fill the record.
            let told = told.fetch_add(1, Ordering::Relaxed);
            if told < TOLD_MAX {
                let last = told + 1 == TOLD_MAX;
                diary.finding("container_request", json!({ "of_run": run, "refused": what, "why": why, "last_told": last }));
            }
        });
        let adopter = Arc::new(Adopter::new(settings, refused));
        // What a gateway of this number left that was killed.
        let _removed = fs::remove_file(&path).is_ok();
        let listener = std::os::unix::net::UnixListener::bind(&path).with_context(|| cannot(&path))?;
        listener.set_nonblocking(true)?;
        // Whoever the job is; each connection's process is looked at.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666))?;
        let serving = thread("weir-containers", |stopped| async move {
            match tokio::net::UnixListener::from_std(listener) {
                Ok(listener) => tokio::select! {
                    _ = stopped => {}
                    () = adopter.serve(listener) => {}
                },
                Err(error) => tracing::error!(%error, "the job's container socket can't be served"),
            }
        })?;
        Ok(Self { directory, serving: Some(serving) })
    }

    /// What the job's clients are told.
    pub(super) fn variable(&self) -> (String, String) {
        ("DOCKER_HOST".to_owned(), format!("unix://{}", self.directory.join("docker.sock").display()))
    }
}

impl Drop for ContainerSocket {
    fn drop(&mut self) {
        if let Some(serving) = self.serving.take() {
            serving.end();
        }
        if let Err(error) = fs::remove_dir_all(&self.directory) {
            tracing::warn!(%error, path = %self.directory.display(), "cannot remove the job's container socket");
        }
    }
}
