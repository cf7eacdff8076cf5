//! Escaping of what was just appended, in place: a masked value needs no buffer of its own.

/// Writes a prefix before each byte of `out[from..]` that `escape` has a pair for, and `enclose` around it all.
///
/// A pair is the prefix and what the byte becomes.
pub(super) fn escape_from(out: &mut Vec<u8>, from: usize, enclose: Option<u8>, escape: impl Fn(u8) -> Option<[u8; 2]>) {
    let Some(plain) = out.get(from..) else { return };
    let quotes = if enclose.is_some() { 2 } else { 0 };
    let Some(first) = plain.iter().position(|byte| escape(*byte).is_some()).or_else(|| enclose.map(|_| plain.len())) else {
        return;
    };
    let behind = plain.get(first..).unwrap_or_default();
    let (read, extra) = (plain.len(), behind.iter().filter(|byte| escape(**byte).is_some()).count());
    out.resize(out.len() + extra + quotes, 0);
    let Some(tail) = out.get_mut(from..) else { return };
    let mut write = tail.len();
    if let Some(quote) = enclose {
        put(tail, &mut write, quote);
    }
    // From behind: what is written never reaches what is still to be read.
    for at in (0..read).rev() {
        let Some(byte) = tail.get(at).copied() else { continue };
        match escape(byte) {
            Some([prefix, becomes]) => {
                put(tail, &mut write, becomes);
                put(tail, &mut write, prefix);
            }
            None => put(tail, &mut write, byte),
        }
    }
    if let Some(quote) = enclose {
        put(tail, &mut write, quote);
    }
}

fn put(tail: &mut [u8], write: &mut usize, byte: u8) {
    *write = write.saturating_sub(1);
    if let Some(slot) = tail.get_mut(*write) {
        *slot = byte;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_escaped_where_they_stand() {
        let escape = |byte: u8| match byte {
            b'"' => Some([b'\\', b'"']),
            b'\n' => Some([b'\\', b'n']),
            _ => None,
        };
        for (plain, enclose, escaped) in
            [("", None, ""), ("", Some(b'\''), "''"), ("ab", None, "ab"), ("\"a\n\"", Some(b'"'), "\"\\\"a\\n\\\"\"")]
        {
            let mut out = b"kept".to_vec();
            out.extend_from_slice(plain.as_bytes());
            escape_from(&mut out, 4, enclose, escape);
            assert_eq!(String::from_utf8_lossy(&out), format!("kept{escaped}"));
        }
    }
}
