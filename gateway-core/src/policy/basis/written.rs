//! Writes what a decision rests on. Nothing is allocated for it.

use super::{COPIES, MOST_GRANTS, MOST_QUESTIONS, letter, letter_of};
use crate::control::grant::{Grant, Wish};
use crate::control::hold::Terms;
use crate::inspect::resolve::{Question, Resource};
use crate::model::ids::GrantId;
use crate::model::principal::Principal;
use crate::model::target::Target;
use crate::policy::{ConnectRequest, Decision, Known, OperationRequest, PolicySet, Running, Totals};
use serde::ser::{SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use std::fmt::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;

/// What a decision on a statement rests on.
#[derive(Clone, Copy)]
pub struct OperationBasis<'a> {
    /// What was asked.
    pub request: &'a OperationRequest<'a>,
    /// What came of it.
    pub decision: &'a Decision,
    /// Whether names were looked up in a catalog; else what they mean hangs on what the set names.
    pub by_catalog: bool,
    /// What it waits for because its owner has left.
    pub waits: Option<&'a Terms>,
    /// The classes that it touches and that are not revealed.
    pub hidden: &'a [Arc<str>],
}

/// What a decision on a connection rests on.
#[derive(Clone, Debug)]
pub struct ConnectBasis {
    /// The address that is dialled.
    pub address: SocketAddr,
    /// What else is known of the destination.
    pub known: Known,
    /// What has been counted.
    pub totals: Totals,
    /// Whether the owner is known and has not left.
    pub owner_active: bool,
    /// Whether a grant gives it.
    pub granted: bool,
    /// What it waits for because its owner has left.
    pub waits: Option<Terms>,
}

impl Serialize for OperationBasis<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Self { request, decision, by_catalog, waits, hidden } = self;
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("q", &Questions(request.questions))?;
        if request.questions.len() > MOST_QUESTIONS {
            map.serialize_entry("more", &(request.questions.len() - MOST_QUESTIONS))?;
        }
        map.serialize_entry("c", request.command)?;
        map.serialize_entry("f", &Letters(request, *by_catalog))?;
        if let Some(copy) = request.facts.copy
            && let Some((name, _)) = COPIES.iter().find(|(_, with)| *with == copy)
        {
            map.serialize_entry("copy", name)?;
        }
        map.serialize_entry("d", request.database)?;
        map.serialize_entry("u", request.user)?;
        map.serialize_entry("n", &request.statements)?;
        for (key, running) in [("s", request.totals.session), ("r", request.totals.run), ("h", request.totals.hour)] {
            map.serialize_entry(key, &numbers(running))?;
        }
        if !request.grants.is_empty() {
            map.serialize_entry("grants", &Grants(request.grants))?;
        }
        if let Some(terms) = waits {
            map.serialize_entry("waits", terms)?;
        }
        if decision.allows() && !decision.holds.is_empty() {
            map.serialize_entry("released", &decision.holds)?;
        }
        if !hidden.is_empty() {
            map.serialize_entry("hidden", &Classes(hidden))?;
        }
        map.end()
    }
}

impl ConnectBasis {
    /// What `set` says to it.
    #[must_use]
    pub fn decide(&self, set: &PolicySet, principal: &Principal, target: &Target) -> Decision {
        let Self { address, known, totals, owner_active, granted, waits } = self;
        let decision = set.decide(&ConnectRequest {
            principal,
            target,
            address: *address,
            owner_active: *owner_active,
            known,
            totals: *totals,
            approved: false,
            granted: *granted,
        });
        match waits {
            Some(terms) => decision.waiting(terms, "its owner has left"),
            None => decision,
        }
    }

    /// As the record has it, with the policies' own `decision`: what was told may be by something else.
    #[must_use]
    pub fn json(&self, decision: &Decision) -> serde_json::Value {
        let Self { address, known, totals, owner_active, granted, waits } = self;
        let released = if decision.allows() { decision.holds.as_slice() } else { &[] };
        serde_json::json!({
            "address": address, "names": known.names, "host": known.host, "hello": known.hello, "mismatch": known.mismatch,
            "s": numbers(totals.session), "r": numbers(totals.run), "h": numbers(totals.hour),
            "owner_active": owner_active, "granted": granted, "waits": waits, "released": released,
            "outcome": if decision.allows() { "allow" } else if decision.held() { "hold" } else { "deny" },
        })
    }
}

/// Appends the totals as they stand in what a decision rests on: `"s":[…],"r":[…],"h":[…]`.
pub fn write_totals(totals: &Totals, to: &mut Vec<u8>) {
    for (key, running) in [("\"s\":", totals.session), (",\"r\":", totals.run), (",\"h\":", totals.hour)] {
        to.extend_from_slice(key.as_bytes());
        for (before, number) in [b'[', b',', b',', b',', b',', b','].into_iter().zip(numbers(running)) {
            to.push(before);
            to.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        to.push(b']');
    }
}

const fn numbers(running: Running) -> [u64; 6] {
    let Running { rows, bytes, statements, seconds, concurrent, connections } = running;
    [rows, bytes, statements, seconds, concurrent, connections]
}

struct Questions<'a>(&'a [Question]);

impl Serialize for Questions<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let kept = self.0.get(..MOST_QUESTIONS).unwrap_or(self.0);
        let mut list = to.serialize_seq(Some(kept.len()))?;
        for question in kept {
            list.serialize_element(&One(question))?;
        }
        list.end()
    }
}

struct One<'a>(&'a Question);

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let Question { action, resource, behind, verb } = self.0;
        let (kind, schema, name) = match resource {
            Resource::Target => (".", None, None),
            Resource::Schema(schema) => ("s", Some(&**schema), None),
            Resource::Table(schema, name) => ("t", schema.as_deref(), Some(&**name)),
            Resource::Function(schema, name) => ("f", schema.as_deref(), Some(&**name)),
        };
        let values = [schema, name, behind.as_deref(), *verb];
        let length = values.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let mut list = to.serialize_seq(Some(1 + length))?;
        list.serialize_element(&What(letter_of(*action), kind))?;
        for value in values.iter().take(length) {
            list.serialize_element(value)?;
        }
        list.end()
    }
}

/// The action and the kind of what it is done to.
struct What(char, &'static str);

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char(self.0)?;
        f.write_str(self.1)
    }
}

impl Serialize for What {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

struct Letters<'a>(&'a OperationRequest<'a>, bool);

impl fmt::Display for Letters<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(request, by_catalog) = self;
        let facts = request.facts;
        let all = [
            (facts.unparsed.is_some(), letter::UNPARSED),
            (facts.no_where, letter::NO_WHERE),
            (facts.opaque, letter::OPAQUE),
            (facts.explain, letter::EXPLAIN),
            (facts.locking, letter::LOCKING),
            (request.in_transaction, letter::IN_TRANSACTION),
            (request.owner_active, letter::OWNER_ACTIVE),
            (*by_catalog, letter::CATALOG),
        ];
        all.into_iter().filter(|(holds, _)| *holds).try_for_each(|(_, letter)| f.write_char(letter))
    }
}

impl Serialize for Letters<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

struct Grants<'a>(&'a [&'a Grant]);

#[derive(Serialize)]
struct Given<'a> {
    id: GrantId,
    wish: &'a Wish,
}

impl Serialize for Grants<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        // One more than are read back says that there are more.
        to.collect_seq(self.0.iter().take(MOST_GRANTS + 1).map(|grant| Given { id: grant.id, wish: &grant.wish }))
    }
}

struct Classes<'a>(&'a [Arc<str>]);

impl Serialize for Classes<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(|class| &**class))
    }
}
