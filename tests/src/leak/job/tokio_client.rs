//! tokio-postgres: prepared and binary, simple, portals in pieces, COPY. What it got is what the tap kept.

use super::tap::Tap;
use super::{Order, variable};
use tokio_postgres::{Client, Config, Error, NoTls};

/// Plays all of its orders.
pub(super) fn play(orders: &[Order], tap: &Tap) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        for order in orders.iter().filter(|order| order.client == "tokio-postgres") {
            let mut config = Config::new();
            config.host_path(tap.host()).port(5432).user(variable("PGUSER")?).dbname(variable("PGDATABASE")?);
            config.password(variable("PGPASSWORD").unwrap_or_default()).application_name(&order.key);
            let (mut client, connection) = config.connect(NoTls).await?;
            let connection = tokio::spawn(connection);
            for text in order.texts() {
                // Errors are among what came.
                one(&mut client, &order.mode, &text).await.ok();
            }
            drop(client);
            connection.await?.ok();
        }
        anyhow::Ok(())
    })
}

async fn one(client: &mut Client, mode: &str, text: &str) -> Result<(), Error> {
    match mode {
        "simple" => drop(client.simple_query(text).await?),
        "portal" => {
            let transaction = client.transaction().await?;
            let portal = transaction.bind(text, &[]).await?;
            for most in [1, 2, 0] {
                transaction.query_portal(&portal, most).await?;
            }
        }
        // Its stream is not read: the bytes have come when the next query is answered.
        "copy" => {
            let text =
                if text.starts_with("COPY") { text.to_owned() } else { format!("COPY ({text}) TO STDOUT (FORMAT binary)") };
            drop(client.copy_out(&text).await?);
            client.simple_query("SELECT 1").await?;
        }
        "prepared" => {
            let statement = client.prepare(text).await?;
            for _ in 0..3 {
                client.query(&statement, &[]).await?;
            }
        }
        _ => drop(client.query(text, &[]).await?),
    }
    Ok(())
}
