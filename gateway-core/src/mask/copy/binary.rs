//! COPY's binary format: a header, rows of counted fields, a trailer.

use super::super::row::{field, take};
use super::super::value::ColumnMask;
use super::{CopyFault, Place};

const SIGNATURE: [u8; 11] = *b"PGCOPY\n\xff\r\n\0";
/// Flags that a reader has to know: none is known. The one that was used said that rows have OIDs.
const CRITICAL: u32 = 0xffff_0000;
/// What stands in place of a row's number of fields behind the last row.
const TRAILER: i16 = -1;

pub(super) fn rows(data: &[u8], columns: &[Option<ColumnMask>], place: &mut Place, out: &mut Vec<u8>) -> Result<(), CopyFault> {
    let mut rest = data;
    while !rest.is_empty() {
        match *place {
            Place::Header => {
                header(&mut rest, out).ok_or(CopyFault::Header)?;
                *place = Place::Rows;
            }
            Place::Rows => {
                let count = i16::from_be_bytes(take(&mut rest).ok_or(CopyFault::Malformed)?);
                out.extend_from_slice(&count.to_be_bytes());
                if count == TRAILER {
                    *place = Place::End;
                } else if usize::try_from(count) != Ok(columns.len()) {
                    return Err(CopyFault::Fields { expected: columns.len() });
                } else {
                    for column in columns {
                        field(&mut rest, column.as_ref(), out).ok_or(CopyFault::Malformed)?;
                    }
                }
            }
            Place::End => return Err(CopyFault::Ended),
        }
    }
    Ok(())
}

/// Passes the header on, without its extension, of which nothing is known.
fn header(rest: &mut &[u8], out: &mut Vec<u8>) -> Option<()> {
    let signature: [u8; SIGNATURE.len()] = take(rest)?;
    let flags = u32::from_be_bytes(take(rest)?);
    let extension = usize::try_from(i32::from_be_bytes(take(rest)?)).ok()?;
    *rest = rest.get(extension..)?;
    out.extend_from_slice(&signature);
    out.extend_from_slice(&flags.to_be_bytes());
    out.extend_from_slice(&0_u32.to_be_bytes());
    (signature == SIGNATURE && flags & CRITICAL == 0).then_some(())
}
