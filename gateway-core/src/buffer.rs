//! A byte queue that is lent, swapped and reused, so that forwarding neither copies nor allocates.

/// Bytes in the order in which they arrived: written at the back, consumed from the front.
///
/// An empty buffer owns no memory until it is written to, and keeps its memory when it is
/// drained, so a pool of them serves any number of sessions.
#[derive(Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    head: usize,
}

impl Buffer {
    /// An empty buffer that owns no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { bytes: Vec::new(), head: 0 }
    }

    /// An empty buffer with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { bytes: Vec::with_capacity(capacity), head: 0 }
    }

    /// The bytes not yet consumed.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.head..).unwrap_or_default()
    }

    /// The bytes not yet consumed, to be changed in place.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.head..).unwrap_or_default()
    }

    /// How many bytes are not yet consumed.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// Whether nothing is left to consume.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much memory the buffer holds on to, in bytes.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Drops the first `count` bytes, or all of them where there are fewer.
    pub fn consume(&mut self, count: usize) {
        self.head = self.bytes.len().min(self.head + count);
        if self.head == self.bytes.len() {
            self.clear();
        }
    }

    /// Drops all bytes and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.head = 0;
    }

    /// Appends `bytes`.
    pub fn extend(&mut self, bytes: &[u8]) {
        self.compact();
        self.bytes.extend_from_slice(bytes);
    }

    /// The backing vector, to be appended to. What is already in it must stay.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        self.compact();
        &mut self.bytes
    }

    /// Moves the first `count` bytes of `self` to the back of `to`.
    ///
    /// Where `to` is empty and all of `self` goes, the two swap their memory and nothing is copied.
    pub fn forward(&mut self, count: usize, to: &mut Self) {
        let count = count.min(self.len());
        if count == self.len() && to.is_empty() {
            to.clear();
            std::mem::swap(self, to);
        } else {
            to.extend(self.as_slice().get(..count).unwrap_or_default());
            self.consume(count);
        }
    }

    /// Brings what is left to the front once the consumed part is the larger one.
    fn compact(&mut self) {
        if self.head > 0 && self.head >= self.len() {
            self.bytes.copy_within(self.head.., 0);
            let left = self.len();
            self.bytes.truncate(left);
            self.head = 0;
        }
    }
}

impl std::fmt::Debug for Buffer {
    /// The length alone: what a buffer carries may be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Buffer({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarding_everything_swaps_and_forwarding_a_part_copies() {
        let mut from = Buffer::new();
        let mut to = Buffer::new();
        from.extend(b"hello world");
        let memory = from.as_slice().as_ptr();
        from.forward(11, &mut to);
        assert_eq!(to.as_slice(), b"hello world");
        assert_eq!(to.as_slice().as_ptr(), memory, "nothing was copied");
        to.forward(6, &mut from);
        assert_eq!((from.as_slice(), to.as_slice()), (&b"hello "[..], &b"world"[..]));
    }

    #[test]
    fn consuming_keeps_the_rest_and_never_goes_past_the_end() {
        let mut buffer = Buffer::new();
        buffer.extend(b"abcdef");
        buffer.consume(4);
        buffer.extend(b"gh");
        assert_eq!(buffer.as_slice(), b"efgh");
        buffer.consume(100);
        assert!(buffer.is_empty());
    }
}
