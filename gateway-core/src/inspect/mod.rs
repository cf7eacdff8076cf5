//! What a statement does: text in, statements with their accesses, facts and names out.
//!
//! `statement` has the words; `postgres` reads a text with PostgreSQL's own grammar; `catalog` is
//! what is known of a database; `resolve` turns accesses into questions for the policy; `lineage` says what
//! values are made of and where they go; `code_flow` what triggers and other code of the database put into columns;
//! `reviewed` is what of a server's own functions needs no question;
//! `answers` says which command tags a statement may legally be answered with.

pub mod answers;
pub mod catalog;
pub mod code_flow;
pub mod lineage;
pub mod postgres;
pub mod resolve;
pub mod reviewed;
mod statement;

pub use statement::{
    Access, Action, Changes, CopyWith, Facts, Inspection, NameKind, NameUse, Object, ObjectName, Rejection, Statement,
    TransactionControl, Usage,
};
