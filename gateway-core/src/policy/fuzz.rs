//! Loads hostile policies and cases, and has what loads decide: for the fuzz target and the properties.

use super::{ConnectRequest, Decision, Known, OperationRequest, PolicySet, ResolveRequest, Totals, cases};
use crate::inspect::resolve::{Question, Resource};
use crate::inspect::{Action, Facts};
use crate::model::ids::RunId;
use crate::model::principal::{Grade, Principal, Process, WorkloadId};
use crate::model::target::{ProtocolName, Target};
use std::net::{Ipv4Addr, SocketAddr};

/// Forbids everything.
const CLOSED: &str = "@id(\"fuzz-closed\") forbid (principal, action, resource);";

/// Reads `bytes` as policies, and what stands behind the first NUL as cases.
///
/// Whatever the bytes, it has to return, and a forbid of everything beside them has to deny.
pub fn fuzz_entry(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0).map(String::from_utf8_lossy);
    let policies = parts.next().unwrap_or_default().into_owned();
    let cases = cases::read(&[("a.toml".to_owned(), parts.next().unwrap_or_default().into_owned())]);
    let Ok(set) = PolicySet::load(vec![("a.cedar".to_owned(), policies.clone())]) else { return };
    let outcomes = cases.map(|cases| cases::run(&set, &cases)).unwrap_or_default();
    let problems = outcomes.iter().filter_map(cases::Outcome::problem).count();
    debug_assert!(problems <= outcomes.len());
    let _opened = decide_all(&set);
    if let Ok(closed) = PolicySet::load(vec![("a.cedar".to_owned(), policies), ("b.cedar".to_owned(), CLOSED.to_owned())]) {
        assert!(decide_all(&closed).iter().all(|decision| !decision.allows()), "a forbid of everything was passed over");
    }
}

/// A connect, a name, a statement, and one that was not understood.
fn decide_all(set: &PolicySet) -> [Decision; 4] {
    let principal = Principal {
        workload: WorkloadId("spiffe://acme.example/job".to_owned()),
        name: Some("job".to_owned()),
        owner: None,
        grade: Grade::Kernel,
        run: RunId::from_number(1),
        process: Process::default(),
        claims: None,
        attested: None,
        attestation_failure: None,
        person: None,
    };
    let target = Target { name: "prod-pg".to_owned(), environment: None, protocol: ProtocolName::Postgres, configured: true };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 5432));
    let connect = set.decide(&ConnectRequest {
        principal: &principal,
        target: &target,
        address,
        owner_active: true,
        known: &Known { names: vec!["db.acme.example".to_owned()], ..Known::default() },
        totals: Totals::default(),
        approved: false,
        granted: false,
    });
    let resolve = set.decide_resolve(&ResolveRequest {
        principal: &principal,
        target: &target,
        name: "db.acme.example",
        record_type: "A",
        owner_active: true,
        granted: false,
    });
    let questions = [
        Question {
            action: Action::Read,
            resource: Resource::Table(Some("public".into()), "users".into()),
            behind: None,
            verb: None,
        },
        Question {
            action: Action::Call,
            resource: Resource::Function(None, "f".into()),
            behind: Some("public.v".into()),
            verb: Some("DELETE"),
        },
    ];
    let operation = |facts: &Facts| {
        set.decide_operation(&OperationRequest {
            principal: &principal,
            target: &target,
            owner_active: true,
            asker: None,
            database: "shop",
            user: "app",
            questions: &questions,
            command: "SELECT",
            facts,
            statements: 1,
            in_transaction: false,
            totals: Totals::default(),
            approved: false,
            grants: &[],
        })
    };
    let unparsed = Facts { unparsed: Some("no".to_owned()), ..Facts::default() };
    [connect, resolve, operation(&Facts::default()), operation(&unparsed)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pieces that policies and cases are made of.
    const PIECES: [&str; 30] = [
        "@id(\"a\") ",
        "@id(\"b\") ",
        "@hold(\"group=dba\") ",
        "permit",
        "forbid",
        " (principal, action, resource)",
        "(principal == Workload::\"spiffe://acme.example/job\", action in Action::\"operation\", resource in Target::\"prod-pg\")",
        " when { ",
        " unless { ",
        " }",
        ";",
        "context.parsed",
        "context.run.rows * 9223372036854775807 > 0",
        " && ",
        " || ",
        "!",
        "(",
        ")",
        "[",
        "]",
        "principal has name",
        "Table::\"prod-pg/public.users\"",
        "resource == ",
        "\0",
        "[[case]]\n",
        "name = \"x\"\n",
        "sql = \"SELECT 1\"\n",
        "expect = \"deny\"\n",
        "principal = { workload = \"w\" }\n",
        "target = { name = \"prod-pg\" }\n",
    ];

    proptest! {
        #[test]
        fn whatever_the_pieces_it_returns(pieces in proptest::collection::vec(proptest::sample::select(PIECES.to_vec()), 0..40)) {
            fuzz_entry(pieces.concat().as_bytes());
        }

        #[test]
        fn whatever_the_bytes_it_returns(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            fuzz_entry(&bytes);
        }

        #[test]
        fn whatever_is_changed_in_a_good_set_it_returns(place in 0_usize..300, byte in any::<u8>(), cut in 0_usize..300) {
            let mut text = b"@id(\"a\") permit (principal, action in Action::\"operation\", resource in Target::\"prod-pg\") when { principal has name && context.parsed && context.run.rows < 5 };\0[[case]]\nname = \"x\"\nsql = \"SELECT 1\"\nexpect = \"deny\"\nprincipal = { workload = \"w\" }\ntarget = { name = \"prod-pg\" }\n".to_vec();
            if let Some(changed) = text.get_mut(place) {
                *changed = byte;
            }
            text.truncate(text.len() - cut.min(text.len()));
            fuzz_entry(&text);
        }
    }
}
