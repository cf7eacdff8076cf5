//! Why the kernel side refuses.

/// Why a job was refused. The number is the place in the `REFUSALS` array.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The socket was made outside the job that uses it.
    ForeignSocket = 0,
    /// The gateway has not stamped its heartbeat for longer than [`HEARTBEAT_STALE_NS`].
    StaleHeartbeat = 1,
    /// The job dialled the gateway itself.
    DirectToGateway = 2,
    /// IPv6 was dialled and this host has no IPv6 for the disguise.
    NoIpv6 = 3,
    /// A socket of a kind that weir cannot follow.
    SocketKind = 4,
    /// There is no room for another record.
    RecordsFull = 5,
    /// The socket's record could not be kept.
    NoMemory = 6,
    /// The gateway has no listener in the job's network namespace.
    NoListener = 7,
    /// Nobody, or someone else, listens where the gateway should.
    NoGateway = 8,
    /// UDP other than DNS.
    Udp = 9,
    /// A process outside every job dialled a target that only jobs may reach.
    ClosedTarget = 10,
    /// A job bound the gateway's port.
    Bind = 11,
    /// The job has as many open connections as one job may have.
    JobFull = 12,
    /// An address that names no host by itself: link-local IPv6.
    LinkLocal = 13,
    /// A packet of a job would have left by another way than the gateway.
    Leak = 14,
}

impl Refusal {
    /// Every reason, in the order of its number.
    pub const ALL: [Self; 15] = [
        Self::ForeignSocket,
        Self::StaleHeartbeat,
        Self::DirectToGateway,
        Self::NoIpv6,
        Self::SocketKind,
        Self::RecordsFull,
        Self::NoMemory,
        Self::NoListener,
        Self::NoGateway,
        Self::Udp,
        Self::ClosedTarget,
        Self::Bind,
        Self::JobFull,
        Self::LinkLocal,
        Self::Leak,
    ];

    /// The reason whose number this is.
    #[must_use]
    pub fn of_number(number: u32) -> Option<Self> {
        Self::ALL.get(number as usize).copied()
    }

    /// The reason as metrics and reports name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ForeignSocket => "foreign_socket",
            Self::StaleHeartbeat => "stale_heartbeat",
            Self::DirectToGateway => "direct_to_gateway",
            Self::NoIpv6 => "no_ipv6",
            Self::SocketKind => "socket_kind",
            Self::RecordsFull => "records_full",
            Self::NoMemory => "no_memory",
            Self::NoListener => "no_listener",
            Self::NoGateway => "no_gateway",
            Self::Udp => "udp",
            Self::ClosedTarget => "closed_target",
            Self::Bind => "bind",
            Self::JobFull => "job_full",
            Self::LinkLocal => "link_local",
            Self::Leak => "leak",
        }
    }
}
