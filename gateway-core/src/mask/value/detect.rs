//! Free text: what detectors find in it is replaced, the rest stays.

use super::super::Detector;
use super::Format;
use super::bytes::{open_json, opened_json};
use super::types::{Family, Room};
use crate::detect::{Hits, Scratch};
use std::sync::{Mutex, PoisonError};

/// Detectors with a memory of their own, for one result column.
pub(super) struct Detecting {
    detectors: Detector,
    /// Nobody else has it: a column's values come one after the other.
    memory: Mutex<(Scratch, Hits)>,
}

impl Detecting {
    pub(super) fn new(detectors: &Detector) -> Self {
        let memory = Mutex::new((detectors.get().scratch(), detectors.get().hits()));
        Self { detectors: detectors.clone(), memory }
    }

    /// Tells how often each rule found something, and begins to count anew.
    pub(super) fn found(&self, mut tell: impl FnMut(&str, u64)) {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, hits) = &mut *memory;
        hits.iter().for_each(|(rule, count)| tell(self.detectors.get().name(rule), count));
        hits.clear();
    }

    /// Appends `value` with each finding replaced by its rule's name; `None` where that has no room in the column.
    pub(super) fn redact(&self, value: &[u8], (family, format): (Family, Format), room: Room, out: &mut Vec<u8>) -> Option<()> {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let (scratch, hits) = &mut *memory;
        let from = out.len();
        match family {
            Family::Json | Family::Jsonb => {
                let text = opened_json(value, family, format)?;
                open_json(family, format, out);
                self.detectors.get().redact_json(text, scratch, out, hits);
            }
            _ => self.detectors.get().redact(value, scratch, out, hits),
        }
        let written = out.get(from..)?;
        let characters = || written.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        let fits = room.bytes.is_none_or(|most| written.len() <= most) && room.characters.is_none_or(|most| characters() <= most);
        fits.then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ColumnMask, Format, Masked};
    use crate::detect::{DetectConfig, Detectors};
    use crate::mask::{Detector, Key, Transform};
    use std::sync::Arc;
    use zeroize::Zeroizing;

    fn masked(type_oid: u32, typmod: i32, format: Format, value: &[u8]) -> Option<String> {
        let detectors = Detector::new(Arc::new(Detectors::new(&DetectConfig::default()).unwrap()));
        let key = Key::new(Zeroizing::new([1; 32]));
        let mask = ColumnMask::new(&Transform::Detect(detectors), type_oid, typmod, format, &key, "text");
        let mut out = Vec::new();
        (mask.mask(value, &mut out) == Masked::Value).then(|| String::from_utf8(out).unwrap())
    }

    #[test]
    fn what_is_found_goes_and_the_rest_stays() {
        let text = b"write to ada@acme.example about order 17";
        assert_eq!(masked(25, -1, Format::Text, text).as_deref(), Some("write to [email] about order 17"));
        assert_eq!(masked(25, -1, Format::Binary, text).as_deref(), Some("write to [email] about order 17"));
        let json = br#"{"to":"ada@acme.example","n":17}"#;
        assert_eq!(masked(114, -1, Format::Text, json).as_deref(), Some(r#"{"to":"[email]","n":17}"#));
        let binary = [&b"\x01"[..], json].concat();
        assert_eq!(masked(3802, -1, Format::Binary, &binary).as_deref(), Some("\u{1}{\"to\":\"[email]\",\"n\":17}"));
        assert_eq!(masked(1043, 4 + 6, Format::Text, b"a@b.co"), None, "the column has no room for it");
        assert_eq!(masked(23, -1, Format::Text, b"17"), None, "a number is no text");
    }
}
