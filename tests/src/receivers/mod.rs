//! What events are sent to in tests: real servers where a package has them, and conformance fakes, which argue from the vendor's
//! documentation. Each can be killed and started again, and says what it has kept.

mod elastic;
mod hec;
mod helper;
mod http;
mod kafka;
mod nats;
mod otlp;
mod s3;
mod way;
mod witness;

pub use elastic::Elastic;
pub use hec::{Hec, HecManner};
pub use kafka::Kafka;
pub use nats::Nats;
pub use otlp::Otlp;
pub use s3::S3;
pub use witness::WitnessServer;

/// One copy of an event, as a receiver has kept it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Whose.
    pub uid: String,
    /// Whether it is marked as one that may be there already.
    pub again: bool,
}

/// A receiver that can be killed.
pub trait Receives {
    /// Ends it at once, with all that was in its memory alone.
    fn kill(&mut self);
    /// Starts it again where it was, with what it had kept.
    fn start(&mut self);
    /// What it has kept, in its order.
    fn told(&self) -> Vec<Told>;
    /// How much that is.
    fn count(&self) -> usize {
        self.told().len()
    }
}
