//! A batch that a receiver does not take as a whole: sent in parts, with failures that say where in the whole they are.

use super::Failure;

impl Failure {
    /// The same, of a batch that began with `before` more entries, which were taken.
    pub(super) fn behind(self, before: usize) -> Self {
        match self {
            Self::Again { taken, why, wait } => Self::Again { taken: taken + before, why, wait },
            Self::Refused { index, why } => Self::Refused { index: index + before, why },
        }
    }
}

/// What came of one part.
pub(super) enum Part {
    /// All of it is taken.
    Taken,
    /// As a whole it is not; in halves it may be. Why, for a part that can't be halved.
    Halve(String),
}

/// Sends `0..len` in the order of its parts: the whole, and where that has to be, its halves. `true` to `send`: parts of this range may
/// be there already.
///
/// # Errors
/// As `send` has them, of the whole; where one entry alone can't be halved, it is refused.
pub(super) async fn in_parts(
    len: usize,
    mut send: impl AsyncFnMut(std::ops::Range<usize>, bool) -> Result<Part, Failure>,
) -> Result<(), Failure> {
    // What is still to be sent, the front last.
    let mut waiting = vec![(0..len, false)];
    while let Some((range, again)) = waiting.pop() {
        let (start, end) = (range.start, range.end);
        match send(range, again).await.map_err(|failure| failure.behind(start))? {
            Part::Taken => {}
            Part::Halve(why) if end - start <= 1 => return Err(Failure::Refused { index: start, why }),
            Part::Halve(_why) => {
                let middle = start + (end - start) / 2;
                waiting.push((middle..end, true));
                waiting.push((start..middle, true));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_one_that_is_refused_is_found_and_all_before_it_is_taken() {
        for (len, bad) in [(1, 0), (2, 1), (7, 0), (100, 37), (100, 99)] {
            let (mut taken, mut asked) = (Vec::new(), 0);
            let sent = in_parts(len, async |range, _again| {
                asked += 1;
                if range.contains(&bad) {
                    return Ok(Part::Halve("no".to_owned()));
                }
                taken.extend(range);
                Ok(Part::Taken)
            });
            assert_eq!(sent.await, Err(Failure::Refused { index: bad, why: "no".to_owned() }));
            assert_eq!(taken, (0..bad).collect::<Vec<_>>());
            assert!(asked <= 15, "{asked} requests for {len}");
        }
        let late = in_parts(8, async |range, _again| {
            if range.len() > 4 {
                return Ok(Part::Halve("too large".to_owned()));
            }
            if range.start == 4 { Err(Failure::again("gone")) } else { Ok(Part::Taken) }
        });
        assert_eq!(late.await, Err(Failure::Again { taken: 4, why: "gone".to_owned(), wait: None }));
    }
}
