//! `[[class]]` and `[masking]`: which columns are sensitive, what is shown instead of their values.

use super::reader::Table;
use super::targets::TargetSettings;
use crate::credential::Source;
use gateway_core::detect::{DetectConfig, Detectors, OwnRule};
use gateway_core::mask::classes::{Class, ColumnPattern};
use gateway_core::mask::{DatePart, Detector, Transform};
use gateway_core::model::target::ProtocolName;
use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;
use toml::Spanned;

/// `[masking]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MaskingSettings {
    /// Where the key of pseudonyms is kept; one of the state directory's own where there is none.
    pub key: Option<Source>,
    /// Functions, by schema and name, whose results depend on their arguments alone, and which do nothing else.
    pub pure_functions: BTreeSet<(Box<str>, Box<str>)>,
    /// Whether the payloads of notifications go through.
    pub notifications: bool,
    /// Whether a classed column may be compared with a parameter or constant by `=`.
    pub equality: bool,
    /// What looks through columns that have no class, and where.
    pub unclassed: Option<Unclassed>,
}

impl MaskingSettings {
    /// What looks through columns of a target that have no class.
    #[must_use]
    pub fn unclassed_at(&self, target: &str) -> Option<&Unclassed> {
        self.unclassed.as_ref().filter(|unclassed| unclassed.targets.iter().any(|name| **name == *target))
    }
}

/// `[masking.detect] unclassed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclassed {
    /// The targets.
    pub targets: Vec<Box<str>>,
    /// What looks.
    pub detector: Detector,
}

/// What policies call the class of columns that have none: `Class::"unclassed"`.
pub const UNCLASSED: &str = "unclassed";

/// Reads it, and what `[masking.detect]` says of detectors.
pub(super) fn masking(mut table: Table<'_, '_>) -> (MaskingSettings, Detect) {
    let hint = "a reference to 32 bytes or more: key = \"file:/etc/weir/masking.key\" or \"env:NAME\"";
    let key = table.parsed("key", hint, |text| Source::parse(text).ok());
    let pure = table.texts("pure_functions").unwrap_or_default();
    let pure_functions = pure.into_iter().filter_map(|name| function(&table, &name)).collect();
    let notifications = table
        .parsed("notifications", "\"withhold\" keeps payloads back; \"pass\" lets them through", |text| match text {
            "withhold" => Some(false),
            "pass" => Some(true),
            _ => None,
        })
        .unwrap_or(false);
    let equality = table.flag("allow_equality").unwrap_or(false);
    let detect = table.table("detect").map(detect).unwrap_or_default();
    table.end();
    (MaskingSettings { key, pure_functions, notifications, equality, unclassed: None }, detect)
}

/// `[masking.detect]`, as written.
#[derive(Default)]
pub(super) struct Detect {
    config: DetectConfig,
    /// Targets whose columns without a class are looked through.
    unclassed: Vec<Spanned<String>>,
}

fn detect(mut table: Table<'_, '_>) -> Detect {
    let texts =
        |list: Option<Vec<Spanned<String>>>| list.map(|list| list.into_iter().map(Spanned::into_inner).collect::<Vec<_>>());
    let default = DetectConfig::default();
    let config = DetectConfig {
        rules: texts(table.texts("rules")),
        without: texts(table.texts("without")).unwrap_or_default(),
        phone_regions: texts(table.texts("phone_regions")).unwrap_or(default.phone_regions),
        own: table.tables("own").into_iter().filter_map(own).collect(),
    };
    let unclassed = table.texts("unclassed").unwrap_or_default();
    table.end();
    Detect { config, unclassed }
}

fn own(mut table: Table<'_, '_>) -> Option<OwnRule> {
    let name = table.text("name").map(Spanned::into_inner);
    let name = table.required("name", name, "what its findings become: name = \"order_number\"");
    let text = |value: Option<Spanned<String>>| value.map(Spanned::into_inner);
    let texts = |list: Option<Vec<Spanned<String>>>| list.into_iter().flatten().map(Spanned::into_inner).collect();
    let rule =
        (text(table.text("pattern")), texts(table.texts("words")), text(table.text("check")), texts(table.texts("context")));
    let score = table.number("score", 1_u8, 100).unwrap_or(75);
    table.end();
    let (pattern, words, check, context) = rule;
    Some(OwnRule { name: name?, pattern, words, check, context, score })
}

/// The detectors of all classes that have any, made when the first one asks for them.
pub(super) struct Shared {
    detect: Detect,
    made: OnceCell<Option<Detector>>,
}

impl Shared {
    pub(super) const fn new(detect: Detect) -> Self {
        Self { detect, made: OnceCell::new() }
    }

    /// What looks through columns that have no class. The targets named have to be some of `targets` that can be looked through.
    pub(super) fn unclassed(&self, table: &Table<'_, '_>, targets: &[TargetSettings]) -> Option<Unclassed> {
        let named = &self.detect.unclassed;
        for name in named {
            let target = targets.iter().find(|target| target.name == *name.get_ref());
            let what = match target {
                Some(target) if target.protocol == ProtocolName::Postgres && target.catalog.is_some() => continue,
                Some(_) => "which is no target of protocol postgres with a `catalog`",
                None => "which is no target's name",
            };
            let hint = "name targets of protocol postgres, and give each a catalog = { inject = \"…\" }";
            table.problem_at(name.span(), format!("[masking.detect] `unclassed` holds {:?}, {what}", name.get_ref()), hint);
        }
        let targets = named.iter().map(|name| name.get_ref().as_str().into()).collect();
        if named.is_empty() { None } else { Some(Unclassed { targets, detector: self.get(table)? }) }
    }

    /// Them; what is wrong with their rules is told once.
    fn get(&self, table: &Table<'_, '_>) -> Option<Detector> {
        let made = self.made.get_or_init(|| match Detectors::new(&self.detect.config) {
            Ok(detectors) => Some(Detector::new(Arc::new(detectors))),
            Err(problems) => {
                for problem in problems {
                    table.problem(problem.to_string(), "see [masking.detect] in the reference of the configuration");
                }
                None
            }
        });
        made.clone()
    }
}

fn function(table: &Table<'_, '_>, name: &Spanned<String>) -> Option<(Box<str>, Box<str>)> {
    let parts = name.get_ref().split_once('.').filter(|(schema, name)| !schema.is_empty() && !name.is_empty());
    if parts.is_none() {
        let what = format!("`pure_functions` holds {:?}, which has no schema", name.get_ref());
        table.problem_at(name.span(), what, "write schema.function: \"public.initials\"");
    }
    parts.map(|(schema, name)| (schema.into(), name.into()))
}

pub(super) fn class(mut table: Table<'_, '_>, detectors: &Shared) -> Option<Class> {
    let hint = "letters, digits, dots and dashes, and not \"unclassed\": policies name it, Class::\"pii\"";
    let name = table.parsed("name", hint, name);
    let name = table.required("name", name, "a name that policies can use: name = \"pii\"");
    let columns = table.texts("columns");
    let hint = "what is of it: columns = [\"customers.email\", \"*.ssn\", \"prod-pg/hr.people.*\"]";
    let columns = table.required("columns", columns, hint).unwrap_or_default();
    let columns: Vec<_> = columns.into_iter().filter_map(|text| pattern(&table, &text)).collect();
    let transform = transform(&mut table, detectors);
    table.end();
    Some(Class { name: name?, columns, transform: transform? })
}

fn pattern(table: &Table<'_, '_>, text: &Spanned<String>) -> Option<ColumnPattern> {
    ColumnPattern::parse(text.get_ref())
        .map_err(|why| {
            let what = format!("`columns` can't hold {:?}: {why}", text.get_ref());
            let hint = "write table.column, schema.table.column, or either behind target/; * stands for any characters";
            table.problem_at(text.span(), what, hint);
        })
        .ok()
}

const KINDS: &str = "\"redact\", \"null\", \"partial\", \"pseudonym\", \"digits\", \"date\", \"constant\" or \"detect\"";

fn transform(table: &mut Table<'_, '_>, detectors: &Shared) -> Option<Transform> {
    let kind = table.text("mask");
    let (first, last) = (table.number("first", 0_u8, 64), table.number("last", 0_u8, 64));
    let keep = table.parsed("keep", "what stays of a date: \"year\", \"month\" or \"day\"", |text| match text {
        "year" => Some(DatePart::Year),
        "month" => Some(DatePart::Month),
        "day" => Some(DatePart::Day),
        _ => None,
    });
    let value = table.text("value").map(Spanned::into_inner);
    let kind = table.required("mask", kind, &format!("what is shown instead: mask = {KINDS}"))?;
    let span = kind.span();
    let needs =
        |what: &str, hint: &str| table.problem_at(span.clone(), format!("mask = {:?} needs {what}", kind.get_ref()), hint);
    let transform = match kind.get_ref().as_str() {
        "redact" => Transform::Redact,
        "null" => Transform::Null,
        "pseudonym" => Transform::Pseudonym,
        "digits" => Transform::Digits,
        "detect" => Transform::Detect(detectors.get(table)?),
        "partial" => match (first.unwrap_or(0), last.unwrap_or(0)) {
            (0, 0) => {
                needs("`first` or `last`", "how many characters stay at each end: last = 4");
                return None;
            }
            (first, last) => Transform::Partial { first, last },
        },
        "date" => match keep {
            Some(part) => Transform::Date(part),
            None => {
                needs("`keep`", "what stays of it: keep = \"year\"");
                return None;
            }
        },
        "constant" => match value.clone() {
            Some(value) => Transform::Constant(value.into()),
            None => {
                needs("`value`", "what is always shown: value = \"hidden\"");
                return None;
            }
        },
        other => {
            table.problem_at(span.clone(), format!("`mask` can't be {other:?}"), format!("it is {KINDS}"));
            return None;
        }
    };
    for (key, given, of) in [
        ("first", first.is_some(), "partial"),
        ("last", last.is_some(), "partial"),
        ("keep", keep.is_some(), "date"),
        ("value", value.is_some(), "constant"),
    ] {
        if given && kind.get_ref() != of {
            let hint = format!("leave it out, or write mask = {of:?}");
            table.problem_at(span.clone(), format!("`{key}` says nothing for mask = {:?}", kind.get_ref()), hint);
        }
    }
    Some(transform)
}

fn name(text: &str) -> Option<Box<str>> {
    if text == UNCLASSED {
        return None;
    }
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    (!text.is_empty() && text.len() <= 64 && text.bytes().all(legal)).then(|| text.into())
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use gateway_core::mask::{DatePart, Transform};
    use std::path::Path;

    fn parse(classes: &str) -> Result<Config, Vec<String>> {
        let text = format!("trust_domain = \"acme.example\"\n{classes}");
        Config::parse(&text, Path::new("/etc/weir"))
            .map_err(|problems| problems.into_iter().map(|problem| problem.what).collect())
    }

    #[test]
    fn classes_are_read_with_their_transforms() {
        for (mask, transform) in [
            ("mask = \"redact\"", Transform::Redact),
            ("mask = \"partial\"\nlast = 4", Transform::Partial { first: 0, last: 4 }),
            ("mask = \"date\"\nkeep = \"year\"", Transform::Date(DatePart::Year)),
            ("mask = \"constant\"\nvalue = \"-\"", Transform::Constant("-".into())),
        ] {
            let config = parse(&format!("[[class]]\nname = \"pii\"\ncolumns = [\"*.email\"]\n{mask}")).unwrap();
            assert_eq!(config.classes[0].transform, transform, "{mask}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_at_once() {
        for (wrong, what) in [
            ("name = \"p i\"\ncolumns = [\"*.email\"]\nmask = \"redact\"", "`name` can't be"),
            ("name = \"pii\"\ncolumns = [\"email\"]\nmask = \"redact\"", "`columns` can't hold"),
            ("name = \"pii\"\ncolumns = [\"*.email\"]\nmask = \"hide\"", "`mask` can't be"),
            ("name = \"pii\"\ncolumns = [\"*.email\"]\nmask = \"partial\"", "needs `first` or `last`"),
            ("name = \"pii\"\ncolumns = [\"*.email\"]\nmask = \"null\"\nkeep = \"year\"", "`keep` says nothing"),
            ("name = \"pii\"\nmask = \"null\"", "`columns` is missing"),
        ] {
            let problems = parse(&format!("[[class]]\n{wrong}")).unwrap_err();
            assert!(problems.iter().any(|problem| problem.contains(what)), "{wrong}: {problems:?}");
        }
        let twice = "[[class]]\nname = \"a\"\ncolumns = []\nmask = \"null\"\n";
        assert!(parse(&twice.repeat(2)).unwrap_err()[0].contains("two [[class]]"));
    }

    #[test]
    fn detectors_have_rules_of_ones_own() {
        let class = "[[class]]\nname = \"words\"\ncolumns = [\"*.body\"]\nmask = \"detect\"\n";
        let own =
            "[masking.detect]\nwithout = [\"phone\"]\n[[masking.detect.own]]\nname = \"order\"\npattern = \"ORD-[0-9]{6}\"\n";
        let config = parse(&format!("{class}{own}")).unwrap();
        let Transform::Detect(detector) = &config.classes[0].transform else { panic!("{config:?}") };
        assert!(detector.get().rule("order").is_some() && detector.get().rule("phone").is_none());
        let problems = parse(&format!("{class}[masking.detect]\nrules = [\"emial\"]\n")).unwrap_err();
        assert!(problems.iter().any(|problem| problem.contains("no built-in rule `emial`")), "{problems:?}");
    }

    #[test]
    fn columns_without_a_class_are_looked_through_at_targets_that_can_be() {
        let target = "[[target]]\nname = \"prod-pg\"\nmatch = [\"127.0.0.1:5432\"]\nprotocol = \"postgres\"\n";
        let detect = "[masking.detect]\nunclassed = [\"prod-pg\"]\n";
        let config = parse(&format!("{detect}{target}catalog = {{ inject = \"env:CATALOG\" }}")).unwrap();
        assert!(config.masks("prod-pg") && !config.masks("stage"));
        for wrong in [format!("{detect}{target}"), detect.to_owned()] {
            let problems = parse(&wrong).unwrap_err();
            assert!(problems[0].contains("`unclassed` holds \"prod-pg\", which is no target"), "{problems:?}");
        }
        let problems = parse("[[class]]\nname = \"unclassed\"\ncolumns = []\nmask = \"null\"\n").unwrap_err();
        assert!(problems[0].contains("`name` can't be"), "{problems:?}");
    }

    #[test]
    fn a_target_with_classes_needs_a_catalog() {
        let target = "[[target]]\nname = \"prod-pg\"\nmatch = [\"127.0.0.1:5432\"]\nprotocol = \"postgres\"\n";
        let class = "[[class]]\nname = \"pii\"\ncolumns = [\"prod-pg/*.*.email\"]\nmask = \"null\"\n";
        let problems = parse(&format!("{class}{target}")).unwrap_err();
        assert!(problems[0].contains("no `catalog`"), "{problems:?}");
        assert!(parse(&format!("{class}{}", target.replace("prod-pg", "stage"))).is_ok(), "the class is about another target");
        parse(&format!("{class}{target}catalog = {{ inject = \"env:CATALOG\" }}")).unwrap();
    }
}
