//! What a job inherits: the standard streams alone, and none of them a way round.
//!
//! A unix socket is an ordinary standard stream (Node.js and sshd hand those out). A network connection is one
//! that was made outside of the gateway's sight, and a directory is a view of the host without the masks.

#![expect(unsafe_code, reason = "close_range has no safe wrapper")]

use super::options::Allowed;
use super::{LaunchError, Result};
use nix::sys::socket::{AddressFamily, SockaddrLike as _, SockaddrStorage, getsockname};
use nix::sys::stat::{SFlag, fstat};
use std::os::fd::{AsRawFd as _, BorrowedFd};

/// Refuses standard streams that lead past the gateway.
pub(super) fn check_standard_streams(allowed: &Allowed) -> Result {
    let (input, output, error) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    for (name, stream) in [
        ("input", std::os::fd::AsFd::as_fd(&input)),
        ("output", std::os::fd::AsFd::as_fd(&output)),
        ("error", std::os::fd::AsFd::as_fd(&error)),
    ] {
        check(name, stream, allowed)?;
    }
    Ok(())
}

fn check(name: &str, stream: BorrowedFd<'_>, allowed: &Allowed) -> Result {
    // One that is closed leads nowhere.
    let Ok(stat) = fstat(stream) else { return Ok(()) };
    let kind = SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT;
    if kind == SFlag::S_IFDIR {
        return Err(LaunchError::Unfit(format!(
            "the standard {name} is a directory, by which the job would see the host without weir's masks: redirect it"
        )));
    }
    if kind == SFlag::S_IFSOCK && !allowed.inherited_sockets {
        let family = getsockname::<SockaddrStorage>(stream.as_raw_fd()).ok().and_then(|address| address.family());
        if family != Some(AddressFamily::Unix) {
            return Err(LaunchError::Unfit(format!(
                "the standard {name} is a network connection that was made past the gateway: pipe it (`cat | weir run …`), \
                 or say `--allow inherited-sockets`"
            )));
        }
    }
    Ok(())
}

/// Marks all but the standard streams, so that exec closes them. Between fork and exec.
pub(super) fn close_at_exec() -> std::io::Result<()> {
    let flags = libc::CLOSE_RANGE_CLOEXEC as libc::c_int;
    // SAFETY: a system call on numbers alone.
    if unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, flags) } == 0 {
        Ok(())
    } else {
        Err(std::io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd as _;

    #[test]
    fn unix_sockets_files_and_pipes_are_streams_and_connections_and_folders_are_not() {
        let (unix, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let tcp = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (pipe, _writer) = std::io::pipe().unwrap();
        let folder = std::fs::File::open("/").unwrap();
        let plain = Allowed::default();
        assert!(check("input", unix.as_fd(), &plain).is_ok());
        assert!(check("input", pipe.as_fd(), &plain).is_ok());
        assert!(check("input", folder.as_fd(), &plain).is_err());
        assert!(check("input", tcp.as_fd(), &plain).unwrap_err().to_string().contains("inherited-sockets"));
        assert!(check("input", tcp.as_fd(), &Allowed { inherited_sockets: true, ..plain }).is_ok());
    }
}
