//! What follows a match and belongs to it, however long: the rest of a key, the lines of a PEM block.

use super::rules::Tail;

/// Bytes of a PEM block that are taken at most: the longest keys in use have less than a tenth of it.
const LONGEST_BLOCK: usize = 1 << 16;

/// A tail that is being taken.
#[derive(Clone, Debug)]
pub(super) struct Open {
    tail: Tail,
    taken: usize,
    /// Dashes in a row, and how many such rows of five there were: the first begins the last line, the second ends it.
    dashes: u8,
    rows: u8,
}

impl Open {
    pub(super) const fn new(tail: Tail) -> Self {
        Self { tail, taken: 0, dashes: 0, rows: 0 }
    }

    /// How many of `bytes` belong to it, and whether it ended there.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        for (place, byte) in bytes.iter().enumerate() {
            if self.ended(*byte) {
                return (place, true);
            }
        }
        (bytes.len(), matches!(self.tail, Tail::None))
    }

    /// Whether it ended before this byte.
    fn ended(&mut self, byte: u8) -> bool {
        match self.tail {
            Tail::None => true,
            Tail::While(belongs) => !belongs(byte),
            Tail::Pem => self.block_ended(byte),
        }
    }

    fn block_ended(&mut self, byte: u8) -> bool {
        self.taken += 1;
        let belongs = byte.is_ascii_alphanumeric() || b"+/=:,.-_ \t\r\n\\()".contains(&byte);
        if self.rows == 2 || !belongs || self.taken > LONGEST_BLOCK {
            return true;
        }
        self.dashes = if byte == b'-' { self.dashes + 1 } else { 0 };
        if self.dashes == 5 {
            self.rows += 1;
            self.dashes = 0;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_ends_behind_its_last_line() {
        let block = b"\nMIIB+/=\n-----END RSA PRIVATE KEY-----";
        let text = [&block[..], b" and more"].concat();
        assert_eq!(Open::new(Tail::Pem).take(&text), (block.len(), true));
        for cut in 0..text.len() {
            let mut open = Open::new(Tail::Pem);
            let (head, rest) = text.split_at(cut);
            let (first, ended) = open.take(head);
            let second = if ended { 0 } else { open.take(rest).0 };
            assert_eq!(first + second, block.len(), "{cut}");
        }
    }

    #[test]
    fn a_block_without_an_end_is_bounded() {
        let text = vec![b'A'; LONGEST_BLOCK * 2];
        assert_eq!(Open::new(Tail::Pem).take(&text), (LONGEST_BLOCK, true));
        assert_eq!(Open::new(Tail::Pem).take(b"AAAA\n\"next\""), (5, true));
    }

    #[test]
    fn characters_of_a_kind() {
        assert_eq!(Open::new(Tail::While(|byte| byte.is_ascii_digit())).take(b"123 4"), (3, true));
        assert_eq!(Open::new(Tail::While(|byte| byte.is_ascii_digit())).take(b"123"), (3, false));
        assert_eq!(Open::new(Tail::None).take(b""), (0, true));
    }
}
