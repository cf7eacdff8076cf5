//! The connections that jobs had before the gateway came: each a finding, and ended where the configuration says so.

use super::connections::{self, TOLD};
use super::diary::Diary;
use super::job::Job;
use super::jobs::Jobs;
use crate::config::ExistingConnections;
use serde_json::json;

/// Looks for a job's connections, and says how many there were.
pub fn look(jobs: &Jobs, job: &Job, diary: &Diary, wish: ExistingConnections) -> usize {
    let cut = match wish {
        ExistingConnections::Leave => return 0,
        ExistingConnections::List => false,
        ExistingConnections::Cut => true,
    };
    let found = connections::of_job(jobs, job);
    for (number, connection) in found.iter().enumerate() {
        let done = match cut.then(|| connections::cut(connection)) {
            None => "left".to_owned(),
            Some(Ok(())) => "cut".to_owned(),
            Some(Err(error)) => format!("not cut: {error}"),
        };
        if number < TOLD {
            diary.finding(
                "existing_connection",
                json!({
                    "of": job.run,
                    "job": job.name,
                    "cgroup": job.cgroup,
                    "protocol": connection.protocol,
                    "local": connection.local.to_string(),
                    "remote": connection.remote.to_string(),
                    "uid": connection.uid,
                    "pid": connection.pid,
                    "done": done,
                }),
            );
        }
    }
    if found.len() > TOLD {
        let more = found.len() - TOLD;
        diary.finding("existing_connections", json!({ "of": job.run, "more": more, "done": if cut { "cut" } else { "left" } }));
    }
    found.len()
}
