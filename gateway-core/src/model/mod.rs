//! The nouns that every part may use: addresses, ids, who acts and on what. Plain data.

pub mod addr;
pub mod ids;
pub mod principal;
pub mod target;
pub mod time;
