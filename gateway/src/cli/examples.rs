//! What `--help` shows of each command: how it is used. A test has clap parse every line.

pub(super) const WEIR: &str = "\
Examples:
  weir run --config weir.toml -- ./nightly-backup.sh    run one job under the gateway
  weir session list                                     what connected where, and how it ended
  weir why s-01jd5k2v8q3xm                              which policy refused what, and what to do
  weir session kill s-01jd5k2v8q3xm --reason runaway    end a live session, here and at its server
  weir audit verify                                     check that no record was touched";

pub(super) const OPENAPI: &str = "\
Examples:
  weir openapi >openapi.json
  weir openapi | jq -r '.paths | keys[]'";

pub(super) const RUN: &str = "\
Examples:
  weir run -- ./nightly-backup.sh                             with the host's configuration
  weir run --config weir.toml --uid backup -- pg_dump shop    as the user `backup`, not as root
  weir run --privileges confined --uid ci -- ./build.sh       sudo and apt work inside
  weir run -q -- sh -c 'psql -f a.sql && psql -f b.sql'       without a line of weir's own

The exit status is the job's; 128 and the signal's number where a signal ended it. Needs root.";

pub(super) const RUNS: &str = "\
Examples:
  weir run list
  weir run list --format json | jq -r '.[-1].run'    the latest";

pub(super) const RUN_SHOW: &str = "\
Examples:
  weir run show r-01jd5k2v8q3xm
  weir run show r-01jd5k2v8q3xm --format markdown >summary.md
  weir run show r-01jd5k2v8q3xm --format json | jq '.contacts[] | select(.decision != \"allowed\")'

`weir run` appends the Markdown to $GITHUB_STEP_SUMMARY where that is set.";

pub(super) const RUN_FREEZE: &str = "\
Examples:
  weir run freeze r-01jd5k2v8q3xm --reason \"what is it doing?\"

Its processes stop where they are; what its sessions run at their servers goes on. Needs root.";

pub(super) const RUN_THAW: &str = "\
Examples:
  weir run thaw r-01jd5k2v8q3xm --reason \"it may\"";

pub(super) const RUN_KILL: &str = "\
Examples:
  weir run kill r-01jd5k2v8q3xm --reason \"it copies customers\"

Clients are reset, queries cancelled at their servers, processes killed. Needs root.";

pub(super) const HOLD_LIST: &str = "\
Examples:
  weir hold list
  weir hold list --past 20                           and the latest that are over
  weir hold list --format json | jq -r '.[].id'";

pub(super) const HOLD_SHOW: &str = "\
Examples:
  weir hold show h-01jd5k2v8q3xm";

pub(super) const HOLD_APPROVE: &str = "\
Examples:
  weir hold approve h-01jd5k2v8q3xm --reason \"ticket 4711\"
  weir hold approve h-01jd5k2v8q3xm --reason \"ticket 4711\" --for session

What was approved is what runs: other bytes or other parameters are another hold.
Nobody approves their own.";

pub(super) const HOLD_DENY: &str = "\
Examples:
  weir hold deny h-01jd5k2v8q3xm --reason \"not during business hours\"";

pub(super) const GRANT_REQUEST: &str = "\
Examples:
  weir grant request --target prod-pg --action write --table public.orders --for 2h --reason deploy
  weir grant request --workload dump --target pg --action reveal --class pii --for 1h --reason audit
  weir grant request --run r-01jd5k2v8q3xm --target prod-pg --action read --for 1h --reason \"a look\"

Nothing is given by that: somebody who may approves it. It counts where a policy heeds
`context.granted`, and for what a
policy holds, where who gave it is of the group that is asked for.";

pub(super) const GRANT_LIST: &str = "\
Examples:
  weir grant list
  weir grant list --past 20    and the latest that are over";

pub(super) const GRANT_APPROVE: &str = "\
Examples:
  weir grant approve g-01jd5k2v8q3xm --reason \"ticket 4711\"";

pub(super) const GRANT_DENY: &str = "\
Examples:
  weir grant deny g-01jd5k2v8q3xm --reason \"use the replica\"";

pub(super) const GRANT_REVOKE: &str = "\
Examples:
  weir grant revoke g-01jd5k2v8q3xm --reason done";

pub(super) const NOTIFY_LIST: &str = "\
Examples:
  weir notify list
  weir notify list --format json | jq -r '.[] | select(.failed > 0) | .name'";

pub(super) const NOTIFY_TEST: &str = "\
Examples:
  weir notify test on-call

Exit status 1 where it was not reached.";

pub(super) const SINK_LIST: &str = "\
Examples:
  weir sink list
  weir sink list --format json | jq -r '.[] | select(.state != \"well\") | .name'";

pub(super) const SINK_TEST: &str = "\
Examples:
  weir sink test siem

Exit status 1 where it did not take the event.";

pub(super) const ALERT_LIST: &str = "\
Examples:
  weir alert list
  weir alert list --past 200 --format json";

pub(super) const ALERT_EXPLAIN: &str = "\
Examples:
  weir alert explain a-01jd5k2v8q3xm";

pub(super) const ALERT_SNOOZE: &str = "\
Examples:
  weir alert snooze first-table --workload nightly-backup --for 2h --reason \"a migration\"
  weir alert snooze '*' --workload 'build-*' --for 7d --reason \"the new runners\"

Nothing is told of it meanwhile, and nothing done: no block, no kill. It ends by itself.";

pub(super) const ALERT_SNOOZES: &str = "\
Examples:
  weir alert snoozes
  weir alert snoozes --past 20    and the latest that are over";

pub(super) const ALERT_UNSNOOZE: &str = "\
Examples:
  weir alert unsnooze z-01jd5k2v8q3xm --reason \"the migration is over\"";

pub(super) const ALERT_RULES: &str = "\
Examples:
  weir alert rules
  weir alert rules --check rules.toml    before it is put in force

A file that can't be read as rules is told with its lines, and the exit status is 1.";

pub(super) const BLOCK_ADD: &str = "\
Examples:
  weir block add --workload nightly-backup --for 2h --reason \"it reads too much\"
  weir block add --owner ana@acme.example --reason \"she has left\" --dry-run
  weir block add --repository 'acme/*' --reason \"a leaked token\"
  weir block add --credential env:PROD_PASSWORD --reason rotated

What is live is cut, what comes is refused, whatever the policies say, and in observe mode too.
It survives restarts.";

pub(super) const BLOCK_LIST: &str = "\
Examples:
  weir block list
  weir block list --past 20    and the latest that are over";

pub(super) const BLOCK_REMOVE: &str = "\
Examples:
  weir block remove b-01jd5k2v8q3xm --reason \"the token is rotated\"";

pub(super) const GLASS: &str = "\
Examples:
  sudo weir break-glass --target prod-pg --reason \"the site is down\" --for 30m
  weir break-glass --target prod-pg --reason \"the site is down\" --for 30m --code $MINE --code $YOURS
  weir break-glass list    where a review is owed

Policies refuse nothing at that target for what the user runs who asks. Blocks and masks stay. It
works without any
gateway, and without an identity provider.";

pub(super) const GLASS_LIST: &str = "\
Examples:
  weir break-glass list
  weir break-glass list --past 20    and the latest that are reviewed";

pub(super) const GLASS_END: &str = "\
Examples:
  weir break-glass end x-01jd5k2v8q3xm";

pub(super) const GLASS_REVIEW: &str = "\
Examples:
  weir break-glass review x-01jd5k2v8q3xm --finding \"two UPDATEs on orders, as the ticket says\"";

pub(super) const GLASS_CODES: &str = "\
Examples:
  weir break-glass codes ana@acme.example bo@acme.example cy@acme.example";

pub(super) const OWNER_LIST: &str = "\
Examples:
  weir owner list";

pub(super) const OWNER_TAKE: &str = "\
Examples:
  weir owner take nightly-backup --reason \"ticket 4711: she has left\"
  weir owner take nightly-backup --owner cy@acme.example --reason \"ticket 4711\"

Its successor may, for themself, and who is an operator for it. From then on it runs again, and what
is asked of people about it is asked of others than its new owner.";

pub(super) const TOKEN_CREATE: &str = "\
Examples:
  weir token create dashboards --role viewer --for 90d
  weir token create deploys --role approver --target 'prod-*' --for 30d
  weir token create okta --role provisioner --for 365d    for SCIM, and for nothing else

It is shown this once, and kept as a hash. It may never more than who made it.";

pub(super) const TOKEN_LIST: &str = "\
Examples:
  weir token list
  weir token list --past 20    and the latest that are over";

pub(super) const TOKEN_REVOKE: &str = "\
Examples:
  weir token revoke t-01jd5k2v8q3xm --reason \"it was in a log\"";

pub(super) const LOGIN: &str = "\
Examples:
  weir login --url https://weir.acme.example
  weir login --url https://weir.acme.example && weir hold list --url https://weir.acme.example

It names a page of your identity provider's and a code. What it gets is in ~/.config/weir/token,
and good for as long as a session of the console's.";

pub(super) const LOGOUT: &str = "\
Examples:
  weir logout

It asks the daemon at which weir login has signed you in. A shell that was yours is nobody's then.";

pub(super) const SERVE: &str = "\
Examples:
  weir serve --config /etc/weir/weir.toml    as a service does; SIGHUP reads the policies again
  weir serve --take-over                     in place of the daemon that runs, which drains
  weir serve --clear                         after the last daemon: ends the jobs it left refused

It tells systemd when it is ready (Type=notify). Needs root.";

pub(super) const CLASSIFY: &str = "\
Examples:
  weir classify prod-pg --database shop             print [[class]] sections, with the evidence
  weir classify prod-pg --database shop --append    and add them to the configuration
  weir classify prod-pg --rows 0                    by names and types alone: no row is read

It reads through the target's `catalog` credential, in a read-only transaction. No value is kept.";

pub(super) const UPGRADE: &str = "\
Examples:
  weir upgrade    with the new binary in place: as `systemctl reload weir` does

Where the next daemon can't serve, the one that runs goes on, and the exit status is 1.";

pub(super) const JOB_BEGIN: &str = "\
Examples:
  weir job begin --name \"build 7\"                        the calling shell and what it starts
  weir job begin --pid $PPID --env-file \"$GITHUB_ENV\"    from a hook: the process that started it

A process that is in a job has that job again, and gets no other.";

pub(super) const JOB_END: &str = "\
Examples:
  weir job end
  weir job end --run r-01jd5k2v8q3xm

Its processes stay intercepted until the last of them has gone.";

pub(super) const JOB_LIST: &str = "\
Examples:
  weir job list
  weir job list --format json | jq '.[] | select(.processes == 0) | .run'";

pub(super) const LIST: &str = "\
Examples:
  weir session list
  weir session list --since 7d --target prod-pg
  weir session list --search \"customers ana@\"     each word is somewhere in what it is or did
  weir session list --format json | jq '.[] | select(.state == \"live\") | .session'";

pub(super) const SHOW: &str = "\
Examples:
  weir session show s-01jd5k2v8q3xm
  weir session show s-01jd5k2v8q3xm --format json | jq .opened.principal.process";

pub(super) const WATCH: &str = "\
Examples:
  weir session watch s-01jd5k2v8q3xm
  weir session watch s-01jd5k2v8q3xm --format json | jq 'select(.kind == \"failed\")'

Exit status 1 where the session's gateway died before its end.";

pub(super) const VIEWS: &str = "\
Examples:
  weir session views s-01jd5k2v8q3xm
  weir session views s-01jd5k2v8q3xm --format json | jq -r '.[].by' | sort -u

Whoever shows, plays, follows, explains, exports or unseals a record is in the log before they
see anything, by this command line, the API and the console alike; again within ten minutes is
one entry. A report over many records is one entry of its own.";

pub(super) const PRUNE: &str = "\
Examples:
  weir audit prune --dry-run
  weir audit prune --older-than 90d

A gateway does it by itself where record.keep is set. Live records, those under a legal hold
(weir audit hold), and those whose end is not in the signed log yet are kept. weir audit prove ID
says of a removed one when and why it was removed.";

pub(super) const UNSEAL: &str = "\
Examples:
  weir audit unseal s-01jd5k2v8q3xm --reason \"case 4711\"                    asks
  weir audit unseal approve u-01jd5k2v8q3xm --reason \"case 4711, agreed\"    another person agrees
  weir audit unseal s-01jd5k2v8q3xm --reason \"case 4711\" --identity key.txt prints it, once

With --identity it waits for the approval. The identity is read here and is sent nowhere. Each
step is a signed event; that it was opened is in the log before anything is printed.";

pub(super) const UNSEAL_LIST: &str = "\
Examples:
  weir audit unseal list
  weir audit unseal list --past 20                   and those of the newest that are over";

pub(super) const UNSEAL_APPROVE: &str = "\
Examples:
  weir audit unseal approve u-01jd5k2v8q3xm --reason \"case 4711, agreed\"";

pub(super) const UNSEAL_DENY: &str = "\
Examples:
  weir audit unseal deny u-01jd5k2v8q3xm --reason \"ask the owner first\"";

pub(super) const PLAY: &str = "\
Examples:
  weir session play s-01jd5k2v8q3xm                             as fast as it was
  weir session play s-01jd5k2v8q3xm --speed 10x --idle 200ms
  weir session play s-01jd5k2v8q3xm --speed max | less
  weir session play s-01jd5k2v8q3xm --only statements,errors --match customers
  weir session play s-01jd5k2v8q3xm --from 90s --operation 7
  weir session play s-01jd5k2v8q3xm --format json | jq .body    an object a frame

At a terminal: space pauses and goes on, n or the right arrow shows the next frame,
+ and - change the speed, q ends. JSON does not wait unless --speed
is given.";

pub(super) const RERUN: &str = "\
Examples:
  weir session rerun s-01jd5k2v8q3xm --against postgres://app@scratch:5432/shop --dry-run
  weir session rerun s-01jd5k2v8q3xm --against env:SCRATCH_URL
  weir session rerun --run r-01jd5k2v8q3xm --against file:/root/scratch.url
  weir session rerun s-01jd5k2v8q3xm --against env:SCRATCH_URL --format json | jq .differences

The scratch server has to hold the data as they were before. A configured target is refused,
unless it says rerun = \"allowed\". Exit status 1 where a result differs, or where the record
lacks something and --partial is not given.";

pub(super) const REPORT: &str = "\
Examples:
  weir audit report --since 2026-01-01 --until 2026-04-01 --output q1.html
  weir audit report --since 90d --target prod-pg --format csv --output prod.csv
  weir audit report --since 30d --format json | jq .totals

Times are dates (00:00 UTC), times of RFC 3339, or how long ago; --until is not part of it.
Exit status 1 where a record is not as it was written: the report is made, and names it.";

pub(super) const KILL: &str = "\
Examples:
  weir session kill s-01jd5k2v8q3xm --reason \"runaway read\"

Exit status 1 where its end at the server could not be confirmed, or no running gateway has it.";

pub(super) const WHY: &str = "\
Examples:
  weir why s-01jd5k2v8q3xm      all that was refused in the session
  weir why s-01jd5k2v8q3xm/4    every decision on its 4th operation, as a refusal's HINT names it";

pub(super) const PROVE: &str = "\
Examples:
  weir audit prove s-01jd5k2v8q3xm
  weir audit prove s-01jd5k2v8q3xm -o for-the-auditor.tar

The record, the log's proofs of its beginning and end, the policies' texts, what people decided.";

pub(super) const VERIFY: &str = "\
Examples:
  weir audit verify
  weir audit verify s-01jd5k2v8q3xm --format json
  weir audit verify --key weir.pub --checkpoint from-the-siem.txt    against what left the host
  weir audit verify --bundle s-01jd5k2v8q3xm.tar --key weir.pub      anywhere, offline

Exit status 1 where anything is not as it was written.";

pub(super) const GAPS: &str = "\
Examples:
  weir audit gaps
  weir audit gaps --since 7d
  weir audit gaps --format json | jq '.gaps[] | select(.cause == \"died\")'";

pub(super) const LEGAL_ADD: &str = "\
Examples:
  weir audit hold add --target prod-pg --since 7d --reason \"case 4711\"
  weir audit hold add --run r-01jd5k2v8q3xm --reason \"case 4711\"";

pub(super) const LEGAL_LIST: &str = "\
Examples:
  weir audit hold list
  weir audit hold list --past 20                     and those of the newest that are lifted";

pub(super) const LEGAL_LIFT: &str = "\
Examples:
  weir audit hold lift l-01jd5k2v8q3xm --reason \"case 4711 is closed\"";

pub(super) const INCIDENT_OPEN: &str = "\
Examples:
  weir incident open --target prod-pg --since 2h --reason \"case 4711\"
  weir incident open --target prod-pg --since 2h --html incident.html
  weir incident open --target prod-pg --since 7d --no-hold --format json | jq '.top[].run'";

pub(super) const RECONCILE: &str = "\
Examples:
  weir target reconcile prod-pg
  weir target reconcile prod-pg --log /var/log/postgresql/postgresql-18-main.log
  weir target reconcile prod-pg --format json | jq '.now.past[] | .client'

Needs the target's catalog credential, and root. Exit status 1 where anything came by another way.";

pub(super) const KEY_SHOW: &str = "\
Examples:
  weir audit key show
  weir audit key show > weir.pub                     kept elsewhere, for verify --key weir.pub";

pub(super) const KEY_ROTATE: &str = "\
Examples:
  weir audit key rotate --reason \"yearly\"
  weir audit key rotate --to tpm:0x81010001 --reason \"into the TPM\"

Gateways that run go on with the new key where it is in the same file.";

pub(super) const REINDEX: &str = "\
Examples:
  weir audit reindex

Where a gateway runs, that gateway makes it; records are read from their files meanwhile.";

pub(super) const CREDENTIAL_REPORT: &str = "\
Examples:
  weir credential report
  weir credential report --shared --target prod-pg
  weir credential report --format json | jq '.[] | select(.shared) | .user'";

pub(super) const CHECK: &str = "\
Examples:
  weir policy check
  weir policy check --dir policy.d --format json | jq .problems

Exit status 1 where the set can't be used, or one of its cases fails.";

pub(super) const TEST: &str = "\
Examples:
  weir policy test --dir policy.d
  weir policy test --dir policy.d --cases more-cases";

pub(super) const POLICIES: &str = "\
Examples:
  weir policy show
  weir policy show --at 2026-11-29T08:30:00Z    the set that was in force then
  weir policy show --dir policy.d --format json | jq -r '.policies[].id'";

pub(super) const INIT: &str = "\
Examples:
  weir policy init policy.d                                    the whole starter set, with its cases
  weir policy init policy.d --set read-only-job,no-where       these parts of it";

pub(super) const RELOAD: &str = "\
Examples:
  weir policy check && weir policy reload

Sessions that the new set would not let begin are ended. Exit status 1 where a gateway refused it.";

pub(super) const BACKTEST: &str = "\
Examples:
  weir policy backtest --since 7d policies/                    what this set decides otherwise
  weir policy backtest --since 30d --fail-on deny policies/    fails where it denies more
  weir policy backtest --format json policies/ | jq -r '.changes[].example'";

pub(super) const SUGGEST: &str = "\
Examples:
  weir policy suggest --workload nightly-backup --since 30d
  weir policy suggest --workload nightly-backup --headroom 5 --out policy.d/nightly-backup.cedar";

pub(super) const READINESS: &str = "\
Examples:
  weir policy readiness --since 14d
  weir policy readiness --workload nightly-backup --format json | jq '.lines[].would_refuse'";

pub(super) const SHADOW: &str = "\
Examples:
  weir policy shadow --since 1d
  weir policy shadow --format json | jq -r '.differences[].example'";

pub(super) const SCHEMA: &str = "\
Examples:
  weir policy schema > weir.cedarschema    for an editor that knows Cedar";

pub(super) const CONFIG: &str = "\
Examples:
  weir config check weir.toml
  weir config check weir.toml --format json | jq -r '.problems[] | \"\\(.line): \\(.problem)\"'

Exit status 1 where there is a problem.";

pub(super) const DOCTOR: &str = "\
Examples:
  weir doctor
  weir doctor --tls        which clients will trust weir's certificates

Exit status 1 where weir can't intercept on this host.";

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory as _};

    /// The commands that do something, each with its path.
    fn leaves(command: &Command, found: &mut Vec<Command>) {
        let mut below = command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set()).peekable();
        if below.peek().is_none() {
            found.push(command.clone());
        }
        below.for_each(|below| leaves(below, found));
    }

    #[test]
    fn each_command_shows_examples_of_itself_that_parse() {
        let weir = super::super::Arguments::command();
        let mut commands = Vec::new();
        leaves(&weir, &mut commands);
        assert!(commands.len() > 40, "{}", commands.len());
        commands.push(weir.clone());
        for command in commands {
            let name = command.get_name();
            let help = command.get_after_help().unwrap_or_else(|| panic!("{name} has no example")).to_string();
            // Wider ones are wrapped, and then no longer a table.
            assert!(help.lines().all(|line| line.chars().count() <= 100), "{name}: {help}");
            let lines: Vec<_> = help.lines().filter_map(|line| line.strip_prefix("  ")).collect();
            assert!(lines.iter().all(|line| line.contains(name)), "{name}: {lines:?}");
            for line in lines {
                // What stands behind a pipe, or behind two spaces, is not weir's.
                let line = line.split(" | ").next().and_then(|line| line.split("  ").next()).unwrap_or_default();
                for one in line.split(" && weir").map(|one| one.split(" >").next().unwrap_or_default()) {
                    let words = one.trim_start_matches("weir").split_whitespace().map(|word| word.trim_matches(['"', '\'']));
                    let parsed = weir.clone().try_get_matches_from(std::iter::once("weir").chain(words));
                    // A word in quotes that has spaces is more than one here.
                    let quoted = one.contains('"');
                    assert!(
                        quoted || parsed.is_ok(),
                        "{one}: {}",
                        parsed.err().map(|error| error.to_string()).unwrap_or_default()
                    );
                }
            }
        }
    }
}
