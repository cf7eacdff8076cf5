//! Every form of every event: OCSF and ECS against digests of the published schemas, CEF and LEEF read back, and no text breaks out
//! of its field.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use gateway_core::event::control::ACTS;
use gateway_core::event::{Context, Decision, Event, Format, Outcome, Statement, What};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Everything that somebody outside can choose is this text.
fn context(text: &str) -> Context {
    let some = || Some(text.to_owned());
    Context {
        run: Some("r-01jd5k2v8q3xm".to_owned()),
        workload: some(),
        name: some(),
        owner: some(),
        grade: Some("kernel".to_owned()),
        attested: some(),
        person: some(),
        login: some(),
        pid: Some(41),
        uid: Some(1000),
        user_name: some(),
        executable: some(),
        executable_sha256: Some("ab".repeat(32)),
        script: some(),
        script_sha256: Some("cd".repeat(32)),
        cgroup: some(),
        unit: some(),
        container: some(),
        target: some(),
        environment: some(),
        protocol: Some("postgres".to_owned()),
        domain: some(),
        address: Some("10.0.0.5:5432".to_owned()),
        client: Some("[::ffff:127.0.0.1]:40000".to_owned()),
        user: some(),
        database: some(),
        application: some(),
        version: Some("0.1.0".to_owned()),
    }
}

fn decision(outcome: &str, text: &str) -> Decision {
    Decision {
        outcome: outcome.to_owned(),
        policies: vec![text.to_owned(), "second".to_owned()],
        set_hash: Some("77".to_owned()),
        mode: Some("enforce".to_owned()),
        message: Some(text.to_owned()),
        alert: Some("high".to_owned()),
        held: outcome == "hold",
        ..Decision::default()
    }
}

fn event(context: Context, what: What) -> Event {
    let session = SessionId::new(Timestamp(1_764_000_000_000_000_000), 7);
    let at = Timestamp(1_764_000_000_123_456_789);
    Event { uid: format!("{session}-12"), at, host: "ci-7".to_owned(), session, context, what }
}

/// An event of each kind, and of each kind's kinds, with this text wherever a text can be.
fn events(text: &str) -> Vec<Event> {
    let mut whats = Vec::new();
    for outcome in ["allow", "deny", "hold"] {
        whats.push(What::Opened { decision: decision(outcome, text) });
    }
    whats.push(What::Opened { decision: Decision::default() });
    whats.push(What::Opened { decision: Decision { would_refuse: true, ..decision("deny", text) } });
    for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
        for command in [
            Some("SELECT"),
            Some("INSERT"),
            Some("UPDATE"),
            Some("DELETE"),
            Some("CREATE TABLE"),
            Some("DROP"),
            Some("COPY"),
            Some("SET"),
            None,
        ] {
            whats.push(What::Statement(Box::new(Statement {
                operation: 3,
                outcome,
                text: Some(text.to_owned()),
                command: command.map(str::to_owned),
                accesses: vec![format!("read {text}"), "call pg_catalog.f".to_owned()],
                decision: (place != 1).then(|| decision(if place == 2 { "deny" } else { "allow" }, text)),
                rows: u64::MAX,
                masked_rows: place as u64,
                bytes: u64::MAX,
                duration_ns: 5_000_000,
                tag: Some(text.to_owned()),
                error: (place > 0).then(|| ("42501".to_owned(), text.to_owned())),
                revealed: vec![text.to_owned()],
                ..Statement::default()
            })));
        }
    }
    whats.push(What::Statement(Box::default()));
    for killed in [false, true] {
        let (statements, rows, errors, bytes_in, bytes_out) = (1, 2, 3, u64::MAX, 5);
        whats.push(What::Ended {
            reason: text.to_owned(),
            statements,
            rows,
            errors,
            bytes_in,
            bytes_out,
            duration_ns: 6,
            killed,
        });
    }
    for fields in [
        json!({ "operation": 1, "why": text, text: [text, 1] }),
        json!({ "would_refuse": true }),
        json!({ "would_refuse": false }),
        Value::Null,
    ] {
        whats.push(What::Finding { name: "hidden_by_class".to_owned(), alert: Some("medium".to_owned()), fields });
    }
    whats.push(What::Finding { name: text.to_owned(), alert: None, fields: json!({}) });
    for name in ACTS.iter().map(|(name, _)| *name).chain(["thing.unheard-of", text]) {
        for details in [
            json!({ "workload": text, "name": text, "wish": { "actions": ["read", text], "session": text }, "reason": text, "target": text, "error": text }),
            Value::Null,
        ] {
            let (by, subject) = (text.to_owned(), text.to_owned());
            whats.push(What::Control {
                number: 5,
                name: name.to_owned(),
                by,
                subject,
                details,
                key: None,
                signature: Some("aa".to_owned()),
            });
        }
    }
    whats.push(What::Checkpoint { note: format!("weir\n1\n{text}\n") });
    whats.push(What::Dropped { events: 9, sink: text.to_owned() });
    let gateways = Context { target: Some("weir".to_owned()), address: None, client: None, pid: None, ..context(text) };
    let contexts = [context(text), Context::default(), gateways];
    contexts.iter().flat_map(|context| whats.iter().map(|what| event(context.clone(), what.clone()))).collect()
}

fn line(format: Format, event: &Event) -> String {
    let mut line = "before ".to_owned();
    format.render(event, &mut line);
    let line = line.strip_prefix("before ").unwrap().to_owned();
    let ends = |letter: char| matches!(letter, '\n' | '\r' | '\0');
    assert!(!line.contains(ends), "{format:?} ends its line: {line:?}");
    line
}

fn object(format: Format, event: &Event) -> Map<String, Value> {
    let line = line(format, event);
    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

fn digest(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// OCSF's rules, as far as the digest has them.
struct Ocsf(Value);

impl Ocsf {
    fn check_event(&self, event: &Map<String, Value>) -> Vec<String> {
        let mut wrong = Vec::new();
        let uid = event.get("class_uid");
        let class = self.0["classes"].as_object().unwrap().values().find(|class| uid == class.get("uid"));
        let profiles = event["metadata"]["profiles"].as_array().unwrap().iter().filter_map(Value::as_str).collect::<Vec<_>>();
        match class {
            Some(class) => self.check(class, event, &profiles, "", &mut wrong),
            None => wrong.push(format!("class {uid:?} is not in the digest")),
        }
        wrong
    }

    fn check(&self, of: &Value, object: &Map<String, Value>, profiles: &[&str], path: &str, wrong: &mut Vec<String>) {
        let attributes = of["attributes"].as_object().unwrap();
        for (name, rule) in attributes {
            let is = rule.as_str().or_else(|| rule["is"].as_str()).unwrap();
            let mut words = is.split(' ');
            let (requirement, kind, of_profile) = (words.next().unwrap(), words.next().unwrap(), words.next());
            let applies = of_profile.is_none_or(|of| of.split(',').any(|profile| profiles.contains(&profile)));
            match object.get(name) {
                None if requirement == "required" && applies => wrong.push(format!("{path}{name} is missing")),
                None => {}
                Some(_) if !applies => wrong.push(format!("{path}{name} is of a profile that is not named")),
                Some(value) => {
                    if let Some(ids) = rule.get("enum").and_then(Value::as_array)
                        && !ids.iter().any(|id| id.as_str() == Some(&value.to_string()))
                    {
                        wrong.push(format!("{path}{name}: {value} is no id of it"));
                    }
                    self.check_value(kind, value, profiles, &format!("{path}{name}"), wrong);
                }
            }
        }
        for name in object.keys().filter(|name| !attributes.contains_key(*name)) {
            wrong.push(format!("{path}{name} is not known"));
        }
        for (constraint, names) in of["constraints"].as_object().unwrap() {
            let there = names.as_array().unwrap().iter().filter(|name| object.contains_key(name.as_str().unwrap())).count();
            if !(there == 1 || there > 1 && constraint == "at_least_one") {
                wrong.push(format!("{path}: {constraint} of {names}"));
            }
        }
    }

    fn check_value(&self, kind: &str, value: &Value, profiles: &[&str], path: &str, wrong: &mut Vec<String>) {
        if let Some(kind) = kind.strip_suffix("[]") {
            let Some(list) = value.as_array() else { return wrong.push(format!("{path} is no list")) };
            return list.iter().for_each(|value| self.check_value(kind, value, profiles, path, wrong));
        }
        if let Some(object) = kind.strip_prefix('@') {
            let Some(fields) = value.as_object() else { return wrong.push(format!("{path} is no object")) };
            if object == "object" {
                return;
            }
            match self.0["objects"].get(object) {
                Some(of) => self.check(of, fields, profiles, &format!("{path}."), wrong),
                None => wrong.push(format!("{path}: {object} is not in the digest")),
            }
            return;
        }
        let rule = &self.0["types"][kind];
        let fine = match rule["type"].as_str().unwrap_or(kind) {
            "string_t" => value.is_string(),
            "integer_t" => value.as_i64().is_some(),
            "long_t" => value.as_i64().is_some(),
            "boolean_t" => value.is_boolean(),
            "float_t" => value.is_number(),
            "json_t" => true,
            _ => false,
        };
        let text = value.as_str().unwrap_or_default();
        let fits = match (kind, rule["range"].as_array()) {
            ("ip_t", _) => text.parse::<IpAddr>().is_ok(),
            (_, Some(range)) => value.as_i64() >= range[0].as_i64() && value.as_i64() <= range[1].as_i64(),
            _ => rule["max_len"].as_u64().is_none_or(|most| text.chars().count() as u64 <= most),
        };
        if !(fine && fits) {
            wrong.push(format!("{path}: {value} is no {kind}"));
        }
    }
}

#[test]
fn ocsf_is_as_its_schema_says() {
    let ocsf = Ocsf(digest(include_str!("data/ocsf-1.8.0.json")));
    let mut classes = std::collections::BTreeSet::new();
    for event in ["public.customers", "", "line\nbreak\0|=\\"].iter().flat_map(|text| events(text)) {
        let written = object(Format::Ocsf, &event);
        assert_eq!(ocsf.check_event(&written), Vec::<String>::new(), "{:?} as {}", event.what, json!(written));
        assert_eq!(written["metadata"]["uid"], event.uid);
        let (class, activity) = (written["class_uid"].as_u64().unwrap(), written["activity_id"].as_u64().unwrap());
        assert_eq!(written["type_uid"], class * 100 + activity);
        assert_eq!(written["category_uid"], class / 1000);
        classes.insert(class);
    }
    assert_eq!(classes.into_iter().collect::<Vec<_>>(), [2004, 3001, 3002, 3003, 3004, 4001, 6002, 6003, 6005, 6008]);
}

#[test]
fn the_check_finds_what_is_wrong() {
    let ocsf = Ocsf(digest(include_str!("data/ocsf-1.8.0.json")));
    let good = object(Format::Ocsf, &events("x").into_iter().find(|event| matches!(event.what, What::Statement(_))).unwrap());
    let with = |change: &dyn Fn(&mut Value)| {
        let mut event = Value::Object(good.clone());
        change(&mut event);
        ocsf.check_event(event.as_object().unwrap())
    };
    assert_eq!(with(&|_| {}), Vec::<String>::new());
    for (change, expected) in [
        (&(|event: &mut Value| drop(event.as_object_mut().unwrap().remove("actor"))) as &dyn Fn(&mut Value), "actor is missing"),
        (&|event| event["action_id"] = json!(77), "action_id: 77 is no id of it"),
        (&|event| event["nonsense"] = json!(1), "nonsense is not known"),
        (&|event| event["message"] = json!(1), "message: 1 is no string_t"),
        (&|event| event["actor"]["user"]["nonsense"] = json!(1), "actor.user.nonsense is not known"),
        (&|event| event["src_endpoint"]["ip"] = json!("here"), "src_endpoint.ip: \"here\" is no ip_t"),
        (&|event| event["metadata"]["profiles"] = json!(["host"]), "action_id is of a profile that is not named"),
    ] {
        assert!(with(change).iter().any(|wrong| wrong == expected), "{expected}: {:?}", with(change));
    }
}

/// Each leaf by its dotted name, lists as they are.
fn leaves<'a>(value: &'a Value, name: &str, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(fields) => {
            for (inner, value) in fields {
                leaves(value, &if name.is_empty() { inner.clone() } else { format!("{name}.{inner}") }, found);
            }
        }
        _ => found.push((name.to_owned(), value)),
    }
}

#[test]
fn ecs_is_as_its_fields_say() {
    let digest = digest(include_str!("data/ecs-9.4.0.json"));
    let fields = digest["fields"].as_object().unwrap();
    for event in ["public.customers", "", "line\nbreak\0|=\\"].iter().flat_map(|text| events(text)) {
        let written = Value::Object(object(Format::Ecs, &event));
        let mut found = Vec::new();
        leaves(&written, "", &mut found);
        let types = written["event"]["type"].as_array().unwrap();
        for (name, value) in found.iter().filter(|(name, _)| !name.starts_with("weir.")) {
            let rule = fields.get(name).unwrap_or_else(|| panic!("{name} is no field of ECS"));
            let is = rule.as_str().or_else(|| rule["is"].as_str()).unwrap();
            let (kind, list) = is.strip_suffix("[]").map_or((is, false), |kind| (kind, true));
            assert_eq!(list, value.is_array(), "{name}: {value} is {is}");
            let one = std::slice::from_ref(*value);
            for value in if list { value.as_array().unwrap().as_slice() } else { one } {
                let text = value.as_str().unwrap_or_default();
                let fine = match kind {
                    "keyword" | "match_only_text" | "text" | "wildcard" | "constant_keyword" => value.is_string(),
                    "long" => value.as_i64().is_some(),
                    "date" => text.parse::<jiff::Timestamp>().is_ok(),
                    "ip" => text.parse::<IpAddr>().is_ok(),
                    _ => false,
                };
                assert!(fine, "{name}: {value} is no {kind}");
                if let Some(allowed) = rule.get("allowed").and_then(Value::as_object) {
                    let expected = allowed.get(text).unwrap_or_else(|| panic!("{name} can't be {value}"));
                    if name == "event.category" {
                        // Each category has a type that goes with it.
                        assert!(expected.as_array().unwrap().iter().any(|of| types.contains(of)), "{text} with {types:?}");
                    }
                }
            }
        }
        // Each type goes with one of the categories.
        let categories = written["event"]["category"].as_array().unwrap();
        for of in types {
            let goes = |category: &Value| {
                fields["event.category"]["allowed"][category.as_str().unwrap()].as_array().unwrap().contains(of)
            };
            assert!(categories.iter().any(goes), "{of} with {categories:?}");
        }
    }
}

/// CEF, read as its guide says: a head between bars, and keys that begin at a space and end at an equals sign that is not escaped.
fn read_cef(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
    let mut head = vec![String::new()];
    let mut letters = line.chars();
    while head.len() < 8 {
        match letters.next().expect("a head has seven bars") {
            '\\' => head.last_mut().unwrap().push(letters.next().unwrap()),
            '|' => head.push(String::new()),
            letter => head.last_mut().unwrap().push(letter),
        }
    }
    head.pop();
    // Every equals sign that has no backslash before it ends a key.
    let (mut pieces, mut piece) = (Vec::new(), String::new());
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => piece.push(match letters.next().expect("nothing ends in a backslash") {
                'n' => '\n',
                'r' => '\r',
                letter @ ('\\' | '=') => letter,
                other => panic!("\\{other} is no escape"),
            }),
            '=' => pieces.push(std::mem::take(&mut piece)),
            letter => piece.push(letter),
        }
    }
    let mut pairs = BTreeMap::new();
    let mut key = pieces.remove(0);
    for piece in pieces.into_iter().chain([format!("{piece} end")]) {
        let (value, next) = piece.rsplit_once(' ').unwrap();
        assert_eq!(pairs.insert(std::mem::replace(&mut key, next.to_owned()), value.to_owned()), None, "twice");
    }
    (head, pairs)
}

/// LEEF, read as its guide says.
fn read_leef(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
    let mut head: Vec<_> = line.splitn(7, '|').map(str::to_owned).collect();
    let rest = head.pop().unwrap();
    let mut pairs = BTreeMap::new();
    for pair in rest.split('\t') {
        let (key, value) = pair.split_once('=').unwrap();
        assert_eq!(pairs.insert(key.to_owned(), value.to_owned()), None, "{key} twice");
    }
    (head, pairs)
}

fn unescaped(text: &str) -> String {
    let (mut plain, mut letters) = (String::new(), text.chars());
    while let Some(letter) = letters.next() {
        plain.push(if letter != '\\' {
            letter
        } else {
            match letters.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some(letter) => letter,
                None => panic!("nothing ends in a backslash"),
            }
        });
    }
    plain
}

const CEF_KEYS: &str = "rt dvchost externalId cat msg outcome act reason out in start end suser suid spid sproc fileHash duser dhost \
    destinationServiceName app src spt dst dpt c6a2 c6a2Label c6a3 c6a3Label flexString1 flexString1Label flexString2 flexString2Label \
    cs1 cs1Label cs2 cs2Label cs3 cs3Label cs4 cs4Label cs5 cs5Label cs6 cs6Label cn1 cn1Label cn2 cn2Label cn3 cn3Label";

/// What a form must keep of a text: those letters that nobody obeys.
fn told(text: &str, tab: char) -> String {
    let dies = |letter: char| {
        letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|letter| match letter {
            '\n' | '\r' => letter,
            '\t' => tab,
            letter if dies(letter) => '\u{fffd}',
            letter => letter,
        })
        .collect()
}

fn check_lines(events: impl Iterator<Item = Event>) {
    for event in events {
        let own: Event = serde_json::from_str(&line(Format::Json, &event)).unwrap();
        assert_eq!(own, event, "weir's own form reads back");
        object(Format::Ocsf, &event);
        object(Format::Ecs, &event);
        let (head, cef) = read_cef(&line(Format::Cef, &event));
        assert_eq!((&*head[0], &*head[1], &*head[2]), ("CEF:0", "weir", "weir"));
        assert!(head[6].parse::<u8>().unwrap() <= 10);
        assert_eq!(cef["externalId"], event.uid);
        assert!(cef.keys().all(|key| CEF_KEYS.split_whitespace().any(|known| known == key)), "{:?}", cef.keys());
        let (head, leef) = read_leef(&line(Format::Leef, &event));
        assert_eq!((&*head[0], &*head[1], head.len(), &*head[5]), ("LEEF:2.0", "weir", 6, "x09"));
        assert_eq!(leef["uid"], event.uid);
        if let What::Statement(statement) = &event.what {
            let text = statement.text.clone().unwrap_or_default();
            let sent = |pairs: &BTreeMap<String, String>, key: &str| pairs.get(key).cloned().unwrap_or_default();
            assert_eq!(sent(&cef, "cs1"), told(&text, ' '));
            assert_eq!(unescaped(&sent(&leef, "statement")), told(&text, '\t'));
        }
    }
}

#[test]
fn what_a_hostile_text_holds_stays_in_its_field() {
    for text in [
        "plain",
        "a|b=c\\d\ne\tf\rg\0h",
        "x suser=root cs1=forged\nCEF:0|forged|x|1|2|3|4|suser=root",
        "x\tusrName=root\nLEEF:2.0|forged|x|1|2|x09|",
        "\\",
        "ends in \\\\\\",
        "\u{2028}\u{202e}\u{85}\u{7f}\u{1b}[2J",
        "\"}\n{\"class_uid\":1}",
        "ünïcödé 名前 🐘",
    ] {
        // In the first third of them the texts are in the context, too.
        let events = events(text);
        let third = events.len() / 3;
        check_lines(events.into_iter().take(third));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn no_text_breaks_out(text in prop_oneof![any::<String>(), "[|=\\\\\\n\\r\\t \\x00a-c]{0,40}"]) {
        // One of each kind: the kinds' own kinds are as the others.
        check_lines(events(&text).into_iter().step_by(17));
    }
}

#[test]
fn forms_have_names_and_read_as_they_always_did() {
    for format in Format::ALL {
        assert_eq!(Format::from_name(format.name()), Some(format));
        assert_eq!(json!(format), format.name());
    }
    assert_eq!(Format::from_name("xml"), None);
    let mut context = context("x");
    (context.name, context.target, context.executable) =
        (Some("backup".to_owned()), Some("prod".to_owned()), Some("/usr/bin/psql".to_owned()));
    let statement = Statement {
        operation: 3,
        outcome: Outcome::Refused,
        text: Some("DELETE FROM t WHERE a='|'".to_owned()),
        command: Some("DELETE".to_owned()),
        decision: Some(Decision { alert: None, policies: vec!["no-delete".to_owned()], message: None, ..decision("deny", "") }),
        error: Some(("42501".to_owned(), "weir refused".to_owned())),
        ..Statement::default()
    };
    let event = event(context, What::Statement(Box::new(statement)));
    assert_eq!(
        line(Format::Cef, &event),
        "CEF:0|weir|weir|0.1.0|statement.refused|statement refused|3|rt=1764000000123 dvchost=ci-7 externalId=s-6dbd5z8000007-12 \
         cat=statement msg=backup was refused DELETE FROM t WHERE a\\='|' on prod (0 rows) by no-delete outcome=refused \
         cs1=DELETE FROM t WHERE a\\='|' cs1Label=statement act=deny cs4=no-delete cs4Label=policies cn1=0 cn1Label=rows cn2=0 \
         cn2Label=masked rows cn3=3 cn3Label=operation in=0 flexString2=42501 weir refused flexString2Label=error src=127.0.0.1 spt=40000 \
         dst=10.0.0.5 dpt=5432 suser=backup suid=1000 spid=41 sproc=/usr/bin/psql fileHash=".to_owned() + &"ab".repeat(32)
            + " duser=x dhost=x destinationServiceName=prod app=postgres cs2=x cs2Label=workload cs3=r-01jd5k2v8q3xm cs3Label=run cs5=x \
               cs5Label=database flexString1=x flexString1Label=owner"
    );
    let leef = line(Format::Leef, &event);
    assert!(leef.starts_with("LEEF:2.0|weir|weir|0.1.0|statement.refused|x09|devTime=2025-11-24T16:00:00.123Z\tdevTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSX\tsev=3\t"), "{leef}");
}
