//! Reads case files: `[[case]]` tables, every problem with its file and line.

use super::fields::{Fields, Page};
use super::{Asks, Case, Verdict, of_everything};
use crate::inspect::resolve::{Question, Resource};
use crate::inspect::{Action, CopyWith, Facts};
use crate::model::ids::RunId;
use crate::model::principal::{Attested, Claims, Grade, Principal, Process, SignedIn, WorkloadId};
use crate::model::target::{ProtocolName, Target};
use crate::policy::bounds::{FILE_BYTES, SET_BYTES};
use crate::policy::names::{self, Kind};
use crate::policy::{Known, PolicyProblem, Running, Totals};
use crate::protocol::opaque::{Hello, Speaks};
use std::net::SocketAddr;
use toml::de::DeTable;

/// Bytes of a case's SQL: a longer text needs a larger stack than this may be run on.
const SQL_BYTES: usize = 4096;

/// What a question may say that does it, where that is not the statement itself.
const VERBS: [&str; 8] = ["SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "COPY", "CREATE"];

/// Reads the case files of a set, each with its file's name.
pub fn read(sources: &[(String, String)]) -> Result<Vec<Case>, Vec<PolicyProblem>> {
    let (mut cases, mut problems) = (Vec::new(), Vec::new());
    let bytes: usize = sources.iter().map(|(_, text)| text.len()).sum();
    for (file, text) in sources {
        if text.len() > FILE_BYTES || bytes > SET_BYTES {
            let what =
                format!("at most {FILE_BYTES} bytes of a case file are read, and {SET_BYTES} of all: split it, or drop some");
            problems.push(PolicyProblem { file: file.clone(), line: None, what });
            continue;
        }
        let mut page = Page { file, text, problems: Vec::new() };
        page.cases(&mut cases);
        page.problems.sort_by_key(|problem| problem.line);
        problems.extend(page.problems);
    }
    if problems.is_empty() { Ok(cases) } else { Err(problems) }
}

impl Page<'_> {
    fn cases(&mut self, cases: &mut Vec<Case>) {
        let (document, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.problem(error.span().unwrap_or_default().start, error.message());
        }
        if !errors.is_empty() {
            return;
        }
        let span = document.span();
        let mut file = Fields::new(document.into_inner(), &span, "the file");
        for mut table in file.tables("case", self).unwrap_or_default() {
            let before = self.problems.len();
            let case = self.case(&mut table);
            table.end(self);
            if self.problems.len() == before {
                cases.extend(case);
            }
        }
        file.end(self);
    }

    /// One case; what is missing is a problem too.
    fn case(&mut self, table: &mut Fields<'_>) -> Option<Case> {
        let name = table.text("name", self);
        let name = self.required(table, "name", name, "what the case shows");
        let principal = table.table("principal", self).and_then(|principal| self.principal(principal));
        let principal = self.required(table, "principal", principal, "who asks: { workload = \"spiffe://…\" }");
        let target = table.table("target", self).and_then(|target| self.target(target));
        let target = self.required(table, "target", target, "what is asked for: { name = \"prod-pg\" }");
        let expect = table.chosen("expect", &Verdict::ALL, self);
        let expect = self.required(table, "expect", expect, "\"allow\", \"deny\" or \"hold\"");
        let by = table.texts("by", self);
        let asks = self.asks(table);
        let database = table.text("database", self).unwrap_or_else(|| "postgres".to_owned());
        let user = table.text("user", self).unwrap_or_else(|| "app".to_owned());
        let in_transaction = table.flag("in_transaction", self).unwrap_or_default();
        let approved = table.flag("approved", self).unwrap_or_default();
        let granted = table.flag("granted", self).unwrap_or_default().then(of_everything);
        let totals = table.table("totals", self).map(|totals| self.totals(totals)).unwrap_or_default();
        let (principal, owner_active) = principal?;
        let (file, line) = (self.file.to_owned(), self.line(table.place));
        Some(Case {
            name: name?,
            file,
            line,
            principal,
            owner_active,
            target: target?,
            asks: asks?,
            database,
            user,
            in_transaction,
            totals,
            approved,
            granted,
            expect: expect?,
            by,
        })
    }

    /// Reports what has to be there and is not. What is there and wrong has been reported.
    fn required<T>(&mut self, table: &Fields<'_>, key: &str, value: Option<T>, what: &str) -> Option<T> {
        if value.is_none() && !table.taken(key) {
            self.problem(table.place, format!("`{key}` is missing: {what}"));
        }
        value
    }

    fn asks(&mut self, table: &mut Fields<'_>) -> Option<Asks> {
        let ways = ["action", "sql", "questions"].into_iter().filter(|key| table.has(key)).count();
        if ways != 1 {
            let what = "a case has either `sql`, or `action = \"connect\"` or `\"resolve\"`, or `questions`";
            self.problem(table.place, what);
        }
        let sql = table.text_at("sql", self);
        let action = table.chosen("action", &[("connect", true), ("resolve", false)], self);
        let questions = table.tables("questions", self);
        let address = table.text_at("address", self);
        let known = table.table("known", self).map(|known| self.known(known)).unwrap_or_default();
        let name = table.text("resolves", self);
        let record_type = table.text("type", self).unwrap_or_else(|| "A".to_owned());
        if let Some((place, text)) = sql {
            if text.len() > SQL_BYTES {
                self.problem(place, format!("`sql` has {} bytes; at most {SQL_BYTES} are run", text.len()));
            }
            return Some(Asks::Sql(text));
        }
        if action == Some(false) {
            let name = self.required(table, "resolves", name, "the name that is asked for: \"api.acme.example\"");
            return Some(Asks::Resolve(name?, record_type));
        }
        if action == Some(true) {
            let connect = |address| Asks::Connect(address, Box::new(known.clone()));
            return match address {
                None => Some(connect(SocketAddr::from(([192, 0, 2, 1], 5432)))),
                Some((place, text)) => text.parse().map(connect).ok().or_else(|| {
                    self.problem(place, format!("`address` can't be {text:?}: write \"10.20.0.5:5432\""));
                    None
                }),
            };
        }
        let questions = questions?.into_iter().filter_map(|question| self.question(question)).collect();
        let command = table.text("command", self).unwrap_or_default();
        let statements = table.number("statements", self).and_then(|number| usize::try_from(number).ok()).unwrap_or(1);
        let facts = table.table("facts", self).map(|facts| self.facts(facts)).unwrap_or_default();
        Some(Asks::Questions { questions, command, facts: Box::new(facts), statements })
    }

    fn question(&mut self, mut table: Fields<'_>) -> Option<Question> {
        let action = table.chosen("action", &Action::ALL.map(|action| (action.name(), action)), self);
        let action = self.required(&table, "action", action, "read, write, define, administer, call or session");
        let behind = table.text("behind", self).map(String::into_boxed_str);
        let mut resource = Some(Resource::Target);
        for (key, kind) in [("schema", Kind::Schema), ("table", Kind::Table), ("function", Kind::Function)] {
            if let Some((place, text)) = table.text_at(key, self) {
                resource = self.resource(place, kind, &text);
            }
        }
        let verb = table.chosen("verb", &VERBS.map(|verb| (verb, verb)), self);
        table.end(self);
        Some(Question { action: action?, resource: resource?, behind, verb })
    }

    /// `public.users`, spelled as in a policy but for the target.
    fn resource(&mut self, place: usize, kind: Kind, text: &str) -> Option<Resource> {
        match names::parse(kind, &format!("prod-pg/{text}")) {
            Ok(parts) => {
                let mut names = parts.names.into_iter().map(|name| name.map(String::into_boxed_str));
                let first = names.next().flatten();
                match (kind, names.next().flatten()) {
                    (Kind::Schema, _) => first.map(Resource::Schema),
                    (Kind::Table, name) => name.map(|name| Resource::Table(first, name)),
                    (Kind::Function, name) => name.map(|name| Resource::Function(first, name)),
                    (Kind::Column, _) => None,
                }
            }
            Err(why) => {
                self.problem(place, format!("{why} (here without the target)"));
                None
            }
        }
    }

    fn facts(&mut self, mut table: Fields<'_>) -> Facts {
        let copies =
            [("stdin", CopyWith::Stdin), ("stdout", CopyWith::Stdout), ("file", CopyWith::File), ("program", CopyWith::Program)];
        let parsed = table.flag("parsed", self).unwrap_or(true);
        let facts = Facts {
            unparsed: (!parsed).then(|| "the case says so".to_owned()),
            no_where: table.flag("no_where", self).unwrap_or_default(),
            opaque: table.flag("opaque", self).unwrap_or_default(),
            explain: table.flag("explain", self).unwrap_or_default(),
            locking: table.flag("locking", self).unwrap_or_default(),
            copy: table.chosen("copy", &copies, self),
            ..Facts::default()
        };
        table.end(self);
        facts
    }

    /// What is known of a destination: `{ names = ["a.example"], sni = "b.example" }`.
    fn known(&mut self, mut table: Fields<'_>) -> Known {
        let names = table.texts("names", self).unwrap_or_default();
        let speaks = [Speaks::Tls, Speaks::Http, Speaks::Http2, Speaks::Ssh, Speaks::Unknown];
        let speaks = table.chosen("speaks", &speaks.map(|speaks| (speaks.name(), speaks)), self);
        let (sni, http_host) = (table.text("sni", self), table.text("http_host", self));
        let said = sni.is_some() || http_host.is_some();
        let own = if sni.is_some() { Speaks::Tls } else { Speaks::Http };
        let hello = speaks.or_else(|| said.then_some(own)).map(|speaks| Hello {
            speaks,
            sni,
            http_host,
            ech: table.flag("ech", self).unwrap_or_default(),
            ..Hello::default()
        });
        table.end(self);
        Known::new(names, hello)
    }

    fn totals(&mut self, mut table: Fields<'_>) -> Totals {
        let mut running = |key| table.table(key, self).map(|counts| self.running(counts)).unwrap_or_default();
        let totals = Totals { session: running("session"), run: running("run"), hour: running("hour") };
        table.end(self);
        totals
    }

    fn running(&mut self, mut table: Fields<'_>) -> Running {
        let mut count = |key| table.number(key, self).unwrap_or_default();
        let running = Running {
            rows: count("rows"),
            bytes: count("bytes"),
            statements: count("statements"),
            seconds: count("seconds"),
            concurrent: count("concurrent"),
            connections: count("connections"),
        };
        table.end(self);
        running
    }

    fn target(&mut self, mut table: Fields<'_>) -> Option<Target> {
        let name = table.text("name", self);
        let protocols = [("postgres", ProtocolName::Postgres), ("opaque", ProtocolName::Opaque)];
        let target = Target {
            name: self.required(&table, "name", name, "the name of a [[target]]").unwrap_or_default(),
            environment: table.text("environment", self),
            protocol: table.chosen("protocol", &protocols, self).unwrap_or(ProtocolName::Postgres),
            configured: table.flag("configured", self).unwrap_or(true),
        };
        table.end(self);
        (!target.name.is_empty()).then_some(target)
    }

    /// The principal, and whether its owner is there.
    fn principal(&mut self, mut table: Fields<'_>) -> Option<(Principal, bool)> {
        let grades = [Grade::Claimed, Grade::Kernel, Grade::Attested].map(|grade| (grade.to_string(), grade));
        let grades: Vec<_> = grades.iter().map(|(name, grade)| (name.as_str(), *grade)).collect();
        let workload = table.text("workload", self);
        let workload = self.required(&table, "workload", workload, "the SPIFFE id: \"spiffe://…\"");
        let owner_active = table.flag("owner_active", self).unwrap_or(true);
        let uid = table.number("uid", self).unwrap_or(1000);
        let process = Process {
            uid: u32::try_from(uid).unwrap_or(u32::MAX),
            cgroup: table.text("cgroup", self).unwrap_or_default(),
            user: table.text("user", self),
            unit: table.text("unit", self),
            container: table.text("container", self),
            executable: table.text("executable", self),
            executable_sha256: table.text("executable_sha256", self),
            script: table.text("script", self),
            script_sha256: table.text("script_sha256", self),
            ..Process::default()
        };
        let principal = Principal {
            workload: WorkloadId(workload.unwrap_or_default()),
            name: table.text("name", self),
            owner: table.text("owner", self),
            grade: table.chosen("grade", &grades, self).unwrap_or(Grade::Kernel),
            run: RunId::from_number(1),
            process,
            claims: table.table("claims", self).map(|claims| self.claims(claims)),
            attested: table.table("attested", self).map(|attested| self.attested(attested)),
            attestation_failure: None,
            person: table
                .text("person", self)
                .map(|name| SignedIn { name, groups: table.texts("groups", self).unwrap_or_default().into_iter().collect() }),
        };
        table.end(self);
        (!principal.workload.0.is_empty()).then_some((principal, owner_active))
    }

    /// A token that was verified: its issuer, its subject, and every other key is a claim.
    fn attested(&mut self, mut table: Fields<'_>) -> Attested {
        let mut text = |key| table.text(key, self).unwrap_or_default();
        Attested {
            issuer: text("issuer"),
            kind: text("kind"),
            subject: text("subject"),
            url: String::new(),
            key: String::new(),
            algorithm: String::new(),
            token_sha256: String::new(),
            issued_at: 0,
            expires_at: i64::MAX,
            found_in: String::new(),
            claims: table.rest(self).into_iter().collect(),
        }
    }

    fn claims(&mut self, mut table: Fields<'_>) -> Claims {
        let provider = table.text("provider", self).unwrap_or_default();
        Claims { provider, attributes: table.rest(self).into_iter().collect() }
    }
}
