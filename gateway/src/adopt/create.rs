//! Rewrites a request to make a container, so that the container is the job's child: or says why not.
//!
//! The shapes: Docker Engine API 1.41, `POST /containers/create`. What is not known here is refused: the engine's
//! own reader matches names whatever their case, so nothing reaches it that this has not named itself.

use super::refusal::Refused;
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// The label that says whose a container is.
pub(super) const LABEL: &str = "weir.run";

/// What is written into each request.
#[derive(Clone, Debug)]
pub(super) struct Adoption {
    /// The run, as the label has it.
    pub(super) run: String,
    /// The job's cgroup, as the engine names it.
    pub(super) cgroup_parent: String,
    /// Directories whose contents may be mounted.
    pub(super) binds: Vec<PathBuf>,
}

/// Settings of the container itself, inside it: harmless as they are.
const CONTAINER: [&str; 25] = [
    "Hostname",
    "Domainname",
    "User",
    "AttachStdin",
    "AttachStdout",
    "AttachStderr",
    "ExposedPorts",
    "Tty",
    "OpenStdin",
    "StdinOnce",
    "Env",
    "Cmd",
    "Healthcheck",
    "ArgsEscaped",
    "Image",
    "Volumes",
    "WorkingDir",
    "Entrypoint",
    "NetworkDisabled",
    "OnBuild",
    "Labels",
    "StopSignal",
    "StopTimeout",
    "Shell",
    "Name",
];

/// Settings towards the host that give the container nothing that the job has not: limits, names, its own file systems.
const HOST: [&str; 36] = [
    "Memory",
    "MemorySwap",
    "MemoryReservation",
    "MemorySwappiness",
    "KernelMemory",
    "KernelMemoryTCP",
    "NanoCpus",
    "CpuShares",
    "CpuPeriod",
    "CpuQuota",
    "CpuRealtimePeriod",
    "CpuRealtimeRuntime",
    "CpusetCpus",
    "CpusetMems",
    "CpuCount",
    "CpuPercent",
    "BlkioWeight",
    "PidsLimit",
    "Ulimits",
    "OomKillDisable",
    "OomScoreAdj",
    "ShmSize",
    "Tmpfs",
    "ReadonlyRootfs",
    "CapDrop",
    "AutoRemove",
    "Init",
    "Dns",
    "DnsOptions",
    "DnsSearch",
    "ExtraHosts",
    "GroupAdd",
    "PortBindings",
    "PublishAllPorts",
    "ConsoleSize",
    "IOMaximumIOps",
];

/// Capabilities that an engine gives by itself, and `NET_RAW`, whose sockets the kernel side refuses anyway.
const CAPABILITIES: [&str; 14] = [
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];

/// The request's body as the engine gets it.
pub(super) fn adopt(body: &[u8], adoption: &Adoption) -> Result<Vec<u8>, Refused> {
    let Ok(Value::Object(asked)) = serde_json::from_slice(body) else {
        return Err(Refused::new("body", "it is not a JSON object"));
    };
    let mut made = Map::new();
    let mut host = Map::new();
    for (name, value) in asked {
        match name.as_str() {
            "HostConfig" => match value {
                Value::Object(asked) => host = host_config(asked, adoption)?,
                Value::Null => {}
                _ => return Err(Refused::new(&name, "it is not an object")),
            },
            "NetworkingConfig" => keep(&mut made, name, networking(value)?),
            "Volumes" if binds_a_path(&value) => return Err(Refused::new(&name, "it names a path of the host")),
            known if CONTAINER.contains(&known) => keep(&mut made, name, value),
            _ if is_neutral(&value) => {}
            _ => return Err(Refused::new(&name, "weir does not know this setting, and the engine would obey it")),
        }
    }
    label(&mut made, &adoption.run)?;
    host.insert("CgroupParent".to_owned(), json!(adoption.cgroup_parent));
    made.insert("HostConfig".to_owned(), Value::Object(host));
    serde_json::to_vec(&made).map_err(|_| Refused::new("body", "it can't be written again"))
}

fn host_config(asked: Map<String, Value>, adoption: &Adoption) -> Result<Map<String, Value>, Refused> {
    let mut made = Map::new();
    for (name, mut value) in asked {
        // What is off is not asked for, and not passed on.
        if is_neutral(&value) {
            continue;
        }
        let why = match name.as_str() {
            "Privileged" => Some("a privileged container can leave the job"),
            "PidMode" | "IpcMode" | "UTSMode" | "UsernsMode" | "CgroupnsMode" => shared_namespace(&value),
            "NetworkMode" => network_mode(&value),
            "CapAdd" => added_capability(&value),
            "Binds" => {
                value = binds(&value, adoption)?;
                None
            }
            "Mounts" => {
                value = mounts(value, adoption)?;
                None
            }
            "Devices" | "DeviceRequests" | "DeviceCgroupRules" => Some("it gives the container a device of the host"),
            // With a list of its own, root in the container writes `/proc/sys/kernel/core_pattern`, by its user id alone.
            "MaskedPaths" | "ReadonlyPaths" => Some("the engine's own list keeps the container from the host's kernel"),
            "CgroupParent" => other_parent(&value, &adoption.cgroup_parent),
            "SecurityOpt" => security_option(&value),
            "RestartPolicy" => restarts(&value),
            "Isolation" => is_not(&value, "default").then_some("there is no such isolation here"),
            "LogConfig" => logs_elsewhere(&value),
            known if HOST.contains(&known) => None,
            _ => Some("weir does not know this setting, and the engine would obey it"),
        };
        if let Some(why) = why {
            return Err(Refused::new(&format!("HostConfig.{name}"), why));
        }
        // The job's cgroup is the parent in any case.
        if name != "CgroupParent" {
            made.insert(name, value);
        }
    }
    Ok(made)
}

/// Whether a value is as good as none: the engine's own default of its kind.
pub(super) fn is_neutral(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(on) => !on,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.values().all(is_neutral),
    }
}

fn keep(made: &mut Map<String, Value>, name: String, value: Value) {
    if !value.is_null() {
        made.insert(name, value);
    }
}

pub(super) fn label(made: &mut Map<String, Value>, run: &str) -> Result<(), Refused> {
    let labels = made.entry("Labels").or_insert_with(|| json!({}));
    let labels = labels.as_object_mut().ok_or_else(|| Refused::new("Labels", "it is not an object"))?;
    labels.insert(LABEL.to_owned(), json!(run));
    Ok(())
}

fn is_not(value: &Value, expected: &str) -> bool {
    value.as_str() != Some(expected)
}

/// A namespace of its own, or none of the host's and of other containers'.
fn shared_namespace(value: &Value) -> Option<&'static str> {
    match value.as_str() {
        Some("private" | "shareable" | "none" | "default") => None,
        _ => Some("only a namespace of the container's own is allowed"),
    }
}

/// `host` is the engine's network and `container:` another's; a name is a network, which has a namespace a container.
fn network_mode(value: &Value) -> Option<&'static str> {
    match value.as_str() {
        // A relay that the engine starts would speak for the container, outside the job.
        Some("host" | "slirp4netns" | "pasta") => {
            Some("only a network of the engine's with a namespace of the container's own is allowed")
        }
        Some(name) if is_name(name) => None,
        _ => Some("only a network namespace of the container's own is allowed"),
    }
}

pub(super) fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !text.is_empty() && text.len() <= 128 && text.bytes().all(plain)
}

fn added_capability(value: &Value) -> Option<&'static str> {
    let harmless = |name: &Value| {
        let name = name.as_str().unwrap_or_default();
        CAPABILITIES.contains(&name.strip_prefix("CAP_").unwrap_or(name))
    };
    let all = value.as_array().is_some_and(|names| names.iter().all(harmless));
    (!all).then_some("the container would have a capability that reaches beyond it")
}

fn other_parent(value: &Value, own: &str) -> Option<&'static str> {
    is_not(value, own).then_some("the container belongs into the job's cgroup")
}

fn security_option(value: &Value) -> Option<&'static str> {
    let stricter = |option: &Value| {
        let option = option.as_str().unwrap_or_default();
        matches!(option, "no-new-privileges" | "no-new-privileges:true" | "no-new-privileges=true" | "seccomp=builtin")
    };
    let all = value.as_array().is_some_and(|options| options.iter().all(stricter));
    (!all).then_some("only options that take something away are allowed")
}

/// A container that the engine starts again outlives its job.
fn restarts(value: &Value) -> Option<&'static str> {
    let name = value.get("Name").and_then(Value::as_str).unwrap_or_default();
    (!matches!(name, "" | "no")).then_some("a container ends with its job, so the engine must not start it again")
}

/// Other drivers send what the container prints to other machines.
fn logs_elsewhere(value: &Value) -> Option<&'static str> {
    let kind = value.get("Type").and_then(Value::as_str).unwrap_or_default();
    let plain = matches!(kind, "" | "json-file" | "local" | "none" | "k8s-file");
    (!plain || value.get("Config").is_some_and(|config| !is_neutral(config)))
        .then_some("the engine itself would send the log elsewhere")
}

const NOT_GIVEN: &str = "it mounts a path of the host that the run was not given (weir run --containers-bind DIR)";

/// `SOURCE:TARGET[:OPTIONS]`: a path of the host where the source begins with `/`, else a volume by its name.
fn binds(value: &Value, adoption: &Adoption) -> Result<Value, Refused> {
    const NAME: &str = "HostConfig.Binds";
    let asked = value.as_array().ok_or_else(|| Refused::new(NAME, "it is not a list"))?;
    let one = |bind: &Value| {
        let (source, rest) = bind.as_str().and_then(|bind| bind.split_once(':')).unwrap_or_default();
        if is_name(source) {
            return Ok(json!(format!("{}:{rest}", volume_name(source, &adoption.run))));
        }
        if may_bind(source, &adoption.binds) { Ok(bind.clone()) } else { Err(Refused::new(NAME, NOT_GIVEN)) }
    };
    asked.iter().map(one).collect::<Result<Vec<_>, _>>().map(Value::Array)
}

fn mounts(value: Value, adoption: &Adoption) -> Result<Value, Refused> {
    const NAME: &str = "HostConfig.Mounts";
    const KNOWN: [&str; 5] = ["Type", "Source", "Target", "ReadOnly", "TmpfsOptions"];
    let Value::Array(mut asked) = value else { return Err(Refused::new(NAME, "it is not a list")) };
    for mount in &mut asked {
        let fields = mount.as_object_mut().ok_or_else(|| Refused::new(NAME, "it is not a list of objects"))?;
        if fields.iter().any(|(name, value)| !KNOWN.contains(&name.as_str()) && !is_neutral(value)) {
            return Err(Refused::new(NAME, "weir does not know all settings of this mount"));
        }
        fields.retain(|name, _| KNOWN.contains(&name.as_str()));
        let source = fields.get("Source").and_then(Value::as_str).unwrap_or_default().to_owned();
        match fields.get("Type").and_then(Value::as_str) {
            Some("tmpfs") => {}
            Some("volume") if source.is_empty() => {}
            Some("volume") if is_name(&source) => {
                fields.insert("Source".to_owned(), json!(volume_name(&source, &adoption.run)));
            }
            Some("bind") if may_bind(&source, &adoption.binds) => {}
            _ => return Err(Refused::new(NAME, NOT_GIVEN)),
        }
    }
    Ok(Value::Array(asked))
}

/// A volume as the engine knows it: a run's volumes are its own, whatever it calls them.
pub(super) fn volume_name(name: &str, run: &str) -> String {
    format!("weir-{run}-{name}")
}

/// Whether the path, symbolic links resolved, is inside a directory that the run was given.
fn may_bind(source: &str, allowed: &[PathBuf]) -> bool {
    // The engine must find what was checked: nothing that is resolved to somewhere else, letter for letter.
    let is_real = |real: &Path| real.as_os_str() == source.trim_end_matches('/');
    Path::new(source)
        .canonicalize()
        .is_ok_and(|real| is_real(&real) && allowed.iter().any(|directory| real.starts_with(directory)))
}

/// `{"/data": {}}` is a volume of the container's; anything else has a source.
fn binds_a_path(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Object(volumes) => volumes.iter().any(|(target, options)| target.contains(':') || !is_neutral(options)),
        _ => true,
    }
}

/// The networks that the container joins, by name.
fn networking(value: Value) -> Result<Value, Refused> {
    const NAME: &str = "NetworkingConfig";
    let Value::Object(fields) = value else {
        return if is_neutral(&value) { Ok(Value::Null) } else { Err(Refused::new(NAME, "it is not an object")) };
    };
    for (name, value) in &fields {
        match (name.as_str(), value) {
            ("EndpointsConfig", Value::Object(networks)) => {
                if networks.keys().any(|network| network == "host" || !is_name(network)) {
                    return Err(Refused::new(NAME, "only networks with a namespace of the container's own are allowed"));
                }
            }
            (_, value) if is_neutral(value) => {}
            _ => return Err(Refused::new(NAME, "weir does not know all of its settings")),
        }
    }
    Ok(Value::Object(fields))
}

#[cfg(test)]
#[path = "create/tests.rs"]
mod tests;
