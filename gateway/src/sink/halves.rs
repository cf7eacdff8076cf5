//! A batch that a receiver does not take as a whole: sent in parts, with failures that say where in the whole they are.

use super::Failure;
use std::ops::Range;

/// What came of one part.
pub(super) enum Sent {
    /// All of it is taken.
    Taken,
    /// As a whole it is not; in halves it may be. Why, for a part that can't be halved.
    Halve(String),
}

/// A part of a batch.
pub(super) struct Part {
    /// Which entries.
    pub(super) range: Range<usize>,
    /// Some of them may be there already, for they were in a larger part.
    pub(super) again: bool,
}

/// The parts of a batch, in its order: the whole, and where that has to be, its halves.
pub(super) struct Parts {
    /// What is still to be sent, the front last.
    waiting: Vec<Part>,
}

impl Parts {
    /// The whole of so many entries.
    pub(super) fn of(len: usize) -> Self {
        Self { waiting: vec![Part { range: 0..len, again: false }] }
    }

    pub(super) fn next(&mut self) -> Option<Part> {
        self.waiting.pop()
    }

    /// Takes note of what came of a part.
    ///
    /// # Errors
    /// As they are, of the whole batch; and where one entry alone can't be halved, it is refused.
    pub(super) fn over(&mut self, part: Part, sent: Result<Sent, Failure>) -> Result<(), Failure> {
        let Range { start, end } = part.range;
        match sent {
            Ok(Sent::Taken) => Ok(()),
            Ok(Sent::Halve(why)) if end - start <= 1 => Err(Failure::Refused { index: start, why }),
            Ok(Sent::Halve(_why)) => {
                let middle = start + (end - start) / 2;
                self.waiting.push(Part { range: middle..end, again: true });
                self.waiting.push(Part { range: start..middle, again: true });
                Ok(())
            }
            Err(Failure::Again { taken, why, wait }) => Err(Failure::Again { taken: taken + start, why, wait }),
            Err(Failure::Refused { index, why }) => Err(Failure::Refused { index: index + start, why }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_one_that_is_refused_is_found_and_all_before_it_is_taken() {
        for (len, bad) in [(1, 0), (2, 1), (7, 0), (100, 37), (100, 99)] {
            let (mut taken, mut asked, mut parts) = (Vec::new(), 0, Parts::of(len));
            let refused = loop {
                let part = parts.next().unwrap();
                asked += 1;
                let sent = if part.range.contains(&bad) { Sent::Halve("no".to_owned()) } else { Sent::Taken };
                if matches!(sent, Sent::Taken) {
                    taken.extend(part.range.clone());
                }
                if let Err(failure) = parts.over(part, Ok(sent)) {
                    break failure;
                }
            };
            assert_eq!(refused, Failure::Refused { index: bad, why: "no".to_owned() });
            assert_eq!(taken, (0..bad).collect::<Vec<_>>());
            assert!(asked <= 15, "{asked} requests for {len}");
        }
    }

    #[test]
    fn a_failure_says_where_in_the_whole_it_is() {
        let mut parts = Parts::of(8);
        let whole = parts.next().unwrap();
        assert_eq!(parts.over(whole, Ok(Sent::Halve("too large".to_owned()))), Ok(()));
        let front = parts.next().unwrap();
        assert_eq!((front.range.clone(), front.again), (0..4, true));
        assert_eq!(parts.over(front, Ok(Sent::Taken)), Ok(()));
        let back = parts.next().unwrap();
        let gone = Failure::Again { taken: 1, why: "gone".to_owned(), wait: None };
        assert_eq!(parts.over(back, Err(gone)), Err(Failure::Again { taken: 5, why: "gone".to_owned(), wait: None }));
    }
}
