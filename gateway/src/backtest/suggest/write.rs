//! Needs as Cedar: a permit for each thing done to something, forbids for quotas and for what people approved, comments for the rest.

use super::needs::{Key, Needs, Seen, Use};
use crate::evidence::utc;
use gateway_core::control::hold::Terms;
use gateway_core::inspect::Action;
use gateway_core::inspect::resolve::Resource;
use gateway_core::model::principal::Grade;
use gateway_core::policy::resource_id;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// So many things are told of each kind that no policy is made of.
const TOLD: usize = 50;

/// The text of a suggestion.
pub(super) fn text(needs: &Needs, headroom: u64) -> String {
    let mut page = Page::new(needs);
    page.head(headroom);
    page.connections();
    page.names();
    page.operations();
    page.classes();
    page.not_understood();
    page.quotas(headroom);
    page.comments("refused, and not permitted here", &needs.denied);
    page.comments("hidden values of classes, and still hidden: a permit for Action::\"reveal\" shows them", &needs.hidden);
    page.comments("for a person to decide; it is not permitted here", &needs.doubtful);
    page.text
}

struct Page<'n> {
    needs: &'n Needs,
    text: String,
    ids: BTreeSet<String>,
    /// The scope of the principal, and the condition where that is not enough.
    principal: String,
    condition: Option<String>,
    short: String,
}

impl<'n> Page<'n> {
    fn new(needs: &'n Needs) -> Self {
        let mut workloads = needs.workloads.iter();
        let (principal, condition) = match (workloads.next(), workloads.next(), needs.names.first()) {
            (Some(only), None, _) => (format!("principal == Workload::{only:?}"), None),
            (_, _, Some(name)) => {
                let condition = format!("principal has name && principal.name == {name:?}");
                ("principal is Workload".to_owned(), Some(condition))
            }
            (_, _, None) => ("principal is Workload".to_owned(), None),
        };
        let last = |id: &String| id.rsplit('/').next().unwrap_or_default().to_owned();
        let short = needs.names.first().cloned().or_else(|| needs.workloads.first().map(last)).unwrap_or_default();
        Self { needs, text: String::new(), ids: BTreeSet::new(), principal, condition, short }
    }

    fn head(&mut self, headroom: u64) {
        let needs = self.needs;
        let who = needs.workloads.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        self.comment(&format!(
            "What {who} was seen to do, in {} decisions. Quotas are {headroom} times what was seen at most.",
            needs.decisions
        ));
        self.comment("Read it before it is used: what it did once is not what it should do always.");
        for (why, count) in &needs.not_judged {
            self.comment(&format!("{count} decisions were left out: {why}."));
        }
    }

    fn connections(&mut self) {
        for ((target, mismatch), seen) in &self.needs.connects {
            let mut conditions = self.of_grade();
            if *mismatch {
                conditions.push("context.mismatch".to_owned());
            }
            let name = format!("connect{}", if *mismatch { "-mismatch" } else { "" });
            self.policy(
                &format!("{name} {target}"),
                seen,
                "permit",
                "action == Action::\"connect\"",
                &target_is(target),
                &conditions,
            );
        }
    }

    fn names(&mut self) {
        let mut by_target: BTreeMap<&str, Vec<(&str, &Seen)>> = BTreeMap::new();
        for ((target, name), seen) in &self.needs.resolved {
            by_target.entry(target).or_default().push((name, seen));
        }
        for (target, names) in by_target {
            for (name, seen) in names {
                let mut conditions = self.of_grade();
                conditions.push(format!("context.name == {name:?}"));
                self.policy(
                    &format!("resolve {name}"),
                    seen,
                    "permit",
                    "action == Action::\"resolve\"",
                    &target_is(target),
                    &conditions,
                );
            }
        }
    }

    fn operations(&mut self) {
        for (key, done) in &self.needs.uses {
            let Key { target, action, resource } = key;
            let (kind, id) = resource_id(target, resource);
            let action_is = format!("action == Action::{:?}", action.name());
            let mut conditions = vec![one_of("context.verb", &done.verbs)];
            let resource_is = match odd_name(resource) {
                None => format!("resource == {kind}::{id:?}"),
                Some(name) => {
                    conditions.push(format!("resource.name == {name:?}"));
                    format!("resource is {kind} in Target::{target:?}")
                }
            };
            if !done.behind.contains(&None) {
                let views = done.behind.iter().flatten().map(|view| view.to_string()).collect();
                conditions.push(format!("context has behind && {}", one_of("context.behind", &views)));
            }
            if *action == Action::Write && !done.no_where {
                conditions.push("!context.no_where".to_owned());
            }
            let name = format!("{} {}", action.name(), if *resource == Resource::Target { target } else { &id });
            if done.implied {
                self.comment("Not seen itself: a name without a schema may mean it, since a policy here names it.");
            }
            self.policy(&name, &done.seen, "permit", &action_is, &resource_is, &conditions);
            self.held(&name, done, (&action_is, &resource_is), &conditions);
        }
    }

    /// What people approved each time is to wait for them again.
    fn held(&mut self, name: &str, done: &Use, (action, resource): (&str, &str), conditions: &[String]) {
        for Terms { policy, group, quorum, wait_seconds, valid_seconds } in done.held.iter().flatten() {
            let hold = format!("@hold(\"group={group},quorum={quorum},wait={wait_seconds}s,valid={valid_seconds}s\")");
            self.comment(&format!("Each time people had approved it, as {policy} asks for."));
            let id = self.id(&format!("{name} waits for {group}"));
            self.statement(&format!("{id} {hold}"), "forbid", action, resource, conditions, Some("context.approval.satisfied"));
        }
    }

    fn classes(&mut self) {
        for ((target, class), seen) in &self.needs.revealed {
            let conditions = [format!("resource in Target::{target:?}")];
            let resource = format!("resource == Class::{class:?}");
            self.policy(
                &format!("reveal {class} {target}"),
                seen,
                "permit",
                "action == Action::\"reveal\"",
                &resource,
                &conditions,
            );
        }
    }

    fn not_understood(&mut self) {
        for (target, seen) in &self.needs.unread {
            self.comment("Statements that nobody understood, and that a policy permitted: anything may be in them.");
            let (action, resource) = ("action in Action::\"operation\"", target_is(target));
            self.policy(&format!("not-understood {target}"), seen, "permit", action, &resource, &["!context.parsed".to_owned()]);
        }
    }

    fn quotas(&mut self, headroom: u64) {
        let most = self.needs.most;
        let all = [
            ("run", "rows", most.run.rows),
            ("run", "bytes", most.run.bytes),
            ("run", "statements", most.run.statements),
            ("run", "concurrent", most.run.concurrent),
            ("hour", "rows", most.hour.rows),
            ("hour", "bytes", most.hour.bytes),
            ("hour", "statements", most.hour.statements),
        ];
        if self.needs.uses.is_empty() {
            return;
        }
        for (scope, field, seen) in all {
            let limit = i64::try_from(round_up(seen.saturating_mul(headroom).max(1))).unwrap_or(i64::MAX);
            self.comment(&format!("At most {seen} {field} of {} were seen.", if scope == "run" { "a run" } else { "an hour" }));
            let id = self.id(&format!("quota {scope} {field}"));
            let condition = format!("context.{scope}.{field} > {limit}");
            self.statement(&id, "forbid", "action in Action::\"operation\"", "resource", &[condition], None);
        }
    }

    /// What no policy is made of.
    fn comments(&mut self, what: &str, all: &BTreeMap<String, Seen>) {
        if all.is_empty() {
            return;
        }
        self.text.push('\n');
        self.comment(&format!("Not in these policies: what was {what}:"));
        for (words, seen) in all.iter().take(TOLD) {
            self.comment(&format!("  {words}: {}", evidence(seen)));
        }
        if all.len() > TOLD {
            self.comment(&format!("  and {} further ones", all.len() - TOLD));
        }
    }

    fn of_grade(&self) -> Vec<String> {
        let claimed = self.needs.grades.contains(&Grade::Claimed);
        if claimed { Vec::new() } else { vec!["principal.grade != \"claimed\"".to_owned()] }
    }

    fn policy(&mut self, name: &str, seen: &Seen, effect: &str, action: &str, resource: &str, conditions: &[String]) {
        self.comment(&evidence(seen));
        let id = self.id(name);
        self.statement(&id, effect, action, resource, conditions, None);
    }

    fn statement(
        &mut self,
        annotations: &str,
        effect: &str,
        action: &str,
        resource: &str,
        conditions: &[String],
        unless: Option<&str>,
    ) {
        let all: Vec<&str> = self.condition.iter().chain(conditions).map(String::as_str).collect();
        let when = if all.is_empty() { String::new() } else { format!("\nwhen {{ {} }}", all.join(" && ")) };
        let unless = unless.map(|condition| format!(" unless {{ {condition} }}")).unwrap_or_default();
        let principal = &self.principal;
        // Writing into memory can't fail.
        let _written =
            write!(self.text, "{annotations}\n{effect} ({principal}, {action}, {resource}){when}{unless};\n\n").is_ok();
    }

    /// An `@id` that no other policy here has.
    fn id(&mut self, name: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/') { c } else { '-' };
        let name: String = format!("{} {name}", self.short).chars().map(plain).take(200).collect();
        let mut id = name.clone();
        let mut number = 2;
        while !self.ids.insert(id.clone()) {
            id = format!("{name}-{number}");
            number += 1;
        }
        format!("@id({id:?})")
    }

    /// A line that is no policy, whatever is in it.
    fn comment(&mut self, line: &str) {
        let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _written = writeln!(self.text, "// {line}").is_ok();
    }
}

fn evidence(seen: &Seen) -> String {
    let Seen { count, first, last, example } = seen;
    let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
    if first == last {
        return format!("{times}, {}, {example}", utc(*first));
    }
    format!("{times}, {} to {}, for example {example}", utc(*first), utc(*last))
}

fn target_is(target: &str) -> String {
    format!("resource == Target::{target:?}")
}

/// The name of something whose id has letters that a policy set may not have in an id. Its schema can't be asked for beside it: a set that
/// names a schema by itself has every name without one asked about there, too.
fn odd_name(resource: &Resource) -> Option<&str> {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    let (Resource::Table(schema, name) | Resource::Function(schema, name)) = resource else { return None };
    (!plain(name) || schema.as_ref().is_some_and(|schema| !plain(schema))).then_some(name)
}

fn one_of(fact: &str, values: &BTreeSet<String>) -> String {
    let mut listed = values.iter();
    match (listed.next(), listed.next()) {
        (Some(only), None) => format!("{fact} == {only:?}"),
        _ => {
            let list: Vec<_> = values.iter().map(|value| format!("{value:?}")).collect();
            format!("[{}].contains({fact})", list.join(", "))
        }
    }
}

/// A number that people can read: its first two digits, and noughts.
fn round_up(number: u64) -> u64 {
    let mut unit = 1_u64;
    while number / unit >= 100 {
        unit = unit.saturating_mul(10);
    }
    number.div_ceil(unit).saturating_mul(unit)
}
