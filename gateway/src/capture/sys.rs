//! The few `bpf(2)` and socket calls that no crate offers in the shape needed here.

use aya::Pod;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

const BPF_MAP_LOOKUP_ELEM: libc::c_int = 1;
const BPF_MAP_UPDATE_ELEM: libc::c_int = 2;
const BPF_MAP_DELETE_ELEM: libc::c_int = 3;
const BPF_MAP_GET_NEXT_KEY: libc::c_int = 4;
const BPF_OBJ_PIN: libc::c_int = 6;
const BPF_OBJ_GET: libc::c_int = 7;
const BPF_RAW_TRACEPOINT_OPEN: libc::c_int = 17;
const BPF_MAP_LOOKUP_AND_DELETE_ELEM: libc::c_int = 21;
const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_LINK_UPDATE: libc::c_int = 29;
const BPF_LINK_DETACH: libc::c_int = 34;

/// More than any map has: a pass that meets more goes in circles.
const ENTRIES_MAX: usize = 65_536;

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

/// Every entry, as far as one pass over a map that others change can see them.
pub(super) fn entries<K: Pod + Default, V: Pod + Default>(map: BorrowedFd<'_>) -> io::Result<Vec<(K, V)>> {
    let mut entries = Vec::new();
    let mut next = next_key::<K>(map, None)?;
    while let Some(key) = next {
        if let Some(value) = lookup(map, &key)? {
            entries.push((key, value));
        }
        next = next_key(map, Some(&key))?;
        if entries.len() > ENTRIES_MAX {
            break;
        }
    }
    Ok(entries)
}

/// Removes every entry of a map.
pub(super) fn clear<K: Pod + Default>(map: BorrowedFd<'_>) -> io::Result<()> {
    // Whoever fills it meanwhile is not to keep this from ending.
    for _ in 0..ENTRIES_MAX {
        match next_key::<K>(map, None)? {
            Some(key) => remove(map, &key)?,
            None => break,
        }
    }
    Ok(())
}

/// Returns once no kernel program runs any more that had begun before: they run inside of RCU, for whose grace
/// period this waits (membarrier(2), `MEMBARRIER_CMD_GLOBAL`).
pub(super) fn wait_for_programs() -> io::Result<()> {
    const MEMBARRIER_CMD_GLOBAL: libc::c_int = 1;
    // SAFETY: a plain call, which touches no memory of this process.
    let done = unsafe { libc::syscall(libc::SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Gives a map or a link a name in a bpffs, so that it outlives this process.
pub(super) fn pin(object: BorrowedFd<'_>, path: &Path) -> io::Result<()> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    bpf(BPF_OBJ_PIN, &ObjectAttr { path: path.as_ptr().addr() as u64, object: number(object), flags: 0 }).map(drop)
}

/// Opens what was pinned at `path`.
pub(super) fn pinned(path: &Path) -> io::Result<OwnedFd> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    descriptor(bpf(BPF_OBJ_GET, &ObjectAttr { path: path.as_ptr().addr() as u64, object: 0, flags: 0 }))
}

/// Attaches a program at a cgroup, beside those of others.
pub(super) fn link(program: BorrowedFd<'_>, cgroup: BorrowedFd<'_>, attach_type: u32) -> io::Result<OwnedFd> {
    descriptor(bpf(BPF_LINK_CREATE, &LinkAttr { first: number(program), second: number(cgroup), third: attach_type, flags: 0 }))
}

/// Puts another program in the place of a link's, with no moment between.
pub(super) fn replace(link: BorrowedFd<'_>, program: BorrowedFd<'_>) -> io::Result<()> {
    bpf(BPF_LINK_UPDATE, &LinkAttr { first: number(link), second: number(program), third: 0, flags: 0 }).map(drop)
}

/// Takes a link's program off, whoever still holds the link.
pub(super) fn detach(link: BorrowedFd<'_>) -> io::Result<()> {
    bpf(BPF_LINK_DETACH, &LinkAttr { first: number(link), second: 0, third: 0, flags: 0 }).map(drop)
}

/// Attaches a program at a tracepoint.
pub(super) fn tracepoint(program: BorrowedFd<'_>, name: &CStr) -> io::Result<OwnedFd> {
    descriptor(bpf(BPF_RAW_TRACEPOINT_OPEN, &ObjectAttr { path: name.as_ptr().addr() as u64, object: number(program), flags: 0 }))
}

/// `SO_NETNS_COOKIE` of a socket: its network namespace, as the kernel side names it.
pub(crate) fn netns_cookie(socket: impl AsFd) -> io::Result<u64> {
    socket_number(socket.as_fd(), libc::SO_NETNS_COOKIE)
}

/// What to add to nanoseconds since boot for nanoseconds since 1970.
pub(super) fn wall_offset_ns() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_nanos()).unwrap_or_default().saturating_sub(boottime_ns())
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

/// The part that the object commands, and `BPF_RAW_TRACEPOINT_OPEN`, use.
#[repr(C, align(8))]
struct ObjectAttr {
    path: u64,
    object: u32,
    flags: u32,
}

/// The part that the link commands use.
#[repr(C, align(8))]
struct LinkAttr {
    first: u32,
    second: u32,
    third: u32,
    flags: u32,
}

fn element<K: Pod, V: Pod>(command: libc::c_int, map: BorrowedFd<'_>, key: &K, value: *mut V) -> io::Result<()> {
    call(command, map, (&raw const *key).cast(), value.cast())
}

fn call(command: libc::c_int, map: BorrowedFd<'_>, key: *const u8, value: *mut u8) -> io::Result<()> {
    let attr = ElementAttr { map: number(map), padding: 0, key: key.addr() as u64, value: value.addr() as u64, flags: 0 };
    // The maps' key and value types are those of the callers, by the types in gateway-common.
    bpf(command, &attr).map(drop)
}

/// `bpf(2)`; every address in `attr` must be one that the kernel may read or write as the command says.
fn bpf<A>(command: libc::c_int, attr: &A) -> io::Result<libc::c_long> {
    // SAFETY: the kernel reads `size_of::<A>()` bytes of a live structure, whose addresses the callers answer for.
    let done = unsafe { libc::syscall(libc::SYS_bpf, command, &raw const *attr, size_of::<A>()) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(done) }
}

fn descriptor(opened: io::Result<libc::c_long>) -> io::Result<OwnedFd> {
    let opened = libc::c_int::try_from(opened?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just opened it for this caller.
    Ok(unsafe { OwnedFd::from_raw_fd(opened) })
}

fn number(descriptor: BorrowedFd<'_>) -> u32 {
    descriptor.as_raw_fd().unsigned_abs()
}

fn optional(done: io::Result<()>) -> io::Result<Option<()>> {
    match done {
        Ok(()) => Ok(Some(())),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}
