//! Checks of the smaller requests that make something: processes in containers, networks, volumes.

use super::create::{is_name, is_neutral, label, volume_name};
use super::refusal::Refused;
use serde_json::{Map, Value, json};

/// `POST /containers/ID/exec`.
pub(super) fn exec(body: &[u8]) -> Result<Vec<u8>, Refused> {
    const KNOWN: [&str; 11] = [
        "AttachStdin",
        "AttachStdout",
        "AttachStderr",
        "ConsoleSize",
        "Detach",
        "DetachKeys",
        "Tty",
        "Env",
        "Cmd",
        "User",
        "WorkingDir",
    ];
    written(only(object(body)?, &KNOWN)?)
}

/// `POST /networks/create`: bridges, whose containers have a namespace each, labelled as the run's.
///
/// The engine gives the host a route to each bridge: with addresses of the job's choice it would lead the host, and the
/// gateway that dials a target with its credential, into a container.
pub(super) fn network(body: &[u8], run: &str) -> Result<Vec<u8>, Refused> {
    const KNOWN: [&str; 9] =
        ["Name", "CheckDuplicate", "Driver", "Internal", "Attachable", "EnableIPv4", "EnableIPv6", "IPAM", "Labels"];
    let mut made = only(object(body)?, &KNOWN)?;
    label(&mut made, run)?;
    if made.remove("IPAM").is_some_and(|asked| chooses_addresses(&asked)) {
        return Err(Refused::new("IPAM", "the engine chooses the addresses: with others the host's own way would lead there"));
    }
    match made.get("Driver").and_then(Value::as_str) {
        None | Some("" | "bridge" | "default") => written(made),
        Some(_) => {
            Err(Refused::new("Driver", "only bridge networks are allowed: others put a container on the host's own network"))
        }
    }
}

/// Whether anything but the engine's own choice is asked for.
fn chooses_addresses(asked: &Value) -> bool {
    let own_choice = |(name, value): (&String, &Value)| is_neutral(value) || (name == "Driver" && value == "default");
    !is_neutral(asked) && !asked.as_object().is_some_and(|fields| fields.iter().all(own_choice))
}

/// `POST /networks/ID/connect` and `disconnect`: the container that is meant, and the request with its id.
pub(super) fn joined(body: &[u8]) -> Result<(String, Map<String, Value>), Refused> {
    let made = only(object(body)?, &["Container", "Force", "EndpointConfig"])?;
    let container = made.get("Container").and_then(Value::as_str).filter(|name| is_name(name));
    let container = container.ok_or_else(|| Refused::new("Container", "it names none"))?.to_owned();
    Ok((container, made))
}

/// `POST /volumes/create`: of the engine's own kind, and the run's own by name.
pub(super) fn volume(body: &[u8], run: &str) -> Result<Vec<u8>, Refused> {
    let mut made = only(object(body)?, &["Name", "Driver", "Labels"])?;
    if !matches!(made.get("Driver").and_then(Value::as_str), None | Some("" | "local")) {
        return Err(Refused::new("Driver", "only the engine's own volumes are allowed"));
    }
    if let Some(name) = made.get("Name").and_then(Value::as_str).filter(|name| !name.is_empty()) {
        if !is_name(name) {
            return Err(Refused::new("Name", "it is none"));
        }
        let own = volume_name(name, run);
        made.insert("Name".to_owned(), json!(own));
    }
    written(made)
}

/// The query of a list of containers, with the job's own label among its filters.
pub(super) fn filters(given: Option<&str>, label: &str) -> Result<String, Refused> {
    const NAME: &str = "filters";
    let mut filters = match given {
        None | Some("") => Map::new(),
        Some(text) => serde_json::from_str(text).map_err(|_| Refused::new(NAME, "they are no JSON object"))?,
    };
    // Docker reads lists, and the older form {"value": true}.
    let mut labels: Vec<Value> = match filters.remove("label") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(labels)) => labels,
        Some(Value::Object(labels)) => labels.into_iter().map(|(label, _)| Value::String(label)).collect(),
        Some(_) => return Err(Refused::new(NAME, "their labels are no list")),
    };
    if filters.keys().any(|name| name.eq_ignore_ascii_case("label")) {
        return Err(Refused::new(NAME, "they name labels twice"));
    }
    labels.push(json!(label));
    filters.insert("label".to_owned(), Value::Array(labels));
    serde_json::to_string(&filters).map_err(|_| Refused::new(NAME, "they can't be written again"))
}

pub(super) fn written(made: Map<String, Value>) -> Result<Vec<u8>, Refused> {
    serde_json::to_vec(&made).map_err(|_| Refused::new("body", "it can't be written again"))
}

fn object(body: &[u8]) -> Result<Map<String, Value>, Refused> {
    serde_json::from_slice(body).map_err(|_| Refused::new("body", "it is not a JSON object"))
}

fn only(asked: Map<String, Value>, known: &[&str]) -> Result<Map<String, Value>, Refused> {
    let mut made = Map::new();
    for (name, value) in asked {
        if known.contains(&name.as_str()) {
            made.insert(name, value);
        } else if !is_neutral(&value) {
            return Err(Refused::new(&name, "it is not allowed, or weir does not know it"));
        }
    }
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_networks_and_volumes_get_nothing_that_their_container_has_not() {
        assert!(exec(br#"{"Privileged":false,"Tty":true,"Cmd":["sh"],"Env":null}"#).is_ok());
        assert!(exec(br#"{"Privileged":true,"Cmd":["sh"]}"#).is_err());
        assert!(exec(br#"{"privileged":true,"Cmd":["sh"]}"#).is_err());
        let own = network(br#"{"Name":"n","Driver":"bridge","Options":{},"IPAM":{"Driver":"default","Config":[]}}"#, "R");
        let own = serde_json::from_slice::<Value>(&own.expect("allowed")).expect("ours");
        assert_eq!(own, json!({"Name": "n", "Driver": "bridge", "Labels": {"weir.run": "R"}}));
        for driver in ["host", "macvlan", "ipvlan", "overlay", "Bridge"] {
            assert!(network(json!({"Name": "n", "Driver": driver}).to_string().as_bytes(), "R").is_err(), "{driver}");
        }
        for ipam in [json!({"Config": [{"Subnet": "192.0.2.0/29"}]}), json!({"Driver": "dhcp"}), json!("x"), json!([{}, 1])] {
            assert!(network(json!({"Name": "n", "IPAM": ipam}).to_string().as_bytes(), "R").is_err(), "{ipam}");
        }
        assert!(network(br#"{"Name":"n","Options":{"parent":"eth0"}}"#, "R").is_err());
        assert!(volume(br#"{"Name":"v","DriverOpts":{"device":"/","o":"bind"}}"#, "R").is_err());
        assert!(volume(br#"{"Name":"v","Driver":"nfs"}"#, "R").is_err());
        let own = volume(br#"{"Name":"v","Driver":"local"}"#, "R").expect("allowed");
        assert_eq!(serde_json::from_slice::<Value>(&own).expect("ours")["Name"], "weir-R-v");
        assert_eq!(joined(br#"{"Container":"c"}"#).expect("allowed").0, "c");
        assert!(joined(br#"{"Container":"c/../d"}"#).is_err());
    }

    #[test]
    fn a_list_has_the_job_s_own_containers() {
        let with = |given| filters(given, "weir.run=R").map(|text| serde_json::from_str::<Value>(&text).expect("ours"));
        assert_eq!(with(None), Ok(json!({"label": ["weir.run=R"]})));
        assert_eq!(with(Some(r#"{"name":["x"],"label":["a=b"]}"#)), Ok(json!({"name": ["x"], "label": ["a=b", "weir.run=R"]})));
        assert_eq!(with(Some(r#"{"label":{"a=b":true}}"#)), Ok(json!({"label": ["a=b", "weir.run=R"]})));
        assert!(with(Some(r#"{"Label":["a"]}"#)).is_err());
        assert!(with(Some("[]")).is_err());
    }
}
