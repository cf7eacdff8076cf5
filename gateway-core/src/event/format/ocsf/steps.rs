//! The classes of what people decide: each step of the ledger by what it is.

use super::classes::Class;
use super::{Fields, begin, controlled, objects, status, unmap};
use crate::event::control::{Account, Act, Authorize, Kept, Manage, Sign, act};
use crate::event::format::words;
use crate::event::{Event, What};
use serde_json::{Value, json};

/// A step of the ledger.
struct Step<'a> {
    name: &'a str,
    by: &'a str,
    subject: &'a str,
    details: &'a Value,
}

const SUCCESS: (u32, &str) = (1, "Success");
const FAILURE: (u32, &str) = (2, "Failure");

pub(super) fn step(event: &Event) -> Fields {
    let What::Control { number, name, by, subject, details, key, signature } = &event.what else { return Fields::new() };
    let step = &Step { name, by, subject, details };
    let mut fields = match act(name) {
        Act::Authorize(authorize) => authorized(event, step, authorize),
        Act::Manage(manage, kept) => managed(event, step, manage, kept),
        Act::Operate(manage) => operated(event, step, manage),
        Act::Authenticate(sign) => authenticated(event, step, sign),
        Act::Account(account) => account_changed(event, step, account),
        Act::Error => {
            let mut fields = begin(event, Class::ERROR, (1, "General Error"));
            status(&mut fields, FAILURE, Some(("", step.text("/error").unwrap_or_default())));
            fields
        }
    };
    let own = json!({
        "number": number, "kind": name, "by": by, "subject": subject, "details": words::rest(details), "key": key, "signature": signature,
    });
    unmap(&mut fields, "ledger", own);
    fields
}

impl<'a> Step<'a> {
    fn text(&self, pointer: &str) -> Option<&'a str> {
        self.details.pointer(pointer)?.as_str().filter(|text| !text.is_empty())
    }

    /// The workload that it is about.
    fn workload(&self) -> Value {
        let id = self.text("/workload").or_else(|| self.text("/wish/workload"));
        match (self.text("/name"), id) {
            (name, Some(id)) => json!({ "name": name.unwrap_or(id), "uid": id, "type_id": 4, "type": "Service" }),
            (Some(name), None) => json!({ "name": name, "type_id": 4, "type": "Service" }),
            (None, None) => json!({ "name": self.subject(), "type_id": 0, "type": "Unknown" }),
        }
    }

    fn subject(&self) -> &'a str {
        if self.subject.is_empty() { "unknown" } else { self.subject }
    }

    fn actor(&self) -> Value {
        json!({ "user": objects::person(self.by) })
    }
}

fn authorized(event: &Event, step: &Step<'_>, authorize: Authorize) -> Fields {
    let (activity, came) = match authorize {
        Authorize::Asked => ((99, "Ask"), (99, "Waiting")),
        Authorize::Approved => ((99, "Approve"), SUCCESS),
        Authorize::Given => ((1, "Assign Privileges"), SUCCESS),
        Authorize::Denied => ((99, "Deny"), FAILURE),
        Authorize::Ended => ((99, "End"), SUCCESS),
    };
    let mut fields = begin(event, Class::AUTHORIZE, activity);
    fields.insert("user".to_owned(), step.workload());
    fields.insert("actor".to_owned(), step.actor());
    let wished = step.details.pointer("/wish/actions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut privileges: Vec<_> = wished.iter().filter_map(Value::as_str).collect();
    if privileges.is_empty() {
        privileges.push(step.subject());
    }
    fields.insert("privileges".to_owned(), json!(privileges));
    let session = step.text("/session").or_else(|| step.text("/wish/session"));
    if let Some(session) = session {
        fields.insert("session".to_owned(), json!({ "uid": session }));
    }
    status(&mut fields, came, Some(("", step.text("/reason").unwrap_or_default())));
    match authorize {
        Authorize::Asked => controlled(&mut fields, (99, "Held"), (14, "Delayed")),
        Authorize::Approved | Authorize::Given => controlled(&mut fields, (1, "Allowed"), (8, "Approved")),
        Authorize::Denied => controlled(&mut fields, (2, "Denied"), (25, "Rejected")),
        Authorize::Ended => controlled(&mut fields, (2, "Denied"), (24, "Access Revoked")),
    }
    fields
}

fn managed(event: &Event, step: &Step<'_>, manage: Manage, kept: Kept) -> Fields {
    let activity = match manage {
        Manage::Create => (1, "Create"),
        Manage::Read => (2, "Read"),
        Manage::Update => (3, "Update"),
        Manage::Delete => (4, "Delete"),
        Manage::Suspend => (12, "Suspend"),
        Manage::Resume => (13, "Resume"),
    };
    let kind = match kept {
        Kept::Policy => (5, "Policy"),
        Kept::Group => (3, "Group"),
        Kept::Workload => (99, "Workload"),
        Kept::Token => (99, "Token"),
    };
    let mut fields = begin(event, Class::ENTITY, activity);
    let name = step.text("/subject/name").or_else(|| step.text("/target")).or_else(|| step.text("/name"));
    let entity =
        json!({ "uid": step.subject(), "name": name.unwrap_or_else(|| step.subject()), "type_id": kind.0, "type": kind.1 });
    fields.insert("entity".to_owned(), entity);
    fields.insert("actor".to_owned(), step.actor());
    if let Some(reason) = step.text("/reason") {
        fields.insert("comment".to_owned(), reason.into());
    }
    status(&mut fields, SUCCESS, None);
    fields
}

fn operated(event: &Event, step: &Step<'_>, manage: Manage) -> Fields {
    let activity = match manage {
        Manage::Create => (1, "Create"),
        Manage::Read => (2, "Read"),
        Manage::Update | Manage::Suspend | Manage::Resume => (3, "Update"),
        Manage::Delete => (4, "Delete"),
    };
    let mut fields = begin(event, Class::API, activity);
    fields.insert("actor".to_owned(), step.actor());
    fields.insert("api".to_owned(), json!({ "operation": step.name, "service": { "name": "weir" } }));
    fields.insert("src_endpoint".to_owned(), json!({ "hostname": event.host }));
    fields.insert("resources".to_owned(), json!([{ "uid": step.subject(), "name": step.subject() }]));
    status(&mut fields, SUCCESS, Some(("", step.text("/reason").unwrap_or_default())));
    if manage == Manage::Delete {
        controlled(&mut fields, (2, "Denied"), (24, "Access Revoked"));
    }
    fields
}

fn authenticated(event: &Event, step: &Step<'_>, sign: Sign) -> Fields {
    let (activity, came) = match sign {
        Sign::In => ((1, "Logon"), SUCCESS),
        Sign::Out => ((2, "Logoff"), SUCCESS),
        Sign::Refused => ((1, "Logon"), FAILURE),
    };
    let mut fields = begin(event, Class::AUTHENTICATION, activity);
    fields.insert("user".to_owned(), objects::person(step.by));
    fields.insert("service".to_owned(), json!({ "name": "weir" }));
    fields.insert("is_remote".to_owned(), (step.name != "person.at-shell").into());
    status(&mut fields, came, Some(("", step.text("/reason").or_else(|| step.text("/why")).unwrap_or_default())));
    if sign == Sign::Refused {
        controlled(&mut fields, (2, "Denied"), (26, "Unauthorized"));
    }
    fields
}

fn account_changed(event: &Event, step: &Step<'_>, account: Account) -> Fields {
    let activity = match account {
        Account::Create => (1, "Create"),
        Account::Change => (99, "Change"),
        Account::Disable => (5, "Disable"),
        Account::Enable => (2, "Enable"),
        Account::Delete => (6, "Delete"),
    };
    let mut fields = begin(event, Class::ACCOUNT, activity);
    fields.insert("user".to_owned(), objects::person(step.subject()));
    fields.insert("actor".to_owned(), step.actor());
    status(&mut fields, SUCCESS, None);
    fields
}
