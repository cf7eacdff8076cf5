//! The figures that a report has: their names, their units, and whether more is better.

/// What one measurement says. The first five are compared; the others are kept beside them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Figure {
    SelectPrepared16,
    Latency1,
    ConnectQueryClose,
    ConnectQueryCloseScram,
    CopyOut1Gb,
    Latency1P99,
    Latency1Simple,
    Latency1SimpleP99,
}

impl Figure {
    pub(super) const ALL: [Self; 8] = [
        Self::SelectPrepared16,
        Self::Latency1,
        Self::ConnectQueryClose,
        Self::ConnectQueryCloseScram,
        Self::CopyOut1Gb,
        Self::Latency1P99,
        Self::Latency1Simple,
        Self::Latency1SimpleP99,
    ];
    /// Those that have ratios and charts.
    pub(super) const COMPARED: [Self; 5] =
        [Self::SelectPrepared16, Self::Latency1, Self::ConnectQueryClose, Self::ConnectQueryCloseScram, Self::CopyOut1Gb];

    /// As reports have it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::SelectPrepared16 => "select_prepared_16",
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
            Self::Latency1 => "SELECT by key, prepared, one client",
            Self::ConnectQueryClose => "Connect, one SELECT, close; the server trusts",
            Self::ConnectQueryCloseScram => "Connect, one SELECT, close; the server asks for SCRAM",
            Self::CopyOut1Gb => "COPY … TO STDOUT",
            Self::Latency1P99 => "prepared, 99th percentile",
            Self::Latency1Simple => "simple protocol, median",
            Self::Latency1SimpleP99 => "simple protocol, 99th percentile",
        }
    }

    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::SelectPrepared16 => "transactions/s",
            Self::Latency1 | Self::Latency1P99 | Self::Latency1Simple | Self::Latency1SimpleP99 => "µs",
            Self::ConnectQueryClose | Self::ConnectQueryCloseScram => "connections/s",
            Self::CopyOut1Gb => "MB/s",
        }
    }

    /// Whether it is a rate. Else it is a time.
    pub(super) const fn more_is_better(self) -> bool {
        match self {
            Self::SelectPrepared16 | Self::ConnectQueryClose | Self::ConnectQueryCloseScram | Self::CopyOut1Gb => true,
            Self::Latency1 | Self::Latency1P99 | Self::Latency1Simple | Self::Latency1SimpleP99 => false,
        }
    }

    /// weir against a peer, so that more is better for weir.
    pub(super) fn ratio(self, weir: f64, peer: f64) -> f64 {
        if self.more_is_better() { weir / peer } else { peer / weir }
    }
}
