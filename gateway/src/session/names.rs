//! What the resolver of jobs needs of a gateway, and the connections on which it is asked.

use crate::evidence::{EvidenceError, Recorder};
use crate::names::{Asker, House, Judged, QUESTION_BYTES, Transport};
use crate::session::context::{self, Shared};
use crate::session::owner::Ownership;
use crate::telemetry;
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::principal::Principal;
use gateway_core::model::target::Target;
use gateway_core::policy::ResolveRequest;
use serde_json::json;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a connection may be silent (RFC 7766 §6.2.3).
const IDLE: Duration = Duration::from_secs(10);

impl House for Shared {
    fn decide(&self, principal: &Principal, target: &Target, name: &str, record_type: &str) -> Judged {
        let policy = self.policy.load();
        let in_force = self.ledger.in_force();
        let owner_active = Ownership::of(&self.config.workloads, &in_force, principal).is_active();
        let granted =
            in_force.grants.iter().any(|grant| grant.wish.is_for(principal, &target.name, None) && grant.wish.gives("resolve"));
        let decision = policy.decide_resolve(&ResolveRequest { principal, target, name, record_type, owner_active, granted });
        let mode = self.config.mode(principal, self.settings(target));
        Judged { decision, mode, set: policy.hash().to_owned(), owner_active, granted }
    }

    fn begin(&self, run: RunId, principal: &Principal) -> Result<(SessionId, Recorder), EvidenceError> {
        let session = context::new_session();
        let opened = json!({
            "session": session,
            "run": run,
            "principal": principal,
            "target": { "name": "names", "environment": null, "protocol": "dns", "configured": false },
            "original": null,
            "gateway_version": env!("CARGO_PKG_VERSION"),
            "host": self.resolver.host(),
        });
        let recorder = self.store.begin(session, run, &opened)?;
        Ok((session, recorder))
    }

    fn refused(&self, line: Option<&str>) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        if let Some(line) = line {
            telemetry::tell_job(line);
        }
    }
}

/// Answers what is asked on a connection to anyone's port 53, until its client is done or silent.
pub async fn serve(shared: &Shared, tcp: &mut TcpStream, principal: &Principal) -> io::Result<()> {
    let mut question = vec![0; QUESTION_BYTES];
    loop {
        let Ok(length) = timeout(IDLE, tcp.read_u16()).await else { return Ok(()) };
        let length = match length {
            Ok(length) => usize::from(length),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(error),
        };
        let Some(bytes) = question.get_mut(..length) else {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a question of {length} bytes: at most {QUESTION_BYTES}"),
            ));
        };
        timeout(IDLE, tcp.read_exact(bytes)).await??;
        let asker = Asker { principal, run: principal.run, transport: Transport::Tcp };
        let Some(answer) = shared.names.answer(shared, asker, bytes).await else { return Ok(()) };
        let length = u16::try_from(answer.len()).map_err(io::Error::other)?;
        timeout(IDLE, tcp.write_all(&[&length.to_be_bytes()[..], &answer].concat())).await??;
    }
}
