//! The objects that OCSF's events are made of: who, with what process, from where, to where.

use super::Fields;
use crate::event::format::words::{self, address, file_name};
use crate::event::{Context, Event, What};
use serde_json::{Value, json};

/// weir itself.
pub(super) fn product(event: &Event) -> Value {
    let mut product = json!({ "name": "weir", "vendor_name": "weir" });
    if let (Some(version), Some(product)) = (&event.context.version, product.as_object_mut()) {
        product.insert("version".to_owned(), version.as_str().into());
    }
    product
}

/// The workload, as whoever acts, and the process by which it does.
pub(super) fn actor(event: &Event) -> Value {
    let context = &event.context;
    let mut actor = Fields::new();
    actor.insert("user".to_owned(), workload(context));
    actor.insert("session".to_owned(), json!({ "uid": event.session }));
    if let Some(process) = process(context) {
        actor.insert("process".to_owned(), process);
    }
    if let Some(application) = &context.application {
        actor.insert("app_name".to_owned(), application.as_str().into());
    }
    Value::Object(actor)
}

/// A workload is a service's account.
fn workload(context: &Context) -> Value {
    let mut user = json!({ "name": words::who(context), "type_id": 4, "type": "Service" });
    if let (Some(id), Some(user)) = (&context.workload, user.as_object_mut()) {
        user.insert("uid".to_owned(), id.as_str().into());
    }
    user
}

fn process(context: &Context) -> Option<Value> {
    let mut process = Fields::new();
    process.insert("pid".to_owned(), context.pid?.into());
    if let Some(path) = &context.executable {
        let mut file = json!({ "name": file_name(path), "path": path, "type_id": 8, "type": "Executable File" });
        if let (Some(hash), Some(file)) = (&context.executable_sha256, file.as_object_mut()) {
            file.insert("hashes".to_owned(), json!([{ "algorithm_id": 3, "algorithm": "SHA-256", "value": hash }]));
        }
        process.insert("name".to_owned(), file_name(path).into());
        process.insert("file".to_owned(), file);
    }
    if let Some(uid) = context.uid {
        let name = context.user_name.clone().unwrap_or_else(|| uid.to_string());
        process.insert("user".to_owned(), json!({ "uid": uid.to_string(), "name": name }));
    }
    Some(Value::Object(process))
}

/// Where it came from: the host, and the address where that is known.
pub(super) fn source(event: &Event) -> Value {
    let mut source = json!({ "hostname": event.host });
    if let Some(source) = source.as_object_mut() {
        at(source, event.context.client.as_deref());
        if let Some(container) = &event.context.container {
            source.insert("container".to_owned(), json!({ "uid": container }));
        }
    }
    source
}

/// Where it went: the target by its name, and what was dialled.
pub(super) fn destination(context: &Context) -> Option<Value> {
    let mut destination = Fields::new();
    at(&mut destination, context.address.as_deref());
    for (name, value) in [("name", &context.target), ("svc_name", &context.target), ("domain", &context.domain)] {
        if let Some(value) = value {
            destination.insert(name.to_owned(), value.as_str().into());
        }
    }
    (!destination.is_empty()).then_some(Value::Object(destination))
}

fn at(endpoint: &mut Fields, text: Option<&str>) {
    if let Some(address) = address(text) {
        endpoint.insert("ip".to_owned(), address.ip().to_canonical().to_string().into());
        endpoint.insert("port".to_owned(), address.port().into());
    }
}

/// The connection itself.
pub(super) fn connection(event: &Event) -> Value {
    let mut connection = json!({
        "direction_id": 2, "direction": "Outbound", "protocol_name": "tcp", "protocol_num": 6, "uid": event.session,
    });
    let version =
        address(event.context.address.as_deref()).map(|address| if address.ip().to_canonical().is_ipv4() { 4 } else { 6 });
    if let (Some(version), Some(connection)) = (version, connection.as_object_mut()) {
        connection.insert("protocol_ver_id".to_owned(), version.into());
    }
    connection
}

/// The database; its target's name where nobody has said which.
pub(super) fn database(context: &Context) -> Value {
    let name = context.database.as_deref().or(context.target.as_deref()).unwrap_or("unknown");
    json!({ "name": name, "type_id": 1, "type": "Relational" })
}

/// A person by their name.
pub(super) fn person(name: &str) -> Value {
    let (id, kind) = if matches!(name, "weir" | "policy") { (3, "System") } else { (1, "User") };
    json!({ "name": if name.is_empty() { "unknown" } else { name }, "type_id": id, "type": kind })
}

/// What is known of who and where, for which OCSF has no attribute.
pub(super) fn own(event: &Event) -> Value {
    let context = &event.context;
    let mut own = json!({ "session": event.session, "host": event.host });
    if let Some(own) = own.as_object_mut() {
        if matches!(event.what, What::Control { .. } | What::Checkpoint { .. } | What::Dropped { .. }) {
            return Value::Object(std::mem::take(own));
        }
        for (name, value) in [
            ("run", &context.run),
            ("workload", &context.workload),
            ("owner", &context.owner),
            ("grade", &context.grade),
            ("attested", &context.attested),
            ("person", &context.person),
            ("login", &context.login),
            ("script", &context.script),
            ("script_sha256", &context.script_sha256),
            ("cgroup", &context.cgroup),
            ("unit", &context.unit),
            ("container", &context.container),
            ("target", &context.target),
            ("environment", &context.environment),
            ("protocol", &context.protocol),
            ("database_user", &context.user),
        ] {
            if let Some(value) = value {
                own.insert(name.to_owned(), value.as_str().into());
            }
        }
    }
    own
}
