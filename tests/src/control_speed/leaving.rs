//! A person leaves: from the identity provider's word to the end of what they own, and to the refusal of what comes.

use super::api::Api;
use super::load::{Load, PROGRAM};
use super::{BETWEEN, milliseconds, monotonic_ns};
use crate::{Daemon, free_port, program, wait_until};
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use tempfile::TempDir;

const PERSON: &str = "contractor@acme.example";

/// A job of a person's own, and where the directory is kept.
pub(super) struct Leaving {
    address: String,
    _folder: TempDir,
    /// The job: a copy, and so a workload of its own.
    program: PathBuf,
}

impl Leaving {
    pub(super) fn prepare() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let copy = folder.path().join("nightly-backup");
        fs::copy(program(PROGRAM), &copy)?;
        Ok(Self { address: format!("127.0.0.1:{}", free_port()), _folder: folder, program: copy })
    }

    /// Whose it is, and where the identity provider comes.
    pub(super) fn configuration(&self) -> String {
        let Self { address, program, .. } = self;
        format!(
            "[[workload]]\nname = \"nightly-backup\"\nmatch = {{ executable = \"{}\" }}\nowner = \"{PERSON}\"\n\
             [console]\nlisten = \"{address}\"\nurl = \"http://{address}\"\n",
            program.display()
        )
    }

    /// From each deactivation until their session is reset and their next connect refused, whichever is later: milliseconds.
    pub(super) fn measure(
        &self,
        samples: u32,
        daemon: &Daemon,
        api: &mut Api,
        tell: &mut impl FnMut(&str),
    ) -> anyhow::Result<Vec<f64>> {
        let made = daemon.weir.cli(&["token", "create", "a measurement", "--role", "provisioner", "--for", "1h"]);
        let mut scim = Api::with_token(&self.address, made.expect_success().stdout.trim())?;
        let person = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": PERSON, "active": true });
        let person = scim.post("/scim/v2/Users", &person)?;
        let path = format!("/scim/v2/Users/{}", person["id"].as_str().context("they have an id")?);
        let mut job = Load::of(daemon, &self.program, 0)?;
        let mut all = Vec::new();
        for number in 1..=samples {
            let (sleeper, prober) = (format!("theirs-{number}"), format!("next-{number}"));
            for line in [format!("sleep {sleeper}"), format!("probe {prober}")] {
                job.tell(&line)?;
            }
            job.until("begun", &sleeper)?;
            let text = format!("SELECT pg_sleep(60) /* {sleeper} */");
            let runs = |api: &mut Api| {
                let live = api.get("/v1/sessions").ok()?;
                live.as_array()?.iter().any(|one| one["statement"] == text.as_str()).then_some(())
            };
            wait_until("their session", 20, || runs(api));
            sleep(BETWEEN);
            let said = monotonic_ns();
            let after = scim.change(&path, false)?;
            ensure!(after["active"] == false, "{after}");
            let mut ends = Vec::new();
            for name in [&sleeper, &prober] {
                ends.push(job.until("gone", name)?.parse::<u64>()?);
            }
            let end = ends.into_iter().max().context("there are two")?;
            all.push(milliseconds(said, end));
            ensure!(scim.change(&path, true)?["active"] == true, "they are not back");
            if number % 20 == 0 {
                tell(&format!("{number} of {samples} left"));
            }
        }
        Ok(all)
    }
}

impl Api {
    /// What Microsoft Entra sends.
    fn change(&mut self, path: &str, active: bool) -> anyhow::Result<Value> {
        let value = if active { "True" } else { "False" };
        let operations = json!([{ "op": "Replace", "path": "active", "value": value }]);
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
        self.send("PATCH", path, &body)?;
        self.answer()
    }
}
