//! The few `bpf(2)` and socket calls that no crate offers in the shape needed here.

use aya::Pod;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

const BPF_MAP_LOOKUP_ELEM: libc::c_int = 1;
const BPF_MAP_UPDATE_ELEM: libc::c_int = 2;
const BPF_MAP_DELETE_ELEM: libc::c_int = 3;
const BPF_MAP_GET_NEXT_KEY: libc::c_int = 4;
const BPF_MAP_LOOKUP_AND_DELETE_ELEM: libc::c_int = 21;

/// Reads the value under `key`, or nothing where there is none.
pub(super) fn lookup<K: Pod, V: Pod + Default>(map: BorrowedFd<'_>, key: &K) -> io::Result<Option<V>> {
    let mut value = V::default();
    optional(element(BPF_MAP_LOOKUP_ELEM, map, key, &raw mut value)).map(|found| found.map(|()| value))
}

/// Takes the value under `key` out of the map in one step, or nothing where there is none.
pub(super) fn take<K: Pod, V: Pod + Default>(map: BorrowedFd<'_>, key: &K) -> io::Result<Option<V>> {
    let mut value = V::default();
    let taken = element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, map, key, &raw mut value);
    optional(taken).map(|found| found.map(|()| value))
}

/// Writes `value` under `key`.
pub(super) fn update<K: Pod, V: Pod>(map: BorrowedFd<'_>, key: &K, value: &V) -> io::Result<()> {
    element(BPF_MAP_UPDATE_ELEM, map, key, (&raw const *value).cast_mut())
}

/// Removes what is under `key`; that nothing was is no error.
pub(super) fn remove<K: Pod>(map: BorrowedFd<'_>, key: &K) -> io::Result<()> {
    optional(element::<K, u64>(BPF_MAP_DELETE_ELEM, map, key, std::ptr::null_mut())).map(drop)
}

/// The key after `key`, or the first one.
pub(super) fn next_key<K: Pod + Default>(map: BorrowedFd<'_>, key: Option<&K>) -> io::Result<Option<K>> {
    let mut next = K::default();
    let from = key.map_or(std::ptr::null(), |key| &raw const *key);
    optional(call(BPF_MAP_GET_NEXT_KEY, map, from.cast(), (&raw mut next).cast())).map(|found| found.map(|()| next))
}

/// `SO_NETNS_COOKIE` of a socket: its network namespace, as the kernel side names it.
pub(crate) fn netns_cookie(socket: impl AsFd) -> io::Result<u64> {
    socket_number(socket.as_fd(), libc::SO_NETNS_COOKIE)
}

/// Nanoseconds since boot, suspended time included: the kernel side's clock.
pub(super) fn boottime_ns() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel fills the structure that is lent to it.
    if unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut now) } != 0 {
        return 0;
    }
    now.tv_sec.unsigned_abs() * 1_000_000_000 + now.tv_nsec.unsigned_abs()
}

fn socket_number(socket: BorrowedFd<'_>, option: libc::c_int) -> io::Result<u64> {
    let (mut value, mut size) = (0_u64, size_of::<u64>() as libc::socklen_t);
    // SAFETY: the kernel writes at most `size` bytes to `value`.
    let done = unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, (&raw mut value).cast(), &raw mut size) };
    if done == 0 { Ok(value) } else { Err(io::Error::last_os_error()) }
}

/// The part of `union bpf_attr` that the map element commands use.
#[repr(C, align(8))]
struct ElementAttr {
    map: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

fn element<K: Pod, V: Pod>(command: libc::c_int, map: BorrowedFd<'_>, key: &K, value: *mut V) -> io::Result<()> {
    call(command, map, (&raw const *key).cast(), value.cast())
}

fn call(command: libc::c_int, map: BorrowedFd<'_>, key: *const u8, value: *mut u8) -> io::Result<()> {
    let attr = ElementAttr {
        map: map.as_raw_fd().unsigned_abs(),
        padding: 0,
        key: key.addr() as u64,
        value: value.addr() as u64,
        flags: 0,
    };
    // SAFETY: the maps' key and value types are those of the callers, by the types in gateway-common.
    let done = unsafe { libc::syscall(libc::SYS_bpf, command, &raw const attr, size_of::<ElementAttr>()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn optional(done: io::Result<()>) -> io::Result<Option<()>> {
    match done {
        Ok(()) => Ok(Some(())),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}
