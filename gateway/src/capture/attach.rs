//! Coming to the kernel: alone, in place of a gateway that is gone, or beside one that runs.

use super::btf::Offsets;
use super::disguise::DisguiseRoute;
use super::events::Events;
use super::heartbeat::{self, Heartbeat};
use super::kernel_log::KernelLog;
use super::link::Links;
use super::listener::Mark;
use super::namespaces::NamespaceSide;
use super::pins::Pins;
use super::rules::Tables;
use super::sweep::gateway_of;
use super::{Capture, CaptureError, CaptureSettings, cgroup, cgroup_id, load, process, sys, write};
use aya::Ebpf;
use aya::maps::{Map, MapData};
use gateway_common::{ConnectionKey, KernelSettings, LAYOUT};
use std::fs::File;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::sync::Mutex;

impl Capture {
    /// Loads the programs, attaches them and starts the heartbeat. This process itself is never caught.
    ///
    /// Where a gateway that is gone left its pins, the programs are replaced and its jobs go on.
    ///
    /// # Errors
    /// Where the process may not, the place is no cgroup, the pins are a running gateway's, or the kernel lacks something.
    pub fn attach(settings: &CaptureSettings) -> Result<Self, CaptureError> {
        if let Some(path) = &settings.pins
            && let Some(pid) = gateway_of(path)
        {
            return Err(CaptureError::Occupied { path: path.clone(), pid });
        }
        Self::come(settings, true)
    }

    /// As [`Capture::attach`], beside the running gateway whose pins these are: from here on both are exempt, and
    /// every record is this one's to take. The other one calls [`Capture::hand_over`].
    ///
    /// # Errors
    /// As for [`Capture::attach`], and where the running gateway's maps have another layout.
    pub fn adopt(settings: &CaptureSettings) -> Result<Self, CaptureError> {
        Self::come(settings, false)
    }

    fn come(settings: &CaptureSettings, is_alone: bool) -> Result<Self, CaptureError> {
        if !may_load() {
            return Err(CaptureError::NoPrivilege);
        }
        let cgroup = open_cgroup(&settings.attach, settings.at_root)?;
        let attached_at = cgroup_id(&settings.attach).map_err(cannot_open(&settings.attach))?;
        let offsets = Offsets::of_kernel().map_err(CaptureError::Btf)?;
        let pins = settings.pins.as_deref().map(Pins::create).transpose()?;
        let standing = pins.as_ref().map(|pins| standing(pins, attached_at)).transpose()?.flatten();
        let mut links = Links::new(pins.clone(), standing.is_some());
        let mark = standing.map_or_else(new_mark, |standing| standing.mark);
        let mut object = load::object(
            &load::Constants {
                mark,
                has_ipv6: DisguiseRoute::add().is_ok(),
                kernel_log: settings.kernel_log,
                doors: settings.doors,
                offsets,
            },
            pins.as_ref(),
        )?;
        let log = settings.kernel_log.then(|| KernelLog::start(&mut object)).transpose()?;
        load::programs(&mut object)?;
        let map = |name| load::map(&object, name);
        let new = || KernelSettings { layout: LAYOUT, mark, attached_at, ..KernelSettings::default() };
        let settings = standing.unwrap_or_else(new);
        write(&map("SETTINGS")?, "the settings", &0_u32, &settings)?;
        let gateways = map("GATEWAYS")?;
        join(&gateways)?;
        let (listeners, records) = (map("LISTENERS")?, map("RECORDS")?);
        if is_alone {
            clear_left(&listeners, &records)?;
        }
        let heartbeat = Heartbeat::start(heartbeat::Maps {
            heartbeat: map("HEARTBEAT")?,
            sources: map("SOURCES")?,
            records: map("RECORDS")?,
        })?;
        load::attach(&object, &cgroup, &mut links)?;
        let (jobs, flows, open) = (map("JOBS")?, map("FLOWS")?, map("OPEN")?);
        let tables = Tables {
            settings: map("SETTINGS")?,
            rules: map("RULES")?,
            targets: map("TARGETS")?,
            uids: map("UIDS")?,
            current: Mutex::new(settings),
        };
        load::watch_tasks(&mut object)?;
        let events = Events::of(take_map(&mut object, "EVENTS")?)?;
        let own = listeners.try_clone().map_err(|source| CaptureError::Map { what: "the list of listeners", source })?;
        let namespaces = NamespaceSide::of(take_map(&mut object, "NAMESPACES")?, own)?;
        Ok(Self {
            links: Mutex::new(Some(links)),
            mark: Mark(mark),
            gateways,
            listeners,
            jobs,
            records,
            flows,
            open,
            tables,
            heartbeat,
            _log: log,
            object,
            events: Mutex::new(Some(events)),
            namespaces: Mutex::new(Some(namespaces)),
        })
    }
}

/// What the gateway left that had these pins, or has them.
fn standing(pins: &Pins, attached_at: u64) -> Result<Option<KernelSettings>, CaptureError> {
    let Some(map) = pins.get("SETTINGS")? else { return Ok(None) };
    let path = pins.path_of("");
    let found = sys::lookup::<u32, KernelSettings>(map.as_fd(), &0);
    let found = found.map_err(|source| CaptureError::Pins { path: path.clone(), source })?.unwrap_or_default();
    match found.layout {
        // It was killed before it had written them.
        0 => Ok(None),
        LAYOUT if found.attached_at != attached_at => Err(CaptureError::AttachedElsewhere { path, found: found.attached_at }),
        LAYOUT => Ok(Some(found)),
        layout => Err(CaptureError::Layout { path, found: layout }),
    }
}

/// Takes away what names the sockets of a gateway that is gone. The connections that waited in its queues are reset, and
/// nobody will ask for their records; and a network namespace that seems to have a listener is not told of again.
fn clear_left(listeners: &OwnedFd, records: &OwnedFd) -> Result<(), CaptureError> {
    let failed = |what| move |source| CaptureError::Map { what, source };
    sys::clear::<u64>(listeners.as_fd()).map_err(failed("the list of listeners"))?;
    sys::clear::<ConnectionKey>(records.as_fd()).map_err(failed("the connect records"))
}

/// Puts this process among the gateways, and takes away those that are gone.
fn join(gateways: &OwnedFd) -> Result<(), CaptureError> {
    let failed = |source| CaptureError::Map { what: "the list of gateways", source };
    for (pid, ticks) in sys::entries::<u32, u64>(gateways.as_fd()).map_err(failed)? {
        if !process::is_running(pid, ticks) {
            sys::remove(gateways.as_fd(), &pid).map_err(failed)?;
        }
    }
    let own = std::process::id();
    let ticks = process::start_ticks(own).ok_or_else(|| failed(std::io::ErrorKind::NotFound.into()))?;
    write(gateways, "the list of gateways", &own, &ticks)
}

/// A number that no other socket of this host has but by chance, and never 0, which unmarked sockets have.
fn new_mark() -> u32 {
    loop {
        if let Ok(mark @ 1..) = getrandom::u32() {
            return mark;
        }
    }
}

fn take_map(object: &mut Ebpf, name: &'static str) -> Result<MapData, CaptureError> {
    match object.take_map(name) {
        Some(Map::RingBuf(data)) => Ok(data),
        _ => Err(CaptureError::Object(name)),
    }
}

/// Whether this process may load and attach kernel programs.
pub(super) fn may_load() -> bool {
    const NET_ADMIN: u32 = 12;
    const SYS_ADMIN: u32 = 21;
    const PERFMON: u32 = 38;
    const BPF: u32 = 39;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    let has = |capability: u32| effective >> capability & 1 == 1;
    has(NET_ADMIN) && (has(SYS_ADMIN) || has(BPF) && has(PERFMON))
}

fn cannot_open(path: &Path) -> impl Fn(std::io::Error) -> CaptureError {
    let path = path.to_owned();
    move |source| CaptureError::Cgroup { path: path.clone(), source }
}

fn open_cgroup(path: &Path, at_root: bool) -> Result<File, CaptureError> {
    let cannot = cannot_open(path);
    let canonical = path.canonicalize().map_err(&cannot)?;
    if !cgroup::is_cgroup2(&canonical) {
        return Err(CaptureError::NotCgroup2(path.to_owned()));
    }
    // The root alone has no list of its own events.
    if !at_root && !canonical.join("cgroup.events").exists() {
        return Err(CaptureError::CgroupRoot(path.to_owned()));
    }
    File::open(&canonical).map_err(cannot)
}
