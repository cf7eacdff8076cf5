//! Requests as Docker's own client (28.2) and others write them, and what becomes of them.

use super::*;

/// `docker run -i busybox true`, as it was recorded.
const RUN: &str = include_str!("recorded-run.json");
/// `docker create --name t1 -v /tmp:/x --cap-add NET_ADMIN -e A=b -p 8080:80 --network mynet busybox …`, as it was recorded.
const CREATE: &str = include_str!("recorded-create.json");

fn adoption() -> Adoption {
    Adoption { run: "01J0".to_owned(), cgroup_parent: "/weir-1/01J0".to_owned(), binds: vec![PathBuf::from("/usr/share")] }
}

fn adopted(body: &str) -> Result<Value, Refused> {
    adopt(body.as_bytes(), &adoption()).map(|bytes| serde_json::from_slice(&bytes).expect("it was written by us"))
}

#[test]
fn a_plain_container_becomes_the_job_s() {
    let made = adopted(RUN).expect("nothing is wrong with it");
    assert_eq!(made["HostConfig"]["CgroupParent"], "/weir-1/01J0");
    assert_eq!(made["Labels"]["weir.run"], "01J0");
    let asked: Value = serde_json::from_str(RUN).expect("recorded");
    for kept in ["Image", "Cmd", "AttachStdin", "OpenStdin", "StdinOnce", "Tty", "Env", "NetworkingConfig"] {
        let (asked, made) = (asked[kept].clone(), made[kept].clone());
        assert_eq!(made, asked, "{kept}");
    }
    assert_eq!(made["HostConfig"]["AutoRemove"], true);
    assert_eq!(made["HostConfig"]["NetworkMode"], "default");
}

#[test]
fn empty_lists_of_masked_paths_leave_the_engine_s_own() {
    let made = adopted(r#"{"Image":"x","HostConfig":{"MaskedPaths":[],"ReadonlyPaths":[]}}"#).expect("allowed");
    assert!(made["HostConfig"].get("MaskedPaths").is_none() && made["HostConfig"].get("ReadonlyPaths").is_none(), "{made}");
}

#[test]
fn a_label_can_not_be_forged() {
    let made = adopted(r#"{"Image":"x","Labels":{"weir.run":"another","a":"b"}}"#).expect("allowed");
    assert_eq!(made["Labels"], json!({"weir.run": "01J0", "a": "b"}));
}

#[test]
fn the_recorded_create_is_refused_for_its_capability_and_its_mount() {
    assert!(matches!(adopted(CREATE), Err(refused) if refused.what.starts_with("HostConfig.")));
    let mut asked: Value = serde_json::from_str(CREATE).expect("recorded");
    asked["HostConfig"]["CapAdd"] = Value::Null;
    let refused = adopted(&asked.to_string()).expect_err("it mounts /tmp");
    assert_eq!(refused.what, "HostConfig.Binds");
    asked["HostConfig"]["Binds"] = json!(["/usr/share/zoneinfo:/x:ro", "named:/data"]);
    let made = adopted(&asked.to_string()).expect("it mounts what the run was given");
    assert_eq!(made["HostConfig"]["PortBindings"]["80/tcp"][0]["HostPort"], "8080");
    assert_eq!(
        made["HostConfig"]["Binds"],
        json!(["/usr/share/zoneinfo:/x:ro", "weir-01J0-named:/data"]),
        "a volume is the run's own"
    );
}

#[test]
fn what_leaves_the_job_is_refused() {
    for (name, value) in [
        ("Privileged", json!(true)),
        ("PidMode", json!("host")),
        ("PidMode", json!("container:abc")),
        ("IpcMode", json!("host")),
        ("UTSMode", json!("host")),
        ("UsernsMode", json!("host")),
        ("CgroupnsMode", json!("host")),
        ("NetworkMode", json!("host")),
        ("NetworkMode", json!("container:abc")),
        ("NetworkMode", json!("ns:/proc/1/ns/net")),
        ("NetworkMode", json!("slirp4netns")),
        ("CapAdd", json!(["SYS_ADMIN"])),
        ("ReadonlyPaths", json!(["/nowhere"])),
        ("MaskedPaths", json!(["/nowhere"])),
        ("CapAdd", json!(["CAP_NET_ADMIN"])),
        ("CapAdd", json!(["ALL"])),
        ("Binds", json!(["/:/host"])),
        ("Binds", json!(["/var/run/docker.sock:/var/run/docker.sock"])),
        ("Binds", json!(["/usr/share/../../etc:/x"])),
        ("Binds", json!(["/usr/share/./zoneinfo:/x"])),
        ("Binds", json!(["../x:/x"])),
        ("Binds", json!([7])),
        ("Mounts", json!([{"Type": "bind", "Source": "/etc", "Target": "/x"}])),
        ("Mounts", json!([{"Type": "npipe", "Source": "/etc", "Target": "/x"}])),
        (
            "Mounts",
            json!([{"Type": "volume", "Source": "v", "Target": "/x", "VolumeOptions": {"DriverConfig": {"Options": {"device": "/"}}}}]),
        ),
        ("Mounts", json!([{"type": "bind", "source": "/etc", "Target": "/x"}])),
        ("Mounts", json!([{"Type": "volume", "Source": "v", "source": "/etc", "Target": "/x"}])),
        ("Devices", json!([{"PathOnHost": "/dev/vda"}])),
        ("DeviceCgroupRules", json!(["c *:* rwm"])),
        ("DeviceRequests", json!([{"Driver": "nvidia"}])),
        ("CgroupParent", json!("/")),
        ("SecurityOpt", json!(["seccomp=unconfined"])),
        ("SecurityOpt", json!(["apparmor=unconfined"])),
        ("SecurityOpt", json!(["systempaths=unconfined"])),
        ("RestartPolicy", json!({"Name": "always"})),
        ("LogConfig", json!({"Type": "syslog", "Config": {"syslog-address": "udp://192.0.2.1:514"}})),
        ("VolumesFrom", json!(["another"])),
        ("VolumeDriver", json!("nfs")),
        ("Links", json!(["another:db"])),
        ("Runtime", json!("/tmp/own")),
        ("Sysctls", json!({"net.ipv4.ip_forward": "1"})),
        ("StorageOpt", json!({"size": "1"})),
        ("Annotations", json!({"run.oci.keep_original_groups": "1"})),
        ("privileged", json!(true)),
        ("PRIVILEGED", json!(true)),
        ("binds", json!(["/:/host"])),
        ("SomethingNew", json!(1)),
    ] {
        let body = json!({"Image": "x", "HostConfig": {name: value.clone()}});
        assert!(adopted(&body.to_string()).is_err(), "{name}: {value}");
    }
}

#[test]
fn names_in_another_case_never_reach_the_engine() {
    // Go's reader would take both; the last one wins there.
    for body in [
        r#"{"Image":"x","hostconfig":{"Privileged":true}}"#,
        r#"{"Image":"x","HostConfig":{},"HOSTCONFIG":{"Binds":["/:/host"]}}"#,
        r#"{"Image":"x","labels":{"weir.run":"another"}}"#,
        r#"{"Image":"x","Volumes":{"/etc:/x":{}}}"#,
        r#"{"Image":"x","NetworkingConfig":{"EndpointsConfig":{"host":{}}}}"#,
    ] {
        assert!(adopted(body).is_err(), "{body}");
    }
    let made = adopted(r#"{"Image":"x","HostConfig":{"Privileged":true},"HostConfig":{}}"#).expect("the last one is taken");
    assert!(made["HostConfig"].get("Privileged").is_none());
}

#[test]
fn what_is_no_request_is_refused() {
    for body in ["", "[]", "null", "{", "{\"HostConfig\":[]}", "{\"Labels\":[\"a\"]}"] {
        assert!(adopted(body).is_err(), "{body}");
    }
}

#[test]
fn a_link_into_the_host_is_no_directory_of_the_run_s() {
    let directory = tempfile::tempdir().expect("a directory");
    let real = directory.path().canonicalize().expect("it is there");
    std::os::unix::fs::symlink("/etc", real.join("link")).expect("our own directory");
    std::fs::create_dir(real.join("data")).expect("our own directory");
    let adoption = Adoption { binds: vec![real.clone()], ..adoption() };
    let bind = |source: &Path| {
        let body = json!({"Image": "x", "HostConfig": {"Binds": [format!("{}:/x", source.display())]}});
        adopt(body.to_string().as_bytes(), &adoption).is_ok()
    };
    assert!(bind(&real.join("data")));
    assert!(!bind(&real.join("link")));
    assert!(!bind(&real.join("link/ssh")));
    assert!(!bind(&real.join("not-there")));
}
