//! What records hold in the clear: their files are compressed, so that a search in them as they are finds nothing.

use gateway_core::record::block::BlockKind;
use gateway_core::record::read::{Blocks, Unpacker};
use std::fs;
use std::path::Path;

/// The frames of the plain layer of all records below a state directory, one behind the other.
///
/// # Panics
/// Where a record can't be read.
#[must_use]
pub fn in_the_clear(state: &Path) -> Vec<u8> {
    let (mut all, mut unpacker) = (Vec::new(), Unpacker::default());
    for file in fs::read_dir(state.join("sessions")).expect("there are records") {
        let path = file.expect("an entry").path();
        let bytes = fs::read(&path).expect("our own file");
        let segment = u32::from_le_bytes(*bytes.get(12..).and_then(|rest| rest.first_chunk()).expect("a header"));
        for block in Blocks::new(&bytes, segment).expect("a record") {
            let block = block.expect("a whole block");
            if block.header.kind == BlockKind::Plain {
                all.extend_from_slice(unpacker.unpack(&block.header, block.payload).expect("frames"));
            }
        }
    }
    all
}
