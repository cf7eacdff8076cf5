//! Offsets of kernel structure members, read from the kernel's own type information (BTF).
//!
//! The format: <https://docs.kernel.org/bpf/btf.html>. Rust eBPF has no relocations of its own.

use std::path::Path;

/// Where the kernel shows its types.
pub(super) const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

const MAGIC: u16 = 0xeb9f;
const KIND_STRUCT: u32 = 4;
const KIND_UNION: u32 = 5;
/// How deep anonymous structures are searched.
const DEPTH: u32 = 8;

/// The offsets that the kernel side reads by, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offsets {
    pub(super) task_group_leader: u32,
    pub(super) task_start_boottime: u32,
    pub(super) task_cred: u32,
    pub(super) cred_fsuid: u32,
    pub(super) task_mm: u32,
    pub(super) mm_exe_file: u32,
    pub(super) file_inode: u32,
    pub(super) inode_number: u32,
    pub(super) inode_super: u32,
    pub(super) super_device: u32,
    pub(super) cgroup_node: u32,
    pub(super) cgroup_root: u32,
    pub(super) cgroup_self: u32,
    pub(super) css_parent: u32,
    pub(super) css_cgroup: u32,
    pub(super) node_id: u32,
    pub(super) root_hierarchy: u32,
    pub(super) task_pid: u32,
    pub(super) task_tgid: u32,
    pub(super) task_signal: u32,
    pub(super) signal_live: u32,
    pub(super) task_nsproxy: u32,
    pub(super) nsproxy_net: u32,
    pub(super) net_cookie: u32,
}

impl Offsets {
    /// Reads the running kernel's offsets; the error says what was missing.
    pub(super) fn of_kernel() -> Result<Self, String> {
        let path = Path::new(VMLINUX);
        let bytes = std::fs::read(path).map_err(|error| format!("{VMLINUX} can't be read: {error}"))?;
        let types = Types::parse(&bytes).ok_or_else(|| format!("{VMLINUX} is not BTF of a known version"))?;
        let member = |structure: &str, field: &str| {
            types.offset(structure, field).ok_or_else(|| format!("{VMLINUX} has no {structure}.{field}"))
        };
        Ok(Self {
            task_group_leader: member("task_struct", "group_leader")?,
            task_start_boottime: member("task_struct", "start_boottime")?,
            task_cred: member("task_struct", "cred")?,
            cred_fsuid: member("cred", "fsuid")?,
            task_mm: member("task_struct", "mm")?,
            mm_exe_file: member("mm_struct", "exe_file")?,
            file_inode: member("file", "f_inode")?,
            inode_number: member("inode", "i_ino")?,
            inode_super: member("inode", "i_sb")?,
            super_device: member("super_block", "s_dev")?,
            cgroup_node: member("cgroup", "kn")?,
            cgroup_root: member("cgroup", "root")?,
            cgroup_self: member("cgroup", "self")?,
            css_parent: member("cgroup_subsys_state", "parent")?,
            css_cgroup: member("cgroup_subsys_state", "cgroup")?,
            node_id: member("kernfs_node", "id")?,
            root_hierarchy: member("cgroup_root", "hierarchy_id")?,
            task_pid: member("task_struct", "pid")?,
            task_tgid: member("task_struct", "tgid")?,
            task_signal: member("task_struct", "signal")?,
            signal_live: member("signal_struct", "live")?,
            task_nsproxy: member("task_struct", "nsproxy")?,
            nsproxy_net: member("nsproxy", "net_ns")?,
            net_cookie: member("net", "net_cookie")?,
        })
    }
}

/// The running kernel's types as it gives them, in BTF.
///
/// # Errors
/// In words: they can't be read.
pub(crate) fn kernel_types() -> Result<Vec<u8>, String> {
    std::fs::read(VMLINUX).map_err(|error| format!("{VMLINUX} can't be read: {error}"))
}

/// The offsets of some members in `types`, in bytes; none of what is not there.
///
/// # Errors
/// In words: the types can't be understood.
pub(crate) fn member_offsets<const COUNT: usize>(
    types: &[u8],
    members: [(&str, &str); COUNT],
) -> Result<[Option<u32>; COUNT], String> {
    let types = Types::parse(types).ok_or_else(|| format!("{VMLINUX} is not BTF of a known version"))?;
    Ok(members.map(|(structure, field)| types.offset(structure, field)))
}

/// A parsed BTF blob: where each type starts.
struct Types<'a> {
    types: &'a [u8],
    strings: &'a [u8],
    starts: Vec<usize>,
}

impl<'a> Types<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let magic = u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?);
        if magic != MAGIC {
            return None;
        }
        let header = word(bytes, 4)? as usize;
        let section = |offset: usize| -> Option<&'a [u8]> {
            let start = header.checked_add(word(bytes, offset)? as usize)?;
            bytes.get(start..start.checked_add(word(bytes, offset + 4)? as usize)?)
        };
        let (types, strings) = (section(8)?, section(16)?);
        // Type 0 is `void` and not in the blob.
        let mut starts = vec![usize::MAX];
        let mut at = 0;
        while at < types.len() {
            starts.push(at);
            at += 12 + extra(word(types, at + 4)?)?;
        }
        Some(Self { types, strings, starts })
    }

    fn offset(&self, structure: &str, field: &str) -> Option<u32> {
        let mut found = self.starts.iter().skip(1).filter(|&&start| {
            word(self.types, start + 4).is_some_and(|info| kind(info) == KIND_STRUCT)
                && word(self.types, start).is_some_and(|name| self.is_named(name, structure))
        });
        found.find_map(|&start| self.member(start, field, DEPTH))
    }

    /// The offset of `field` in the structure that starts at `start`, anonymous members included.
    fn member(&self, start: usize, field: &str, depth: u32) -> Option<u32> {
        let info = word(self.types, start + 4)?;
        // With the kind flag the upper byte is a bit field's width.
        let mask = if info >> 31 == 1 { 0x00ff_ffff } else { u32::MAX };
        for index in 0..(info & 0xffff) as usize {
            let at = start + 12 + index * 12;
            let (name, of) = (word(self.types, at)?, word(self.types, at + 4)?);
            let offset = (word(self.types, at + 8)? & mask) / 8;
            if self.is_named(name, field) {
                return Some(offset);
            }
            if name == 0 && depth > 0 {
                let inner = *self.starts.get(of as usize)?;
                let is_structure = matches!(kind(word(self.types, inner.checked_add(4)?)?), KIND_STRUCT | KIND_UNION);
                if is_structure && let Some(within) = self.member(inner, field, depth - 1) {
                    return Some(offset + within);
                }
            }
        }
        None
    }

    fn is_named(&self, at: u32, name: &str) -> bool {
        self.strings
            .get(at as usize..)
            .and_then(|rest| rest.strip_prefix(name.as_bytes()))
            .is_some_and(|rest| rest.first() == Some(&0))
    }
}

/// How many bytes follow a type's twelve common ones.
const fn extra(info: u32) -> Option<usize> {
    let count = (info & 0xffff) as usize;
    Some(match kind(info) {
        1 | 14 | 17 => 4,
        3 => 12,
        KIND_STRUCT | KIND_UNION | 15 | 19 => count * 12,
        6 | 13 => count * 8,
        2 | 7..=12 | 16 | 18 => 0,
        _ => return None,
    })
}

const fn kind(info: u32) -> u32 {
    info >> 24 & 0x1f
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_has_the_members() {
        let offsets = Offsets::of_kernel().unwrap();
        assert!(offsets.task_start_boottime > 0 && offsets.cred_fsuid > 0 && offsets.task_cred > 0);
        assert_ne!(offsets.task_group_leader, offsets.task_cred);
    }

    #[test]
    fn garbage_is_refused() {
        assert!(Types::parse(b"").is_none());
        assert!(Types::parse(&[0x9f, 0xeb, 1, 0, 255, 255, 255, 255, 0, 0, 0, 0]).is_none());
    }
}
