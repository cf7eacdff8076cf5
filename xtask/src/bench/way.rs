//! The ways to the server that are compared.

/// How a client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Direct,
    Haproxy,
    Pgbouncer,
    /// A program that copies between two sockets and does nothing else.
    CopyLoop,
    Weir,
}

/// All of them, beginning with another one each round, so that none always has the same neighbour's leavings.
pub(super) fn rotated<T: Copy>(all: &[T], round: usize) -> Vec<T> {
    let mut all = all.to_vec();
    let by = round % all.len().max(1);
    all.rotate_left(by);
    all
}

impl Way {
    pub(super) const ALL: [Self; 5] = [Self::Direct, Self::Haproxy, Self::Pgbouncer, Self::CopyLoop, Self::Weir];

    /// As reports have it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Haproxy => "haproxy",
            Self::Pgbouncer => "pgbouncer",
            Self::CopyLoop => "copy_loop",
            Self::Weir => "weir",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_has_all_and_begins_with_another() {
        let mut first: Vec<_> = (0..5).map(|round| rotated(&Way::ALL, round)[0]).collect();
        first.sort();
        assert_eq!(first, Way::ALL);
        for round in 0..9 {
            let mut order = rotated(&Way::ALL, round);
            order.sort();
            assert_eq!(order, Way::ALL);
        }
    }
}
