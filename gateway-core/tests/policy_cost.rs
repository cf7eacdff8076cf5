//! What a decision costs: `cargo test --release -p gateway-core --test policy_cost -- --ignored --nocapture`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of a measurement, which says what it measured")]

use gateway_core::inspect::resolve::{Question, Resource};
use gateway_core::inspect::{Action, Facts};
use gateway_core::model::ids::RunId;
use gateway_core::model::principal::{Grade, Principal, Process, WorkloadId};
use gateway_core::model::target::{ProtocolName, Target};
use gateway_core::policy::{OperationRequest, PolicySet, Totals};
use std::time::Instant;

/// Fifty policies: some are one job's own, the others concern all.
fn policies(jobs: usize) -> String {
    let mut text = String::new();
    for job in 0..jobs {
        text += &format!(
            "@id(\"job-{job}\") permit (principal == Workload::\"spiffe://acme.example/job/{job}\", \
             action in [Action::\"read\", Action::\"write\"], resource in Target::\"prod-pg\") when {{ principal.owner_active }};\n"
        );
    }
    for rule in 0..50 - jobs {
        text += &format!(
            "@id(\"rule-{rule}\") forbid (principal, action in Action::\"operation\", resource in Environment::\"production\") \
             when {{ context.verb == \"V{rule}\" || context.run.rows > {rule}000000 + 2000000 }} unless {{ context.approval.satisfied }};\n"
        );
    }
    text
}

#[test]
#[ignore = "a measurement, not a check"]
fn fifty_policies() {
    for jobs in [40, 10] {
        println!("{jobs} of the policies are one job's own, {} concern all", 50 - jobs);
        measure(&PolicySet::load(vec![("a.cedar".to_owned(), policies(jobs))]).unwrap());
    }
}

fn measure(set: &PolicySet) {
    let principal = Principal {
        workload: WorkloadId("spiffe://acme.example/job/3".to_owned()),
        name: Some("job-3".to_owned()),
        owner: Some("ana@acme.example".to_owned()),
        grade: Grade::Kernel,
        run: RunId::from_number(7),
        process: Process { unit: Some("job-3.service".to_owned()), user: Some("job".to_owned()), ..Process::default() },
        claims: None,
        attested: None,
        attestation_failure: None,
        person: None,
    };
    let target = Target {
        name: "prod-pg".to_owned(),
        environment: Some("production".to_owned()),
        protocol: ProtocolName::Postgres,
        configured: true,
    };
    for count in [1_usize, 2, 4, 16] {
        let question = |number: usize| Question {
            action: Action::Read,
            resource: Resource::Table(Some("public".into()), format!("t{number}").into()),
            behind: None,
            verb: None,
        };
        let questions: Vec<_> = (0..count).map(question).collect();
        let request = OperationRequest {
            principal: &principal,
            target: &target,
            owner_active: true,
            database: "shop",
            user: "app",
            questions: &questions,
            command: "SELECT",
            facts: &Facts::default(),
            statements: 1,
            in_transaction: false,
            totals: Totals::default(),
            approved: false,
            grants: &[],
        };
        assert!(set.decide_operation(&request).allows());
        let rounds = 2_000;
        let started = Instant::now();
        for _ in 0..rounds {
            assert!(set.decide_operation(&request).allows());
        }
        let each = started.elapsed() / rounds;
        println!("{count} questions: {each:?} a statement, {:?} a question", each / u32::try_from(count).unwrap());
    }
}
