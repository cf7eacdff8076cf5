//! What the server's own functions, operators and relations do with values: lists that people judged.
//!
//! `total.txt` has the functions that can't raise an error, `rows.txt` the columns of those in FROM,
//! `carriers.txt` the columns of the server's own relations that carry values.

use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Types of texts: text, varchar, bpchar, name, "char".
const TEXTS: [u32; 5] = [25, 1043, 1042, 19, 18];
/// Plain types but json and jsonb: no arrays, rows, ranges or types of users.
const PLAIN: [u32; 29] = [
    16, 17, 18, 19, 20, 21, 23, 25, 26, 142, 650, 700, 701, 774, 790, 829, 869, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266,
    1560, 1562, 1700, 2950,
];
/// Arrays of plain types, json and jsonb.
const ARRAYS: [u32; 31] = [
    143, 199, 651, 775, 791, 1000, 1001, 1002, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1021, 1022, 1028, 1040, 1041, 1115,
    1182, 1183, 1185, 1187, 1231, 1270, 1561, 1563, 2951, 3807,
];
const JSON: u32 = 114;
const JSONB: u32 = 3802;
/// The number of the type `text`.
pub(super) const TEXT: u32 = 25;
/// The number of the type `bool`.
pub(super) const BOOL: u32 = 16;

/// What has to hold of the columns in a total call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing.
    Nothing,
    /// Plain types.
    Scalar,
    /// Plain types, json apart.
    NoJson,
}

/// A call that can't raise an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Total {
    arguments: &'static str,
    /// What has to hold.
    pub(super) needs: Needs,
    /// Its result is a text.
    pub(super) text: bool,
}

static TOTAL: LazyLock<BTreeMap<&'static str, Vec<Total>>> = LazyLock::new(|| {
    let mut calls = BTreeMap::<_, Vec<_>>::new();
    for line in lines(include_str!("total.txt")) {
        let mut words = line.split(' ');
        let (Some(name), Some(arguments)) = (words.next(), words.next()) else { continue };
        let mut total = Total { arguments, needs: Needs::Nothing, text: false };
        for word in words {
            match word {
                "scalar" => total.needs = Needs::Scalar,
                "nojson" => total.needs = Needs::NoJson,
                ">text" => total.text = true,
                // An unknown word says something that isn't known here: then the call is none.
                _ => total.arguments = "",
            }
        }
        calls.entry(name).or_default().push(total);
    }
    calls
});

static ROWS: LazyLock<BTreeMap<&'static str, &'static str>> =
    LazyLock::new(|| lines(include_str!("rows.txt")).filter_map(|line| line.split_once(": ")).collect());

static CARRIERS: LazyLock<BTreeMap<&'static str, &'static str>> =
    LazyLock::new(|| lines(include_str!("carriers.txt")).filter_map(|line| line.split_once(": ")).collect());

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// The call of `name` with so many arguments, where it can't raise an error.
pub(super) fn total(name: &str, count: usize) -> Option<Total> {
    let calls = TOTAL.get(name)?;
    calls.iter().find(|call| call.takes(count)).copied()
}

impl Total {
    fn takes(&self, count: usize) -> bool {
        match self.arguments.strip_suffix("...") {
            Some(group) => !group.is_empty() && count.is_multiple_of(group.len()),
            None => self.arguments.len() == count,
        }
    }

    /// Whether the argument at a place, from 0, may have any value.
    pub(super) fn any_value_at(&self, place: usize) -> bool {
        let bytes = self.arguments.strip_suffix("...").unwrap_or(self.arguments).as_bytes();
        let place = if self.arguments.ends_with("...") { place % bytes.len().max(1) } else { place };
        bytes.get(place) == Some(&b'*')
    }

    /// Whether every argument may.
    pub(super) fn is_whole(&self) -> bool {
        !self.arguments.contains('-')
    }
}

impl Needs {
    /// Whether columns of a type may be in the call.
    pub(super) fn allow(self, type_oid: u32) -> bool {
        match self {
            Self::Nothing => true,
            Self::Scalar => PLAIN.contains(&type_oid) || type_oid == JSON || type_oid == JSONB,
            Self::NoJson => PLAIN.contains(&type_oid) || type_oid == JSONB,
        }
    }
}

/// Whether a type is one of texts.
pub(super) fn is_text(type_oid: u32) -> bool {
    TEXTS.contains(&type_oid)
}

/// Whether a type is an array of one whose values are one column.
pub(super) fn is_array(type_oid: u32) -> bool {
    ARRAYS.contains(&type_oid)
}

/// Whether two of them, of which at least one is a text, can always be joined by `||`.
pub(super) fn can_be_joined(type_oid: u32) -> bool {
    PLAIN.contains(&type_oid)
}

/// The columns of a reviewed function's result in FROM: none where it is one column that is called as the function is.
pub(super) fn rows(name: &str) -> Option<Rows> {
    ROWS.get(name).map(|columns| if *columns == "?" { Rows::Unknown } else { Rows::Named(columns) })
}

/// The result of a function in FROM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// Nobody knows how many columns.
    Unknown,
    /// These, with blanks between them.
    Named(&'static str),
}

/// Whether a column of one of the server's own relations carries values.
pub(in crate::inspect) fn carries(relation: &str, column: &str) -> bool {
    CARRIERS.get(relation).is_some_and(|columns| match columns.strip_prefix("but ") {
        Some(harmless) => harmless.split(' ').all(|known| known != column),
        None => columns.split(' ').any(|known| known == column),
    })
}

/// Operators that compare, and can't raise an error by the values.
pub(super) fn compares(symbol: &str) -> bool {
    matches!(symbol, "=" | "<>" | "!=" | "<" | "<=" | ">" | ">=")
}

/// Operators that match texts with patterns.
pub(super) fn matches_pattern(symbol: &str) -> bool {
    matches!(symbol, "~" | "~*" | "!~" | "!~*" | "~~" | "~~*" | "!~~" | "!~~*" | "^@" | "@@" | "@@@" | "@?")
}

/// Functions that match texts with patterns.
pub(super) fn is_matching(name: &str) -> bool {
    name.starts_with("regexp_")
        || name.contains("like")
        || name.contains("regex")
        || name.starts_with("similar")
        || name == "starts_with"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::reviewed::{self, Verdict};

    #[test]
    fn what_is_total_or_has_rows_is_reviewed() {
        for name in TOTAL.keys().chain(ROWS.keys()) {
            let verdict = name
                .split_once('.')
                .map_or_else(|| reviewed::function(name), |(schema, name)| reviewed::function_in(schema, name));
            assert_eq!(verdict, Some(Verdict::Reviewed), "{name}");
        }
        for (name, calls) in TOTAL.iter() {
            for call in calls {
                let arguments = call.arguments.strip_suffix("...").unwrap_or(call.arguments);
                assert!(!arguments.is_empty() && arguments.bytes().all(|byte| byte == b'*' || byte == b'-'), "{name}");
            }
        }
        assert!(PLAIN.is_sorted() && ARRAYS.is_sorted() && CARRIERS.keys().all(|name| reviewed::is_relation(name)));
    }

    #[test]
    fn a_call_is_told_by_its_arguments() {
        assert!(total("lower", 1).is_some_and(|call| call.any_value_at(0) && call.text));
        assert!(total("lower", 2).is_none() && total("substring", 3).is_none() && total("to_number", 2).is_none());
        let built = total("json_build_object", 4).unwrap();
        assert_eq!([0, 1, 2, 3].map(|place| built.any_value_at(place)), [false, true, false, true]);
        assert!(total("json_build_object", 3).is_none() && !built.is_whole());
        assert!(carries("pg_stats", "histogram_bounds") && !carries("pg_stats", "attname") && !carries("pg_class", "relname"));
        assert!(carries("pg_statistic", "stavalues9"));
    }
}
