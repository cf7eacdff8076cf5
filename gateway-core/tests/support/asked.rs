//! A question to a policy set, as a statement that reads tables puts it.

use gateway_core::inspect::resolve::{Question, Resource};
use gateway_core::inspect::{Action, Facts};
use gateway_core::model::ids::RunId;
use gateway_core::model::principal::{Grade, Principal, Process, WorkloadId};
use gateway_core::model::target::{ProtocolName, Target};
use gateway_core::policy::{OperationRequest, Totals};

/// Has `use_it` put it: the job `job-3` reads these tables at this target, in this environment.
pub(crate) fn asked((target, environment): (&str, Option<&str>), tables: &[&str], use_it: impl FnOnce(&OperationRequest<'_>)) {
    let principal = Principal {
        workload: WorkloadId("spiffe://acme.example/job/3".to_owned()),
        name: Some("job-3".to_owned()),
        owner: Some("ana@acme.example".to_owned()),
        grade: Grade::Kernel,
        run: RunId::from_number(7),
        process: Process::default(),
        claims: None,
        attested: None,
        attestation_failure: None,
        person: None,
    };
    let target = Target {
        name: target.to_owned(),
        environment: environment.map(str::to_owned),
        protocol: ProtocolName::Postgres,
        configured: true,
    };
    let question = |table: &&str| Question {
        action: Action::Read,
        resource: Resource::Table(Some("public".into()), (*table).into()),
        behind: None,
        verb: None,
    };
    let questions: Vec<_> = tables.iter().map(question).collect();
    use_it(&OperationRequest {
        principal: &principal,
        target: &target,
        owner_active: true,
        asker: None,
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
    });
}
