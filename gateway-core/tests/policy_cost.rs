//! What a decision costs: `cargo test --release -p gateway-core --test policy_cost -- --ignored --nocapture`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of a measurement, which says what it measured")]

#[path = "support/asked.rs"]
mod asked;

use asked::asked;
use gateway_core::policy::PolicySet;
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
    for count in [1_usize, 2, 4, 16] {
        let tables: Vec<String> = (0..count).map(|number| format!("t{number}")).collect();
        asked(("prod-pg", Some("production")), &tables.iter().map(String::as_str).collect::<Vec<_>>(), |request| {
            assert!(set.decide_operation(request).allows());
            let rounds = 2_000;
            let started = Instant::now();
            for _ in 0..rounds {
                assert!(set.decide_operation(request).allows());
            }
            let each = started.elapsed() / rounds;
            println!("{count} questions: {each:?} a statement, {:?} a question", each / u32::try_from(count).unwrap());
        });
    }
}
