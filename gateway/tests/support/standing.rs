//! How a session stands of which all is known, between two transactions.

use gateway_core::protocol::{Encoding, Standing, Transaction};

pub(crate) const STANDING: Standing = Standing {
    transaction: Transaction::Idle,
    settled: true,
    settings_known: true,
    changed: false,
    standard_conforming_strings: true,
    encoding: Encoding::Utf8,
};
