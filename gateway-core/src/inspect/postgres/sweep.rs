//! Counts every node of a tree without knowing the grammar: what the walker must have seen.
//!
//! The tree's types can be serialised, so a serialiser that keeps nothing but counts reaches every
//! field of every node, also of one that a later grammar adds.

use serde::ser::{self, Impossible, Serialize, SerializeSeq, SerializeStruct};
use std::fmt;

/// The nodes that are counted: those that name a relation, call something, or begin a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    AExpr,
    ColumnRef,
    CommonTableExpr,
    CopyStmt,
    CurrentOfExpr,
    DefElem,
    DeleteStmt,
    ExecuteStmt,
    FuncCall,
    InsertStmt,
    JoinExpr,
    MergeStmt,
    ObjectWithArgs,
    RangeFunction,
    RangeTableSample,
    RangeVar,
    ResTarget,
    SelectStmt,
    SubLink,
    TypeCast,
    TypeName,
    UpdateStmt,
    VariableSetStmt,
}

/// Their names in the tree, in the order of the enum and of the alphabet.
const NAMES: [(&str, Counted); 23] = [
    ("AExpr", Counted::AExpr),
    ("ColumnRef", Counted::ColumnRef),
    ("CommonTableExpr", Counted::CommonTableExpr),
    ("CopyStmt", Counted::CopyStmt),
    ("CurrentOfExpr", Counted::CurrentOfExpr),
    ("DefElem", Counted::DefElem),
    ("DeleteStmt", Counted::DeleteStmt),
    ("ExecuteStmt", Counted::ExecuteStmt),
    ("FuncCall", Counted::FuncCall),
    ("InsertStmt", Counted::InsertStmt),
    ("JoinExpr", Counted::JoinExpr),
    ("MergeStmt", Counted::MergeStmt),
    ("ObjectWithArgs", Counted::ObjectWithArgs),
    ("RangeFunction", Counted::RangeFunction),
    ("RangeTableSample", Counted::RangeTableSample),
    ("RangeVar", Counted::RangeVar),
    ("ResTarget", Counted::ResTarget),
    ("SelectStmt", Counted::SelectStmt),
    ("SubLink", Counted::SubLink),
    ("TypeCast", Counted::TypeCast),
    ("TypeName", Counted::TypeName),
    ("UpdateStmt", Counted::UpdateStmt),
    ("VariableSetStmt", Counted::VariableSetStmt),
];

/// The lengths that these names have, a bit for each. Most nodes of a tree (`Node`, `String`, `AConst`) have another.
const LENGTHS: u32 = {
    let (mut lengths, mut names): (u32, &[_]) = (0, &NAMES);
    while let [(name, _), rest @ ..] = names {
        lengths |= 1 << name.len();
        names = rest;
    }
    lengths
};

/// How many of each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts([u32; NAMES.len()]);

impl Counts {
    /// One more.
    pub(super) fn add(&mut self, node: Counted) {
        if let Some(count) = self.0.get_mut(node as usize) {
            *count += 1;
        }
    }

    /// How many of `node`.
    pub(super) fn of(&self, node: Counted) -> u32 {
        self.0.get(node as usize).copied().unwrap_or_default()
    }

    /// The first node of which `seen` has another number.
    pub(super) fn missed_by(&self, seen: &Self) -> Option<&'static str> {
        let differs = self.0.iter().zip(&seen.0).position(|(there, seen)| there != seen)?;
        NAMES.get(differs).map(|(name, _)| *name)
    }
}

/// The counts of `tree`.
pub(super) fn count<T: Serialize>(tree: &T) -> Counts {
    swept(tree).counts
}

/// How many messages of `tree` are inside one another, at most.
pub(super) fn depth<T: Serialize>(tree: &T) -> usize {
    swept(tree).deepest
}

fn swept<T: Serialize>(tree: &T) -> Counter {
    let mut counter = Counter::default();
    // A failure is not possible: every method below succeeds; if it were, the counts would differ.
    match tree.serialize(&mut counter) {
        Ok(()) | Err(Never) => counter,
    }
}

#[derive(Debug, Default)]
struct Counter {
    counts: Counts,
    depth: usize,
    deepest: usize,
}

/// The error that does not happen.
#[derive(Debug)]
struct Never;

impl fmt::Display for Never {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("counting failed")
    }
}

impl std::error::Error for Never {}

impl ser::Error for Never {
    fn custom<T: fmt::Display>(_why: T) -> Self {
        Self
    }
}

macro_rules! nothing {
    ($($method:ident: $type:ty),* $(,)?) => {
        $(fn $method(self, _value: $type) -> Result<(), Never> { Ok(()) })*
    };
}

impl ser::Serializer for &mut Counter {
    type Ok = ();
    type Error = Never;
    type SerializeSeq = Self;
    type SerializeTuple = Impossible<(), Never>;
    type SerializeTupleStruct = Impossible<(), Never>;
    type SerializeTupleVariant = Impossible<(), Never>;
    type SerializeMap = Impossible<(), Never>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Impossible<(), Never>;

    nothing! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_f32: f32,
        serialize_f64: f64, serialize_char: char, serialize_str: &str, serialize_bytes: &[u8],
        serialize_unit_struct: &'static str,
    }

    fn serialize_none(self) -> Result<(), Never> {
        Ok(())
    }

    fn serialize_some<T: ?Sized + Serialize>(self, value: &T) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Never> {
        Ok(())
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Never> {
        Ok(())
    }

    fn serialize_newtype_struct<T: ?Sized + Serialize>(self, _: &'static str, value: &T) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: ?Sized + Serialize>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Never> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Never> {
        Ok(self)
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self, Never> {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let may_be = name.len() < 32 && LENGTHS >> name.len() & 1 == 1;
        if may_be
            && let Ok(at) = NAMES.binary_search_by(|(sorted, _)| sorted.cmp(&name))
            && let Some((_, node)) = NAMES.get(at)
        {
            self.counts.add(*node);
        }
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Never> {
        Err(Never)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Never> {
        Err(Never)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Never> {
        Err(Never)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Never> {
        Err(Never)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Never> {
        Err(Never)
    }
}

impl SerializeSeq for &mut Counter {
    type Ok = ();
    type Error = Never;

    fn serialize_element<T: ?Sized + Serialize>(&mut self, value: &T) -> Result<(), Never> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Never> {
        Ok(())
    }
}

impl SerializeStruct for &mut Counter {
    type Ok = ();
    type Error = Never;

    fn serialize_field<T: ?Sized + Serialize>(&mut self, _: &'static str, value: &T) -> Result<(), Never> {
        value.serialize(&mut **self)
    }

    fn end(self) -> Result<(), Never> {
        self.depth -= 1;
        Ok(())
    }
}
