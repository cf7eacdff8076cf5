//! The job of the leak suite: `weir-leak-job ORDERS OUT DRIVERS PYTHON`, with libpq's variables.

fn main() -> anyhow::Result<()> {
    weir_tests::leak::job()
}
