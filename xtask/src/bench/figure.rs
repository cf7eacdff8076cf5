//! The figures that a report has: their names, their units, and whether more is better.

use super::way::Way;

/// What one measurement says. Those of [`Figure::COMPARED`] are held against the peers; the others are kept beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    SelectPrepared16,
    Tpcb16,
    Latency1,
    Latency1Simple,
    ConnectQueryClose,
    ConnectQueryCloseScram,
    CopyOut1Gb,
    Latency1P99,
    Latency1SimpleP99,
}

impl Figure {
    pub(super) const ALL: [Self; 9] = [
        Self::SelectPrepared16,
        Self::Tpcb16,
        Self::Latency1,
        Self::Latency1Simple,
        Self::ConnectQueryClose,
        Self::ConnectQueryCloseScram,
        Self::CopyOut1Gb,
        Self::Latency1P99,
        Self::Latency1SimpleP99,
    ];
    /// Those that have ratios and charts.
    pub(super) const COMPARED: [Self; 7] = [
        Self::SelectPrepared16,
        Self::Tpcb16,
        Self::Latency1,
        Self::Latency1Simple,
        Self::ConnectQueryClose,
        Self::ConnectQueryCloseScram,
        Self::CopyOut1Gb,
    ];

    /// As reports have it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SelectPrepared16 => "select_prepared_16",
            Self::Tpcb16 => "tpcb_16",
            Self::Latency1 => "latency_1",
            Self::ConnectQueryClose => "connect_query_close",
            Self::ConnectQueryCloseScram => "connect_query_close_scram",
            Self::CopyOut1Gb => "copy_out_1gb",
            Self::Latency1P99 => "latency_1_p99",
            Self::Latency1Simple => "latency_1_simple",
            Self::Latency1SimpleP99 => "latency_1_simple_p99",
        }
    }

    /// As pages have it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::SelectPrepared16 => "SELECT by key, prepared, 16 clients",
            Self::Tpcb16 => "TPC-B, simple protocol, 16 clients",
            Self::Latency1 => "SELECT by key, prepared, one client",
            Self::ConnectQueryClose => "Connect, one SELECT, close; the server trusts",
            Self::ConnectQueryCloseScram => "Connect, one SELECT, close; the server asks for SCRAM",
            Self::CopyOut1Gb => "COPY … TO STDOUT",
            Self::Latency1P99 => "prepared, 99th percentile",
            Self::Latency1Simple => "SELECT by key, simple protocol, one client",
            Self::Latency1SimpleP99 => "simple protocol, 99th percentile",
        }
    }

    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::SelectPrepared16 | Self::Tpcb16 => "transactions/s",
            Self::Latency1 | Self::Latency1P99 | Self::Latency1Simple | Self::Latency1SimpleP99 => "µs",
            Self::ConnectQueryClose | Self::ConnectQueryCloseScram => "connections/s",
            Self::CopyOut1Gb => "MB/s",
        }
    }

    /// Whether it is a rate. Else it is a time.
    pub(super) const fn more_is_better(self) -> bool {
        match self {
            Self::SelectPrepared16 | Self::Tpcb16 | Self::ConnectQueryClose | Self::ConnectQueryCloseScram | Self::CopyOut1Gb => {
                true
            }
            Self::Latency1 | Self::Latency1P99 | Self::Latency1Simple | Self::Latency1SimpleP99 => false,
        }
    }

    /// The ways that it is measured over, weir last.
    pub(super) const fn ways(self) -> &'static [Way] {
        match self {
            Self::CopyOut1Gb => &[Way::Direct, Way::Haproxy, Way::Pgbouncer, Way::CopyLoop, Way::Weir],
            Self::SelectPrepared16
            | Self::Tpcb16
            | Self::ConnectQueryClose
            | Self::ConnectQueryCloseScram
            | Self::Latency1
            | Self::Latency1P99
            | Self::Latency1Simple
            | Self::Latency1SimpleP99 => &[Way::Direct, Way::Haproxy, Way::Pgbouncer, Way::Weir],
        }
    }

    /// What weir is held against.
    pub(super) fn peers(self) -> impl Iterator<Item = Way> {
        self.ways().iter().copied().filter(|way| *way != Way::Weir)
    }

    /// weir against a peer, so that more is better for weir.
    pub(super) fn ratio(self, weir: f64, peer: f64) -> f64 {
        if self.more_is_better() { weir / peer } else { peer / weir }
    }
}
