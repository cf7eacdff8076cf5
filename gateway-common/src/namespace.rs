//! What the kernel side tells of network namespaces.

/// A task of a job is in a network namespace in which the gateway does not listen.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamespaceEvent {
    /// The namespace, as `SO_NETNS_COOKIE` gives it.
    pub netns_cookie: u64,
    /// When it was seen, in nanoseconds since boot.
    pub seen_boottime_ns: u64,
    /// The process that is in it.
    pub tgid: u32,
    /// The thread.
    pub tid: u32,
    /// Not zero where the process was stopped until it is continued.
    pub stopped: u32,
    /// Always zero.
    pub padding: u32,
}

impl NamespaceEvent {
    /// Reads one, as the kernel side wrote it.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; size_of::<Self>()]) -> Self {
        let long = |at: usize| u64::from_ne_bytes(core::array::from_fn(|index| bytes[at + index]));
        let word = |at: usize| u32::from_ne_bytes(core::array::from_fn(|index| bytes[at + index]));
        Self {
            netns_cookie: long(0),
            seen_boottime_ns: long(8),
            tgid: word(16),
            tid: word(20),
            stopped: word(24),
            padding: word(28),
        }
    }
}

/// The size of the ring of notices, in bytes.
pub const NAMESPACE_RING: usize = 1 << 16;

const _: () = assert!(size_of::<NamespaceEvent>() == 32);
