//! FROM: relations, subqueries, joins.

use super::UseKind;
use super::space::{Found, Item, Space};
use super::trace::Trace;
use super::value::{Field, Shape, Sources, Value};
use super::with::named;
use crate::inspect::postgres::{cut, strings};
use pg_query::protobuf::{Alias, JoinExpr, JoinType, Node, RangeSubselect, RangeTableSample, RangeVar, node::Node as Kind};
use std::rc::Rc;

impl Trace<'_> {
    /// A FROM list, into the innermost level: what stands behind sees what stands before, where it may.
    pub(super) fn from(&mut self, list: &[Node]) {
        for item in list {
            let space = self.range_item(item);
            if let Some(level) = self.levels.last_mut() {
                level.space.append(space);
            }
        }
    }

    pub(super) fn range_item(&mut self, item: &Node) -> Space {
        self.deeper(
            || Space::bare(Shape::everything()),
            |trace| match &item.node {
                Some(Kind::RangeVar(relation)) => trace.range(relation),
                Some(Kind::RangeSubselect(query)) => trace.range_query(query),
                Some(Kind::JoinExpr(join)) => trace.join(join),
                Some(Kind::RangeTableSample(sample)) => trace.sample(sample),
                Some(Kind::RangeFunction(function)) => trace.range_function(function),
                Some(Kind::RangeTableFunc(table)) => trace.xml_table(table),
                Some(Kind::JsonTable(table)) => trace.json_table(table),
                _ => {
                    trace.give_up();
                    Space::bare(Shape::everything())
                }
            },
        )
    }

    /// A relation, or a common table expression.
    pub(super) fn range(&mut self, relation: &RangeVar) -> Space {
        let RangeVar { catalogname, schemaname, relname, inh: _, relpersistence: _, alias, location: _ } = relation;
        let common = if catalogname.is_empty() && schemaname.is_empty() { self.common_of(cut(relname)) } else { None };
        let item = match common {
            Some(shape) => {
                self.spend(shape.fields.len());
                Item { name: cut(relname).into(), schemas: Vec::new(), shape, system: false }
            }
            None => self.relation_item(relation),
        };
        aliased(item, alias.as_ref())
    }

    fn range_query(&mut self, query: &RangeSubselect) -> Space {
        let RangeSubselect { lateral, subquery, alias } = query;
        let hidden = self.levels.last_mut().map(|level| {
            let hides = level.hidden || !*lateral;
            std::mem::replace(&mut level.hidden, hides)
        });
        let shape = self.query(subquery.as_deref());
        if let (Some(level), Some(hidden)) = (self.levels.last_mut(), hidden) {
            level.hidden = hidden;
        }
        self.item(shape, alias.as_ref())
    }

    /// Columns as an item, which without an alias has no name.
    pub(super) fn item(&mut self, mut shape: Shape, alias: Option<&Alias>) -> Space {
        let Some(Alias { aliasname, colnames }) = alias else { return Space::bare(shape) };
        shape.rename(&named(colnames));
        Space::of(Item { name: cut(aliasname).into(), schemas: Vec::new(), shape: Rc::new(shape), system: false })
    }

    fn sample(&mut self, sample: &RangeTableSample) -> Space {
        let RangeTableSample { relation, method, args, repeatable, location: _ } = sample;
        match strings(method).as_deref() {
            Some(["system" | "bernoulli"] | ["pg_catalog", "system" | "bernoulli"]) => {}
            _ => self.code(),
        }
        for argument in args.iter().chain(repeatable.as_deref()) {
            self.decides(UseKind::Limit, Some(argument));
        }
        relation.as_deref().map_or_else(|| Space::bare(Shape::everything()), |relation| self.range_item(relation))
    }

    fn join(&mut self, join: &JoinExpr) -> Space {
        let JoinExpr { jointype, is_natural, larg, rarg, using_clause, join_using_alias, quals, alias, rtindex: _ } = join;
        let side = |trace: &mut Self, side: Option<&Node>| {
            side.map_or_else(|| Space::bare(Shape::everything()), |side| trace.range_item(side))
        };
        let left = side(self, larg.as_deref());
        // The right side may look at the left one where it is LATERAL, as a function is without the word.
        let looks = !matches!(rarg.as_deref().and_then(|side| side.node.as_ref()), Some(Kind::RangeVar(_)));
        let right = if looks { self.beside(&left, |trace| side(trace, rarg.as_deref())) } else { side(self, rarg.as_deref()) };
        let common = if *is_natural {
            shared(&left, &right)
        } else {
            strings(using_clause).unwrap_or_default().iter().map(|name| cut(name).into()).collect()
        };
        if *is_natural && (left.rest.is_some() || right.rest.is_some()) {
            self.uses(UseKind::Join, &Sources::everything());
        }
        let kept = match JoinType::try_from(*jointype) {
            Ok(JoinType::JoinInner | JoinType::JoinLeft) => Kept::Left,
            Ok(JoinType::JoinRight) => Kept::Right,
            Ok(
                JoinType::Undefined
                | JoinType::JoinFull
                | JoinType::JoinSemi
                | JoinType::JoinAnti
                | JoinType::JoinRightSemi
                | JoinType::JoinRightAnti
                | JoinType::JoinUniqueOuter
                | JoinType::JoinUniqueInner,
            )
            | Err(_) => Kept::Both,
        };
        let merged: Vec<Field> = common.iter().map(|name| self.merged(name, &left, &right, kept)).collect();
        let mut space = joined(left, right, &common, merged.clone());
        if let Some(Alias { aliasname, colnames: _ }) = join_using_alias {
            let shape = Rc::new(Shape { fields: merged, rest: None });
            space.items.push(Item { name: cut(aliasname).into(), schemas: Vec::new(), shape, system: false });
        }
        self.on(&mut space, quals.as_deref());
        // An alias hides what is joined.
        if alias.is_some() { self.item(space.shape(), alias.as_ref()) } else { space }
    }

    /// ON sees the two sides, and what is outside of the query, but not what stands beside the join.
    fn on(&mut self, space: &mut Space, condition: Option<&Node>) {
        let Some(level) = self.levels.last_mut() else { return };
        let beside = std::mem::replace(&mut level.space, std::mem::take(space));
        self.decides(UseKind::Join, condition);
        if let Some(level) = self.levels.last_mut() {
            *space = std::mem::replace(&mut level.space, beside);
        }
    }

    /// Reads with `left` in the innermost level.
    fn beside<T>(&mut self, left: &Space, read: impl FnOnce(&mut Self) -> T) -> T {
        self.spend(left.fields.len() + left.items.len());
        let before = self.levels.last_mut().map(|level| {
            let before = level.space.clone();
            level.space.append(left.clone());
            before
        });
        let read = read(self);
        if let (Some(level), Some(before)) = (self.levels.last_mut(), before) {
            level.space = before;
        }
        read
    }

    /// One column of USING or NATURAL: what both sides have there decides, and one of them is what is seen.
    fn merged(&mut self, name: &str, left: &Space, right: &Space, kept: Kept) -> Field {
        let of = |space: &Space| match space.column(name) {
            Found::Column(value) => value,
            Found::Doubt | Found::Missing => Value::everything(),
        };
        let (left, right) = (of(left), of(right));
        self.uses(UseKind::Join, &left.sources.clone().and(&right.sources));
        let (direct, type_oid) = match kept {
            Kept::Left => (left.direct, left.type_oid),
            Kept::Right => (right.direct, right.type_oid),
            Kept::Both => (false, None),
        };
        let same = left.type_oid == right.type_oid && left.sources == right.sources;
        let value = Value { direct: direct && same, type_oid, ..left.or(&right) };
        Field { name: Some(name.into()), value }
    }
}

/// Which side's column is seen where both have the same.
#[derive(Clone, Copy)]
enum Kept {
    Left,
    Right,
    Both,
}

/// The names that both sides have.
fn shared(left: &Space, right: &Space) -> Vec<Box<str>> {
    let has = |name: &str| right.fields.iter().any(|field| field.name.as_deref() == Some(name));
    left.fields.iter().filter_map(|field| field.name.clone()).filter(|name| has(name)).collect()
}

/// Both sides: the merged columns, then the others of each.
fn joined(left: Space, right: Space, common: &[Box<str>], merged: Vec<Field>) -> Space {
    let mut space = Space { fields: merged, ..Space::default() };
    let others = |mut side: Space| {
        side.fields.retain(|field| !field.name.as_ref().is_some_and(|name| common.contains(name)));
        side
    };
    space.append(others(left));
    space.append(others(right));
    space
}

/// A relation by its alias. With one, its schema is no longer seen.
fn aliased(item: Item, alias: Option<&Alias>) -> Space {
    let Some(Alias { aliasname, colnames }) = alias else { return Space::of(item) };
    let mut shape = Rc::unwrap_or_clone(item.shape);
    shape.rename(&named(colnames));
    Space::of(Item { name: cut(aliasname).into(), schemas: Vec::new(), shape: Rc::new(shape), ..item })
}
