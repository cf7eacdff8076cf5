//! The ways to the server that are compared.

/// How a client reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    Direct,
    Haproxy,
    Pgbouncer,
    Weir,
}

/// All of them, beginning with another one each round, so that none always has the same neighbour's leavings.
pub(super) fn rotated<T, const COUNT: usize>(mut all: [T; COUNT], round: usize) -> [T; COUNT] {
    all.rotate_left(round % COUNT.max(1));
    all
}

impl Way {
    pub(super) const ALL: [Self; 4] = [Self::Direct, Self::Haproxy, Self::Pgbouncer, Self::Weir];
    /// What weir is held against.
    pub(super) const PEERS: [Self; 3] = [Self::Direct, Self::Haproxy, Self::Pgbouncer];

    /// As reports have it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Haproxy => "haproxy",
            Self::Pgbouncer => "pgbouncer",
            Self::Weir => "weir",
        }
    }

    /// All of them, in the order of a round.
    pub(super) fn order(round: usize) -> [Self; 4] {
        rotated(Self::ALL, round)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_round_has_all_and_begins_with_another() {
        let mut first: Vec<_> = (0..4).map(|round| Way::order(round)[0]).collect();
        first.sort();
        assert_eq!(first, Way::ALL);
        for round in 0..9 {
            let mut order = Way::order(round);
            order.sort();
            assert_eq!(order, Way::ALL);
        }
    }
}
