//! Programs at their hooks: attached, replaced and, before anything is freed, detached.

use super::CaptureError;
use super::load::{Hook, Place};
use super::pins::Pins;
use super::sys;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

/// All of a gateway's, taken off their hooks when this is dropped, unless the next gateway has them.
pub(super) struct Links {
    all: Vec<Link>,
    pins: Option<Pins>,
    /// Until all are replaced they are another gateway's, too: an error leaves what is there.
    shared: bool,
}

impl Links {
    pub(super) const fn new(pins: Option<Pins>, shared: bool) -> Self {
        Self { all: Vec::new(), pins, shared }
    }

    /// From here on these are this gateway's alone.
    pub(super) const fn own(&mut self) {
        self.shared = false;
    }

    pub(super) const fn pins(&self) -> Option<&Pins> {
        self.pins.as_ref()
    }

    pub(super) fn add(&mut self, link: Link) {
        self.all.push(link);
    }

    /// Leaves the programs where they are, for the next gateway.
    pub(super) fn keep(mut self) {
        self.shared = true;
    }
}

impl Drop for Links {
    /// Last attached, first off: no connect is rewritten once something that it relies on is gone.
    fn drop(&mut self) {
        if self.shared {
            return;
        }
        for link in self.all.iter().rev() {
            if let Err(error) = link.leave(self.pins.as_ref()) {
                tracing::error!(%error, program = link.hook.program, "the program could not be taken off its hook");
            }
        }
        if let Some(pins) = &self.pins {
            for name in pins.names() {
                if let Err(error) = pins.remove(&name) {
                    tracing::error!(%error, name, "the pin could not be removed");
                }
            }
            if let Err(error) = pins.remove_directory() {
                tracing::error!(%error, "the directory of pins could not be removed");
            }
        }
    }
}

/// One attached program.
pub(super) struct Link {
    descriptor: OwnedFd,
    hook: &'static Hook,
}

impl Link {
    /// Attaches `program`; where `pins` has the hook's link already, the program there is replaced,
    /// with no moment in which neither is there.
    pub(super) fn attach(
        hook: &'static Hook,
        program: BorrowedFd<'_>,
        cgroup: BorrowedFd<'_>,
        pins: Option<&Pins>,
    ) -> Result<Self, CaptureError> {
        let failed = |source| CaptureError::Attach { feature: hook.feature, source };
        let descriptor = match hook.place {
            Place::Cgroup(attach_type) => {
                let standing = pins.map(|pins| pins.get(hook.pin())).transpose()?.flatten();
                if let Some(descriptor) = standing {
                    match sys::replace(descriptor.as_fd(), program) {
                        Ok(()) => return Ok(Self { descriptor, hook }),
                        // It was detached, or its cgroup is gone: a new one takes its place.
                        Err(error) if matches!(error.raw_os_error(), Some(libc::ENOLINK | libc::EINVAL)) => {}
                        Err(source) => return Err(failed(source)),
                    }
                }
                sys::link(program, cgroup, attach_type).map_err(failed)?
            }
            // These can't be replaced. For a moment both run, which harms nothing: an entry is made, and removed, once.
            Place::Tracepoint(name) => sys::tracepoint(program, name).map_err(failed)?,
        };
        let link = Self { descriptor, hook };
        if let Some(pins) = pins {
            pins.remove(hook.pin()).map_err(failed)?;
            pins.pin(link.descriptor.as_fd(), hook.pin())?;
        }
        Ok(link)
    }

    /// Takes the program off its hook, then its pin away. In this order a link is never freed while attached:
    /// kernels have locked up on many of those at once.
    pub(super) fn leave(&self, pins: Option<&Pins>) -> io::Result<()> {
        match self.hook.place {
            Place::Cgroup(_) => sys::detach(self.descriptor.as_fd())?,
            // Has no detaching: it goes with its last holder.
            Place::Tracepoint(_) => {}
        }
        pins.map_or(Ok(()), |pins| pins.remove(self.hook.pin()))
    }
}
