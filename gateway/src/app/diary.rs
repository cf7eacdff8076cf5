//! The gateway's own record: who it is, in the form of a session's first frame.

use crate::evidence::NOWHERE;
use crate::host::{Diary, own_start_ns};
use crate::identity::IdentityInput;
use crate::session::context::{Shared, new_run};
use gateway_core::model::target::{ProtocolName, Target};
use serde_json::json;
use std::sync::{Arc, Weak};

/// What the gateway's own record is about, where a session's has a target's name.
const TARGET: &str = "weir";

/// The diary of this gateway.
pub(super) fn of(shared: &Arc<Shared>) -> Diary {
    let gateway = Arc::downgrade(shared);
    Diary::new(shared.store.clone(), move || opened(&gateway))
}

fn opened(gateway: &Weak<Shared>) -> serde_json::Value {
    let Some(shared) = gateway.upgrade() else { return json!({}) };
    let input = IdentityInput {
        pid: std::process::id(),
        started_boottime_ns: own_start_ns(),
        uid: nix::unistd::getuid().as_raw(),
        gid: nix::unistd::getgid().as_raw(),
        cgroup_id: 0,
        // Nobody connected: it speaks of itself.
        executable: None,
        run: new_run(),
    };
    let target = Target { name: TARGET.to_owned(), environment: None, protocol: ProtocolName::Opaque, configured: false };
    json!({
        "principal": shared.resolver.resolve(&input),
        "target": target,
        "original": NOWHERE,
        "client": NOWHERE,
        "decision": {
            "outcome": "allow",
            "policies": [],
            "errors": [],
            "mode": shared.config.policy.mode.to_string(),
            "would_refuse": false,
            "set_hash": shared.policy.load().hash(),
        },
        "gateway_version": env!("CARGO_PKG_VERSION"),
        "host": shared.resolver.host(),
    })
}
