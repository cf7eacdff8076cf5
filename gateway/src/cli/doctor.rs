//! `weir doctor`: what this kernel, this host and its TLS trust give, each probed by doing it.

use super::{Format, Result, doctor_daemon, print};
use crate::capture::{self, Probe, Tier};
use crate::host::host_sockets;
use crate::launch;
use crate::tls::TrustFinding;
use comfy_table::Table;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Tell which clients of this host will trust weir's certificates, and which won't
    #[arg(long)]
    tls: bool,
    /// Tell which unix sockets of this host lead past every gateway, and who may connect to them
    #[arg(long, conflicts_with = "tls")]
    sockets: bool,
    /// How to print
    #[arg(long, value_enum, value_name = "text|json", default_value_t = Format::Text, hide_possible_values = true)]
    format: Format,
}

pub(super) fn doctor(arguments: &Arguments) -> Result {
    match (arguments.tls, arguments.sockets) {
        (true, _) => trust(arguments.format),
        (false, true) => sockets(arguments.format),
        (false, false) => kernel(arguments.format),
    }
}

/// Exit status 1 where a core feature is missing: jobs can't be intercepted then.
fn kernel(format: Format) -> Result {
    let mut probes = capture::probe();
    probes.extend(doctor_daemon::daemon());
    probes.extend(doctor_daemon::detection());
    probes.extend(launch::probe().into_iter().map(|found| Probe {
        feature: found.mechanism,
        tier: Tier::Optional,
        available: found.available,
        why: if found.available { String::new() } else { found.otherwise.to_owned() },
    }));
    let missing = probes.iter().any(|probe| probe.tier == Tier::Core && !probe.available);
    let tier = |tier: Tier| if tier == Tier::Core { "core" } else { "optional" };
    let text = match format {
        Format::Json => serde_json::Value::Array(
            probes
                .iter()
                .map(|probe| {
                    serde_json::json!({
                        "feature": probe.feature, "tier": tier(probe.tier),
                        "available": probe.available, "why": probe.why,
                    })
                })
                .collect(),
        )
        .to_string(),
        Format::Text => {
            let mut table = table(["feature", "tier", "here", "remark"]);
            for probe in &probes {
                table.add_row([probe.feature, tier(probe.tier), if probe.available { "yes" } else { "NO" }, &probe.why]);
            }
            let verdict =
                if missing { "A core feature is missing: weir can't intercept here." } else { "weir can intercept here." };
            format!("{table}\n{verdict}")
        }
    };
    print(&text)?;
    Ok(if missing { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn sockets(format: Format) -> Result {
    let found = host_sockets();
    let text = match format {
        Format::Json => serde_json::Value::Array(
            found
                .iter()
                .map(
                    |socket| serde_json::json!({ "path": socket.path, "kind": socket.kind, "reachable_by": socket.reachable_by }),
                )
                .collect(),
        )
        .to_string(),
        Format::Text => {
            let mut table = table(["socket", "kind", "reachable by"]);
            for socket in &found {
                table.add_row([&socket.path, socket.kind, &socket.reachable_by]);
            }
            format!("{table}\nA job of a user who may connect reaches these past the gateway, unless they are masked in it.")
        }
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn trust(format: Format) -> Result {
    let findings = crate::tls::doctor_tls();
    let text = match format {
        Format::Json => serde_json::Value::Array(
            findings
                .iter()
                .map(|finding| {
                    serde_json::json!({
                        "client": finding.client, "trusts": finding.trusts, "how": finding.how, "remark": finding.remark,
                    })
                })
                .collect(),
        )
        .to_string(),
        // A table of these would be wider than any terminal.
        Format::Text => findings.iter().map(said).collect::<Vec<_>>().join("\n"),
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

/// A client, whether it trusts weir, by what, and what to know.
fn said(finding: &TrustFinding) -> String {
    let TrustFinding { client, trusts, how, remark } = finding;
    let trusts = if *trusts { "yes" } else { "NO " };
    let remark = if remark.is_empty() { String::new() } else { format!("\n       {remark}") };
    format!(" {trusts}   {client}\n       {how}{remark}")
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header(header);
    table
}
