//! How much of the host a job gets: the tier, and the exceptions from it that were asked for.

use super::{LaunchError, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::str::FromStr;

/// How much of the host a job gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
pub enum Privileges {
    /// No privileges, and none to be had: sudo and set-uid programs do not work
    None,
    /// sudo, su and apt work, in the job's own view of the host; root inside can't reach the gateway
    Confined,
    /// Nothing is cut: for jobs that are trusted not to look for a way round
    Host,
}

impl Privileges {
    /// As it is written on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Confined => "confined",
            Self::Host => "host",
        }
    }
}

/// One exception from the tier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exception {
    /// User and network namespaces: browsers' sandboxes, rootless containers.
    Namespaces,
    /// io_uring, where what it makes can't be watched.
    IoUring,
    /// Abstract unix sockets made outside.
    AbstractSockets,
    /// Standard streams that are network connections.
    InheritedSockets,
    /// A masked unix socket, or the folder of some.
    Socket(PathBuf),
    /// A device node below /dev.
    Device(PathBuf),
}

impl FromStr for Exception {
    type Err = LaunchError;

    fn from_str(text: &str) -> Result<Self> {
        let absolute = |path: &str| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        let exception = match text.split_once('=') {
            None => match text {
                "namespaces" => Some(Self::Namespaces),
                "io-uring" => Some(Self::IoUring),
                "abstract-sockets" => Some(Self::AbstractSockets),
                "inherited-sockets" => Some(Self::InheritedSockets),
                _ => None,
            },
            Some(("socket", path)) => absolute(path).map(Self::Socket),
            Some(("device", path)) => absolute(path).filter(|path| path.starts_with("/dev")).map(Self::Device),
            Some(_) => None,
        };
        exception.ok_or_else(|| {
            LaunchError::Unfit(format!(
                "`{text}` is not among what can be allowed: namespaces, io-uring, abstract-sockets, inherited-sockets, \
                 socket=/PATH, device=/dev/PATH"
            ))
        })
    }
}

/// All exceptions, sorted by what they are from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    pub(super) namespaces: bool,
    pub(super) io_uring: bool,
    pub(super) abstract_sockets: bool,
    pub(super) inherited_sockets: bool,
    pub(super) sockets: Vec<PathBuf>,
    pub(super) devices: Vec<PathBuf>,
}

impl FromIterator<Exception> for Allowed {
    fn from_iter<I: IntoIterator<Item = Exception>>(exceptions: I) -> Self {
        let mut all = Self::default();
        for exception in exceptions {
            match exception {
                Exception::Namespaces => all.namespaces = true,
                Exception::IoUring => all.io_uring = true,
                Exception::AbstractSockets => all.abstract_sockets = true,
                Exception::InheritedSockets => all.inherited_sockets = true,
                Exception::Socket(path) => all.sockets.push(path),
                Exception::Device(path) => all.devices.push(path),
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_is_one_of_the_list() {
        assert_eq!("namespaces".parse::<Exception>().unwrap(), Exception::Namespaces);
        assert_eq!("socket=/run/x.sock".parse::<Exception>().unwrap(), Exception::Socket("/run/x.sock".into()));
        assert_eq!("device=/dev/kvm".parse::<Exception>().unwrap(), Exception::Device("/dev/kvm".into()));
        for wrong in ["", "all", "socket", "socket=", "socket=run/x", "device=/etc/passwd", "namespaces=1"] {
            let error = wrong.parse::<Exception>().unwrap_err().to_string();
            assert!(error.contains("device=/dev/PATH"), "{wrong}: {error}");
        }
    }
}
