//! How a value is hidden: transforms of a value's bytes, for each type that the server brings, as text and binary.
//!
//! `value` masks one value, `row` a DataRow, `copy` the rows of COPY TO. None of them knows why.
//!
//! Text is read as UTF-8 or another encoding whose ASCII bytes are never part of a longer character. Where a
//! session's `client_encoding` is one of the others (SJIS, BIG5, GBK, UHC, GB18030, JOHAB, SHIFT_JIS_2004), a
//! field's end can't be told from its bytes: such a session may not be masked, and whoever plans masks sees to it.

pub mod classes;
pub mod copy;
mod escape;
mod fuzz;
pub mod row;
mod transform;
mod value;

pub use fuzz::fuzz_entry;
pub use row::{RowFault, data_row};
pub use transform::{DatePart, Detector, Key, Transform};
pub use value::{ColumnMask, Format, Masked, Misfit, fits};
