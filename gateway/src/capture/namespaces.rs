//! Which network namespaces jobs come to, as the kernel side tells it, and where it finds the gateway in each.

use super::{CaptureError, sys};
use aya::maps::{MapData, RingBuf};
use gateway_common::NamespaceEvent;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// The kernel side's notices of new network namespaces, and its list of the gateway's listeners.
pub struct NamespaceSide {
    notices: RingBuf<MapData>,
    listeners: OwnedFd,
}

impl std::fmt::Debug for NamespaceSide {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("NamespaceSide").finish_non_exhaustive()
    }
}

impl NamespaceSide {
    pub(super) fn of(ring: MapData, listeners: OwnedFd) -> Result<Self, CaptureError> {
        let failed = |error| CaptureError::Map { what: "the notices of network namespaces", source: io::Error::other(error) };
        let notices = RingBuf::try_from(aya::maps::Map::RingBuf(ring)).map_err(failed)?;
        Ok(Self { notices, listeners })
    }

    /// The next notice, if there is one.
    pub fn poll(&mut self) -> Option<NamespaceEvent> {
        let item = self.notices.next()?;
        let bytes: &[u8; size_of::<NamespaceEvent>()] = (*item).try_into().ok()?;
        Some(NamespaceEvent::from_bytes(bytes))
    }

    /// Lets connects in the namespace go to the gateway's listener there.
    ///
    /// # Errors
    /// Where the kernel side follows as many namespaces as it can.
    pub fn open(&self, netns_cookie: u64, port: u16) -> io::Result<()> {
        sys::update(self.listeners.as_fd(), &netns_cookie, &u32::from(port))
    }

    /// Refuses connects in the namespace again.
    pub fn close(&self, netns_cookie: u64) {
        if let Err(error) = sys::remove(self.listeners.as_fd(), &netns_cookie) {
            tracing::error!(%error, netns_cookie, "a listener could not be taken off the kernel side's list");
        }
    }

    /// The kernel side's clock, in nanoseconds since boot.
    #[must_use]
    pub fn now(&self) -> u64 {
        sys::boottime_ns()
    }
}

impl AsFd for NamespaceSide {
    fn as_fd(&self) -> BorrowedFd<'_> {
        use std::os::fd::AsRawFd as _;
        // SAFETY: the ring's descriptor lives as long as the ring, which `self` owns.
        unsafe { BorrowedFd::borrow_raw(self.notices.as_raw_fd()) }
    }
}
